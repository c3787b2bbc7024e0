//! What a decision of the recipient, or a stopped address, forbids or moves: it is stopped or re-timed in the same
//! transaction, so that nothing is handed over on the word of yesterday.

use std::collections::BTreeSet;

use tidings_protocol::{Channel, DeliveryState, Gate, NotificationId, NotificationState, Reason, StoryKind};

use super::{address, advance, chains, propose, steps};
use crate::configuration::Configuration;
use crate::model::{DueKey, Entry, Notification, PersonKey, Stopped};
use crate::plan::channels_left;
use crate::ports::Need;
use crate::work::Work;

/// Everything of a recipient that waits, with the facts behind it.
pub(super) fn needs(person: &PersonKey, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![
        Need::Person(person.clone()),
        Need::Pending(person.clone()),
        Need::PendingDeliveries(person.clone()),
    ];
    for notification in work.notifications_of(person).filter(|n| n.is_pending()) {
        needs.push(Need::Event(notification.cause.event.clone()));
        if waits_alone(notification) {
            needs.extend(advance::redecide_needs(&notification.id, work));
        } else if goes_on(work, &notification.id) {
            needs.extend(chains::link_needs(&notification.id, work));
        }
    }
    for delivery in work.deliveries_to(person) {
        needs.push(Need::Notification(person.project.clone(), delivery.notification.clone()));
        needs.push(Need::AllDeliveries(delivery.notification.clone()));
        needs.extend(chains::link_needs(&delivery.notification, work));
    }
    needs
}

/// After anything that may both forbid and move. Answers what could not be stopped any more.
pub(super) fn recheck(work: &mut Work<'_>, person: &PersonKey) -> Vec<NotificationId> {
    let too_late = forbid(work, person);
    retime(work, person);
    too_late
}

/// Stops what waits and may not be sent any more. Answers what was handed over before it could be stopped.
pub(super) fn forbid(work: &mut Work<'_>, person: &PersonKey) -> Vec<NotificationId> {
    let live = work.live(&person.project);
    let (too_late, stopped) = stop_deliveries(work, person, &live.configuration);
    let pending: Vec<NotificationId> =
        work.notifications_of(person).filter(|n| n.is_pending()).map(|n| n.id.clone()).collect();
    for id in pending {
        match forbidden(work, &id, &live.configuration) {
            Some(stopped) if goes_on(work, &id) => to_somebody_else(work, &id, stopped),
            Some(stopped) => work.shift(&id, NotificationState::Cancelled, Some(stopped)),
            None => {
                withdraw_from_inbox(work, &id, &live.configuration);
                let all_begun = |row: &Notification| usize::from(row.steps_begun) >= row.plan.len();
                if work.notification(&id).is_some_and(all_begun) {
                    steps::end_if_spent(work, &id);
                }
            }
        }
    }
    for (id, step) in stopped {
        address::after_end(work, &id, step);
    }
    too_late.into_iter().collect()
}

/// Whether a step for somebody else is still to come.
fn goes_on(work: &Work<'_>, id: &NotificationId) -> bool {
    let Some(row) = work.notification(id).filter(|row| row.digest.is_none()) else { return false };
    if row.state == NotificationState::Held {
        let live = work.live(&row.person.project);
        let rule = row.cause.rule.as_ref().and_then(|rule| live.configuration.rules.get(rule));
        let steps = rule.filter(|_| row.chain.is_none()).and_then(|rule| rule.deliver.as_ref());
        return steps.into_iter().flatten().any(|step| step.notify.is_some());
    }
    row.plan.iter().skip(usize::from(row.steps_begun)).any(|step| step.linked)
}

/// Its own recipient hears no more of it, and its plan goes on at once to whoever is next.
fn to_somebody_else(work: &mut Work<'_>, id: &NotificationId, stopped: Stopped) {
    if work.notification(id).is_some_and(|row| row.state == NotificationState::Held) {
        advance::redecide(work, id);
        return;
    }
    let live = work.live(&work.notification(id).expect("it was read above").person.project);
    withdraw_from_inbox(work, id, &live.configuration);
    work.notification_mut(id).stopped = Some(stopped);
    steps::over(work, id);
}

/// The inbox is a channel like the others: what is placed in it and is on no device yet is stopped when only the inbox
/// may not be used any more. Devices that come later find that it is gone.
fn withdraw_from_inbox(work: &mut Work<'_>, id: &NotificationId, configuration: &Configuration) {
    let Some(row) = work.notification(id) else { return };
    let Some(category) = configuration.categories.get(&row.category) else { return };
    let placed = row.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
    let (left, _) = channels_left(&row.category, category, &[Channel::Inapp], work.person(&row.person));
    if placed && left.is_empty() {
        let person = row.person.clone();
        let repeated = |step: &crate::model::PlannedStep| {
            step.repeat.is_some() && step.channels.contains(&Channel::Push)
        };
        let repeats_by_push = row.plan.iter().any(repeated);
        work.shift_inapp(id, DeliveryState::Cancelled);
        if !repeats_by_push {
            work.clear_due(&person, DueKey::Repeat(id.clone()));
        }
        let mut entry = Entry::new(work.now(), StoryKind::Outcome);
        (entry.channel, entry.reason) = (Some(Channel::Inapp), Some(Reason::NoLongerAllowed));
        entry.state = Some(DeliveryState::Cancelled.as_str());
        work.tell(id, entry);
        work.touch_inbox_row(id);
    }
}

/// Moves holds to the instant that is right now.
pub(super) fn retime(work: &mut Work<'_>, person: &PersonKey) {
    let held: Vec<NotificationId> =
        work.notifications_of(person).filter(|n| waits_alone(n)).map(|n| n.id.clone()).collect();
    for id in held {
        // The one before may have replaced it.
        if work.notification(&id).is_some_and(waits_alone) {
            advance::redecide(work, &id);
        }
    }
    // What was put off for the night or a pause is looked at now; it is put off again where it still must wait.
    let now = work.now();
    let put_off: Vec<Box<str>> = work
        .deliveries_to(person)
        .filter(|row| row.state == DeliveryState::Waiting)
        .filter(|row| matches!(row.reason, Some(Reason::QuietHours | Reason::Paused)))
        .map(|row| row.id.clone())
        .collect();
    for delivery in put_off {
        work.put_off_delivery(&delivery, now, None);
    }
}

/// A member of a digest has no time of its own: the digest asks the gates when it closes.
fn waits_alone(notification: &Notification) -> bool {
    notification.state == NotificationState::Held && notification.digest.is_none()
}

/// Stops deliveries on channels that may not be used any more. Answers what was too late, and of which steps what was
/// stopped.
fn stop_deliveries(
    work: &mut Work<'_>,
    person: &PersonKey,
    configuration: &Configuration,
) -> (BTreeSet<NotificationId>, BTreeSet<(NotificationId, u16)>) {
    let on_their_way: Vec<(Box<str>, NotificationId, Channel, DeliveryState, u16)> = work
        .deliveries_to(person)
        .map(|d| (d.id.clone(), d.notification.clone(), d.channel, d.state, d.step))
        .collect();
    let (mut too_late, mut stopped) = (BTreeSet::new(), BTreeSet::new());
    for (delivery, id, channel, state, step) in on_their_way {
        let Some(notification) = work.notification(&id) else { continue };
        let Some(category) = configuration.categories.get(&notification.category) else { continue };
        let (left, _) = channels_left(&notification.category, category, &[channel], work.person(person));
        if !left.is_empty() {
            continue;
        }
        if state == DeliveryState::HandingOver {
            work.tell_too_late(&id, &delivery, channel);
            too_late.insert(id);
        } else {
            work.shift_delivery(&delivery, DeliveryState::Suppressed, Some(Reason::NoLongerAllowed));
            stopped.insert((id, step));
        }
    }
    (too_late, stopped)
}

/// Why no channel of a notification's plan may be used any more, if none may. A category that is not in the
/// configuration forbids nothing here: the release tells it.
fn forbidden(work: &Work<'_>, id: &NotificationId, configuration: &Configuration) -> Option<Stopped> {
    let notification = work.notification(id)?;
    let category = configuration.categories.get(&notification.category)?;
    let channels = channels_of(work, notification, configuration);
    let (left, out) =
        channels_left(&notification.category, category, &channels, work.person(&notification.person));
    if !left.is_empty() {
        return None;
    }
    // The law's reason goes before the recipient's taste, and that before an address.
    let of = |gate| out.iter().find(|(_, asked, _)| *asked == gate).map(|(_, gate, reason)| (*gate, *reason));
    let (gate, reason) = of(Gate::Consent).or_else(|| of(Gate::Preference)).or_else(|| of(Gate::StopList))?;
    let name = category.name.get(&configuration.project.locale);
    let name = name.map_or(notification.category.as_str(), String::as_str);
    let recipient = &notification.person.recipient;
    let (reason, text) = if reason == Reason::ChannelOff {
        (Reason::CategoryOff, format!("{recipient} switched off {name}"))
    } else if gate == Gate::Consent {
        (reason, format!("{recipient} does not agree to {name} any more"))
    } else {
        (reason, format!("every address of {recipient} for {name} is on the stop list"))
    };
    Some(Stopped { gate: Some(gate), reason, text: Some(text.into()) })
}

/// The channels of a notification's plan; before it is released, those that its plan will have.
fn channels_of(work: &Work<'_>, notification: &Notification, configuration: &Configuration) -> Vec<Channel> {
    let own = |steps: &[crate::model::PlannedStep]| -> Vec<Channel> {
        let steps = steps.iter().filter(|step| !step.linked);
        steps.flat_map(|step| step.channels.iter().copied()).collect()
    };
    if !notification.plan.is_empty() {
        return own(&notification.plan);
    }
    let category = configuration.categories.get(&notification.category);
    let rule = notification.cause.rule.as_ref().and_then(|id| configuration.rules.get(id));
    if let Some((rule, category)) = rule.zip(category) {
        return own(&propose::planned_steps(rule, category));
    }
    let send = work.event(&notification.cause.event).and_then(|event| event.body.send.as_ref());
    let steps = send.zip(category).map(|(send, category)| propose::steps_of_send(send, category));
    steps.map(|steps| own(&steps)).unwrap_or_default()
}

/// Why a notification ends whose ways were closed one after the other: the gate that closed them, the law's first.
pub(super) fn no_longer_allowed(work: &Work<'_>, id: &NotificationId) -> Stopped {
    let notification = work.notification(id).expect("the caller looked it up");
    let live = work.live(&notification.person.project);
    let category = live.configuration.categories.get(&notification.category);
    let channels = channels_of(work, notification, &live.configuration);
    let out = category.map(|category| {
        channels_left(&notification.category, category, &channels, work.person(&notification.person)).1
    });
    let said = |gate| out.iter().flatten().any(|(_, asked, _)| *asked == gate);
    let gate = [Gate::Consent, Gate::Preference, Gate::StopList].into_iter().find(|gate| said(*gate));
    Stopped { gate: gate.or(Some(Gate::ChannelPlan)), reason: Reason::NoLongerAllowed, text: None }
}

#[cfg(test)]
mod tests;
