//! An attempt came to something: the delivery is sent, tried again, given to the next provider, or dead.

use tidings_protocol::{Channel, DeliveryState, LegalClass, NotificationState, ProjectId, Reason, StoryKind};

use super::{address, budget, hand_over, trials};
use crate::act::{Answer, Refusal};
use crate::configuration::Account;
use crate::delivery::retry::{self, History, Next};
use crate::delivery::{self, Form, Outcome};
use crate::model::{Delivery, Entry};
use crate::ports::Need;
use crate::sms;
use crate::work::Work;

pub(super) fn needs(project: &ProjectId, id: &str, work: &Work<'_>) -> Vec<Need> {
    hand_over::needs(project, id, work)
}

pub(super) fn conclude(
    project: &ProjectId,
    id: &str,
    attempt: u32,
    outcome: &Outcome,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(row) = work.delivery(project, id).cloned() else {
        return Err(Refusal::NotFound { what: "delivery", id: id.into() });
    };
    let newest = row.way.as_ref().is_some_and(|way| way.attempts == attempt);
    if row.state == DeliveryState::HandingOver && newest {
        follow(work, &row, outcome);
    } else {
        late(work, &row, attempt, outcome);
    }
    let state = work.delivery(project, id).expect("it was read above").state;
    Ok(Answer::Delivery { state, revived: false })
}

/// Does what follows from an outcome.
fn follow(work: &mut Work<'_>, row: &Delivery, outcome: &Outcome) {
    let chance = u64::try_from(work.random() & u128::from(u64::MAX)).unwrap_or_default();
    let next = retry::next(&history(work, row), outcome, work.now(), chance);
    {
        let way = work.way_mut(&row.id);
        way.code = outcome.code().map(Into::into);
        way.known += u32::from(settles(outcome, way.repeated));
    }
    budget::settle(work, row, outcome);
    match next {
        Next::Sent => sent(work, row, outcome),
        Next::Again(at) => again(work, row, outcome, (at, Reason::Retry)),
        Next::Repeat(at) => {
            work.way_mut(&row.id).repeated = true;
            again(work, row, outcome, (at, Reason::Repeat));
        }
        Next::Another => another(work, row, outcome),
        Next::Dead(reason) => dead(work, row, outcome, reason),
    }
}

/// Whether nothing that was handed over with this key can still arrive, so that the next attempt has another one. That a
/// repetition is not taken now says nothing of the attempt before it, whose outcome nobody knows.
const fn settles(outcome: &Outcome, is_repetition: bool) -> bool {
    match outcome {
        Outcome::Unknown { .. } => false,
        Outcome::Transient { .. } | Outcome::AddressBusy { .. } | Outcome::Misconfigured { .. } => {
            !is_repetition
        }
        Outcome::Accepted { .. } | Outcome::Permanent { .. } | Outcome::AddressGone { .. } => true,
    }
}

fn history(work: &Work<'_>, row: &Delivery) -> History {
    let way = row.way.as_deref().expect("what was handed over has a way");
    let of = work.notification(&row.notification).expect("it was read with its delivery");
    History {
        channel: row.channel,
        attempts: way.attempts,
        tries: way.tries,
        first_at: way.first_at.unwrap_or(row.made_at),
        provider_at: way.provider_at.unwrap_or(row.made_at),
        repeated: way.repeated,
        another: next_provider(work, row).is_some(),
        expires_at: of.expires_at,
    }
}

/// The first provider that serves the address, is not the one that has it, and was not given up.
fn next_provider(work: &Work<'_>, row: &Delivery) -> Option<Box<str>> {
    let way = row.way.as_deref()?;
    let live = work.live(&row.person.project);
    let all = delivery::providers(&live.configuration, row.channel, row.address.as_deref()?);
    let fresh = |name: &&str| **name != *way.provider && !way.given_up.iter().any(|past| **past == **name);
    all.into_iter().map(|(name, _)| name).find(fresh).map(Into::into)
}

/// The provider took it: with the first one that is taken, the notification has reached somebody.
fn sent(work: &mut Work<'_>, row: &Delivery, outcome: &Outcome) {
    if let Outcome::Accepted { provider_id, parts } = outcome {
        work.way_mut(&row.id).provider_id.clone_from(provider_id);
        let live = work.live(&row.person.project);
        let provider = row.way.as_deref().map(|way| &*way.provider).unwrap_or_default();
        let cost = delivery::provider(&live.configuration, provider).and_then(|provider| provider.cost);
        let paid = u32::from(row.way.as_ref().is_some_and(|way| way.paid.is_some()));
        let further = f64::from(parts.saturating_sub(paid)) * cost.unwrap_or(0.0);
        budget::add(work, &row.person.project, row.channel, further);
    }
    let shortened = shortened(work, row);
    work.shift_delivery_telling(&row.id, DeliveryState::Sent, Some(Reason::Accepted), |entry| {
        if let Some(segments) = shortened {
            entry.text = Some(format!("the text was shortened to {segments} segments").into());
        }
    });
    if work.notification(&row.notification).is_some_and(|of| of.state == NotificationState::Active) {
        work.shift(&row.notification, NotificationState::Reached, None);
    }
    if matches!(row.channel, Channel::Email | Channel::Sms | Channel::Webhook) {
        trials::taken(work, &row.notification);
    }
    address::after_end(work, &row.notification, row.step);
}

/// Into how many segments a text message went that was longer than its provider may send.
fn shortened(work: &Work<'_>, row: &Delivery) -> Option<u32> {
    let way = row.way.as_deref()?;
    let Some(Form::Sms(words)) = way.form.as_deref() else { return None };
    let live = work.live(&row.person.project);
    let provider = delivery::provider(&live.configuration, &way.provider)?;
    let Account::Http(account) = &provider.account else { return None };
    let of = work.notification(&row.notification)?;
    let category = live.configuration.categories.get(&of.category)?;
    let locale = hand_over::locale(work, &row.person, &live);
    let way_out = (category.legal == LegalClass::Marketing).then(|| sms::way_out(locale));
    let fitted = sms::fit(words, way_out, account.segments_max);
    fitted.shortened.then_some(fitted.segments)
}

fn again(
    work: &mut Work<'_>,
    row: &Delivery,
    outcome: &Outcome,
    (at, reason): (tidings_protocol::Timestamp, Reason),
) {
    work.way_mut(&row.id).due = at;
    work.shift_delivery_telling(&row.id, DeliveryState::Waiting, Some(reason), |entry| {
        entry.due = Some(at);
        say(entry, outcome);
    });
    end_if_needless(work, row);
}

/// The next provider has it at once.
fn another(work: &mut Work<'_>, row: &Delivery, outcome: &Outcome) {
    let next = next_provider(work, row).expect("it is asked only where there is another");
    let now = work.now();
    work.shift_delivery_telling(&row.id, DeliveryState::Waiting, Some(Reason::NextProvider), |entry| {
        say(entry, outcome);
        let said = entry.text.take().unwrap_or_default();
        entry.text = Some(format!("{said}; next is {next}").into());
    });
    let way = work.way_mut(&row.id);
    let before = std::mem::replace(&mut way.provider, next);
    way.given_up.push(before);
    // What the one before may still charge stays spent; this one costs for itself.
    (way.tries, way.provider_at, way.due, way.paid) = (0, None, now, None);
    end_if_needless(work, row);
}

/// What became illegal or needless while it was handed over could not be stopped then; what comes back can.
fn end_if_needless(work: &mut Work<'_>, row: &Delivery) {
    let of = work.notification(&row.notification).expect("it was read with its delivery");
    let over = match of.state {
        NotificationState::Cancelled | NotificationState::Retracted => DeliveryState::Cancelled,
        NotificationState::Expired => DeliveryState::Expired,
        NotificationState::Erased => DeliveryState::Erased,
        NotificationState::Held
        | NotificationState::Active
        | NotificationState::Reached
        | NotificationState::Failed
        | NotificationState::Suppressed
        | NotificationState::Merged => return,
    };
    work.shift_delivery(&row.id, over, None);
}

fn dead(work: &mut Work<'_>, row: &Delivery, outcome: &Outcome, reason: Reason) {
    work.notification_mut(&row.notification).died = Some(reason);
    work.shift_delivery_telling(&row.id, DeliveryState::Dead, Some(reason), |entry| say(entry, outcome));
    if reason == Reason::AddressGone
        && let Some(address) = row.address.clone()
    {
        address::forget(work, &row.person, row.channel, address);
    }
    address::after_end(work, &row.notification, row.step);
}

/// An outcome of an attempt that is not the newest, or of a delivery that is not on its way any more: the story tells
/// it. One that says the provider took it stops a repetition that was not begun; of one that was begun only the story
/// tells what came of it, and nothing follows.
fn late(work: &mut Work<'_>, row: &Delivery, attempt: u32, outcome: &Outcome) {
    if row.state == DeliveryState::Erased || work.notification(&row.notification).is_none() {
        return;
    }
    budget::settle_late(work, row, attempt, outcome);
    let taken = matches!(outcome, Outcome::Accepted { .. });
    if taken && matches!(row.state, DeliveryState::Waiting | DeliveryState::HandingOver) {
        if row.state == DeliveryState::Waiting {
            work.move_delivery(&row.id, DeliveryState::HandingOver, None);
        }
        sent(work, row, outcome);
        return;
    }
    let mut entry = address::line(work, row, StoryKind::Outcome);
    (entry.attempt, entry.state) = (Some(attempt), Some(row.state.as_str()));
    say(&mut entry, outcome);
    work.tell(&row.notification, entry);
}

/// What the provider said, in words.
fn say(entry: &mut Entry, outcome: &Outcome) {
    let kind = outcome.kind().replace('_', " ");
    let text = match (entry.provider.as_deref(), outcome.code()) {
        (Some(provider), Some(code)) => format!("{provider}: {kind}, {code}"),
        (Some(provider), None) => format!("{provider}: {kind}"),
        (None, Some(code)) => format!("{kind}, {code}"),
        (None, None) => kind,
    };
    entry.text = Some(text.into());
}
