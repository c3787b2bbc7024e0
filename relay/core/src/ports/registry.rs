//! Projects, keys, configurations, secrets and the sign-in of devices: rare writes, each a transaction of its own. What a
//! call with an `Idempotency-Key` answers is written with what it did: `answer`, kept as the answers of acts are.

use async_trait::async_trait;
use tidings_protocol::{Channel, DeviceId, ProjectId, RecipientId, Timestamp};

use super::StoreError;
use crate::model::{PersonKey, StopSwitch, StoredAnswer};

/// A tenant as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// The tenant.
    pub id: ProjectId,
    /// Its label, unique.
    pub name: Box<str>,
    /// The version that is live; 0 is the built-in one.
    pub configuration: u64,
    /// What is stopped.
    pub stop: StopSwitch,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id, which is not secret.
    pub id: Box<str>,
    /// Whose.
    pub project: ProjectId,
    /// HMAC-SHA256 of the key under the relay's own secret.
    pub hash: [u8; 32],
    /// Everything but the hand-over.
    pub sandbox: bool,
    /// What it may do, sorted.
    pub scopes: Vec<Box<str>>,
    /// What an operator calls it.
    pub label: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// One version of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationRow {
    /// Whose.
    pub project: ProjectId,
    /// Rises by one with each apply.
    pub version: u64,
    /// The document with its files, as it was sent.
    pub bundle: Box<str>,
    /// SHA-256 of it as a value, in hexadecimal.
    pub digest: Box<str>,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// By which key.
    pub applied_by: Box<str>,
}

/// A secret, sealed under the relay's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Whose.
    pub project: ProjectId,
    /// Its name.
    pub name: Box<str>,
    /// The sealed value.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub set_at: Timestamp,
}

/// An address that is never to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopEntry {
    /// The relay's id.
    pub id: Box<str>,
    /// Whose list.
    pub project: ProjectId,
    /// On which channel.
    pub channel: Channel,
    /// The address.
    pub address: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Since when.
    pub at: Timestamp,
}

/// What an operator sets up.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Every project, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn projects(&self) -> Result<Vec<ProjectRow>, StoreError>;

    /// Makes a project, or changes its label and stop switch.
    ///
    /// # Errors
    /// [`StoreError::Data`] if another project has the label.
    async fn put_project(&self, project: &ProjectRow) -> Result<(), StoreError>;

    /// Every key that is not taken back.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError>;

    /// Makes or changes a key.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_key(&self, key: &KeyRow, answer: Option<&StoredAnswer>) -> Result<(), StoreError>;

    /// One version of a configuration, or none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn configuration(
        &self,
        project: &ProjectId,
        version: u64,
    ) -> Result<Option<ConfigurationRow>, StoreError>;

    /// The versions of a project, newest first, before one, without their documents.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn configurations(
        &self,
        project: &ProjectId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ConfigurationRow>, StoreError>;

    /// Stores the next version and makes it live with the project's new label; fails if the live one is not
    /// `row.version - 1`.
    ///
    /// # Errors
    /// [`StoreError::Data`] if another apply came first.
    async fn apply(
        &self,
        row: &ConfigurationRow,
        name: &str,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError>;

    /// A secret, or none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn secret(&self, project: &ProjectId, name: &str) -> Result<Option<SecretRow>, StoreError>;

    /// Sets a secret.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_secret(&self, secret: &SecretRow) -> Result<(), StoreError>;

    /// The stop list, newest first, before an id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn stop_list(
        &self,
        project: &ProjectId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StopEntry>, StoreError>;

    /// Adds to the stop list, or takes an entry away (`add` false, by its id), and raises the version of every
    /// recipient with the address. Answers the entry that was there; the answer to a call is kept only if there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_stop_entry(
        &self,
        entry: &StopEntry,
        add: bool,
        answer: Option<&StoredAnswer>,
    ) -> Result<Option<StopEntry>, StoreError>;
}

/// A connect code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectCode {
    /// HMAC-SHA256 of the code under the relay's own secret.
    pub hash: [u8; 32],
    /// For whom.
    pub person: PersonKey,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A device's refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceToken {
    /// Whose.
    pub person: PersonKey,
    /// Of which device.
    pub device: DeviceId,
    /// HMAC of the family: what all tokens since one sign-in share. A token that was given out before there were
    /// families has none until its next exchange.
    pub family: Option<[u8; 32]>,
    /// HMAC of the token that is valid.
    pub current: [u8; 32],
    /// HMAC of the one before, and when it was exchanged. Using it later than 60 s after is theft, and so is using any
    /// one before it.
    pub previous: Option<([u8; 32], Timestamp)>,
    /// The sealed pair that the last exchange answered, for its repetition within 60 s.
    pub last_answer: Option<Vec<u8>>,
    /// When it was last used; it lasts 90 days from then.
    pub used_at: Timestamp,
}

/// A refresh token that somebody presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedToken {
    /// HMAC of all of it.
    pub hash: [u8; 32],
    /// HMAC of its family, if it names one.
    pub family: Option<[u8; 32]>,
}

/// What is known of a presented refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownToken {
    /// The device whose token or family it is.
    Device(DeviceToken),
    /// It was a device's whose recipient was erased within the last 90 days. Nothing tells who that was.
    Erased,
}

/// What became of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenExchange {
    /// The new token is stored.
    Rotated,
    /// Another exchange came first: look again.
    Raced,
}

/// How devices sign in.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// Stores a connect code.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_connect_code(
        &self,
        code: &ConnectCode,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError>;

    /// Takes a connect code: it is gone afterwards. None if there is none or it ran out. With `repeat`, a code of that
    /// hash stands in its place until that instant at most, written in the same transaction, so that an exchange whose
    /// answer was lost can be repeated.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn take_connect_code(
        &self,
        hash: &[u8; 32],
        repeat: Option<(&[u8; 32], Timestamp)>,
        now: Timestamp,
    ) -> Result<Option<ConnectCode>, StoreError>;

    /// The device that has this token as its current or previous one, or is of its family; else whether an erasure took
    /// it. None: nobody knows it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn device_token(&self, presented: &PresentedToken) -> Result<Option<KnownToken>, StoreError>;

    /// Makes or replaces the token of a device, if its current hash is still `expected` (none: whatever it is). The answer
    /// is kept only then.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_device_token(
        &self,
        token: &DeviceToken,
        expected: Option<&[u8; 32]>,
        answer: Option<&StoredAnswer>,
    ) -> Result<TokenExchange, StoreError>;

    /// Removes a device's token and marks the device as revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn revoke_device(
        &self,
        person: &PersonKey,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Whether a recipient was erased at or after an instant, or a device is revoked: what a token must be asked.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn standing(
        &self,
        project: &ProjectId,
        recipient: &RecipientId,
        device: Option<&DeviceId>,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError>;
}
