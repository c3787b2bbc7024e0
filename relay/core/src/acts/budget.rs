//! What a channel may cost: counted when something is handed over, in millionths of the project's currency.

use tidings_protocol::{Channel, DeliveryState, ProjectId};

use crate::calendar::{Day, day_of};
use crate::configuration::Budget;
use crate::delivery::Outcome;
use crate::model::{Delivery, Paid};
use crate::ports::Need;
use crate::work::Work;

const MILLIONTHS: f64 = 1_000_000.0;

/// What was spent, where the channel has a budget.
pub(super) fn needs(project: &ProjectId, channel: Channel, work: &Work<'_>) -> Option<Need> {
    budget(work, project, channel).map(|_| Need::Spending(project.clone(), channel))
}

fn budget(work: &Work<'_>, project: &ProjectId, channel: Channel) -> Option<Budget> {
    work.live(project).configuration.channels.get(&channel)?.budget
}

/// Takes the cost of one hand-over, and answers what was taken.
///
/// # Errors
/// How full, in words, if the budget has no room for it; then nothing is taken.
pub(super) fn take(
    work: &mut Work<'_>,
    project: &ProjectId,
    channel: Channel,
    cost: f64,
) -> Result<Option<Paid>, String> {
    let Some(budget) = budget(work, project, channel) else { return Ok(None) };
    let live = work.live(project);
    let today = day_of(work.now(), &live.configuration.project.time_zone);
    let currency = &live.configuration.project.currency;
    let cost = millionths(cost);
    let periods = [
        (budget.day, today, "day"),
        (budget.week, today.week().monday(), "week"),
        (budget.month, today.month_start(), "month"),
    ];
    for (limit, since, name) in periods {
        let Some(limit) = limit else { continue };
        let spent = work.spent_since(project, channel, since);
        if spent + cost > millionths(limit) {
            let used = amount(spent);
            return Err(format!("{used:.2} of {limit:.2} {currency} of this {name} are spent"));
        }
    }
    spend(work, project, channel, today, cost);
    Ok((cost > 0).then_some(Paid { day: today.number(), millionths: cost, is_kept: false, unknown: None }))
}

/// Gives back what was taken for a hand-over that cost nothing, to the day from which it was taken.
fn give_back(work: &mut Work<'_>, project: &ProjectId, channel: Channel, paid: Option<Paid>) {
    if let Some(Paid { day, millionths, .. }) = paid {
        spend(work, project, channel, Day::from_number(day), -millionths);
    }
}

/// What was taken for an attempt is given back if it cost nothing, unless the same provider may charge for one before it.
pub(super) fn settle(work: &mut Work<'_>, row: &Delivery, outcome: &Outcome) {
    let way = work.way_mut(&row.id);
    let attempt = way.attempts;
    let Some(paid) = &mut way.paid else { return };
    if may_have_cost(outcome) {
        // Of two attempts that may be charged, the word on one gives nothing back.
        let is_alone = !paid.is_kept && matches!(outcome, Outcome::Unknown { .. });
        paid.unknown = is_alone.then_some(attempt);
        paid.is_kept = true;
    } else if !paid.is_kept {
        let paid = way.paid.take();
        give_back(work, &row.person.project, row.channel, paid);
    }
}

/// What was kept for an attempt of which nobody knew is settled by the late word on it. If it cost nothing, a repetition that
/// is still to begin asks the budget of its own instant; what is on its way goes on with what was taken.
pub(super) fn settle_late(work: &mut Work<'_>, row: &Delivery, attempt: u32, outcome: &Outcome) {
    let paid = row.way.as_ref().and_then(|way| way.paid).filter(|paid| paid.unknown.is_some());
    let Some(paid) = paid else { return };
    if matches!(outcome, Outcome::Accepted { .. }) {
        // Whichever attempt it was: the delivery is charged.
        work.way_mut(&row.id).paid = Some(Paid { unknown: None, ..paid });
    } else if may_have_cost(outcome) || paid.unknown != Some(attempt) {
        // Nothing is known of the one for which it is kept.
    } else if row.state == DeliveryState::HandingOver {
        work.way_mut(&row.id).paid = Some(Paid { is_kept: false, unknown: None, ..paid });
    } else {
        work.way_mut(&row.id).paid = None;
        give_back(work, &row.person.project, row.channel, Some(paid));
    }
}

/// Whether the provider may charge for an attempt: what it took, and what nobody knows. What it refused, or what did not get
/// there, costs nothing.
const fn may_have_cost(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Accepted { .. } | Outcome::Unknown { .. } => true,
        Outcome::Transient { .. }
        | Outcome::AddressBusy { .. }
        | Outcome::Permanent { .. }
        | Outcome::AddressGone { .. }
        | Outcome::Misconfigured { .. } => false,
    }
}

/// Counts what a hand-over cost beyond what was taken for it: the further parts of a long text message.
pub(super) fn add(work: &mut Work<'_>, project: &ProjectId, channel: Channel, cost: f64) {
    if budget(work, project, channel).is_some() && cost > 0.0 {
        let zone = work.live(project).configuration.project.time_zone.clone();
        spend(work, project, channel, day_of(work.now(), &zone), millionths(cost));
    }
}

fn spend(work: &mut Work<'_>, project: &ProjectId, channel: Channel, day: Day, cost: i64) {
    if cost != 0 {
        work.spend(project, channel, day, cost);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the check bounds amounts to 10^12")]
fn millionths(amount: f64) -> i64 {
    (amount * MILLIONTHS).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with two places")]
fn amount(millionths: i64) -> f64 {
    millionths as f64 / MILLIONTHS
}
