//! Whose server an address names: what one of them does says nothing about the others.

use serde::Deserialize;
use tidings_protocol::Channel;

use crate::configuration::PushService;

/// The server that an address of a channel names itself: a recipient's own URL, or the push service of a browser; none
/// where the provider's own server is asked for every address. Lower case, with its port if it names one.
#[must_use]
pub fn host(channel: Channel, address: &str) -> Option<Box<str>> {
    match channel {
        Channel::Inapp | Channel::Email | Channel::Sms => None,
        Channel::Webhook => Some(authority(address)),
        Channel::Push if PushService::of(address) == PushService::Web => {
            Some(authority(&serde_json::from_str::<Subscription<'_>>(address).ok()?.endpoint))
        }
        Channel::Push => None,
    }
}

#[derive(Deserialize)]
struct Subscription<'a> {
    #[serde(borrow)]
    endpoint: std::borrow::Cow<'a, str>,
}

/// What stands between the scheme and the path, without a name and password (RFC 3986 3.2).
fn authority(url: &str) -> Box<str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Channel::Webhook, "https://Hooks.Example/a?b#c", Some("hooks.example"))]
    #[case(Channel::Webhook, "http://bob:p@hooks.example:8443", Some("hooks.example:8443"))]
    #[case(Channel::Webhook, "https://[2001:db8::1]:9/x", Some("[2001:db8::1]:9"))]
    #[case(Channel::Push, r#"{"endpoint":"https:\/\/push.example\/1","keys":{}}"#, Some("push.example"))]
    #[case::nobody_can_be_asked(Channel::Push, "{}", None)]
    #[case(Channel::Push, "fcm:token", None)]
    #[case(Channel::Push, "apns:token", None)]
    #[case(Channel::Email, "alice@example.org", None)]
    #[case(Channel::Sms, "+4915112345678", None)]
    fn an_address_names_its_server_or_none(
        #[case] channel: Channel,
        #[case] address: &str,
        #[case] named: Option<&str>,
    ) {
        assert_eq!(host(channel, address).as_deref(), named);
    }
}
