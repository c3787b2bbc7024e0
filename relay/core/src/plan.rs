//! The composition: asks every gate in order and says what becomes of a notification. Looks only; the act that
//! follows the plan consumes.
//!
//! Order (SEMANTICS 3): stopped, recipient, cohort, holdout, variant (which stops nothing), channels (stop list, consent, preference), once, throttle,
//! time, cap, channel plan, render.

mod best_hour;
mod channels;
mod forms;
mod limits;
mod select;
mod timing;
mod words;

use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{CategoryId, Gate, LegalClass, NotificationId, Priority, Reason, Timestamp, Verdict};

use self::best_hour::BestHour;
use crate::calendar::Zone;
use crate::cap::CapScope;
use crate::configuration::{Category, Configuration, Rule};
use crate::model::{DigestScope, Entry, Keys, OnceKey, Person, PlannedStep, StopSwitch, Stopped};
use crate::template::{self, Template};

pub(crate) use channels::channels_left;
pub(crate) use forms::{ChannelForms, form_of_content};
pub(crate) use timing::quiet_until;
pub(crate) use words::{reach, recipient_root};

/// What is proposed to one recipient.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    pub(crate) id: &'a NotificationId,
    pub(crate) configuration: &'a Configuration,
    pub(crate) stop: &'a StopSwitch,
    pub(crate) rule: Option<&'a Rule>,
    pub(crate) category_id: &'a CategoryId,
    pub(crate) category: &'a Category,
    pub(crate) priority: Priority,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// A direct send's own earliest instant.
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) keys: &'a Keys,
    /// The plan before any channel is taken out.
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) words: Words<'a>,
    pub(crate) data: &'a Value,
    pub(crate) event: &'a Value,
    pub(crate) digest: Option<&'a template::DigestScope>,
    /// Which of the rule's variants, if it has some.
    pub(crate) variant: Option<&'a Chosen>,
    pub(crate) phase: Phase,
    /// Whether neither rule nor sender planned the steps: they are the category's channels.
    pub(crate) unplanned: bool,
    /// Everything but the hand-over.
    pub(crate) sandbox: bool,
}

/// What is said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words<'a> {
    /// These words.
    Literal(&'a Arc<ContentItem>),
    /// What a template makes of the data.
    Template(&'a Template),
    /// The template is not in the configuration any more.
    Gone,
}

/// A variant, and how a notification came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) name: Box<str>,
    pub(crate) why: Why,
}

/// How a notification came to its variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// By the hash of rule and recipient, among so many.
    Drawn {
        /// How many the rule has.
        of: usize,
    },
    /// It won, by these counts.
    Won(Box<str>),
    /// It was given before, and its story says how.
    Kept,
}

/// At which point of its life a notification is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is new.
    New {
        /// Whether the recipient was made for it.
        created: bool,
    },
    /// Its hold ended. Once-key and throttle are its own.
    Released {
        /// How often a cap put it off.
        deferrals: u8,
        /// Whether it counted against the throttle already.
        throttled: bool,
        /// Whether it was the best hour that it waited for, and waited long enough.
        hour_came: bool,
    },
    /// It failed and is tried again. It takes nothing, so neither throttle nor caps are asked.
    Replayed,
    /// Whether it may be a member of the digest that closes; time and caps are asked of the digest.
    Member,
    /// The digest itself.
    Digest {
        /// How often a cap put it off.
        deferrals: u8,
        /// Whether it collects what is over the caps of its category, and not what one rule makes.
        overflow: bool,
    },
}

/// What the store knows beside the recipient.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    /// The once-key, if it is taken.
    pub(crate) once: Option<&'a OnceKey>,
}

/// What becomes of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Every verdict, in order.
    pub(crate) told: Vec<Entry>,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// Not at all.
    Stop(Stopped),
    /// It cannot be put into words.
    Fail(Stopped),
    /// Later.
    Hold { stopped: Stopped, due: Timestamp, deferred: bool },
    /// Into a digest.
    Collect(DigestScope),
    /// It may be a member of the digest.
    Survives,
    /// Now.
    Go {
        steps: Vec<PlannedStep>,
        scopes: Vec<CapScope>,
        content: Arc<ContentItem>,
        /// What each channel beside the inbox says.
        forms: ChannelForms,
        /// What keeps it from its own recipient, if only the steps for somebody else are left.
        unreached: Option<Stopped>,
    },
}

/// The gates' common scratch: what is asked, of whom, when, and what was said so far.
struct Asking<'a> {
    proposal: &'a Proposal<'a>,
    person: &'a Person,
    seen: Seen<'a>,
    zone: Zone,
    /// None if the rule does not ask for it.
    best_hour: Option<BestHour>,
    now: Timestamp,
    told: Vec<Entry>,
    /// What keeps it from its own recipient while its plan goes on to somebody else.
    unreached: Option<Stopped>,
}

/// A gate's word when it ends the asking.
type Ends = Option<Outcome>;

/// Asks every gate.
pub(crate) fn decide(proposal: &Proposal<'_>, person: &Person, seen: Seen<'_>, now: Timestamp) -> Plan {
    let zone = zone_of(person, proposal.configuration);
    let best_hour = BestHour::of(proposal, person, now);
    let told = Vec::with_capacity(14);
    let mut asking = Asking { proposal, person, seen, zone, best_hour, now, told, unreached: None };
    let outcome = asking.ask_all();
    Plan { told: asking.told, outcome }
}

/// The recipient's zone, or the project's.
pub(crate) fn zone_of(person: &Person, configuration: &Configuration) -> Zone {
    let own = person.recipient.as_ref().and_then(|recipient| recipient.time_zone.as_deref());
    own.and_then(|name| name.parse().ok()).unwrap_or_else(|| configuration.project.time_zone.clone())
}

impl Asking<'_> {
    fn ask_all(&mut self) -> Outcome {
        if let Some(end) = self.stop() {
            return end;
        }
        if let Some(end) = self.recipient().and_then(|end| self.or_somebody_else(end)) {
            return end;
        }
        for gate in [Self::cohort, Self::holdout] {
            if let Some(end) = gate(self) {
                return end;
            }
        }
        self.variant();
        let mut steps = self.proposal.steps.clone();
        if self.unreached.is_none()
            && let Some(end) = self.channels(&mut steps).and_then(|end| self.or_somebody_else(end))
        {
            return end;
        }
        for gate in [Self::once, Self::throttle] {
            if let Some(end) = gate(self) {
                return end;
            }
        }
        if self.proposal.phase == Phase::Member {
            return Outcome::Survives;
        }
        if let Some(end) = self.time() {
            return end;
        }
        let scopes = match self.scopes(&mut steps) {
            Ok(scopes) => scopes,
            Err(end) => return end,
        };
        if let Some(end) = self.channel_plan(&mut steps) {
            return end;
        }
        self.words(steps, scopes)
    }

    /// A notification that may not reach its own recipient ends, unless its plan goes on to somebody else: a step whose
    /// deliveries all end suppressed is over at once, and the next is due.
    fn or_somebody_else(&mut self, end: Outcome) -> Ends {
        let goes_on = match self.proposal.phase {
            Phase::New { .. } | Phase::Released { .. } | Phase::Replayed => {
                self.proposal.steps.iter().any(|step| step.linked)
            }
            Phase::Member | Phase::Digest { .. } => false,
        };
        match end {
            Outcome::Stop(stopped) if goes_on => {
                self.unreached = Some(stopped);
                None
            }
            end @ (Outcome::Stop(_)
            | Outcome::Fail(_)
            | Outcome::Hold { .. }
            | Outcome::Collect(_)
            | Outcome::Survives
            | Outcome::Go { .. }) => Some(end),
        }
    }

    /// The caps to count against; none if nothing reaches the recipient.
    fn scopes(&mut self, steps: &mut [PlannedStep]) -> Result<Vec<CapScope>, Outcome> {
        let mut scopes = Vec::new();
        if self.unreached.is_none() {
            match self.cap(steps) {
                Ok(counted) => scopes = counted,
                Err(end) => self.or_somebody_else(end).map_or(Ok(()), Err)?,
            }
        }
        if self.unreached.is_some() {
            let own = steps.iter_mut().filter(|step| !step.linked);
            own.for_each(|step| step.channels.clear());
        }
        Ok(scopes)
    }

    fn pass(&mut self, gate: Gate, reason: Reason) -> Ends {
        self.told.push(Entry::decided(self.now, gate, Verdict::Pass, reason));
        None
    }

    #[expect(clippy::unnecessary_wraps, reason = "every gate answers in the same form")]
    fn halt(&mut self, gate: Gate, reason: Reason, text: Option<String>) -> Ends {
        Some(Outcome::Stop(self.halted(gate, reason, text)))
    }

    fn halted(&mut self, gate: Gate, reason: Reason, text: Option<String>) -> Stopped {
        let text: Option<Box<str>> = text.map(Into::into);
        let mut entry = Entry::decided(self.now, gate, Verdict::Stop, reason);
        entry.text.clone_from(&text);
        self.told.push(entry);
        Stopped { gate: Some(gate), reason, text }
    }

    fn is_essential(&self) -> bool {
        self.proposal.category.legal == LegalClass::Essential
    }

    fn category_name(&self) -> &str {
        let category = self.proposal.category;
        let locale = &self.proposal.configuration.project.locale;
        category.name.get(locale).map_or(self.proposal.category_id.as_str(), String::as_str)
    }
}

#[cfg(test)]
mod tests;
