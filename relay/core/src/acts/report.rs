//! What somebody outside tells of a delivery after the provider had taken it: proofs, bounces, showings, clicks.

use tidings_protocol::{DeliveryState, DeviceReceipt, NotificationState, ProjectId, Reason, StoryKind};

use super::{address, hand_over, learning, steps};
use crate::act::{Answer, Refusal, Report};
use crate::model::{Delivery, FeedEntry, FeedKind, Stopped};
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(project: &ProjectId, id: &str, work: &Work<'_>) -> Vec<Need> {
    hand_over::needs(project, id, work)
}

pub(super) fn report(
    project: &ProjectId,
    id: &str,
    report: &Report,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(row) = work.delivery(project, id).cloned() else {
        return Err(Refusal::NotFound { what: "delivery", id: id.into() });
    };
    if work.notification(&row.notification).is_some() {
        match report {
            Report::Received => received(work, &row),
            Report::Bounced(what) => bounced(work, &row, what),
            Report::Told(what) => told(work, &row, what),
            Report::Program { what, followed } => by_program(work, &row, what, *followed),
            Report::Opened | Report::Clicked => seen(work, &row, *report == Report::Clicked),
            Report::Shown { clicked } => {
                arrived(work, &row);
                seen(work, &row, false);
                if *clicked {
                    seen(work, &row, true);
                }
            }
        }
    }
    let state = work.delivery(project, id).expect("it was read above").state;
    Ok(Answer::Delivery { state, revived: false })
}

/// The mailbox or phone has it: the proof that a step may wait for.
fn received(work: &mut Work<'_>, row: &Delivery) {
    if row.state != DeliveryState::Sent {
        return;
    }
    work.shift_delivery(&row.id, DeliveryState::Received, Some(Reason::Delivered));
    let now = work.now();
    work.notification_mut(&row.notification).flags.received_at.get_or_insert(now);
    steps::receipt_came(work, &row.notification);
}

/// A browser has it. It may say so before the push service's answer is written down: the delivery's end is then that
/// answer's, and what waits for the absence of a proof ends all the same.
fn arrived(work: &mut Work<'_>, row: &Delivery) {
    received(work, row);
    let now = work.now();
    let received_at = &mut work.notification_mut(&row.notification).flags.received_at;
    if received_at.is_none() {
        *received_at = Some(now);
        steps::receipt_came(work, &row.notification);
    }
}

/// It came back: if nothing else of the notification arrived, it reached nobody.
fn bounced(work: &mut Work<'_>, row: &Delivery, what: &str) {
    if row.state != DeliveryState::Sent {
        told(work, row, what);
        return;
    }
    work.way_mut(&row.id).code = Some(what.into());
    work.notification_mut(&row.notification).died = Some(Reason::Bounced);
    work.shift_delivery_telling(&row.id, DeliveryState::Dead, Some(Reason::Bounced), |entry| {
        entry.text = Some(what.into());
    });
    address::after_end(work, &row.notification, row.step);
    let of = work.notification(&row.notification).expect("it was read with its delivery");
    let arrived = |state| {
        matches!(
            state,
            DeliveryState::Received
                | DeliveryState::Sent
                | DeliveryState::Waiting
                | DeliveryState::HandingOver
        )
    };
    let in_inbox =
        of.inapp.is_some_and(|inapp| matches!(inapp.state, DeliveryState::Placed | DeliveryState::Received));
    let elsewhere = in_inbox || work.deliveries_of(&row.notification).any(|other| arrived(other.state));
    let goes_on = usize::from(of.steps_begun) < of.plan.len();
    if of.state == NotificationState::Reached && !elsewhere && !goes_on {
        let stopped = Stopped { gate: None, reason: Reason::Bounced, text: Some(what.into()) };
        work.shift(&row.notification, NotificationState::Failed, Some(stopped));
    }
}

fn told(work: &mut Work<'_>, row: &Delivery, what: &str) {
    let mut entry = address::line(work, row, StoryKind::Outcome);
    (entry.state, entry.text) = (Some(row.state.as_str()), Some(what.into()));
    work.tell(&row.notification, entry);
}

/// What a program did with a mail stands in the story, and is counted apart.
fn by_program(work: &mut Work<'_>, row: &Delivery, what: &str, followed: bool) {
    let flags = &mut work.notification_mut(&row.notification).flags;
    let flag = if followed { &mut flags.followed_by_program } else { &mut flags.opened_by_program };
    *flag = true;
    let done = if followed { "a link was followed" } else { "the mail was opened" };
    told(work, row, &format!("{done} by {what}: not counted"));
}

/// The recipient saw it, or followed its link, outside of the inbox. The first time counts.
fn seen(work: &mut Work<'_>, row: &Delivery, clicked: bool) {
    let now = work.now();
    let (kind, receipt) = if clicked {
        (FeedKind::ReceiptClicked, DeviceReceipt::Clicked)
    } else {
        (FeedKind::ReceiptDisplayed, DeviceReceipt::Displayed)
    };
    let flags = &work.notification(&row.notification).expect("it was read with its delivery").flags;
    if (if clicked { flags.clicked_at } else { flags.displayed_at }).is_some() {
        return;
    }
    learning::learn(work, &row.notification, receipt, now);
    let flags = &mut work.notification_mut(&row.notification).flags;
    *(if clicked { &mut flags.clicked_at } else { &mut flags.displayed_at }) = Some(now);
    let mut entry = address::line(work, row, StoryKind::Receipt);
    entry.receipt = Some(receipt);
    work.tell(&row.notification, entry);
    work.feed(FeedEntry {
        project: row.person.project.clone(),
        recipient: row.person.recipient.clone(),
        notification: Some(row.notification.clone()),
        at: now,
        kind,
        detail: serde_json::json!({"channel": row.channel, "delivery": row.id}),
    });
    steps::receipt_came(work, &row.notification);
}
