//! Operations of a device, in its order. Each is done or refused by itself, and a repetition gets the same answer.

mod marks;
mod settings;

use serde_json::Value;
use tidings_protocol::operation::{Answered, Feedback, Operation, OperationError, Refused, Request};
use tidings_protocol::{Channel, Cursor, DeviceId, OperationId, StoryKind};

use super::receipts::{self, Told};
use super::{endpoint, restrict};
use crate::act::{Answer, Refusal};
use crate::model::{
    Device, Entry, FeedEntry, FeedKind, OperationRow, PersonKey, Stamp, parse_cursor, unmarked,
};
use crate::ports::Need;
use crate::view;
use crate::work::Work;

/// Whose device asks.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    person: &'a PersonKey,
    device: &'a DeviceId,
}

/// Why an operation is refused; it will be whenever it is asked again.
#[derive(Debug)]
struct Rejection {
    code: &'static str,
    detail: String,
}

impl Rejection {
    fn invalid(detail: impl Into<String>) -> Self {
        Self { code: "invalid", detail: detail.into() }
    }

    /// A later word on the same thing counts.
    fn superseded() -> Self {
        Self { code: "superseded", detail: "it was set again by a later operation".to_owned() }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code(), detail: refusal.to_string() }
    }
}

pub(super) fn needs(
    person: &PersonKey,
    device: &DeviceId,
    sent: Option<u64>,
    operations: &[Result<Operation, OperationError>],
    work: &Work<'_>,
) -> Vec<Need> {
    let mut needs = vec![Need::Person(person.clone())];
    let mut settings = false;
    for operation in operations.iter().flatten() {
        needs.push(Need::Operation(person.clone(), device.clone(), operation.id.clone()));
        settings |= changes_settings(&operation.request);
        needs.extend(request_needs(Asking { person, device }, sent, &operation.request, work));
    }
    if settings {
        needs.extend(restrict::needs(person, work));
    }
    needs
}

const fn changes_settings(request: &Request) -> bool {
    match request {
        Request::Preference { .. }
        | Request::QuietHours { .. }
        | Request::Pause { .. }
        | Request::Profile { .. }
        | Request::Consent { .. } => true,
        Request::Held { .. }
        | Request::Receipt { .. }
        | Request::Mark { .. }
        | Request::ReadUpTo { .. }
        | Request::Endpoint { .. }
        | Request::Feedback { .. } => false,
    }
}

fn request_needs(asking: Asking<'_>, sent: Option<u64>, request: &Request, work: &Work<'_>) -> Vec<Need> {
    let person = asking.person;
    match request {
        Request::Held { cursor } => match parse_cursor(&unmarked(cursor).0) {
            Some((epoch, seq)) => {
                let upto = seq.min(sent.unwrap_or(u64::MAX));
                receipts::held_needs(person, epoch, upto, work)
            }
            None => Vec::new(),
        },
        Request::Receipt { notification, .. }
        | Request::Mark { notification, .. }
        | Request::Feedback { notification, .. } => {
            let mut needs = vec![Need::Notification(person.project.clone(), notification.clone())];
            if work.notification(notification).is_some_and(|found| found.person == *person) {
                needs.extend(receipts::notification_needs(notification, work));
            }
            needs
        }
        Request::Endpoint { channel, address, .. } => endpoint::needs(person, *channel, Some(address), work),
        Request::ReadUpTo { .. }
        | Request::Preference { .. }
        | Request::QuietHours { .. }
        | Request::Pause { .. }
        | Request::Profile { .. }
        | Request::Consent { .. } => Vec::new(),
    }
}

fn place_of(cursor: &Cursor) -> Result<(u32, u64), Rejection> {
    parse_cursor(&unmarked(cursor).0).ok_or_else(|| Rejection::invalid("this is no cursor of an inbox"))
}

/// # Errors
/// [`Refusal`] if the recipient is not there or the device was removed: then none of the operations is answered.
pub(super) fn operate(
    person: &PersonKey,
    device: &DeviceId,
    sent: Option<u64>,
    operations: Vec<Result<Operation, OperationError>>,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    admit(person, device, work)?;
    let asking = Asking { person, device };
    let mut answered = Answered::default();
    for operation in operations {
        match operation {
            Ok(operation) => answer(work, asking, sent, operation, &mut answered),
            // Without an id there is nobody to answer; the border counts it.
            Err(OperationError { id: None, .. }) => {}
            Err(OperationError { id: Some(id), code, detail }) => {
                answered.refused.push(Refused {
                    id,
                    code: code.to_owned(),
                    detail,
                    permanent: true,
                    value: None,
                });
            }
        }
    }
    Ok(Answer::Operated(answered))
}

/// A device that never said hello, because it speaks HTTP only, is known from its first operation on.
fn admit(person: &PersonKey, device: &DeviceId, work: &mut Work<'_>) -> Result<(), Refusal> {
    let known = work.person(person);
    if !known.is_known() {
        return Err(match known.erased {
            Some(_) => Refusal::AccountErased,
            None => Refusal::UnknownRecipient { recipient: person.recipient.clone() },
        });
    }
    match known.devices.get(device) {
        Some(row) if row.revoked_at.is_some() => Err(Refusal::DeviceRevoked),
        Some(_) => Ok(()),
        None => {
            let now = work.now();
            work.set_device(
                person,
                Device {
                    id: device.clone(),
                    platform: Box::default(),
                    nonce: Box::default(),
                    held: 0,
                    understands: Vec::new(),
                    created_at: now,
                    seen_at: now,
                    revoked_at: None,
                },
            );
            Ok(())
        }
    }
}

/// Answers one operation: as the first time, or for the first time.
fn answer(
    work: &mut Work<'_>,
    asking: Asking<'_>,
    sent: Option<u64>,
    operation: Operation,
    answered: &mut Answered,
) {
    let Operation { id, at, request } = operation;
    let before = work.operation(asking.person, asking.device, &id).map(|row| row.refused.clone());
    if let Some(refused) = before {
        match refused {
            None => answered.done.push(id),
            Some(code) => {
                let detail = "it was refused before, for the same reason".to_owned();
                let value = true_value(work, asking.person, &request);
                answered.refused.push(Refused { id, code: code.into(), detail, permanent: true, value });
            }
        }
        return;
    }
    let stamp = Stamp::of(at, work.now(), &id);
    let outcome = apply(work, asking, sent, &request, &stamp);
    let code = outcome.as_ref().err().map(|rejection| rejection.code);
    remember(work, asking, &id, matches!(request, Request::Consent { .. }), code);
    match outcome {
        Ok(()) => answered.done.push(id),
        Err(Rejection { code, detail }) => {
            let value = true_value(work, asking.person, &request);
            answered.refused.push(Refused { id, code: code.to_owned(), detail, permanent: true, value });
        }
    }
}

fn remember(
    work: &mut Work<'_>,
    asking: Asking<'_>,
    operation: &OperationId,
    for_ever: bool,
    refused: Option<&'static str>,
) {
    let row = OperationRow {
        person: asking.person.clone(),
        device: asking.device.clone(),
        operation: operation.clone(),
        at: work.now(),
        for_ever,
        refused: refused.map(Into::into),
    };
    work.changes().operations.push(row);
}

/// What is true of that which an operation wanted to change, so that the device can put it back.
fn true_value(work: &Work<'_>, person: &PersonKey, request: &Request) -> Option<Value> {
    match request {
        Request::Receipt { notification, .. } | Request::Mark { notification, .. } => {
            let shown = receipts::own(work, person, notification).ok()?;
            let inbox = work.person(person).inbox.as_ref()?;
            serde_json::to_value(view::view_in(inbox, shown)).ok()
        }
        Request::Preference { .. }
        | Request::QuietHours { .. }
        | Request::Pause { .. }
        | Request::Profile { .. }
        | Request::Consent { .. } => {
            let live = work.live(&person.project);
            serde_json::to_value(view::settings_item(work.person(person), &live.configuration)).ok()
        }
        Request::Held { .. }
        | Request::ReadUpTo { .. }
        | Request::Endpoint { .. }
        | Request::Feedback { .. } => None,
    }
}

/// Does what is asked, or changes nothing. Of several registers those are set that no later word has set.
fn apply(
    work: &mut Work<'_>,
    asking: Asking<'_>,
    sent: Option<u64>,
    request: &Request,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    let Asking { person, device } = asking;
    let told = |notification| Told { person, device, notification, stamp };
    match request {
        Request::Held { cursor } => {
            let place = place_of(cursor)?;
            receipts::held(work, person, device, place, sent, stamp.at);
            Ok(())
        }
        Request::Receipt { notification, receipt, action } => {
            receipts::receipt(work, &told(notification), *receipt, action.as_deref())?;
            Ok(())
        }
        Request::Mark { notification, read, archived, snoozed_until } => {
            let wanted = marks::Wanted { read: *read, archived: *archived, snoozed_until: *snoozed_until };
            marks::mark(work, &told(notification), wanted)
        }
        Request::ReadUpTo { cursor, category } => {
            marks::read_up_to(work, person, cursor, category.as_ref(), stamp)
        }
        Request::Feedback { notification, value } => feedback(work, &told(notification), *value),
        Request::Endpoint { channel, address, code } => {
            own_address(work, person, *channel, address, code.as_deref())
        }
        Request::Preference { category, channel, chosen } => {
            settings::preference(work, person, category, *channel, *chosen, stamp)
        }
        Request::QuietHours { quiet_hours } => {
            settings::quiet_hours(work, person, quiet_hours.as_ref(), stamp)
        }
        Request::Pause { until } => settings::pause(work, person, *until, stamp),
        Request::Profile { time_zone, locale } => {
            settings::profile(work, person, time_zone.as_deref(), locale.as_deref(), stamp)
        }
        Request::Consent { category, channels, decision, policy_version, text_shown, cursor } => {
            let asked = settings::Asked {
                category,
                channels,
                decision: *decision,
                policy_version: policy_version.as_deref(),
                text_shown: text_shown.as_deref(),
                cursor: cursor.as_ref(),
            };
            settings::consent(work, asking, &asked, stamp.at)
        }
    }
}

/// A register of the notification; a later word wins.
fn feedback(work: &mut Work<'_>, told: &Told<'_>, value: Feedback) -> Result<(), Rejection> {
    let notification = receipts::own(work, told.person, told.notification)?;
    let before = notification.flags.useful.as_ref();
    if before.is_some_and(|(_, stamp)| stamp >= told.stamp) {
        return Ok(());
    }
    let (useful, rule) = (value == Feedback::Useful, notification.cause.rule.clone());
    work.notification_mut(told.notification).flags.useful = Some((useful, told.stamp.clone()));
    let mut entry = Entry::new(work.now(), StoryKind::Feedback);
    entry.device = Some(told.device.clone());
    entry.text = Some(if useful { "useful" } else { "not useful" }.into());
    work.tell(told.notification, entry);
    work.feed(FeedEntry {
        project: told.person.project.clone(),
        recipient: told.person.recipient.clone(),
        notification: Some(told.notification.clone()),
        at: work.now(),
        kind: FeedKind::Feedback,
        detail: serde_json::json!({"value": value, "rule": rule}),
    });
    Ok(())
}

/// An address that a device names. A push address is its own; a mail address or phone number could be anybody's.
fn own_address(
    work: &mut Work<'_>,
    person: &PersonKey,
    channel: Channel,
    address: &str,
    code: Option<&str>,
) -> Result<(), Rejection> {
    endpoint::check(channel, Some(address))?;
    match (channel, code) {
        (Channel::Push, _) => {
            endpoint::set(work, person, channel, address.into(), true);
            Ok(())
        }
        (Channel::Email | Channel::Sms, None) => Err(Rejection {
            code: "code_required",
            detail: format!(
                "an address on {channel} is set by the backend, or with the code that was sent to it"
            ),
        }),
        (Channel::Email | Channel::Sms, Some(_)) => {
            Err(Rejection { code: "code_wrong", detail: "no such code was sent to this address".to_owned() })
        }
        (Channel::Webhook | Channel::Inapp, _) => {
            Err(Rejection::invalid("only the backend sets a recipient's webhook"))
        }
    }
}

#[cfg(test)]
mod tests;
