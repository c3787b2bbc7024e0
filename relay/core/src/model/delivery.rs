//! A notification on its way to one address beside the inbox.

use tidings_protocol::{Channel, DeliveryState, NotificationId, Reason, Timestamp};

use super::PersonKey;

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
}
