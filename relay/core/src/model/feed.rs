//! The project's feed: what its backend may want to hear.

use serde_json::Value;
use tidings_protocol::{NotificationId, ProjectId, RecipientId, Timestamp};

/// One entry. The store numbers entries in the order in which they commit.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEntry {
    /// Whose feed.
    pub project: ProjectId,
    /// About whom.
    pub recipient: RecipientId,
    /// About which notification, if about one.
    pub notification: Option<NotificationId>,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: FeedKind,
    /// The particulars; a JSON object of ids and words, never content.
    pub detail: Value,
}

/// What happened. The words are those that hooks subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedKind {
    /// A device stored it.
    ReceiptReceived,
    /// A device showed it.
    ReceiptDisplayed,
    /// The recipient opened it.
    ReceiptRead,
    /// The recipient followed its link.
    ReceiptClicked,
    /// The recipient chose an action.
    ReceiptActed,
    /// The recipient confirmed it.
    ReceiptAcknowledged,
    /// The recipient swept it away.
    ReceiptDismissed,
    /// A notification reached a final state.
    NotificationFinal,
    /// What the rule of a notification counts as success happened.
    NotificationConverted,
    /// A device, mailbox or phone proved a delivery.
    DeliveryReceived,
    /// A provider took a delivery.
    DeliverySent,
    /// A delivery died.
    DeliveryDead,
    /// A delivery was stopped before it was handed over.
    DeliverySuppressed,
    /// A delivery became needless before it was handed over.
    DeliveryCancelled,
    /// A delivery's time passed.
    DeliveryExpired,
    /// A consent was decided.
    ConsentChanged,
    /// A preference changed.
    PreferenceChanged,
    /// A recipient said whether it was of use.
    Feedback,
    /// A recipient was erased.
    RecipientErased,
}

impl FeedKind {
    /// Every kind, in order.
    pub const ALL: [Self; 19] = [
        Self::ReceiptReceived,
        Self::ReceiptDisplayed,
        Self::ReceiptRead,
        Self::ReceiptClicked,
        Self::ReceiptActed,
        Self::ReceiptAcknowledged,
        Self::ReceiptDismissed,
        Self::NotificationFinal,
        Self::NotificationConverted,
        Self::DeliveryReceived,
        Self::DeliverySent,
        Self::DeliveryDead,
        Self::DeliverySuppressed,
        Self::DeliveryCancelled,
        Self::DeliveryExpired,
        Self::ConsentChanged,
        Self::PreferenceChanged,
        Self::Feedback,
        Self::RecipientErased,
    ];

    /// The word of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReceiptReceived => "receipt.received",
            Self::ReceiptDisplayed => "receipt.displayed",
            Self::ReceiptRead => "receipt.read",
            Self::ReceiptClicked => "receipt.clicked",
            Self::ReceiptActed => "receipt.acted",
            Self::ReceiptAcknowledged => "receipt.acknowledged",
            Self::ReceiptDismissed => "receipt.dismissed",
            Self::NotificationFinal => "notification.final",
            Self::NotificationConverted => "notification.converted",
            Self::DeliveryReceived => "delivery.received",
            Self::DeliverySent => "delivery.sent",
            Self::DeliveryDead => "delivery.dead",
            Self::DeliverySuppressed => "delivery.suppressed",
            Self::DeliveryCancelled => "delivery.cancelled",
            Self::DeliveryExpired => "delivery.expired",
            Self::ConsentChanged => "consent.changed",
            Self::PreferenceChanged => "preference.changed",
            Self::Feedback => "feedback",
            Self::RecipientErased => "recipient.erased",
        }
    }
}
