//! What can be opened without signing in.

use async_trait::async_trait;
use tidings_protocol::{CategoryId, Channel, NotificationId, Timestamp};

use super::StoreError;
use crate::model::PersonKey;

/// What can be opened without signing in, by a token that cannot be guessed (128 bits); kept as its hash.
#[async_trait]
pub trait PublicTokens: Send + Sync {
    /// Keeps tokens; one that is kept already stays as it is.
    async fn put_public_tokens(&self, rows: &[PublicToken]) -> Result<(), StoreError>;
    /// What a token opens, or none: unknown, erased and expired ones look the same.
    async fn public_token(&self, hash: &[u8; 32]) -> Result<Option<PublicToken>, StoreError>;
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicToken {
    /// HMAC-SHA256 of the token under the relay's own secret.
    pub hash: [u8; 32],
    /// Whose.
    pub person: PersonKey,
    /// What it opens.
    pub opens: Opens,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it opens; none: for ever.
    pub expires_at: Option<Timestamp>,
}

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opens {
    /// The way out of one category on one channel.
    Unsubscribe {
        /// Which category.
        category: CategoryId,
        /// On which channel.
        channel: Channel,
    },
    /// A counted link.
    Link {
        /// Of which notification.
        notification: NotificationId,
        /// Where it leads.
        url: Box<str>,
    },
    /// A counted picture of a mail.
    Opened {
        /// Of which notification.
        notification: NotificationId,
    },
    /// The page of settings.
    Page,
}
