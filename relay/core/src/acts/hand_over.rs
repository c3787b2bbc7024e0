//! A delivery is handed over now, later, or not at all. Claiming it is beginning: what this commits is on its way.
//!
//! It was decided before, perhaps long before: what may forbid it, move it or make it needless is asked again at this
//! instant, and what its channel counts is taken.

use tidings_protocol::{
    Channel, DeliveryState, Gate, LegalClass, NotificationState, Priority, ProjectId, Reason, StoryKind,
    Timestamp, Verdict,
};

use super::{address, budget, chains, expire};
use crate::act::{Answer, Refusal};
use crate::calendar::{Zone, day_of, week_of};
use crate::cap::{self, CapScope, Full};
use crate::configuration::{Category, Over};
use crate::delivery::{self, Handover};
use crate::model::{Delivery, Entry, Notification, PersonKey, Stopped};
use crate::plan;
use crate::ports::Need;
use crate::view;
use crate::work::{Live, Work};

/// How long a delivery waits when its project is stopped, before it is looked at again.
const STOPPED_PAUSE_MILLIS: i64 = 5 * 60_000;
/// How long a buzz waits at most, each time, for somebody who is active on another device.
const PRESENT_PAUSE_MILLIS: i64 = 60_000;

/// What a node says when it takes a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) delivery: &'a str,
    pub(super) owner: u64,
    pub(super) present_until: Option<Timestamp>,
    /// The provider is left alone until then.
    pub(super) rests_until: Option<Timestamp>,
    /// The address is left alone until then.
    pub(super) address_rests_until: Option<Timestamp>,
}

/// The delivery, its notification with all that was sent of it, its recipient, and who is told next.
pub(super) fn needs(project: &ProjectId, id: &str, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Delivery(project.clone(), id.into())];
    let Some(row) = work.delivery(project, id) else { return needs };
    needs.push(Need::Notification(project.clone(), row.notification.clone()));
    needs.push(Need::AllDeliveries(row.notification.clone()));
    needs.push(Need::Person(row.person.clone()));
    needs.extend(budget::needs(project, row.channel, work));
    let goes_on = |of: &Notification| usize::from(of.steps_begun) < of.plan.len();
    if work.notification(&row.notification).is_some_and(goes_on) {
        needs.extend(chains::link_needs(&row.notification, work));
    }
    needs
}

/// What becomes of a delivery that is due.
enum Turn {
    /// Now.
    Now,
    /// Not before an instant, for a reason that the story tells once.
    Later(Timestamp, Option<(Reason, Entry)>),
    /// Through the lane of another provider.
    To(Box<str>),
    /// Not at all.
    Never(DeliveryState, Reason, Option<Stopped>),
}

pub(super) fn hand_over(
    project: &ProjectId,
    claim: Claim<'_>,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(row) = work.delivery(project, claim.delivery).cloned() else {
        return Err(Refusal::NotFound { what: "delivery", id: claim.delivery.into() });
    };
    let due = row.way.as_ref().is_some_and(|way| way.due <= work.now());
    if row.state != DeliveryState::Waiting || !due {
        return Ok(Answer::Handover(None));
    }
    if expire::if_passed(work, &row.notification) {
        return Ok(Answer::Handover(None));
    }
    match turn(work, &row, claim) {
        Turn::Now => return Ok(Answer::Handover(begin(work, &row, claim.owner))),
        Turn::Later(at, why) => {
            let said = row.reason;
            work.put_off_delivery(&row.id, at, why.as_ref().map(|(reason, _)| *reason));
            if let Some((_, entry)) = why.filter(|(reason, _)| said != Some(*reason)) {
                work.tell(&row.notification, entry);
            }
        }
        Turn::To(provider) => pass_on(work, &row, provider, claim.rests_until.is_some()),
        Turn::Never(state, reason, stopped) => {
            if let Some(stopped) = stopped {
                work.notification_mut(&row.notification).stopped.get_or_insert(stopped);
            }
            work.shift_delivery(&row.id, state, Some(reason));
            address::after_end(work, &row.notification, row.step);
        }
    }
    Ok(Answer::Handover(None))
}

/// Another provider has it from here on; the one before is not asked again for this delivery if it was given up.
fn pass_on(work: &mut Work<'_>, row: &Delivery, provider: Box<str>, given_up: bool) {
    let now = work.now();
    let mut entry = address::line(work, row, StoryKind::Outcome);
    (entry.state, entry.reason) = (Some(row.state.as_str()), Some(Reason::NextProvider));
    entry.text = Some(format!("next is {provider}").into());
    work.tell(&row.notification, entry);
    let way = work.way_mut(&row.id);
    let before = std::mem::replace(&mut way.provider, provider);
    if given_up {
        way.given_up.push(before);
    }
    // What the one before may still charge stays spent; this one costs for itself.
    (way.tries, way.provider_at, way.paid) = (0, None, None);
    work.put_off_delivery(&row.id, now, None);
}

/// Asks everything that may have changed since it was decided.
fn turn(work: &mut Work<'_>, row: &Delivery, claim: Claim<'_>) -> Turn {
    let live = work.live(&row.person.project);
    let now = work.now();
    let of = work.notification(&row.notification).expect("it was read with its delivery");
    if let Some(end) = is_over(of, now) {
        return end;
    }
    let rule_stopped = of.cause.rule.as_ref().is_some_and(|rule| live.state.stop.rules.contains(rule));
    if live.state.stop.project || rule_stopped {
        return Turn::Later(now.plus_millis(STOPPED_PAUSE_MILLIS), None);
    }
    let Some(category) = live.configuration.categories.get(&of.category) else {
        return Turn::Never(DeliveryState::Suppressed, Reason::RuleGone, None);
    };
    if let Some(reason) = address::needless(of, row) {
        return Turn::Never(DeliveryState::Cancelled, reason, None);
    }
    if let Some(end) = is_forbidden(work, row, of, category) {
        return end;
    }
    if let Some(later) = is_held(work, row, of, category, claim) {
        return later;
    }
    if let Some(until) = claim.address_rests_until.filter(|until| *until > now) {
        return Turn::Later(until, Some((Reason::Retry, is_busy(work, row, until))));
    }
    let Some(provider) = provider_of(&live, row, claim.rests_until.is_some()) else {
        return match claim.rests_until {
            Some(until) => Turn::Later(until, None),
            None => Turn::Never(DeliveryState::Suppressed, Reason::NoProvider, None),
        };
    };
    if row.way.as_ref().is_some_and(|way| *way.provider != *provider) {
        return Turn::To(provider);
    }
    is_over_budget(work, row, &live, &provider).unwrap_or(Turn::Now)
}

/// A notification that is over is not sent.
fn is_over(of: &Notification, now: Timestamp) -> Option<Turn> {
    let lives = matches!(of.state, NotificationState::Active | NotificationState::Reached);
    if of.expires_at <= now {
        return Some(Turn::Never(DeliveryState::Expired, Reason::Expired, None));
    }
    if of.flags.retracted_at.is_some() {
        return Some(Turn::Never(DeliveryState::Cancelled, Reason::Retracted, None));
    }
    (!lives).then_some(Turn::Never(DeliveryState::Cancelled, Reason::NoLongerAllowed, None))
}

/// Law, recipient and stop list are asked again, and whether the address is still the recipient's.
fn is_forbidden(work: &Work<'_>, row: &Delivery, of: &Notification, category: &Category) -> Option<Turn> {
    let person = work.person(&row.person);
    let (_, out) = plan::channels_left(&of.category, category, &[row.channel], person);
    if let Some((_, gate, reason)) = out.into_iter().next() {
        let stopped = Stopped { gate: Some(gate), reason, text: None };
        return Some(Turn::Never(DeliveryState::Suppressed, reason, Some(stopped)));
    }
    let same = |address: &str| row.address.as_deref() == Some(address);
    let known = person.endpoints.iter().find(|e| e.channel == row.channel && same(&e.address));
    match known {
        None => Some(Turn::Never(DeliveryState::Cancelled, Reason::EndpointMoved, None)),
        Some(endpoint) if endpoint.stopped => {
            Some(Turn::Never(DeliveryState::Suppressed, Reason::AddressStopped, None))
        }
        Some(_) => None,
    }
}

/// Quiet hours and pauses hold what comes late, and somebody who is active on a device is not buzzed on another.
fn is_held(
    work: &Work<'_>,
    row: &Delivery,
    of: &Notification,
    category: &Category,
    claim: Claim<'_>,
) -> Option<Turn> {
    let now = work.now();
    if category.legal == LegalClass::Essential {
        return None;
    }
    let live = work.live(&row.person.project);
    let person = work.person(&row.person);
    // The window and the best hour were asked at the release, and `latest` may have passed over them; it never passes over
    // quiet hours.
    let quiet = plan::quiet_until(person, &live.configuration, of.priority, now);
    let (gate, reason, until) = match (quiet, claim.present_until) {
        (Some(quiet), _) => quiet,
        (None, Some(present)) if waits_for_presence(row, of, present, now) => {
            (Gate::ChannelPlan, Reason::Present, present.min(now.plus_millis(PRESENT_PAUSE_MILLIS)))
        }
        (None, _) => return None,
    };
    let mut entry = address::line(work, row, StoryKind::Held);
    (entry.gate, entry.verdict, entry.reason, entry.due) =
        (Some(gate), Some(Verdict::Hold), Some(reason), Some(until));
    Some(Turn::Later(until, Some((reason, entry))))
}

/// The line of a delivery whose address asked to be left alone when another one came to it.
fn is_busy(work: &Work<'_>, row: &Delivery, until: Timestamp) -> Entry {
    let mut entry = address::line(work, row, StoryKind::Held);
    (entry.gate, entry.verdict, entry.reason, entry.due) =
        (Some(Gate::ChannelPlan), Some(Verdict::Hold), Some(Reason::Retry), Some(until));
    entry.text = Some("its address takes nothing for a while".into());
    entry
}

/// A buzz waits while the recipient is at a device that has the notification in its inbox; never an urgent one.
fn waits_for_presence(row: &Delivery, of: &Notification, present: Timestamp, now: Timestamp) -> bool {
    row.channel == Channel::Push
        && present > now
        && of.priority != Priority::Urgent
        && of
            .inapp
            .is_some_and(|inapp| matches!(inapp.state, DeliveryState::Placed | DeliveryState::Received))
}

/// The provider that has it; if that rests, or the document does not name it any more, the first other one that serves the
/// address and was not given up.
fn provider_of(live: &Live, row: &Delivery, rests: bool) -> Option<Box<str>> {
    let way = row.way.as_deref()?;
    let all = delivery::providers(&live.configuration, row.channel, row.address.as_deref()?);
    if !rests && all.iter().any(|(name, _)| **name == *way.provider) {
        return Some(way.provider.clone());
    }
    let fresh =
        |name: &&str| **name != *way.provider && !way.given_up.iter().any(|given_up| **given_up == **name);
    all.into_iter().map(|(name, _)| name).find(fresh).map(Into::into)
}

/// The channel's cap and budget: the cap counts notifications, each once, the budget every attempt of which it is not known
/// that it cost nothing. A repetition takes nothing, and neither does what is refused.
fn is_over_budget(work: &mut Work<'_>, row: &Delivery, live: &Live, provider: &str) -> Option<Turn> {
    let is_paid = row.way.as_ref()?.paid.is_some();
    let begun = |other: &Delivery| {
        other.channel == row.channel && other.way.as_ref().is_some_and(|way| way.attempts > 0)
    };
    let counted = work.deliveries_of(&row.notification).any(begun);
    let of = work.notification(&row.notification)?;
    let essential = live.configuration.categories.get(&of.category).map(|category| category.legal);
    let cap = live.configuration.channels.get(&row.channel).and_then(|settings| settings.cap.as_ref());
    let cap = cap.filter(|_| !counted && essential != Some(LegalClass::Essential));
    let zone = plan::zone_of(work.person(&row.person), &live.configuration);
    let (day, week) = (day_of(work.now(), &zone), week_of(work.now(), &zone));
    let scope = CapScope::Channel(row.channel);
    if let Some(rule) = cap
        && let Err(full) = work.inbox_mut(&row.person).counters.room(rule.cap, &scope, day, week)
    {
        return Some(capped(work, row, rule.over, &full, &zone));
    }
    let cost = delivery::provider(&live.configuration, provider).and_then(|provider| provider.cost);
    if !is_paid {
        match budget::take(work, &row.person.project, row.channel, cost.unwrap_or(0.0)) {
            Ok(paid) => work.way_mut(&row.id).paid = paid,
            Err(spent) => {
                let stopped = Stopped {
                    gate: Some(Gate::ChannelPlan),
                    reason: Reason::Budget,
                    text: Some(spent.into()),
                };
                return Some(Turn::Never(DeliveryState::Suppressed, Reason::Budget, Some(stopped)));
            }
        }
    }
    if cap.is_some() {
        work.inbox_mut(&row.person).counters.take(&scope, day, week);
        work.raise_version(&row.person);
    }
    None
}

fn capped(work: &Work<'_>, row: &Delivery, over: Over, full: &Full, zone: &Zone) -> Turn {
    if over == Over::Defer {
        let until = cap::next_period(full, work.now(), zone);
        let mut entry = address::line(work, row, StoryKind::Held);
        (entry.gate, entry.verdict, entry.reason, entry.due) =
            (Some(Gate::Cap), Some(Verdict::Hold), Some(Reason::Cap), Some(until));
        entry.text = Some(full.to_string().into());
        return Turn::Later(until, Some((Reason::Cap, entry)));
    }
    let stopped = Stopped { gate: Some(Gate::Cap), reason: Reason::Cap, text: Some(full.to_string().into()) };
    Turn::Never(DeliveryState::Suppressed, Reason::Cap, Some(stopped))
}

/// From here on it is on its way.
fn begin(work: &mut Work<'_>, row: &Delivery, owner: u64) -> Option<Box<Handover>> {
    let now = work.now();
    let (address, form) = (row.address.clone()?, row.way.as_ref()?.form.as_deref()?.clone());
    let live = work.live(&row.person.project);
    let of = work.notification(&row.notification)?;
    let category = live.configuration.categories.get(&of.category)?;
    let locale = locale(work, &row.person, &live);
    let way = row.way.as_ref()?;
    let handover = Handover {
        project: row.person.project.clone(),
        delivery: row.id.clone(),
        attempt: way.attempts + 1,
        key: row.key(),
        provider: way.provider.clone(),
        channel: row.channel,
        address,
        notification: row.notification.clone(),
        recipient: row.person.recipient.clone(),
        category: of.category.clone(),
        category_name: category_name(&live, category, locale).unwrap_or(of.category.as_str()).into(),
        legal: category.legal,
        priority: of.priority,
        collapse: of.keys.collapse.clone(),
        needs_acknowledgement: view::needs_acknowledgement(of),
        round: of.round,
        locale: locale.into(),
        created_at: of.created_at,
        expires_at: of.expires_at,
        form,
    };
    work.move_delivery(&row.id, DeliveryState::HandingOver, None);
    let way = work.way_mut(&row.id);
    way.owner = Some(owner);
    way.attempts += 1;
    way.tries += 1;
    way.first_at.get_or_insert(now);
    way.provider_at.get_or_insert(now);
    Some(Box::new(handover))
}

/// The language of a recipient: their own, or the project's.
pub(super) fn locale<'w>(work: &'w Work<'_>, person: &PersonKey, live: &'w Live) -> &'w str {
    let own = work.person(person).recipient.as_ref().and_then(|known| known.locale.as_deref());
    own.unwrap_or(live.configuration.project.locale.as_str())
}

/// A category's name in a language, or in the project's.
fn category_name<'c>(live: &'c Live, category: &'c Category, locale: &str) -> Option<&'c str> {
    let wanted: Option<crate::template::Locale> = locale.parse().ok();
    let own = wanted.iter().flat_map(crate::template::Locale::fallbacks);
    let all = own.chain(live.configuration.project.locale.fallbacks());
    all.into_iter().find_map(|locale| category.name.get(&locale)).map(String::as_str)
}
