//! A browser's `PushSubscription` as JSON text: the address of a push.

use serde::Deserialize;
use url::Url;
use web_push::SubscriptionInfo;

/// The longest endpoint: UnifiedPush allows 1,000 bytes, browsers' have some hundred.
const ENDPOINT_BYTES_MAX: usize = 2_048;

/// Where one browser is reached, and what it reads with.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(super) url: Url,
    pub(super) info: SubscriptionInfo,
}

impl Subscription {
    /// Reads an address; none if nothing could ever be pushed to it. Further fields (`expirationTime`) are left aside.
    pub(crate) fn read(address: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            endpoint: String,
            keys: Keys,
        }
        #[derive(Deserialize)]
        struct Keys {
            p256dh: String,
            auth: String,
        }
        let wire: Wire = serde_json::from_str(address).ok()?;
        if wire.endpoint.len() > ENDPOINT_BYTES_MAX {
            return None;
        }
        let url = Url::parse(&wire.endpoint).ok().filter(is_sealed_on_its_way)?;
        let [p256dh, auth] = [&wire.keys.p256dh, &wire.keys.auth].map(|text| text.trim_end_matches('='));
        let info = SubscriptionInfo::new(url.as_str(), p256dh, auth);
        Some(Self { url, info })
    }

    /// As an address: one text for one browser.
    pub(crate) fn address(&self) -> String {
        let SubscriptionInfo { endpoint, keys } = &self.info;
        serde_json::json!({"endpoint": endpoint, "keys": {"auth": keys.auth, "p256dh": keys.p256dh}})
            .to_string()
    }
}

/// A push service is called over TLS (RFC 8030 8.4), except by its bare address in a network that the node's settings
/// allow, as in tests and behind a TLS proxy.
fn is_sealed_on_its_way(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => matches!(url.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"endpoint":"https://push.example/a","keys":{"p256dh":"B","auth":"A"}}"#, true)]
    #[case(
        r#"{"endpoint":"https://push.example/a","expirationTime":null,"keys":{"p256dh":"B==","auth":"A=="}}"#,
        true
    )]
    #[case(r#"{"endpoint":"http://127.0.0.1:9/a","keys":{"p256dh":"B","auth":"A"}}"#, true)]
    #[case(r#"{"endpoint":"http://push.example/a","keys":{"p256dh":"B","auth":"A"}}"#, false)]
    #[case(r#"{"endpoint":"file:///etc/passwd","keys":{"p256dh":"B","auth":"A"}}"#, false)]
    #[case(r#"{"endpoint":"https://push.example/a"}"#, false)]
    #[case("https://push.example/a", false)]
    #[case("", false)]
    fn an_address_is_a_subscription_over_tls(#[case] address: &str, #[case] is_one: bool) {
        assert_eq!(Subscription::read(address).is_some(), is_one);
    }

    #[rstest]
    #[case(ENDPOINT_BYTES_MAX, true)]
    #[case(ENDPOINT_BYTES_MAX + 1, false)]
    fn an_endpoint_has_at_most_2048_bytes(#[case] bytes: usize, #[case] fits: bool) {
        let endpoint = format!("https://push.example/{}", "x".repeat(bytes - "https://push.example/".len()));
        let address = format!(r#"{{"endpoint":"{endpoint}","keys":{{"p256dh":"B","auth":"A"}}}}"#);
        assert_eq!(Subscription::read(&address).is_some(), fits);
    }
}
