//! A notification's plan, step by step: each begins when its time has come, unless what it waits for happened.

use tidings_protocol::{
    Channel, DeliveryState, Gate, NotificationId, NotificationState, Reason, StoryKind, Timestamp, Verdict,
};

use super::{address, chains, restrict};
use crate::configuration::{Alert, Unless};
use crate::model::{DueKey, Entry, Flags, Notification, PlannedStep, Stopped};
use crate::plan;
use crate::work::Work;

/// Begins every step whose time has come. `due` says that the next one's has, whatever its own time.
pub(super) fn begin(work: &mut Work<'_>, id: &NotificationId, due: bool) {
    let mut over = due;
    loop {
        let row = work.notification(id).expect("the caller looked it up");
        let begun = usize::from(row.steps_begun);
        let Some(step) = row.plan.get(begun).cloned() else { break };
        if begun > 0
            && let Some(reason) = step.unless.and_then(|unless| happened(&row.flags, unless))
        {
            skip(work, id, reason);
            continue;
        }
        let released = row.released_at.unwrap_or_else(|| work.now());
        let at = released.plus_millis(step.after.as_millis());
        if begun > 0 && !over && at > work.now() {
            let person = row.person.clone();
            work.set_due(&person, DueKey::Step(id.clone()), at);
            return;
        }
        over = take(work, id, &step);
    }
    let person = work.notification(id).expect("it was read above").person.clone();
    work.clear_due(&person, DueKey::Step(id.clone()));
    forget_words(work, id);
    end(work, id);
}

/// Every delivery has its own words now; only what will be repeated by push keeps those.
fn forget_words(work: &mut Work<'_>, id: &NotificationId) {
    let row = work.notification_mut(id);
    let repeats = row.plan.iter().any(|step| step.repeat.is_some_and(|(_, times, _)| row.repeats < times));
    row.forms.retain(|channel, _| repeats && *channel == Channel::Push);
}

/// Takes one step. Answers whether it is over at once, because nothing of it can arrive.
fn take(work: &mut Work<'_>, id: &NotificationId, step: &PlannedStep) -> bool {
    let number = work.notification(id).expect("the caller looked it up").steps_begun + 1;
    work.notification_mut(id).steps_begun = number;
    if number > 1 {
        let mut entry = Entry::new(work.now(), StoryKind::Released);
        (entry.reason, entry.step) = (Some(Reason::StepDue), Some(number));
        work.tell(id, entry);
    }
    if step.linked {
        return !chains::link(work, id, number);
    }
    let mut arrives = false;
    for channel in still_allowed(work, id, step, number) {
        if channel != Channel::Inapp {
            arrives |= address::deliver(work, id, channel, (number, 0));
        } else {
            if work.notification(id).is_some_and(|row| row.inapp.is_none()) {
                work.place(id);
            }
            arrives = true;
        }
    }
    if let Some((every, times, _)) = step.repeat
        && arrives
        && times > 0
    {
        let (person, at) = (work.notification(id).expect("it was read above").person.clone(), work.now());
        work.set_due(&person, DueKey::Repeat(id.clone()), at.plus_millis(every.as_millis()));
    }
    !arrives
}

/// A later step asks the law and the recipient again at its own instant.
fn still_allowed(work: &mut Work<'_>, id: &NotificationId, step: &PlannedStep, number: u16) -> Vec<Channel> {
    if number == 1 {
        return step.channels.clone();
    }
    let row = work.notification(id).expect("the caller looked it up");
    let live = work.live(&row.person.project);
    let Some(category) = live.configuration.categories.get(&row.category) else { return Vec::new() };
    let (left, out) = plan::channels_left(&row.category, category, &step.channels, work.person(&row.person));
    for (channel, gate, reason) in out {
        let mut entry = Entry::decided(work.now(), gate, Verdict::Stop, reason);
        (entry.channel, entry.step) = (Some(channel), Some(number));
        work.tell(id, entry);
    }
    left
}

/// All steps were begun. With nothing pending and nothing handed over, that is the end.
fn end(work: &mut Work<'_>, id: &NotificationId) {
    if !end_if_spent(work, id) {
        tell_unacknowledged(work, id);
    }
}

/// Ends a notification of which nothing is pending and nothing was handed over. Answers whether it ended.
pub(super) fn end_if_spent(work: &mut Work<'_>, id: &NotificationId) -> bool {
    let row = work.notification(id).expect("the caller looked it up");
    let placed = row.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
    let pending = placed || row.on_way > 0;
    if row.state == NotificationState::Active && !pending {
        if let Some(reason) = row.died {
            let stopped = Stopped { gate: None, reason, text: None };
            work.shift(id, NotificationState::Failed, Some(stopped));
            return true;
        }
        let stopped = if let Some(stopped) = &row.stopped {
            stopped.clone()
        } else if row.inapp.is_some() || work.deliveries_of(id).next().is_some() {
            restrict::no_longer_allowed(work, id)
        } else {
            unreachable_by_any(work, id)
        };
        work.shift(id, NotificationState::Suppressed, Some(stopped));
        return true;
    }
    false
}

/// No channel of the plan led to the recipient.
fn unreachable_by_any(work: &Work<'_>, id: &NotificationId) -> Stopped {
    let row = work.notification(id).expect("the caller looked it up");
    let live = work.live(&row.person.project);
    let person = work.person(&row.person);
    let channels = row.plan.iter().flat_map(|step| &step.channels);
    let mut causes = channels.filter_map(|channel| plan::reach(&live.configuration, person, *channel).err());
    let (reason, text) = if causes.any(|cause| cause == Reason::NoEndpoint) {
        (Reason::NoEndpoint, format!("{} has no address on any of its channels", row.person.recipient))
    } else {
        (Reason::NoProvider, "none of its channels has a provider".to_owned())
    };
    Stopped { gate: Some(Gate::ChannelPlan), reason, text: Some(text.into()) }
}

/// The plan asked for an acknowledgement, ran out, and nobody gave one.
fn tell_unacknowledged(work: &mut Work<'_>, id: &NotificationId) {
    let row = work.notification(id).expect("the caller looked it up");
    let asks = |step: &PlannedStep| {
        step.unless == Some(Unless::Acknowledged)
            || step.repeat.is_some_and(|(_, _, until)| until == Unless::Acknowledged)
    };
    let repeats = row.plan.iter().filter_map(|step| step.repeat);
    let shown = row.inapp.is_some() || row.on_way > 0 || row.state == NotificationState::Reached;
    let repeats_wait = shown && repeats.clone().any(|(_, times, _)| row.repeats < times);
    if (row.plan.len() > 1 || repeats.count() > 0)
        && row.plan.iter().any(asks)
        && !repeats_wait
        && row.flags.acknowledged_at.is_none()
    {
        let mut entry = Entry::new(work.now(), StoryKind::Ended);
        entry.reason = Some(Reason::Unacknowledged);
        let row = work.notification(id).expect("it was read above");
        let (project, text) = (row.person.project.clone(), format!("{id} for {}", row.person.recipient));
        work.alarm(&project, Alert::Unacknowledged, text);
        work.tell(id, entry);
    }
}

fn skip(work: &mut Work<'_>, id: &NotificationId, reason: Reason) {
    let row = work.notification_mut(id);
    let channels = row.plan.get(usize::from(row.steps_begun)).map(|step| step.channels.clone());
    row.steps_begun += 1;
    let number = row.steps_begun;
    let mut entry = Entry::new(work.now(), StoryKind::Cancelled);
    (entry.step, entry.reason) = (Some(number), Some(reason));
    entry.text = channels.filter(|channels| !channels.is_empty()).map(|channels| not_needed(&channels));
    work.tell(id, entry);
}

/// What a step that is skipped would have used.
fn not_needed(channels: &[Channel]) -> Box<str> {
    let word = |channel: &Channel| match channel {
        Channel::Inapp => "Inbox",
        Channel::Push => "Push",
        Channel::Email => "Mail",
        Channel::Sms => "SMS",
        Channel::Webhook => "Webhook",
    };
    let words: Vec<&str> = channels.iter().map(word).collect();
    format!("{} not needed", words.join(" and ")).into()
}

/// A notification reached somebody and something made the rest of its plan needless.
pub(super) fn end_early(work: &mut Work<'_>, id: &NotificationId, reason: Reason, text: Box<str>) {
    let row = work.notification_mut(id);
    row.steps_begun = u16::try_from(row.plan.len()).unwrap_or(u16::MAX);
    row.repeats = u16::MAX;
    row.forms.clear();
    let person = row.person.clone();
    work.clear_due(&person, DueKey::Step(id.clone()));
    work.clear_due(&person, DueKey::Repeat(id.clone()));
    let mut entry = Entry::new(work.now(), StoryKind::Cancelled);
    (entry.reason, entry.text) = (Some(reason), Some(text));
    work.tell(id, entry);
    work.stop_deliveries(id, DeliveryState::Cancelled, Some(reason));
}

/// Whether what a step waits for happened, as a reason.
pub(super) fn happened(flags: &Flags, unless: Unless) -> Option<Reason> {
    // Whoever read it had it displayed, and whoever acknowledged it read it: each kind includes those after it.
    let acknowledged = flags.acknowledged_at;
    let read =
        flags.read_at.or(flags.acted.as_ref().map(|(at, _)| *at)).or(flags.clicked_at).or(acknowledged);
    let displayed = flags.displayed_at.or(read);
    let (at, reason): (Option<Timestamp>, Reason) = match unless {
        Unless::Received => (flags.received_at.or(displayed), Reason::ReceivedInTime),
        Unless::Displayed => (displayed, Reason::DisplayedInTime),
        Unless::Read => (read, Reason::ReadInTime),
        Unless::Acknowledged => (acknowledged, Reason::AcknowledgedInTime),
    };
    at.map(|_| reason)
}

/// A device told something: later steps that waited for its absence, and what is on its way and was needed for its
/// absence only, are needless, in the same commit.
pub(super) fn receipt_came(work: &mut Work<'_>, id: &NotificationId) {
    address::stop_needless(work, id);
    let row = work.notification(id).expect("the caller looked it up");
    let repeats = row.plan.iter().find_map(|step| step.repeat);
    if let Some((_, times, until)) = repeats
        && row.repeats < times
        && happened(&row.flags, until).is_some()
    {
        let person = row.person.clone();
        work.notification_mut(id).repeats = times;
        work.clear_due(&person, DueKey::Repeat(id.clone()));
        forget_words(work, id);
    }
    if goes_on(work, id) && waits(work, id) {
        let row = work.notification(id).expect("it was read above");
        let next = &row.plan[usize::from(row.steps_begun)];
        if next.unless.is_some_and(|unless| happened(&row.flags, unless).is_some()) {
            begin(work, id, false);
        }
    }
}

fn waits(work: &Work<'_>, id: &NotificationId) -> bool {
    let row = work.notification(id).expect("the caller looked it up");
    row.steps_begun > 0 && usize::from(row.steps_begun) < row.plan.len()
}

/// Nothing of the step that was begun can arrive any more: the next one is due.
pub(super) fn over(work: &mut Work<'_>, id: &NotificationId) {
    if goes_on(work, id) && waits(work, id) {
        begin(work, id, true);
    }
}

/// The next step is due.
pub(super) fn due(work: &mut Work<'_>, id: &NotificationId) {
    if goes_on(work, id) && waits(work, id) {
        begin(work, id, true);
    }
}

/// The step that repeats is shown again, as a new round of the same notification.
pub(super) fn repeat(work: &mut Work<'_>, id: &NotificationId) {
    let Some(row) = work.notification(id) else { return };
    let (person, key) = (row.person.clone(), DueKey::Repeat(id.clone()));
    let repeat = row.plan.iter().find_map(|step| step.repeat).filter(|(_, times, _)| row.repeats < *times);
    let Some((every, times, until)) = repeat.filter(|_| goes_on(work, id)) else {
        work.clear_due(&person, key);
        return;
    };
    if happened(&work.notification(id).expect("it was read above").flags, until).is_some() {
        work.clear_due(&person, key);
        return;
    }
    let row = work.notification_mut(id);
    row.round = row.round.max(1) + 1;
    row.repeats += 1;
    let (repeats, round) = (row.repeats, row.round);
    if work.notification(id).is_some_and(|row| row.created_seq.is_some()) {
        work.touch_inbox_row(id);
    }
    let mut entry = Entry::new(work.now(), StoryKind::Repeated);
    entry.reason = Some(Reason::Repeated);
    entry.text = Some(format!("{repeats} of {times}").into());
    work.tell(id, entry);
    buzz_again(work, id, round);
    if repeats < times {
        let at = work.now().plus_millis(every.as_millis());
        work.set_due(&person, key, at);
    } else {
        work.clear_due(&person, key);
        forget_words(work, id);
        if !waits(work, id) {
            tell_unacknowledged(work, id);
        }
    }
}

/// Devices that are not connected see the new round only if something wakes them.
fn buzz_again(work: &mut Work<'_>, id: &NotificationId, round: u32) {
    let row = work.notification(id).expect("the caller looked it up");
    let place = row.plan.iter().position(|step| step.repeat.is_some());
    let by_push = |place: &usize| row.plan[*place].channels.contains(&Channel::Push);
    if let Some(place) = place.filter(by_push) {
        let step = u16::try_from(place + 1).expect("a plan has few steps");
        address::deliver(work, id, Channel::Push, (step, round));
    }
}

/// Whether the plan of a notification may go on at this instant.
fn goes_on(work: &Work<'_>, id: &NotificationId) -> bool {
    let on = |row: &Notification| {
        matches!(row.state, NotificationState::Active | NotificationState::Reached)
            && row.flags.retracted_at.is_none()
            && row.expires_at > work.now()
    };
    work.notification(id).is_some_and(on)
}
