//! A notification on its way to one address beside the inbox.

use tidings_protocol::{Channel, DeliveryState, NotificationId, Priority, Reason, Timestamp};

use super::PersonKey;
use crate::delivery::Form;

/// One delivery on a channel other than the inbox. The inbox's own is part of the notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The relay's id.
    pub id: Box<str>,
    /// Of which notification.
    pub notification: NotificationId,
    /// To whom.
    pub person: PersonKey,
    /// On which channel.
    pub channel: Channel,
    /// To which address; none if there was none to send to.
    pub address: Option<Box<str>>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it stands there.
    pub reason: Option<Reason>,
    /// Which step of the plan made it, from 1.
    pub step: u16,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// How it is handed over; none if it never will be.
    pub way: Option<Box<Way>>,
}

/// How a delivery is handed over, and what came of it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The provider that has it, or that is asked next.
    pub provider: Box<str>,
    /// How urgent it is: of what is due, the most urgent goes first.
    pub priority: Priority,
    /// While it waits: not before this instant.
    pub due: Timestamp,
    /// Attempts that were begun, with all providers.
    pub attempts: u32,
    /// Attempts that cannot arrive any more: what a repetition of an unknown one has in common with it, and with whatever
    /// follows until something is known.
    pub known: u32,
    /// Attempts with this provider; they set the pause before the next.
    pub tries: u32,
    /// When the first attempt began.
    pub first_at: Option<Timestamp>,
    /// When the first attempt with this provider began.
    pub provider_at: Option<Timestamp>,
    /// Providers that were given up.
    pub given_up: Vec<Box<str>>,
    /// The node's incarnation that hands it over.
    pub owner: Option<u64>,
    /// Whether its one repetition after an unknown outcome was begun.
    pub repeated: bool,
    /// What it took from its channel's budget for the attempt that is under way, or whose outcome nobody knows.
    pub paid: Option<Paid>,
    /// Which showing of its notification it is: 0 for the first, then the round of the repeat.
    pub round: u32,
    /// What the newest attempt said.
    pub code: Option<Box<str>>,
    /// The id that the provider gave it.
    pub provider_id: Option<Box<str>>,
    /// What it says; none once it is final, unless it may be replayed.
    pub form: Option<Box<Form>>,
}

/// What a hand-over took from a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// From which day's, by number.
    pub day: i32,
    /// How much, in millionths of the project's currency.
    pub millionths: i64,
    /// The provider may charge for it, so that it is not given back.
    pub is_kept: bool,
    /// It is kept for this attempt alone, of which nobody knows: a late word that it cost nothing gives it back.
    pub unknown: Option<u32>,
}

impl Way {
    /// The way of a new delivery.
    #[must_use]
    pub const fn new(provider: Box<str>, priority: Priority, due: Timestamp, form: Box<Form>) -> Self {
        Self {
            provider,
            priority,
            due,
            attempts: 0,
            known: 0,
            tries: 0,
            first_at: None,
            provider_at: None,
            given_up: Vec::new(),
            owner: None,
            repeated: false,
            paid: None,
            round: 0,
            code: None,
            provider_id: None,
            form: Some(form),
        }
    }
}

impl Delivery {
    /// The provider's idempotency key: the same for a repetition whose first outcome is not known.
    #[must_use]
    pub fn key(&self) -> Box<str> {
        let known = self.way.as_ref().map_or(0, |way| way.known);
        format!("{}-{known}", self.id).into()
    }
}
