//! How the device stands with the relay, and how many notifications are unread: values that can be read and followed.

use std::sync::Arc;
use std::time::SystemTime;

use tidings_sdk::{Completeness as SdkCompleteness, Connection as SdkConnection, Error as SdkError};
use tidings_sdk::{SignedOut as SdkSignedOut, UnreadObserver, Watch};

use crate::client::Client;
use crate::error::ClientError;
use crate::operations::category;
use crate::pull::{Pull, Source};
use crate::time::instant;

/// How the device stands with the relay.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ConnectionState {
    /// Connected and complete.
    Live,
    /// Connected, pages are on their way.
    CatchingUp,
    /// Not connected.
    Offline {
        /// Since when, if it is known.
        since: Option<SystemTime>,
        /// When the next try is; none means that it is being tried, or that nothing is tried.
        next_try: Option<SystemTime>,
    },
    /// It will not connect by itself.
    SignedOut {
        /// Why.
        why: SignedOutReason,
    },
}

/// Why a device is signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SignedOutReason {
    /// There were never any credentials, or the recipient signed out.
    NoCredentials,
    /// The credentials are not good any more.
    Unauthorized,
    /// The device was removed by the recipient or an operator.
    Revoked,
    /// The recipient was erased; everything was wiped.
    Erased,
}

/// Whether the device knows everything that the relay has for it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Completeness {
    /// Nothing was missing at this instant, and the connection has been watched since.
    Complete {
        /// The last sign of life of the relay.
        as_of: SystemTime,
    },
    /// Something may be missing.
    Incomplete {
        /// Nothing was missing up to here; none means that the inbox was never complete.
        missing_after: Option<SystemTime>,
    },
}

impl From<SdkConnection> for ConnectionState {
    fn from(connection: SdkConnection) -> Self {
        match connection {
            SdkConnection::Live => Self::Live,
            SdkConnection::CatchingUp => Self::CatchingUp,
            SdkConnection::Offline { since, next_try } => {
                Self::Offline { since: since.map(instant), next_try: next_try.map(instant) }
            }
            SdkConnection::SignedOut { why } => Self::SignedOut {
                why: match why {
                    SdkSignedOut::NoCredentials => SignedOutReason::NoCredentials,
                    SdkSignedOut::Unauthorized => SignedOutReason::Unauthorized,
                    SdkSignedOut::Revoked => SignedOutReason::Revoked,
                    SdkSignedOut::Erased => SignedOutReason::Erased,
                },
            },
        }
    }
}

impl From<SdkCompleteness> for Completeness {
    fn from(completeness: SdkCompleteness) -> Self {
        match completeness {
            SdkCompleteness::Complete { as_of } => Self::Complete { as_of: instant(as_of) },
            SdkCompleteness::Incomplete { missing_after } => {
                Self::Incomplete { missing_after: missing_after.map(instant) }
            }
        }
    }
}

/// A state of the connection with its number.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldConnection {
    /// Say it when asking for the next.
    pub number: u64,
    /// The state.
    pub state: ConnectionState,
}

/// A state of completeness with its number.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldCompleteness {
    /// Say it when asking for the next.
    pub number: u64,
    /// The state.
    pub completeness: Completeness,
}

/// A count of unread notifications with its number.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldUnread {
    /// Say it when asking for the next.
    pub number: u64,
    /// How many are unread.
    pub unread: u64,
}

struct Watched<T>(Watch<T>);

impl Source for Watched<SdkConnection> {
    type Told = ConnectionState;

    async fn next(&mut self) -> Result<Option<ConnectionState>, SdkError> {
        Ok(self.0.next().await.map(ConnectionState::from))
    }
}

impl Source for Watched<SdkCompleteness> {
    type Told = Completeness;

    async fn next(&mut self) -> Result<Option<Completeness>, SdkError> {
        Ok(self.0.next().await.map(Completeness::from))
    }
}

impl Source for UnreadObserver {
    type Told = u64;

    async fn next(&mut self) -> Result<Option<u64>, SdkError> {
        Self::next(self).await
    }
}

/// Follows the connection: the state now, and then each that comes. States that pass while nobody asks are left out.
#[derive(uniffi::Object)]
pub struct ConnectionObserver(Pull<ConnectionState>);

#[uniffi::export]
impl ConnectionObserver {
    /// The state after that with a number, zero for the first. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldConnection>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, state)| ToldConnection { number, state }))
    }
}

/// Follows whether the device knows everything.
#[derive(uniffi::Object)]
pub struct CompletenessObserver(Pull<Completeness>);

#[uniffi::export]
impl CompletenessObserver {
    /// The state after that with a number, zero for the first. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldCompleteness>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, completeness)| ToldCompleteness { number, completeness }))
    }
}

/// Follows how many notifications are unread.
#[derive(uniffi::Object)]
pub struct UnreadCounter(Pull<u64>);

#[uniffi::export]
impl UnreadCounter {
    /// The count after that with a number, zero for the first. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldUnread>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, unread)| ToldUnread { number, unread }))
    }
}

#[uniffi::export]
impl Client {
    /// How the device stands with the relay.
    pub fn connection(&self) -> ConnectionState {
        self.core.client.connection().get().into()
    }

    /// Follows that.
    pub fn observe_connection(&self) -> Arc<ConnectionObserver> {
        let watched = Watched(self.core.client.connection());
        Arc::new(ConnectionObserver(Pull::new(&self.core.handle, watched)))
    }

    /// Whether the device knows everything that the relay has for it.
    pub fn completeness(&self) -> Completeness {
        self.core.client.completeness().get().into()
    }

    /// Follows that.
    pub fn observe_completeness(&self) -> Arc<CompletenessObserver> {
        let watched = Watched(self.core.client.completeness());
        Arc::new(CompletenessObserver(Pull::new(&self.core.handle, watched)))
    }

    /// Follows how many are unread and not archived, in a category or in all.
    #[expect(clippy::needless_pass_by_value, reason = "values that come from another language are owned")]
    pub fn observe_unread(&self, wanted: Option<String>) -> Result<Arc<UnreadCounter>, ClientError> {
        let wanted = wanted.as_deref().map(category).transpose()?;
        let observer = self.core.client.inbox().observe_unread(wanted);
        Ok(Arc::new(UnreadCounter(Pull::new(&self.core.handle, observer))))
    }
}
