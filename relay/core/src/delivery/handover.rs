//! Everything that a provider is told of one delivery.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_protocol::item::ContentItem;
use tidings_protocol::{
    CategoryId, Channel, LegalClass, NotificationId, Priority, ProjectId, RecipientId, Timestamp,
};

use crate::configuration::PushContent;
use crate::template::EmailContent;

/// One attempt at one delivery, in words. It was committed as begun before anybody gets to see it.
#[derive(Clone, Debug)]
pub struct Handover {
    /// Whose.
    pub project: ProjectId,
    /// Which delivery.
    pub delivery: Box<str>,
    /// Which attempt, from 1. An outcome names it, so that a late one is told from the newest.
    pub attempt: u32,
    /// The same for a repetition whose first outcome is not known: the provider's idempotency key, if it knows such.
    pub key: Box<str>,
    /// By which provider of the document, or a built-in one.
    pub provider: Box<str>,
    /// On which channel.
    pub channel: Channel,
    /// To which address: for push a subscription as JSON text, `fcm:TOKEN` or `apns:TOKEN`.
    pub address: Box<str>,
    /// Of which notification.
    pub notification: NotificationId,
    /// To whom.
    pub recipient: RecipientId,
    /// About what.
    pub category: CategoryId,
    /// The category's name in the recipient's language.
    pub category_name: Box<str>,
    /// The category's legal class.
    pub legal: LegalClass,
    /// How urgent.
    pub priority: Priority,
    /// A newer one with the same key replaces it.
    pub collapse: Option<Box<str>>,
    /// Whether the sender waits for an acknowledgement.
    pub needs_acknowledgement: bool,
    /// Which showing of the notification this is, from 1; 0 if it is in no inbox.
    pub round: u32,
    /// The language of the words, a BCP 47 tag.
    pub locale: Box<str>,
    /// When the notification was made.
    pub created_at: Timestamp,
    /// After this instant it is worth nothing.
    pub expires_at: Timestamp,
    /// The words, as the channel wants them.
    pub form: Form,
}

/// The words of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// What a push carries.
    Push(PushForm),
    /// A mail.
    Email(Box<EmailContent>),
    /// A text message.
    Sms(Box<str>),
    /// A call to the recipient's URL.
    Webhook(WebhookForm),
}

/// What a push carries, as far as the project lets push vendors see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushForm {
    /// How much of the words may be sent. With `none` the fields below are for nobody but the device itself.
    pub content: PushContent,
    /// One line.
    pub title: Box<str>,
    /// Plain text; may be empty.
    pub body: Box<str>,
    /// What a tap opens.
    pub link: Option<Box<str>>,
}

/// A call to the recipient's URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookForm {
    /// The notification's own words, as devices get them.
    Content(Arc<ContentItem>),
    /// What the template made, a body of its own.
    Body(Box<str>),
}

impl Form {
    /// What a person would see of it, on a few lines; for the story of what the sandbox did not send.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Push(push) if push.content == PushContent::None => "(no content)".to_owned(),
            Self::Push(push) if push.content == PushContent::Title || push.body.is_empty() => {
                push.title.to_string()
            }
            Self::Push(push) => format!("{}\n{}", push.title, push.body),
            Self::Email(email) => format!("{}\n{}", email.subject, email.text),
            Self::Sms(text) => text.to_string(),
            Self::Webhook(WebhookForm::Body(body)) => body.to_string(),
            Self::Webhook(WebhookForm::Content(content)) if content.body.is_empty() => content.title.clone(),
            Self::Webhook(WebhookForm::Content(content)) => format!("{}\n{}", content.title, content.body),
        }
    }
}
