//! Addresses beside the inbox.

use std::collections::BTreeSet;

use tidings_protocol::{Channel, DeliveryState, Reason};

use super::preference::invalid;
use super::{address as deliveries, chains, greet};
use crate::act::{Answer, Refusal};
use crate::delivery::check_mailbox;
use crate::model::{Endpoint, PersonKey};
use crate::ports::Need;
use crate::sms;
use crate::work::Work;

/// The longest address: a push subscription as JSON text.
const ADDRESS_BYTES_MAX: usize = 4_096;

/// The recipient, and for a push address whoever has it.
pub(super) fn needs(
    person: &PersonKey,
    channel: Channel,
    address: Option<&str>,
    work: &Work<'_>,
) -> Vec<Need> {
    let mut needs = vec![Need::Person(person.clone()), Need::PendingDeliveries(person.clone())];
    if let (Channel::Push, Some(address)) = (channel, address) {
        needs.push(Need::AddressOwners(person.project.clone(), channel, address.into()));
        for owner in work.owners_read(&person.project, channel, address) {
            needs.extend([Need::Person(owner.clone()), Need::PendingDeliveries(owner.clone())]);
        }
    }
    let people: BTreeSet<PersonKey> = needs
        .iter()
        .filter_map(|need| if let Need::Person(owner) = need { Some(owner.clone()) } else { None })
        .collect();
    for owner in people {
        let waiting = work.deliveries_to(&owner);
        for delivery in waiting {
            needs.push(Need::Notification(owner.project.clone(), delivery.notification.clone()));
            needs.push(Need::AllDeliveries(delivery.notification.clone()));
            needs.extend(chains::link_needs(&delivery.notification, work));
        }
    }
    needs
}

/// Sets a recipient's address, or takes those of a channel away.
///
/// # Errors
/// [`Refusal`] if the recipient is not known or the address cannot be one of this channel.
pub(super) fn put(
    person: &PersonKey,
    channel: Channel,
    address: Option<(Box<str>, bool)>,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    check(channel, address.as_ref().map(|(address, _)| &**address))?;
    match address {
        Some((address, verified)) => {
            greet::ensure_known(person, work)?;
            set(work, person, channel, address, verified);
        }
        None => {
            work.remove_endpoints(person, channel, None);
            cancel_moved(work, person, channel);
        }
    }
    Ok(Answer::Done)
}

/// Whether a text can be an address on a channel.
pub(super) fn check(channel: Channel, address: Option<&str>) -> Result<(), Refusal> {
    if channel == Channel::Inapp {
        return Err(invalid("/channel", "the inbox has no address: every device of the recipient reads it"));
    }
    let Some(address) = address else { return Ok(()) };
    if address.is_empty() || address.len() > ADDRESS_BYTES_MAX || address.chars().any(char::is_control) {
        let detail = format!("an address has 1 to {ADDRESS_BYTES_MAX} bytes and no control characters");
        return Err(invalid("/address", detail));
    }
    if channel == Channel::Email {
        check_mailbox(address).map_err(|error| invalid("/address", error.to_string()))?;
    }
    if channel == Channel::Sms && !sms::is_number(address) {
        let detail = "a phone number is written as E.164 says, without spaces, like +491701234567";
        return Err(invalid("/address", detail));
    }
    if channel == Channel::Webhook && !is_url(address) {
        let detail = "a webhook's address is an http or https URL, without a name or password in it";
        return Err(invalid("/address", detail));
    }
    Ok(())
}

/// Whether a text is a URL that can be called. Where it leads is looked at when it is called.
fn is_url(address: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    !host.is_empty()
        && !host.contains('@')
        && !host.starts_with(':')
        && !address.contains(char::is_whitespace)
}

/// Sets an address of a known recipient. A push address cannot be guessed: whoever brings it has the device, so it
/// moves to them.
pub(super) fn set(
    work: &mut Work<'_>,
    person: &PersonKey,
    channel: Channel,
    address: Box<str>,
    verified: bool,
) {
    if channel == Channel::Push {
        for owner in
            work.owners(&person.project, channel, &address).into_iter().filter(|owner| owner != person)
        {
            work.remove_endpoints(&owner, channel, Some(&address));
            cancel_moved(work, &owner, channel);
        }
    }
    let known = work.person(person).endpoints.iter().find(|e| e.channel == channel && e.address == address);
    if known.is_some_and(|known| known.verified == verified) {
        return;
    }
    let stopped = known.is_some_and(|known| known.stopped);
    work.set_endpoint(person, Endpoint { channel, address, verified, stopped });
    cancel_moved(work, person, channel);
}

/// Deliveries to addresses that are not the recipient's any more are not handed over.
fn cancel_moved(work: &mut Work<'_>, person: &PersonKey, channel: Channel) {
    let known = work.person(person);
    let is_theirs = |address: Option<&str>| {
        address.is_none_or(|address| {
            known.endpoints.iter().any(|e| e.channel == channel && &*e.address == address)
        })
    };
    let moved: Vec<_> = work
        .deliveries_to(person)
        .filter(|d| d.channel == channel && !is_theirs(d.address.as_deref()))
        .map(|d| (d.id.clone(), d.notification.clone(), d.state, d.step))
        .collect();
    for (delivery, id, state, step) in moved {
        if state == DeliveryState::HandingOver {
            work.tell_too_late(&id, &delivery, channel);
        } else {
            work.shift_delivery(&delivery, DeliveryState::Cancelled, Some(Reason::EndpointMoved));
            deliveries::after_end(work, &id, step);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Channel::Inapp, Some("x"), false)]
    #[case(Channel::Email, Some("alice@example.org"), true)]
    #[case(Channel::Email, Some("alice"), false)]
    #[case(Channel::Email, Some("Alice <alice@example.org>"), false)]
    #[case(Channel::Email, Some("alice@example.org, bob@example.org"), false)]
    #[case(Channel::Sms, Some(""), false)]
    #[case(Channel::Sms, Some("+49\n30"), false)]
    #[case(Channel::Sms, Some("+491701234567"), true)]
    #[case(Channel::Sms, Some("0170 1234567"), false)]
    #[case(Channel::Sms, None, true)]
    #[case(Channel::Webhook, Some("https://hooks.example:8443/a?b=c"), true)]
    #[case(Channel::Webhook, Some("http://127.0.0.1/"), true)]
    #[case(Channel::Webhook, Some("ftp://hooks.example/"), false)]
    #[case(Channel::Webhook, Some("https://"), false)]
    #[case(Channel::Webhook, Some("https://me:secret@hooks.example/"), false)]
    #[case(Channel::Webhook, Some("https://hooks.example/a b"), false)]
    fn an_address_fits_its_channel(
        #[case] channel: Channel,
        #[case] address: Option<&str>,
        #[case] fits: bool,
    ) {
        assert_eq!(check(channel, address).is_ok(), fits);
    }

    #[rstest]
    #[case(ADDRESS_BYTES_MAX, true)]
    #[case(ADDRESS_BYTES_MAX + 1, false)]
    fn an_address_has_at_most_4096_bytes(#[case] bytes: usize, #[case] fits: bool) {
        assert_eq!(check(Channel::Push, Some(&"x".repeat(bytes))).is_ok(), fits);
    }
}
