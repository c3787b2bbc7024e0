//! What the core asks of the world. Each port is named for the flows that use it; a store implements the first group,
//! the shell the second.
//!
//! All decisions are made inside one write transaction: a flow begins it, reads what its units need, decides with pure
//! functions, writes the changes and commits. Reads outside of a transaction are for answers, never for decisions.

mod handover;
mod hooks;
mod insight;
mod read;
mod registry;
mod transaction;
mod world;

pub use handover::{Begun, DueHandover, HandoverLane, HandoverReader, Opens, PublicToken, PublicTokens};
pub use hooks::{HookKeeper, HookRow};
pub use insight::{Insight, Trials};
pub use read::{
    BookReader, BookRow, ConsentReader, DeliveryFilter, DueReader, EventRef, FeedPage, InboxPage,
    InboxReader, NotificationFilter, RecipientExport, StoryReader,
};
pub use registry::{
    ConfigurationRow, ConnectCode, DeviceToken, KeyRow, KnownToken, PresentedToken, ProjectRow, Registry,
    SecretRow, SignIn, StopEntry, TokenExchange,
};
pub use transaction::{
    BatchId, CommitError, ConversionAsked, Found, FoundOnce, HistoryAsked, Need, Store, StoreError,
    Transaction,
};
pub use world::{Clock, Ids};
