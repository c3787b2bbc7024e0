//! How often: the rule's throttle and the caps. They look; the commit takes.

use tidings_protocol::{Channel, Gate, Reason, Timestamp, Verdict};

use super::{Asking, Ends, Outcome, Phase};
use crate::calendar::{day_of, week_of};
use crate::cap::{self, Cap, CapScope, Full, Period, RESPONSE_DAYS};
use crate::configuration::{CapRule, Over};
use crate::model::{DigestScope, Entry, PlannedStep};
use crate::when;

/// After so many deferrals by caps a notification is suppressed (SEMANTICS 3).
pub(crate) const DEFERRALS_MAX: u8 = 7;

/// A cap as it counts for one recipient, and in words how far it moved, if it did.
struct Adapted {
    cap: Cap,
    note: Option<String>,
}

/// What a full cap says: how full, and how it came to be this one.
fn words_of(full: &Full, note: Option<&str>) -> String {
    note.map_or_else(|| full.to_string(), |note| format!("{full}; {note}"))
}

impl Asking<'_> {
    pub(super) fn throttle(&mut self) -> Ends {
        let rule = self.proposal.rule;
        let Some((rule, throttle)) = rule.and_then(|rule| Some((rule, rule.throttle.as_ref()?))) else {
            return self.pass(Gate::Throttle, Reason::NoThrottle);
        };
        let counted = match self.proposal.phase {
            Phase::Released { throttled, .. } => throttled,
            Phase::Member | Phase::Digest { .. } | Phase::Replayed => true,
            Phase::New { .. } => false,
        };
        if self.is_essential() || counted {
            return self.pass(Gate::Throttle, Reason::ThrottleRoom);
        }
        let key = self.proposal.keys.throttle.as_deref().unwrap_or_default();
        let counters = self.person.inbox.as_ref().map(|inbox| &inbox.throttles);
        let counter = counters.and_then(|throttles| throttles.get(&(rule.id.as_str().into(), key.into())));
        let Some(Err(full)) = counter.map(|counter| counter.room(throttle.throttle, self.now)) else {
            return self.pass(Gate::Throttle, Reason::ThrottleRoom);
        };
        let text = format!("{} of {} in {}", full.used, full.limit, throttle.throttle.per);
        match throttle.over {
            Over::Suppress => self.halt(Gate::Throttle, Reason::Throttled, Some(text)),
            Over::Digest if rule.digest.is_some() => Some(self.collect(DigestScope::Rule(rule.id.clone()))),
            Over::Digest if self.proposal.category.digest.is_some() => {
                Some(self.collect(DigestScope::Category(self.proposal.category_id.clone())))
            }
            Over::Defer | Over::Digest => {
                Some(self.hold(Gate::Throttle, Reason::Throttled, Some(text), full.until, false))
            }
        }
    }

    /// All caps must have room. Answers the scopes to count against, or what happens instead.
    pub(super) fn cap(&mut self, steps: &mut [PlannedStep]) -> Result<Vec<CapScope>, Outcome> {
        if self.is_essential() || self.proposal.phase == Phase::Replayed {
            self.pass(Gate::Cap, Reason::NoCap);
            return Ok(Vec::new());
        }
        self.drop_capped_inbox(steps)?;
        let configuration = self.proposal.configuration;
        let category = self.proposal.category.cap.as_ref();
        let mut rules: Vec<(CapScope, &CapRule)> = Vec::new();
        rules.extend(category.map(|rule| (CapScope::Category(self.proposal.category_id.clone()), rule)));
        rules.extend(configuration.caps.as_ref().map(|rule| (CapScope::Project, rule)));
        let mut moved = Vec::new();
        for (scope, rule) in &rules {
            let adapted = self.with_digest(self.adapted(rule), rule.over);
            if let Err(full) = self.room(scope, adapted.cap) {
                return Err(self.over(&full, adapted.note.as_deref(), rule.over));
            }
            moved.extend(adapted.note);
        }
        self.pass(Gate::Cap, if rules.is_empty() { Reason::NoCap } else { Reason::CapRoom });
        if let (Some(entry), false) = (self.told.last_mut(), moved.is_empty()) {
            entry.text = Some(moved.join("; ").into());
        }
        let mut scopes: Vec<CapScope> = rules.into_iter().map(|(scope, _)| scope).collect();
        let in_inbox = steps.first().is_some_and(|step| step.channels.contains(&Channel::Inapp));
        if in_inbox && self.inbox_cap().is_some() {
            scopes.push(CapScope::Channel(Channel::Inapp));
        }
        Ok(scopes)
    }

    /// A cap that collects what is over it has room for the digest in each period, beyond its number: else the digest that a
    /// full week filled could never go at an hour of that week.
    fn with_digest(&self, adapted: Adapted, over: Over) -> Adapted {
        let Phase::Digest { overflow: true, .. } = self.proposal.phase else { return adapted };
        if over != Over::Digest {
            return adapted;
        }
        let more = |limit: Option<u32>| limit.map(|limit| limit.saturating_add(1));
        Adapted { cap: Cap { day: more(adapted.cap.day), week: more(adapted.cap.week) }, ..adapted }
    }

    fn inbox_cap(&self) -> Option<&CapRule> {
        self.proposal.configuration.channels.get(&Channel::Inapp)?.cap.as_ref()
    }

    /// A full cap on the inbox as a channel takes that channel out, or defers the whole where it says so.
    fn drop_capped_inbox(&mut self, steps: &mut [PlannedStep]) -> Result<(), Outcome> {
        let first = steps.first().is_some_and(|step| step.channels.contains(&Channel::Inapp));
        let Some(rule) = self.inbox_cap().filter(|_| first).cloned() else { return Ok(()) };
        let Adapted { cap, note } = self.with_digest(self.adapted(&rule), rule.over);
        let Err(full) = self.room(&CapScope::Channel(Channel::Inapp), cap) else { return Ok(()) };
        if rule.over != Over::Suppress {
            return Err(self.over(&full, note.as_deref(), rule.over));
        }
        for step in steps.iter_mut() {
            step.channels.retain(|channel| *channel != Channel::Inapp);
        }
        let mut entry = Entry::decided(self.now, Gate::Cap, Verdict::Stop, Reason::Cap);
        (entry.channel, entry.text) = (Some(Channel::Inapp), Some(words_of(&full, note.as_deref()).into()));
        self.told.push(entry);
        if steps.iter().all(|step| step.channels.is_empty()) {
            return Err(self.over(&full, note.as_deref(), Over::Suppress));
        }
        Ok(())
    }

    fn room(&self, scope: &CapScope, cap: Cap) -> Result<(), Full> {
        let Some(inbox) = &self.person.inbox else { return Ok(()) };
        let (day, week) = (day_of(self.now, &self.zone), week_of(self.now, &self.zone));
        inbox.counters.room(cap, scope, day, week)
    }

    /// The cap that counts for this recipient. Whoever refuses profiling has the document's own.
    fn adapted(&self, rule: &CapRule) -> Adapted {
        let profiled =
            self.person.recipient.as_ref().is_none_or(|known| known.preferences.allows_profiling());
        let (Some(adapt), true) = (rule.adapt, profiled) else {
            return Adapted { cap: rule.cap, note: None };
        };
        let responses = self.person.inbox.as_ref().map(|inbox| &inbox.responses);
        let (shown, answered) = responses.map_or((0, 0), |responses| responses.counted(self.now));
        let mut notes = Vec::new();
        let mut moved = |cap: Option<u32>, period: Period| {
            let cap = cap?;
            let adapted = cap::adapted(cap, adapt.min, adapt.max, shown, answered);
            if adapted != cap {
                notes.push(format!(
                    "{cap} a {period} moved to {adapted}: {answered} of {shown} shown in {RESPONSE_DAYS} days were answered"
                ));
            }
            Some(adapted)
        };
        let cap = Cap { day: moved(rule.cap.day, Period::Day), week: moved(rule.cap.week, Period::Week) };
        Adapted { cap, note: (!notes.is_empty()).then(|| notes.join("; ")) }
    }

    fn over(&mut self, full: &Full, note: Option<&str>, over: Over) -> Outcome {
        let text = Some(words_of(full, note));
        let (is_digest, deferrals) = match self.proposal.phase {
            Phase::Digest { deferrals, .. } => (true, deferrals),
            Phase::Released { deferrals, .. } => (false, deferrals),
            Phase::New { .. } | Phase::Member | Phase::Replayed => (false, 0),
        };
        match over {
            Over::Suppress => Outcome::Stop(self.halted(Gate::Cap, Reason::Cap, text)),
            Over::Digest if !is_digest && self.proposal.category.digest.is_some() => {
                self.collect(DigestScope::Category(self.proposal.category_id.clone()))
            }
            Over::Defer | Over::Digest if deferrals >= DEFERRALS_MAX => {
                Outcome::Stop(self.halted(Gate::Cap, Reason::Cap, text))
            }
            Over::Defer | Over::Digest => {
                let due = self.next_room(full);
                self.hold(Gate::Cap, Reason::Cap, text, due, true)
            }
        }
    }

    /// The start of the next period, moved on by the time gates and spread.
    fn next_room(&self, full: &Full) -> Timestamp {
        let start = cap::next_period(full, self.now, &self.zone);
        let own = self.own_quiet_hours();
        let moment = when::moment(&self.gates(false, own.as_ref()), start);
        self.spread(Gate::Cap, moment.at, own.as_ref())
    }
}
