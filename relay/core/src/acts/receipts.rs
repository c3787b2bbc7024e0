//! What devices tell of notifications: the verbs that hellos and operations share.

use serde_json::json;
use tidings_protocol::{
    DeliveryState, DeviceId, DeviceReceipt, NotificationId, NotificationState, StoryKind, Timestamp,
};

use super::{chains, learning, steps};
use crate::act::Refusal;
use crate::model::{Entry, FeedEntry, FeedKind, Mark, Notification, Person, PersonKey, ReceiptRow, Stamp};
use crate::ports::Need;
use crate::work::Work;

/// What a device that holds everything up to a place has to read: what is placed there and nobody holds yet. A notification
/// is placed once and at the end of the inbox, so what lies below the place of another device is placed no more.
pub(super) fn held_needs(person: &PersonKey, epoch: u32, seq: u64, work: &Work<'_>) -> Vec<Need> {
    let Some(known) = work.person_if_read(person) else { return Vec::new() };
    let Some(inbox) = known.inbox.as_ref().filter(|inbox| inbox.epoch == epoch) else { return Vec::new() };
    let after = furthest(known);
    let upto = seq.min(inbox.seq);
    if upto <= after {
        return Vec::new();
    }
    let mut needs = vec![Need::Placed { person: person.clone(), after, upto }];
    for notification in newly_held(work, person, after, upto) {
        needs.extend(notification_needs(&notification, work));
    }
    needs
}

/// Up to where some device holds everything.
fn furthest(known: &Person) -> u64 {
    known.devices.values().map(|device| device.held).max().unwrap_or(0)
}

/// What follows from a receipt: deliveries that become needless, and the rest of a chain.
pub(super) fn notification_needs(id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Deliveries(id.clone())];
    needs.extend(chains::needs(id, work));
    let root = work.notification(id).and_then(|notification| notification.chain.as_ref());
    needs.extend(root.into_iter().flat_map(|root| work.chain(root)).map(Need::Deliveries));
    // A step that is skipped may uncover one that tells somebody else at once.
    let links =
        |row: &Notification| row.plan.iter().skip(usize::from(row.steps_begun)).any(|step| step.linked);
    if work.notification(id).is_some_and(links) {
        needs.extend(chains::link_needs(id, work));
    }
    needs
}

fn newly_held(work: &Work<'_>, person: &PersonKey, after: u64, upto: u64) -> Vec<NotificationId> {
    let placed = |n: &&Notification| n.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
    let within = |n: &&Notification| n.created_seq.is_some_and(|seq| seq > after && seq <= upto);
    let rows = work.notifications_of(person).filter(placed).filter(within);
    rows.filter(|n| n.is_visible()).map(|n| n.id.clone()).collect()
}

/// Everything up to a place is durable on a device. The place is clamped to what was sent, or to the end of the inbox;
/// one of another epoch says nothing about this inbox.
pub(super) fn held(
    work: &mut Work<'_>,
    person: &PersonKey,
    device: &DeviceId,
    (epoch, seq): (u32, u64),
    sent: Option<u64>,
    at: Timestamp,
) {
    let known = work.person(person);
    let Some(inbox) = known.inbox.as_ref().filter(|inbox| inbox.epoch == epoch) else { return };
    let upto = seq.min(inbox.seq).min(sent.unwrap_or(u64::MAX));
    let after = furthest(known);
    let Some(mut row) = known.devices.get(device).map(|row| (**row).clone()) else { return };
    if upto <= std::mem::replace(&mut row.held, upto) {
        return;
    }
    work.set_device(person, row);
    for id in newly_held(work, person, after, upto) {
        receive(work, &id, device, at);
    }
}

/// A device proved that it holds a notification; the first proof counts.
fn receive(work: &mut Work<'_>, id: &NotificationId, device: &DeviceId, at: Timestamp) {
    work.shift_inapp(id, DeliveryState::Received);
    work.notification_mut(id).flags.received_at.get_or_insert(at);
    work.tell_outcome(id, DeliveryState::Received, Some(device));
    if row(work, id).state == NotificationState::Active {
        work.shift(id, NotificationState::Reached, None);
    }
    feed(work, id, FeedKind::ReceiptReceived, Some(device), None);
    steps::receipt_came(work, id);
}

fn row<'w>(work: &'w Work<'_>, id: &NotificationId) -> &'w Notification {
    work.notification(id).expect("the caller looked it up")
}

/// What a device tells, and who tells it when.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) person: &'a PersonKey,
    pub(super) device: &'a DeviceId,
    pub(super) notification: &'a NotificationId,
    pub(super) stamp: &'a Stamp,
}

/// A notification in the inbox of the recipient. Those of others do not exist for this device.
pub(super) fn own<'w>(
    work: &'w Work<'_>,
    person: &PersonKey,
    id: &NotificationId,
) -> Result<&'w Notification, Refusal> {
    let visible = |n: &&Notification| n.person == *person && n.created_seq.is_some();
    let unknown = || Refusal::NotFound { what: "notification", id: id.as_str().into() };
    work.notification(id).filter(visible).ok_or_else(unknown)
}

/// A receipt of a device. What is told twice has its effect once.
///
/// # Errors
/// [`Refusal::NotFound`] for a notification that is not in this recipient's inbox, [`Refusal::Invalid`] for an action
/// that it does not offer.
pub(super) fn receipt(
    work: &mut Work<'_>,
    told: &Told<'_>,
    receipt: DeviceReceipt,
    action: Option<&str>,
) -> Result<(), Refusal> {
    let notification = own(work, told.person, told.notification)?;
    let acknowledges = match (receipt, action) {
        (DeviceReceipt::Acted, Some(action)) => chosen(notification, action)?,
        (DeviceReceipt::Acted, None) => {
            return Err(no_action("acted needs the action that was chosen".into()));
        }
        (_, Some(_)) => return Err(no_action("only acted carries an action".into())),
        (_, None) => false,
    };
    prove(work, told);
    match receipt {
        DeviceReceipt::Displayed | DeviceReceipt::Clicked | DeviceReceipt::Dismissed => {
            on_device(work, told, receipt);
        }
        DeviceReceipt::Read => {
            let first = first_read(work, told);
            // Where it was marked unread later, the device that took it for read hears so by the row.
            if mark_read(work, told) || first || is_marked_unread(work, told.notification) {
                show(work, told.notification);
            }
        }
        DeviceReceipt::Acted => {
            let mut first = act(work, told, action.expect("it was checked above"));
            first |= acknowledges && acknowledge(work, told);
            if first {
                show(work, told.notification);
            }
        }
        DeviceReceipt::Acknowledged => {
            if acknowledge(work, told) {
                show(work, told.notification);
            }
        }
    }
    Ok(())
}

fn no_action(detail: Box<str>) -> Refusal {
    Refusal::Invalid { pointer: "/action".into(), detail }
}

/// Whether the action acknowledges.
fn chosen(notification: &Notification, action: &str) -> Result<bool, Refusal> {
    let mut offered = notification.content.iter().flat_map(|content| &content.actions);
    let found = offered.find(|offer| offer.id == action);
    found
        .map(|offer| offer.acknowledges)
        .ok_or_else(|| no_action("the notification has no such action".into()))
}

/// Whoever tells something about a notification holds it, even if the word of that is still under way.
fn prove(work: &mut Work<'_>, told: &Told<'_>) {
    let notification = row(work, told.notification);
    let placed = notification.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
    if placed && notification.is_visible() {
        receive(work, told.notification, told.device, told.stamp.at);
    }
}

/// The row that says which device told it. The store keeps the first of each key.
fn keep(work: &mut Work<'_>, told: &Told<'_>, receipt: DeviceReceipt) -> bool {
    let new = ReceiptRow {
        person: told.person.clone(),
        notification: told.notification.clone(),
        device: told.device.clone(),
        receipt,
        at: told.stamp.at,
    };
    let receipts = &mut work.changes().receipts;
    let known = receipts.iter().any(|old| {
        old.person == new.person
            && old.notification == new.notification
            && old.device == new.device
            && old.receipt == new.receipt
    });
    if !known {
        receipts.push(new);
    }
    !known
}

/// Displayed, clicked, dismissed: once for each device; the first of all is the notification's own.
fn on_device(work: &mut Work<'_>, told: &Told<'_>, receipt: DeviceReceipt) {
    let first_here = keep(work, told, receipt);
    let flags = &row(work, told.notification).flags;
    let told_before = match receipt {
        DeviceReceipt::Displayed => flags.displayed_at,
        DeviceReceipt::Clicked => flags.clicked_at,
        // A notification has no flag for it: each device sweeps for itself.
        DeviceReceipt::Dismissed => {
            if first_here {
                story(work, told, receipt, None);
            }
            return;
        }
        DeviceReceipt::Read | DeviceReceipt::Acted | DeviceReceipt::Acknowledged => {
            unreachable!("these are told once for all devices")
        }
    };
    if told_before.is_none() {
        let clicked = receipt == DeviceReceipt::Clicked;
        learn(work, told, receipt);
        let flags = &mut work.notification_mut(told.notification).flags;
        let flag = if clicked { &mut flags.clicked_at } else { &mut flags.displayed_at };
        *flag = Some(told.stamp.at);
        story(work, told, receipt, None);
        steps::receipt_came(work, told.notification);
    }
}

/// Counts what a receipt says of how the recipient responds, before the receipt is written down: the first showing of a
/// notification, and its first answer (read, clicked, acted or acknowledged), which is a showing too. Counted only where
/// a cap adapts to it and the recipient allows profiling. It moves neither number of the inbox.
fn learn(work: &mut Work<'_>, told: &Told<'_>, receipt: DeviceReceipt) {
    learning::learn(work, told.notification, receipt, told.stamp.at);
    let answers = receipt != DeviceReceipt::Displayed;
    let flags = &row(work, told.notification).flags;
    let answered = flags.read_at.is_some()
        || flags.clicked_at.is_some()
        || flags.acted.is_some()
        || flags.acknowledged_at.is_some();
    let shown_at = flags.displayed_at;
    if answered || (shown_at.is_some() && !answers) {
        return;
    }
    let recipient = work.person(told.person).recipient.as_ref();
    let allowed = recipient.is_some_and(|known| known.preferences.allows_profiling());
    if !allowed || !work.live(&told.person.project).configuration.adapts() {
        return;
    }
    let (now, at) = (work.now(), shown_at.unwrap_or(told.stamp.at));
    let responses = &mut work.inbox_mut(told.person).responses;
    if shown_at.is_none() {
        responses.shown(at, now);
    }
    if answers {
        responses.answered(at, now);
    }
}

/// The receipt read, if it is the first. Answers whether it is.
pub(super) fn first_read(work: &mut Work<'_>, told: &Told<'_>) -> bool {
    if row(work, told.notification).flags.read_at.is_some() {
        return false;
    }
    learn(work, told, DeviceReceipt::Read);
    work.notification_mut(told.notification).flags.read_at = Some(told.stamp.at);
    keep(work, told, DeviceReceipt::Read);
    story(work, told, DeviceReceipt::Read, None);
    steps::receipt_came(work, told.notification);
    true
}

/// Whoever opened it has read it, unless it was marked later. Answers whether that changes what devices show.
fn mark_read(work: &mut Work<'_>, told: &Told<'_>) -> bool {
    let old = row(work, told.notification).marks.read.as_ref();
    if old.is_some_and(|mark| mark.value || mark.stamp >= *told.stamp) {
        return false;
    }
    let mark = Mark { value: true, stamp: told.stamp.clone() };
    work.notification_mut(told.notification).marks.read = Some(mark);
    true
}

fn is_marked_unread(work: &Work<'_>, id: &NotificationId) -> bool {
    row(work, id).marks.read.as_ref().is_some_and(|mark| !mark.value)
}

/// The first action is kept. Answers whether it is the first.
fn act(work: &mut Work<'_>, told: &Told<'_>, action: &str) -> bool {
    if row(work, told.notification).flags.acted.is_some() {
        return false;
    }
    learn(work, told, DeviceReceipt::Acted);
    work.notification_mut(told.notification).flags.acted = Some((told.stamp.at, action.into()));
    keep(work, told, DeviceReceipt::Acted);
    story(work, told, DeviceReceipt::Acted, Some(action));
    steps::receipt_came(work, told.notification);
    true
}

/// The first acknowledgement is kept, and ends the chain. Answers whether it is the first.
fn acknowledge(work: &mut Work<'_>, told: &Told<'_>) -> bool {
    if row(work, told.notification).flags.acknowledged_at.is_some() {
        return false;
    }
    learn(work, told, DeviceReceipt::Acknowledged);
    work.notification_mut(told.notification).flags.acknowledged_at = Some(told.stamp.at);
    keep(work, told, DeviceReceipt::Acknowledged);
    story(work, told, DeviceReceipt::Acknowledged, None);
    steps::receipt_came(work, told.notification);
    chains::acknowledged(work, told.notification);
    true
}

/// Other devices see it again. What was taken back stays away.
pub(super) fn show(work: &mut Work<'_>, id: &NotificationId) {
    if row(work, id).is_visible() {
        work.touch_inbox_row(id);
    }
}

fn story(work: &mut Work<'_>, told: &Told<'_>, receipt: DeviceReceipt, action: Option<&str>) {
    // When the device says that it was, as everywhere that a receipt is stored: not when the word of it came.
    let mut entry = Entry::new(told.stamp.at, StoryKind::Receipt);
    entry.device = Some(told.device.clone());
    entry.receipt = Some(receipt);
    entry.action = action.map(Into::into);
    work.tell(told.notification, entry);
    let kind = match receipt {
        DeviceReceipt::Displayed => FeedKind::ReceiptDisplayed,
        DeviceReceipt::Read => FeedKind::ReceiptRead,
        DeviceReceipt::Clicked => FeedKind::ReceiptClicked,
        DeviceReceipt::Acted => FeedKind::ReceiptActed,
        DeviceReceipt::Acknowledged => FeedKind::ReceiptAcknowledged,
        DeviceReceipt::Dismissed => FeedKind::ReceiptDismissed,
    };
    feed(work, told.notification, kind, Some(told.device), action);
}

fn feed(
    work: &mut Work<'_>,
    id: &NotificationId,
    kind: FeedKind,
    device: Option<&DeviceId>,
    action: Option<&str>,
) {
    let notification = row(work, id);
    let mut detail = json!({"device": device, "rule": notification.cause.rule});
    if let Some(action) = action {
        detail["action"] = action.into();
    }
    let entry = FeedEntry {
        project: notification.person.project.clone(),
        recipient: notification.person.recipient.clone(),
        notification: Some(id.clone()),
        at: work.now(),
        kind,
        detail,
    };
    work.feed(entry);
}
