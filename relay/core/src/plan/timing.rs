//! The time gates: delay, send window, quiet hours, pause and best hour, and the digest that a rule collects into.

use tidings_protocol::{Gate, Priority, Reason, StoryKind, Timestamp, Verdict};

use super::{Asking, Ends, Outcome, Phase, zone_of};
use crate::calendar::Zone;
use crate::configuration::Configuration;
use crate::model::{DigestScope, Entry, Person, Stopped};
use crate::quiet_hours::QuietHours;
use crate::when::{self, TimeGate, TimeGates};

impl Asking<'_> {
    pub(super) fn time(&mut self) -> Ends {
        let is_digest = matches!(self.proposal.phase, Phase::Digest { .. });
        let reaches = self.unreached.is_none();
        let collecting = self.proposal.rule.filter(|rule| rule.digest.is_some() && !is_digest && reaches);
        // Whom it does not reach it does not disturb: only the rule's own delay counts then.
        let collects = collecting.is_some() || !reaches;
        let own = self.own_quiet_hours();
        let gates = self.gates(collects, own.as_ref());
        let asked_for_hour = gates.best_hour.is_some();
        let moment = when::moment(&gates, self.now);
        if asked_for_hour && !matches!(moment.moved_by.last(), Some((TimeGate::BestHour, _))) {
            let mut entry = Entry::decided(self.now, Gate::BestHour, Verdict::Pass, Reason::Now);
            entry.text = self.best_hour_text(moment.at).map(Into::into);
            self.told.push(entry);
        }
        let Some((gate, until)) = moment.moved_by.last().copied() else {
            if let Some(rule) = collecting {
                return Some(self.collect(DigestScope::Rule(rule.id.clone())));
            }
            let mut entry = Entry::decided(self.now, Gate::QuietHours, Verdict::Pass, Reason::Now);
            entry.text = self.passed_text();
            self.told.push(entry);
            return None;
        };
        let (gate, reason, text) = self.words_of(gate, until, own.as_ref());
        let due = self.spread(gate, until, own.as_ref());
        Some(self.hold(gate, reason, text, due, false))
    }

    /// The gates that may move the instant. What collects waits for its own delay only: the digest is asked the rest.
    pub(super) fn gates<'a>(&'a self, collects: bool, own: Option<&'a QuietHours>) -> TimeGates<'a> {
        let configuration = self.proposal.configuration;
        let rule = self.proposal.rule;
        let not_before = self.proposal.not_before.map(|at| at.millis_since(self.proposal.created_at));
        let delay = match self.proposal.phase {
            Phase::Digest { .. } => None,
            Phase::New { .. } | Phase::Released { .. } | Phase::Member | Phase::Replayed => not_before
                .map(tidings_protocol::Span::from_millis)
                .or_else(|| rule.and_then(|rule| rule.delay)),
        };
        let mut gates = TimeGates {
            created: self.proposal.created_at,
            delay,
            window: None,
            best_hour: None,
            latest: None,
            quiet_hours: None,
            paused_until: None,
            passes_quiet: true,
        };
        if collects || self.is_essential() {
            return gates;
        }
        let send = rule.and_then(|rule| rule.send.as_ref());
        gates.window = send.and_then(|send| send.window.as_ref()).map(|window| (window, &self.zone));
        gates.latest = send.and_then(|send| send.latest);
        if let Some(best_hour) = &self.best_hour {
            gates.window = gates.window.or(Some((&best_hour.always, &self.zone)));
            gates.best_hour = Some(best_hour.histogram());
        }
        let settings = configuration.quiet_hours.as_ref();
        gates.passes_quiet = settings.is_some_and(|settings| settings.pass.contains(&self.proposal.priority));
        let quiet = own.or_else(|| settings.and_then(|settings| settings.default.as_ref()));
        gates.quiet_hours = quiet.map(|hours| (hours, hours.zone().unwrap_or(&self.zone)));
        gates.paused_until = self.paused_until();
        gates
    }

    fn paused_until(&self) -> Option<Timestamp> {
        let preferences = &self.person.recipient.as_ref()?.preferences;
        preferences.paused_until.as_ref().and_then(|(until, _)| *until)
    }

    /// The quiet hours that the recipient set; an empty list means never quiet.
    pub(super) fn own_quiet_hours(&self) -> Option<QuietHours> {
        let preferences = &self.person.recipient.as_ref()?.preferences;
        let item = preferences.quiet_hours.as_ref().and_then(|(item, _)| item.as_ref())?;
        QuietHours::from_item(item).ok()
    }

    fn best_hour_text(&self, at: Timestamp) -> Option<String> {
        self.best_hour.as_ref().map(|best_hour| best_hour.said(at, &self.zone, self.person))
    }

    fn words_of(
        &self,
        gate: TimeGate,
        until: Timestamp,
        own: Option<&QuietHours>,
    ) -> (Gate, Reason, Option<String>) {
        let zone = self.zone.name();
        match gate {
            TimeGate::Delay => (Gate::Delay, Reason::Delay, None),
            TimeGate::SendWindow => {
                let window = self.proposal.rule.and_then(|rule| rule.send.as_ref()?.window.as_ref());
                let text = window.map(|window| format!("sent {window} in {zone}"));
                (Gate::SendWindow, Reason::SendWindow, text)
            }
            TimeGate::QuietHours => {
                let default = self.proposal.configuration.quiet_hours.as_ref();
                let quiet = own.or_else(|| default.and_then(|settings| settings.default.as_ref()));
                let text = quiet.map(|hours| {
                    format!("{hours} in {}", hours.zone().map_or(zone, Zone::name)).replacen('-', "–", 1)
                });
                (Gate::QuietHours, Reason::QuietHours, text)
            }
            TimeGate::Pause => {
                let text = self
                    .paused_until()
                    .map(|until| format!("{} paused until {until}", self.person.key.recipient));
                (Gate::Pause, Reason::Paused, text)
            }
            TimeGate::BestHour => (Gate::BestHour, Reason::BestHour, self.best_hour_text(until)),
        }
    }

    fn passed_text(&self) -> Option<Box<str>> {
        let passes = self.proposal.configuration.quiet_hours.as_ref()?.pass.contains(&self.proposal.priority);
        passes.then(|| format!("priority {} passes quiet hours", self.proposal.priority).into())
    }

    /// Where many wait for the same instant, normal and low priority arrive spread over a few minutes. An instant that
    /// belongs to one notification alone, like a delay or a pause, is kept; so is one that spreading would move out of
    /// the recipient's hours or past the notification's time.
    pub(super) fn spread(&self, gate: Gate, until: Timestamp, own: Option<&QuietHours>) -> Timestamp {
        if matches!(gate, Gate::Delay | Gate::Pause) {
            return until;
        }
        let spread =
            until.plus_millis(when::spread(hash_of(self.proposal.id.as_str()), self.proposal.priority));
        let still_open = when::moment(&self.gates(false, own), spread).at == spread;
        if still_open && spread < self.proposal.expires_at { spread } else { until }
    }

    pub(super) fn hold(
        &mut self,
        gate: Gate,
        reason: Reason,
        text: Option<String>,
        due: Timestamp,
        deferred: bool,
    ) -> Outcome {
        let text: Option<Box<str>> = text.map(Into::into);
        let mut entry = Entry::decided(self.now, gate, Verdict::Hold, reason);
        entry.kind = StoryKind::Held;
        entry.due = Some(due);
        entry.text.clone_from(&text);
        self.told.push(entry);
        Outcome::Hold { stopped: Stopped { gate: Some(gate), reason, text }, due, deferred }
    }
}

/// Until when a recipient is left alone at `now`, and by which gate: quiet hours or a pause, where the priority does not
/// pass them. What was decided before is asked this again when it is handed over later than its plan began.
pub(crate) fn quiet_until(
    person: &Person,
    configuration: &Configuration,
    priority: Priority,
    now: Timestamp,
) -> Option<(Gate, Reason, Timestamp)> {
    let zone = zone_of(person, configuration);
    let preferences = person.recipient.as_ref().map(|recipient| &recipient.preferences);
    let own = preferences.and_then(|known| known.quiet_hours.as_ref()).and_then(|(item, _)| item.as_ref());
    let own = own.and_then(|item| QuietHours::from_item(item).ok());
    let settings = configuration.quiet_hours.as_ref();
    let quiet = own.as_ref().or_else(|| settings.and_then(|settings| settings.default.as_ref()));
    let gates = TimeGates {
        created: now,
        delay: None,
        window: None,
        best_hour: None,
        latest: None,
        quiet_hours: quiet.map(|hours| (hours, hours.zone().unwrap_or(&zone))),
        paused_until: preferences.and_then(|known| known.paused_until.as_ref()).and_then(|(until, _)| *until),
        passes_quiet: settings.is_some_and(|settings| settings.pass.contains(&priority)),
    };
    let moment = when::moment(&gates, now);
    let (gate, _) = moment.moved_by.last()?;
    Some(match gate {
        TimeGate::Pause => (Gate::Pause, Reason::Paused, moment.at),
        TimeGate::Delay | TimeGate::SendWindow | TimeGate::QuietHours | TimeGate::BestHour => {
            (Gate::QuietHours, Reason::QuietHours, moment.at)
        }
    })
}

/// An even hash of an id (FNV-1a with a final mix). It decides only about minutes.
fn hash_of(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}
