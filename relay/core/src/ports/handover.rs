//! Deliveries that wait for a provider, and what can be opened without signing in.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tidings_protocol::{CategoryId, Channel, NotificationId, ProjectId, Timestamp};

use super::StoreError;
use crate::model::{PersonKey, StoredAnswer};

/// Deliveries on their way to providers. Each call sees one snapshot.
#[async_trait]
pub trait HandoverReader: Send + Sync {
    /// The lanes in which deliveries wait, one for each project, provider and server that addresses name, with the earliest
    /// instant of each.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn handover_lanes(&self) -> Result<Vec<HandoverLane>, StoreError>;

    /// Deliveries of a lane that are due, the most urgent first and of those the oldest.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn due_handovers(
        &self,
        lane: &HandoverLane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueHandover>, StoreError>;

    /// Deliveries that are with a provider, after an id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn begun_handovers(&self, after: Option<&str>, limit: usize) -> Result<Vec<Begun>, StoreError>;

    /// One delivery of a project.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn delivery(
        &self,
        project: &ProjectId,
        id: &str,
    ) -> Result<Option<crate::model::Delivery>, StoreError>;

    /// The delivery that a provider gave an id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn delivery_named(
        &self,
        project: &ProjectId,
        provider_id: &str,
    ) -> Result<Option<crate::model::Delivery>, StoreError>;
}

/// Deliveries of a project that wait for one provider, and for one server if their addresses name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandoverLane {
    /// Whose.
    pub project: ProjectId,
    /// For which provider.
    pub provider: Box<str>,
    /// Whose server their addresses name ([`crate::delivery::host`]); empty if none.
    pub host: Box<str>,
    /// When the first of them is due.
    pub due: Timestamp,
}

/// A delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueHandover {
    /// Which.
    pub delivery: Box<str>,
    /// To whom.
    pub person: PersonKey,
    /// To which address.
    pub address: Box<str>,
}

/// A delivery that is with a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Whose.
    pub project: ProjectId,
    /// Which.
    pub delivery: Box<str>,
    /// Which attempt.
    pub attempt: u32,
    /// The node's incarnation that began it.
    pub owner: Option<u64>,
}

/// What can be opened without signing in, by a token that cannot be guessed (128 bits); kept as its hash.
#[async_trait]
pub trait PublicTokens: Send + Sync {
    /// Keeps tokens; one that is kept already stays as it is. In the same transaction goes what the call that made them
    /// answers, if it may come again.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_public_tokens(
        &self,
        rows: &[PublicToken],
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError>;

    /// What a token opens, or none: unknown, erased and expired ones look the same.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn public_token(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<PublicToken>, StoreError>;
}

/// A token that opens something for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicToken {
    /// The token's hash under the relay's own secret.
    pub hash: [u8; 32],
    /// Whose.
    pub person: PersonKey,
    /// What it opens.
    pub opens: Opens,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it opens nothing any more; none is never.
    pub expires_at: Option<Timestamp>,
}

/// What a public token opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Opens {
    /// Switches a category off on a channel.
    Unsubscribe {
        /// Which.
        category: CategoryId,
        /// On which channel.
        channel: Channel,
    },
    /// Leads on to a link, and tells that it was followed.
    Link {
        /// Of which notification.
        notification: NotificationId,
        /// By which delivery.
        delivery: Box<str>,
        /// Where it leads.
        url: Box<str>,
    },
    /// A picture that tells that a mail was opened.
    Opened {
        /// Of which notification.
        notification: NotificationId,
        /// By which delivery.
        delivery: Box<str>,
    },
    /// The recipient's page.
    Page,
}
