//! The client of a Tidings relay: it receives notifications, keeps them readable without a network, decides what to
//! show on this device, and tells the relay what became of them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tidings_sdk::{Access, Client, EncryptionKey, Presentation, Query};
//!
//! let client = Client::builder("https://relay.example", "alices-inbox")
//!     .access(Access::code("K7QF92MX"))
//!     .encryption_key(EncryptionKey::random()) // from the keychain, in an app
//!     .build()
//!     .await?;
//! let page = client.inbox().page(Query::default(), None, 50).await?;
//! let mut presentations = client.presentations();
//! while let Some(presentation) = presentations.next().await? {
//!     if let Presentation::Show(item) = presentation {
//!         client.shown(&item.id).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! One client is one account with one file. Two processes may have the same file open: one of them holds the
//! connection, both read and write, and each notification is shown by one of them. All calls need a tokio runtime.
#![deny(missing_docs)]

mod access;
mod account;
mod builder;
mod claims;
mod client;
mod clock;
mod engine;
mod error;
mod http;
mod inbox;
mod observer;
mod operations;
mod payload;
mod presentations;
mod push;
mod push_address;
mod seal;
mod secrets;
mod settings;
mod shared;
mod socket;
mod store;
mod text;
mod tls;
mod tokens;
mod unread;
mod watch;

pub use access::{Access, AccessAnswer, AccessWanted};
pub use account::{DeviceEntry, Story, StoryEntry};
pub use builder::ClientBuilder;
pub use client::{Client, SignOut};
pub use error::{Error, StorageError, StorageFault};
pub use inbox::{Inbox, InboxItem, PAGE_MAX, Page, PageToken, Query, ReadMark, Search};
pub use observer::{Change, Observer};
pub use operations::{PendingOperation, RefusedOperation, RefusedOperations};
pub use payload::Push;
pub use presentations::{Presentation, Presentations};
pub use seal::EncryptionKey;
pub use secrets::{SecretStore, SecretStoreError};
pub use unread::UnreadObserver;
pub use watch::Watch;

pub use tidings_protocol::http::AppOffer;
pub use tidings_protocol::item::{
    ActionItem, Because, CategoryItem, ContentItem, PolicyItem, ProfileItem, QuietHoursItem, QuietSpanItem,
    SettingsItem, View,
};
pub use tidings_protocol::operation::{Feedback, Request};
pub use tidings_protocol::{
    CategoryId, Channel, Decision, DeviceId, DeviceReceipt, LegalClass, NotificationId, OperationId,
    Priority, Timestamp,
};
pub use tidings_sdk_core::Completeness;
pub use tidings_sdk_core::sync::{Connection, SignedOut};

/// Name and version, as the relay sees them.
pub(crate) const SDK_NAME: &str = concat!("tidings-sdk/", env!("CARGO_PKG_VERSION"));
