//! What the window is shown. Times are milliseconds since 1970; text of strangers is already made fit for the screen.

mod inbox;
mod settings;

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_sdk::{Completeness, Connection, SignedOut, Timestamp};
use ts_rs::TS;

pub(crate) use inbox::read_place;
pub use inbox::{
    ActionView, BecauseView, ItemView, ListQuery, MarkChange, PageView, RowView, Shelf, StoryLine, StoryView,
};
pub use settings::{
    CategoryView, ConsentView, DeviceView, PendingView, PolicyView, QuietHoursView, QuietSpanView,
    SettingsView,
};

use crate::problem::Problem;
use crate::roster::LocalPreferences;
use crate::secrets::SecretPlace;

/// Everything that the window needs to begin.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Overview {
    /// The accounts, in the order in which they were added.
    pub accounts: Vec<AccountView>,
    /// What the app remembers for itself.
    pub local: LocalPreferences,
    /// What this computer can do.
    pub computer: Computer,
}

/// What this computer can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Computer {
    /// The version of this app.
    pub version: String,
    /// The time zone of the system, by its IANA name.
    pub time_zone: Option<String>,
    /// Whether the app has a place in the tray.
    pub tray: bool,
    /// Whether the app starts when the person signs in to the computer.
    pub autostart: bool,
    /// A newer version of this app, if a relay offers one.
    pub newer: Option<NewerView>,
}

/// A newer version of this app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct NewerView {
    /// Its version.
    pub version: String,
    /// The page to get it from.
    pub url: String,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct AccountView {
    /// Its id in this app.
    pub id: String,
    /// The relay's address.
    pub relay: String,
    /// Whose inbox it is; none before the first sign-in.
    pub recipient: Option<String>,
    /// How it stands with the relay.
    pub connection: ConnectionView,
    /// Until when nothing is missing, in milliseconds; none if that is not known.
    pub complete_as_of: Option<f64>,
    /// Unread notifications.
    pub unread: u32,
    /// Unread notifications by category.
    pub unread_by_category: BTreeMap<String, u32>,
    /// Operations that the relay has not answered.
    pub pending: u32,
    /// Whether a damaged inbox was set aside and is being fetched again.
    pub repaired: bool,
    /// Where its key is kept.
    pub secret: SecretPlace,
    /// Why it could not be opened.
    pub problem: Option<Problem>,
}

/// How an account stands with its relay.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionView {
    /// Connected and complete.
    Live,
    /// Connected; pages are on their way.
    CatchingUp,
    /// Not connected.
    Offline {
        /// Since when.
        since: Option<f64>,
        /// When the next try is.
        next_try: Option<f64>,
    },
    /// It will not connect by itself.
    SignedOut {
        /// `no_credentials`, `unauthorized`, `revoked` or `erased`.
        why: String,
    },
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        match connection {
            Connection::Live => Self::Live,
            Connection::CatchingUp => Self::CatchingUp,
            Connection::Offline { since, next_try } => {
                Self::Offline { since: since.map(millis), next_try: next_try.map(millis) }
            }
            Connection::SignedOut { why } => Self::SignedOut {
                why: match why {
                    SignedOut::NoCredentials => "no_credentials",
                    SignedOut::Unauthorized => "unauthorized",
                    SignedOut::Revoked => "revoked",
                    SignedOut::Erased => "erased",
                }
                .into(),
            },
        }
    }
}

/// What is stored on this computer.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StoredView {
    /// The folder.
    pub folder: String,
    /// Bytes of the files in it.
    pub bytes: f64,
    /// Where the key that seals them is kept.
    pub secret: SecretPlace,
}

pub(crate) fn complete_as_of(completeness: Completeness) -> Option<f64> {
    match completeness {
        Completeness::Complete { as_of } => Some(millis(as_of)),
        Completeness::Incomplete { missing_after } => missing_after.map(millis),
    }
}

/// Milliseconds as the window counts them. They are exact up to the year 287396.
#[expect(clippy::cast_precision_loss, reason = "a time of this age has 41 bits, a double 53")]
pub(crate) fn millis(at: Timestamp) -> f64 {
    at.as_millis() as f64
}

/// The other way around; what is no time reads as the earliest or latest one.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a double saturates")]
pub(crate) fn timestamp(millis: f64) -> Timestamp {
    Timestamp::from_millis(millis as i64)
}
