//! A notification, as each language has it.

use std::time::SystemTime;

use tidings_sdk::{ActionItem, InboxItem as SdkItem, Priority as SdkPriority};

use crate::time::instant;

/// How urgent a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    Normal,
    /// Soon.
    High,
    /// Now, past quiet hours where the project says so.
    Urgent,
}

/// One button of a notification.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Action {
    /// The sender's id for it.
    pub id: String,
    /// What the button says.
    pub label: String,
    /// Where it leads, if anywhere.
    pub link: Option<String>,
    /// Whether choosing it also acknowledges the notification.
    pub acknowledges: bool,
}

/// Why the recipient got a notification; it is on the device and needs no network.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Because {
    /// The rule, if one decided.
    pub rule: Option<String>,
    /// The type of the event behind it, if any.
    pub event_type: Option<String>,
    /// A sentence for the recipient.
    pub text: String,
}

/// A notification with the recipient's own state of it, pending operations included. Text is plain, never markup.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct InboxItem {
    /// The relay's id.
    pub id: String,
    /// What it is about.
    pub category: String,
    /// How urgent it is.
    pub priority: Priority,
    /// One line.
    pub title: String,
    /// Some lines, or nothing.
    pub body: String,
    /// Where a click leads.
    pub link: Option<String>,
    /// A small picture's address.
    pub icon: Option<String>,
    /// A large picture's address.
    pub image: Option<String>,
    /// What can be done from the notification.
    pub actions: Vec<Action>,
    /// A newer notification with the same key replaces this one.
    pub collapse: Option<String>,
    /// Whether the sender waits for an acknowledgement.
    pub needs_acknowledgement: bool,
    /// Which showing this is: each round is shown once on this device.
    pub round: u32,
    /// Why the recipient got it.
    pub because: Because,
    /// When the relay made it.
    pub created_at: SystemTime,
    /// After this instant it is not shown any more.
    pub expires_at: SystemTime,
    /// When it was read; none while it is unread.
    pub read_at: Option<SystemTime>,
    /// When it was archived.
    pub archived_at: Option<SystemTime>,
    /// Until when it sleeps.
    pub snoozed_until: Option<SystemTime>,
    /// When it was acknowledged.
    pub acknowledged_at: Option<SystemTime>,
}

impl From<SdkItem> for InboxItem {
    fn from(item: SdkItem) -> Self {
        let (content, view, because) = (item.content, item.view, item.because);
        Self {
            id: item.id.to_string(),
            category: item.category.to_string(),
            priority: item.priority.into(),
            title: content.title,
            body: content.body,
            link: content.link,
            icon: content.icon,
            image: content.image,
            actions: content.actions.into_iter().map(Action::from).collect(),
            collapse: item.collapse,
            needs_acknowledgement: item.needs_acknowledgement,
            round: item.round,
            because: Because { rule: because.rule, event_type: because.event_type, text: because.text },
            created_at: instant(item.created_at),
            expires_at: instant(item.expires_at),
            read_at: view.read_at.map(instant),
            archived_at: view.archived_at.map(instant),
            snoozed_until: view.snoozed_until.map(instant),
            acknowledged_at: view.acknowledged_at.map(instant),
        }
    }
}

impl From<ActionItem> for Action {
    fn from(action: ActionItem) -> Self {
        let ActionItem { id, label, link, acknowledges } = action;
        Self { id, label, link, acknowledges }
    }
}

impl From<SdkPriority> for Priority {
    fn from(priority: SdkPriority) -> Self {
        match priority {
            SdkPriority::Low => Self::Low,
            SdkPriority::Normal => Self::Normal,
            SdkPriority::High => Self::High,
            SdkPriority::Urgent => Self::Urgent,
        }
    }
}
