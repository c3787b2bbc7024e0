//! The gates that choose the recipient: stop switch, known, cohort, holdout, once.

use tidings_protocol::{Gate, Reason, Verdict};

use super::{Asking, Ends, Phase, Why};
use crate::configuration::UnknownRecipient;
use crate::model::Entry;
use crate::selection;

impl Asking<'_> {
    pub(super) fn stop(&mut self) -> Ends {
        let stop = self.proposal.stop;
        if stop.project {
            return self.halt(
                Gate::Stop,
                Reason::ProjectStopped,
                Some("the project's stop switch is on".into()),
            );
        }
        match self.proposal.rule {
            Some(rule) if stop.rules.contains(&rule.id) => {
                let text = format!("the stop switch of rule {} is on", rule.id);
                self.halt(Gate::Stop, Reason::RuleStopped, Some(text))
            }
            Some(_) | None => self.pass(Gate::Stop, Reason::Running),
        }
    }

    pub(super) fn recipient(&mut self) -> Ends {
        let created = self.proposal.phase == Phase::New { created: true };
        match (self.person.is_known(), self.proposal.configuration.project.unknown_recipient) {
            (true, _) if created => self.pass(Gate::Recipient, Reason::Created),
            (true, _) => self.pass(Gate::Recipient, Reason::Known),
            // The sandbox makes nobody: a segment would find them.
            (false, UnknownRecipient::Create) if self.proposal.sandbox => {
                self.pass(Gate::Recipient, Reason::Created)
            }
            (false, UnknownRecipient::Create | UnknownRecipient::Refuse) => {
                let text = format!("{} is not known in this project", self.person.key.recipient);
                self.halt(Gate::Recipient, Reason::UnknownRecipient, Some(text))
            }
        }
    }

    pub(super) fn cohort(&mut self) -> Ends {
        let Some((rule, cohort)) = self.proposal.rule.and_then(|rule| Some((rule, rule.cohort.as_ref()?)))
        else {
            return self.pass(Gate::Cohort, Reason::NoCohort);
        };
        let recipient = &self.person.key.recipient;
        let included = cohort.include.as_ref().is_some_and(|topic| self.person.topics.contains(topic));
        if included || selection::in_cohort(&rule.id, recipient, cohort.percent) {
            return self.pass(Gate::Cohort, Reason::InCohort);
        }
        let text = format!("{recipient} is not in the {} % who try this rule", cohort.percent);
        self.halt(Gate::Cohort, Reason::OutsideCohort, Some(text))
    }

    pub(super) fn holdout(&mut self) -> Ends {
        let Some((rule, percent)) = self.proposal.rule.and_then(|rule| Some((rule, rule.holdout?))) else {
            return self.pass(Gate::Holdout, Reason::NoHoldout);
        };
        let recipient = &self.person.key.recipient;
        if !selection::held_out(&rule.id, recipient, percent) {
            return self.pass(Gate::Holdout, Reason::NotHeldOut);
        }
        let text = format!("{recipient} is among the {percent} % who are left out to compare");
        self.halt(Gate::Holdout, Reason::HeldOut, Some(text))
    }

    /// Says which variant it is, and why; nothing where the rule has none, or where the story says so already.
    pub(super) fn variant(&mut self) {
        let Some(chosen) = self.proposal.variant else { return };
        let name = &chosen.name;
        let (reason, text) = match &chosen.why {
            Why::Kept => return,
            Why::Drawn { of } => (Reason::Drawn, format!("{name}, drawn among {of}")),
            Why::Won(text) => (Reason::Won, format!("{name}, which won: {text}")),
        };
        let entry = Entry::decided(self.now, Gate::Variant, Verdict::Pass, reason);
        self.told.push(entry.with_text(text));
    }

    pub(super) fn once(&mut self) -> Ends {
        let Some(value) = &self.proposal.keys.once else {
            return self.pass(Gate::Once, Reason::NoOnceKey);
        };
        match self.seen.once {
            Some(taken) if taken.notification != *self.proposal.id => {
                let text = format!(
                    "notification {} told {} of {value}",
                    taken.notification, self.person.key.recipient
                );
                self.halt(Gate::Once, Reason::AlreadyTold, Some(text))
            }
            Some(_) | None => self.pass(Gate::Once, Reason::FirstTime),
        }
    }
}
