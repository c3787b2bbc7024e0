//! `deliver` of a direct send: the steps of a plan, checked as those of a rule are.

use std::sync::Arc;

use tidings_core::configuration::Unless;
use tidings_core::model::PlannedStep;
use tidings_protocol::http::{DeliverBody, RepeatBody, UntilBody};
use tidings_protocol::limits::{HOLD_MILLIS_MAX, ROUNDS_MAX, STEPS_MAX};
use tidings_protocol::{Channel, Span};

use crate::http::problem::Problem;

/// The plan of a send that expires after so long.
pub(super) fn planned(
    steps: Vec<DeliverBody>,
    expires: Option<Span>,
) -> Result<Arc<[PlannedStep]>, Box<Problem>> {
    if steps.is_empty() {
        return Err(Problem::invalid("/deliver", "A plan has at least one step."));
    }
    super::at_most("/deliver", "Steps", STEPS_MAX, steps.len())?;
    let mut plan: Vec<PlannedStep> = Vec::with_capacity(steps.len());
    for (index, step) in steps.into_iter().enumerate() {
        check(&format!("/deliver/{index}"), &step, &plan, expires)?;
        plan.push(PlannedStep {
            channels: step.channels,
            after: step.after.unwrap_or(Span::ZERO),
            unless: step.unless.map(unless),
            repeat: step.repeat.map(|repeat| {
                (repeat.every, u16::try_from(repeat.times).unwrap_or(u16::MAX), unless(repeat.until))
            }),
            linked: false,
        });
    }
    Ok(plan.into())
}

fn check(
    at: &str,
    step: &DeliverBody,
    earlier: &[PlannedStep],
    expires: Option<Span>,
) -> Result<(), Box<Problem>> {
    let invalid = |field: &str, detail: &str| Err(Problem::invalid(format!("{at}/{field}"), detail));
    if step.notify.is_some() {
        return invalid(
            "notify",
            "A step for somebody else needs a rule: a direct send goes to those it names.",
        );
    }
    if step.channels.is_empty() {
        return invalid("channels", "A step needs a channel.");
    }
    if (1..step.channels.len()).any(|index| step.channels[..index].contains(&step.channels[index])) {
        return invalid("channels", "A step names each channel once.");
    }
    if earlier.is_empty() && step.after.is_some() {
        return invalid("after", "The first step cannot wait, there is nothing before it: use delay.");
    }
    if step.unless.is_some() && step.after.is_none() {
        return invalid("unless", "A step that asks for a receipt needs after, or none can be there yet.");
    }
    if let Some(after) = step.after {
        check_after(&format!("{at}/after"), after, earlier, expires)?;
    }
    let answers = |step: &PlannedStep| {
        step.channels.iter().any(|channel| matches!(channel, Channel::Inapp | Channel::Push | Channel::Email))
    };
    let asks_a_person = step.unless.is_some_and(|unless| unless != UntilBody::Received);
    if asks_a_person && !earlier.iter().any(answers) {
        return invalid("unless", "No earlier step reaches a device or mailbox that could answer this.");
    }
    step.repeat.as_ref().map_or(Ok(()), |repeat| check_repeat(at, repeat, &step.channels))
}

fn check_after(
    pointer: &str,
    after: Span,
    earlier: &[PlannedStep],
    expires: Option<Span>,
) -> Result<(), Box<Problem>> {
    let latest = earlier.iter().map(|step| step.after).max().unwrap_or(Span::ZERO);
    if after.as_millis() > HOLD_MILLIS_MAX {
        return Err(Problem::invalid(pointer, "At most 90d.").over("90d", after));
    }
    if after < latest {
        let detail = format!(
            "This step comes after {after}, an earlier one only after {latest}: after counts from the moment the \
             notification left its holds."
        );
        return Err(Problem::invalid(pointer, detail));
    }
    if expires.is_some_and(|expires| after >= expires) {
        return Err(Problem::invalid(pointer, "It expires before this step."));
    }
    Ok(())
}

fn check_repeat(at: &str, repeat: &RepeatBody, channels: &[Channel]) -> Result<(), Box<Problem>> {
    let every = repeat.every.as_millis();
    if every == 0 || every > HOLD_MILLIS_MAX {
        return Err(Problem::invalid(format!("{at}/repeat/every"), "More than 0s and at most 90d."));
    }
    if repeat.times == 0 || repeat.times > ROUNDS_MAX {
        let detail = format!("From 1 to {ROUNDS_MAX}.");
        let problem = Problem::invalid(format!("{at}/repeat/times"), detail);
        return Err(problem.over(ROUNDS_MAX, repeat.times));
    }
    if !channels.iter().any(|channel| matches!(channel, Channel::Inapp | Channel::Push)) {
        let detail = "repeat shows a notification again on its devices; this step reaches none.";
        return Err(Problem::invalid(format!("{at}/repeat"), detail));
    }
    Ok(())
}

const fn unless(until: UntilBody) -> Unless {
    match until {
        UntilBody::Received => Unless::Received,
        UntilBody::Displayed => Unless::Displayed,
        UntilBody::Read => Unless::Read,
        UntilBody::Acknowledged => Unless::Acknowledged,
    }
}
