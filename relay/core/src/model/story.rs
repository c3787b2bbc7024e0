//! One line of a story.

use tidings_protocol::{Channel, DeviceId, DeviceReceipt, Gate, Reason, StoryKind, Timestamp, Verdict};

/// What was decided or happened, with its reason. Which fields are set depends on the kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What kind of line.
    pub kind: StoryKind,
    /// Which gate.
    pub gate: Option<Gate>,
    /// What it said.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: Option<Reason>,
    /// The particulars; where there are none, the reason has a sentence of its own.
    pub text: Option<Box<str>>,
    /// Until when it waits.
    pub due: Option<Timestamp>,
    /// On which channel.
    pub channel: Option<Channel>,
    /// Which delivery.
    pub delivery: Option<Box<str>>,
    /// Which provider.
    pub provider: Option<Box<str>>,
    /// Which attempt at the delivery, from 1.
    pub attempt: Option<u32>,
    /// The state that was reached.
    pub state: Option<&'static str>,
    /// On which device.
    pub device: Option<DeviceId>,
    /// Which step of the plan, from 1.
    pub step: Option<u16>,
    /// What a device told.
    pub receipt: Option<DeviceReceipt>,
    /// Which action was chosen.
    pub action: Option<Box<str>>,
}

impl Entry {
    /// A line of a kind, with nothing else set.
    #[must_use]
    pub const fn new(at: Timestamp, kind: StoryKind) -> Self {
        Self {
            at,
            kind,
            gate: None,
            verdict: None,
            reason: None,
            text: None,
            due: None,
            channel: None,
            delivery: None,
            provider: None,
            attempt: None,
            state: None,
            device: None,
            step: None,
            receipt: None,
            action: None,
        }
    }

    /// A gate's verdict.
    #[must_use]
    pub const fn decided(at: Timestamp, gate: Gate, verdict: Verdict, reason: Reason) -> Self {
        let mut entry = Self::new(at, StoryKind::Decided);
        entry.gate = Some(gate);
        entry.verdict = Some(verdict);
        entry.reason = Some(reason);
        entry
    }

    /// The same with particulars.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Box<str>>) -> Self {
        self.text = Some(text.into());
        self
    }
}
