//! The channel filter: stop list, consent and preference take channels out, each with its reason.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, Channel, Gate, LegalClass, Reason, Verdict};

use super::{Asking, Ends, Outcome};
use crate::configuration::Category;
use crate::consent;
use crate::model::{Entry, Person, PlannedStep};

/// What three gates say on one channel: the first that stops, or that all pass.
fn filter(
    category_id: &CategoryId,
    category: &Category,
    channel: Channel,
    person: &Person,
) -> Vec<(Gate, Verdict, Reason)> {
    let mut said = Vec::with_capacity(3);
    let mut addresses = person.endpoints.iter().filter(|endpoint| endpoint.channel == channel).peekable();
    let stopped = addresses.peek().is_some() && addresses.all(|endpoint| endpoint.stopped);
    if stopped {
        said.push((Gate::StopList, Verdict::Stop, Reason::AddressStopped));
        return said;
    }
    said.push((Gate::StopList, Verdict::Pass, Reason::AddressFree));
    let (verdict, reason) = consent::permission(category_id, category, channel, &person.consents);
    said.push((Gate::Consent, verdict, reason));
    if verdict == Verdict::Stop {
        return said;
    }
    if category.legal == LegalClass::Essential {
        said.push((Gate::Preference, Verdict::Pass, Reason::EssentialAlways));
        return said;
    }
    let choices = person.recipient.as_ref().map(|recipient| &recipient.preferences.choices);
    let choice = choices.and_then(|choices| choices.get(&(category_id.clone(), channel)));
    said.push(match choice {
        Some(choice) if !choice.chosen => (Gate::Preference, Verdict::Stop, Reason::ChannelOff),
        Some(_) | None => (Gate::Preference, Verdict::Pass, Reason::NotSwitchedOff),
    });
    said
}

/// The channels of a list that may be used, and for each other one the gate and reason that took it out.
pub(crate) fn channels_left(
    category_id: &CategoryId,
    category: &Category,
    channels: &[Channel],
    person: &Person,
) -> (Vec<Channel>, Vec<(Channel, Gate, Reason)>) {
    let (mut left, mut out) = (Vec::new(), Vec::new());
    for channel in channels {
        let said = filter(category_id, category, *channel, person);
        match said.iter().find(|(_, verdict, _)| *verdict == Verdict::Stop) {
            None => left.push(*channel),
            Some((gate, _, reason)) => out.push((*channel, *gate, *reason)),
        }
    }
    (left, out)
}

impl Asking<'_> {
    /// Takes channels out of the steps. If none is left in any step, that is the end.
    pub(super) fn channels(&mut self, steps: &mut [PlannedStep]) -> Ends {
        let mut verdicts: BTreeMap<Channel, Vec<(Gate, Verdict, Reason)>> = BTreeMap::new();
        for channel in steps.iter().filter(|step| !step.linked).flat_map(|step| &step.channels) {
            let (id, category) = (self.proposal.category_id, self.proposal.category);
            verdicts.entry(*channel).or_insert_with(|| filter(id, category, *channel, self.person));
        }
        self.tell_channels(&verdicts);
        let stops = |channel: &Channel| {
            verdicts
                .get(channel)
                .and_then(|said| said.iter().find(|(_, verdict, _)| *verdict == Verdict::Stop))
        };
        let wanted: Vec<Channel> = verdicts.keys().copied().collect();
        for step in steps.iter_mut().filter(|step| !step.linked) {
            step.channels.retain(|channel| stops(channel).is_none());
        }
        if wanted.iter().any(|channel| stops(channel).is_none()) || wanted.is_empty() {
            return None;
        }
        let causes: Vec<(Gate, Reason)> =
            wanted.iter().filter_map(stops).map(|(gate, _, reason)| (*gate, *reason)).collect();
        Some(self.no_channel_left(&causes))
    }

    /// One line for each gate and reason; a channel is named only where the channels differ.
    fn tell_channels(&mut self, verdicts: &BTreeMap<Channel, Vec<(Gate, Verdict, Reason)>>) {
        for gate in [Gate::StopList, Gate::Consent, Gate::Preference] {
            let said: Vec<(Channel, Verdict, Reason)> = verdicts
                .iter()
                .filter_map(|(channel, said)| {
                    said.iter()
                        .find(|(asked, ..)| *asked == gate)
                        .map(|(_, verdict, reason)| (*channel, *verdict, *reason))
                })
                .collect();
            let Some((_, verdict, reason)) = said.first().copied() else { continue };
            if said.len() == verdicts.len() && said.iter().all(|(_, _, other)| *other == reason) {
                self.told.push(Entry::decided(self.now, gate, verdict, reason));
                continue;
            }
            for (channel, verdict, reason) in said {
                let mut entry = Entry::decided(self.now, gate, verdict, reason);
                entry.channel = Some(channel);
                self.told.push(entry);
            }
        }
    }

    /// The law's reason goes before the recipient's taste, and that before an address.
    fn no_channel_left(&mut self, causes: &[(Gate, Reason)]) -> Outcome {
        let of = |gate| causes.iter().find(|(asked, _)| *asked == gate).copied();
        let (gate, reason) = of(Gate::Consent)
            .or_else(|| of(Gate::Preference))
            .or_else(|| of(Gate::StopList))
            .unwrap_or((Gate::ChannelPlan, Reason::NoChannel));
        let (name, recipient) = (self.category_name().to_owned(), self.person.key.recipient.clone());
        let (reason, text) = if reason == Reason::ChannelOff {
            (Reason::CategoryOff, format!("{recipient} switched off {name}"))
        } else if reason == Reason::NoConsent {
            (reason, format!("{recipient} has not agreed to {name}"))
        } else if reason == Reason::ConsentRefused {
            (reason, format!("{recipient} refused {name}"))
        } else if reason == Reason::ConsentWithdrawn {
            (reason, format!("{recipient} withdrew consent to {name}"))
        } else if reason == Reason::AddressStopped {
            (reason, format!("every address of {recipient} is on the stop list"))
        } else {
            (reason, format!("no channel is left for {name}"))
        };
        // The line that the gate said already is the one that ends it.
        let said = |entry: &Entry| {
            entry.gate == Some(gate) && entry.verdict == Some(Verdict::Stop) && entry.channel.is_none()
        };
        self.told.retain(|entry| !said(entry));
        Outcome::Stop(self.halted(gate, reason, Some(text)))
    }
}
