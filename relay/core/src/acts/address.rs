//! Deliveries of a step: one for each address of a channel, and what makes them needless before they are handed over.

use tidings_protocol::{Channel, DeliveryState, Gate, NotificationId, Reason, StoryKind, Verdict};

use super::steps;
use crate::configuration::Unless;
use crate::delivery::{self, Form};
use crate::model::{Delivery, Entry, Notification, PersonKey, Way};
use crate::plan;
use crate::work::Work;

/// Makes the deliveries of a channel, one for each address that may be used and to which none is on its way. Answers whether
/// there is any. `round` is 0 for the first showing.
pub(super) fn deliver(
    work: &mut Work<'_>,
    id: &NotificationId,
    channel: Channel,
    (step, round): (u16, u32),
) -> bool {
    let row = work.notification(id).expect("the caller looked it up");
    let person = row.person.clone();
    let live = work.live(&person.project);
    let known = work.person(&person);
    if let Err(reason) = plan::reach(&live.configuration, known, channel) {
        let mut entry = Entry::decided(work.now(), Gate::ChannelPlan, Verdict::Stop, reason);
        (entry.channel, entry.step) = (Some(channel), Some(step));
        work.tell(id, entry);
        return false;
    }
    let form = row.forms.get(&channel).cloned().or_else(|| {
        // Its address came after the words: it says what the inbox says.
        let content = row.content.as_ref()?;
        plan::form_of_content(&live.configuration, channel, content)
    });
    let Some(form) = form else { return false };
    let free = known.endpoints.iter().filter(|endpoint| endpoint.channel == channel && !endpoint.stopped);
    let free = free.filter(|endpoint| round == 0 || !is_on_its_way(work, id, channel, &endpoint.address));
    let ways: Vec<(Box<str>, Box<str>)> = free
        .filter_map(|endpoint| {
            let providers = delivery::providers(&live.configuration, channel, &endpoint.address);
            providers.first().map(|(name, _)| (endpoint.address.clone(), (*name).into()))
        })
        .collect();
    for (address, provider) in ways {
        add(work, id, (channel, step, round), address, provider, form.clone());
    }
    true
}

/// Whether a delivery of the notification is on its way to an address: it buzzes there, whatever round it is.
fn is_on_its_way(work: &Work<'_>, id: &NotificationId, channel: Channel, address: &str) -> bool {
    work.deliveries_of(id).any(|row| {
        row.channel == channel
            && row.address.as_deref() == Some(address)
            && matches!(row.state, DeliveryState::Waiting | DeliveryState::HandingOver)
    })
}

fn add(
    work: &mut Work<'_>,
    id: &NotificationId,
    (channel, step, round): (Channel, u16, u32),
    address: Box<str>,
    provider: Box<str>,
    form: Form,
) {
    let now = work.now();
    let of = work.notification(id).expect("the caller looked it up");
    let (person, priority) = (of.person.clone(), of.priority);
    work.add_delivery(Delivery {
        id: work.id().to_string().into(),
        notification: id.clone(),
        person,
        channel,
        address: Some(address),
        state: DeliveryState::Waiting,
        reason: None,
        step,
        made_at: now,
        changed_at: now,
        way: Some(Box::new(Way { round, ..Way::new(provider, priority, now, Box::new(form)) })),
    });
}

/// A receipt makes needless what its step had waited for the absence of, every buzz about what somebody has seen, and
/// everything once it is acknowledged.
pub(super) fn stop_needless(work: &mut Work<'_>, id: &NotificationId) {
    let row = work.notification(id).expect("the caller looked it up");
    let on_way: Vec<(Box<str>, Channel, DeliveryState, Reason)> = work
        .deliveries_of(id)
        .filter(|delivery| matches!(delivery.state, DeliveryState::Waiting | DeliveryState::HandingOver))
        .filter_map(|delivery| {
            let reason = needless(row, delivery)?;
            Some((delivery.id.clone(), delivery.channel, delivery.state, reason))
        })
        .collect();
    for (delivery, channel, state, reason) in on_way {
        if state == DeliveryState::HandingOver {
            work.tell_too_late(id, &delivery, channel);
        } else {
            work.shift_delivery(&delivery, DeliveryState::Cancelled, Some(reason));
        }
    }
}

/// Why a delivery is needless after what devices told. A repeat buzzes about what was seen in an earlier round, until what
/// it waits for happened.
pub(super) fn needless(of: &Notification, row: &Delivery) -> Option<Reason> {
    let flags = &of.flags;
    let planned = of.plan.get(usize::from(row.step).saturating_sub(1));
    let acknowledged = steps::happened(flags, Unless::Acknowledged);
    if row.way.as_ref().is_some_and(|way| way.round > 0) {
        let until = planned.and_then(|step| step.repeat).map(|(_, _, until)| until);
        return acknowledged.or_else(|| until.and_then(|until| steps::happened(flags, until)));
    }
    let seen = if row.channel == Channel::Push { steps::happened(flags, Unless::Displayed) } else { None };
    let unless = planned.and_then(|step| step.unless);
    acknowledged.or(seen).or_else(|| unless.and_then(|unless| steps::happened(flags, unless)))
}

/// Nothing of a delivery's step can arrive any more if all its deliveries ended without being taken: the next step is due
/// at once. With no step left, that may be the notification's end.
pub(super) fn after_end(work: &mut Work<'_>, id: &NotificationId, step: u16) {
    let row = work.notification(id).expect("the caller looked it up");
    let lost = |state| {
        matches!(
            state,
            DeliveryState::Dead
                | DeliveryState::Suppressed
                | DeliveryState::Cancelled
                | DeliveryState::Expired
        )
    };
    let in_inbox = |number: u16| {
        let planned = row.plan.get(usize::from(number).saturating_sub(1));
        planned.is_some_and(|planned| planned.channels.contains(&Channel::Inapp))
            && row.inapp.is_some_and(|inapp| !lost(inapp.state))
    };
    let newest = row.steps_begun;
    let of_step: Vec<DeliveryState> =
        work.deliveries_of(id).filter(|row| row.step == newest).map(|row| row.state).collect();
    let all_lost = !of_step.is_empty() && of_step.into_iter().all(lost);
    let over = step == newest && all_lost && !in_inbox(newest);
    if over {
        steps::over(work, id);
    }
    let row = work.notification(id).expect("it was read above");
    if usize::from(row.steps_begun) >= row.plan.len() {
        steps::end_if_spent(work, id);
    }
}

/// A line about a delivery, for the story of its notification.
pub(super) fn line(work: &Work<'_>, row: &Delivery, kind: StoryKind) -> Entry {
    let mut entry = Entry::new(work.now(), kind);
    (entry.channel, entry.delivery, entry.step) = (Some(row.channel), Some(row.id.clone()), Some(row.step));
    if let Some(way) = &row.way {
        (entry.provider, entry.attempt) = (Some(way.provider.clone()), Some(way.attempts));
    }
    entry
}

/// Nobody is behind an address any more. A subscription or URL is taken from its owner; a mailbox or number goes onto the
/// stop list, so that it stays known as what it is when somebody names it again.
pub(super) fn forget(work: &mut Work<'_>, person: &PersonKey, channel: Channel, address: Box<str>) {
    match channel {
        Channel::Inapp => {}
        Channel::Push | Channel::Webhook => {
            work.remove_endpoints(person, channel, Some(&address));
        }
        Channel::Email | Channel::Sms => work.tell_gone(person.project.clone(), channel, address),
    }
}
