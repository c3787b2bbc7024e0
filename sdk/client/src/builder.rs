//! Opening one account.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tidings_protocol::{DeviceId, Timestamp};
use tidings_sdk_core::sync::{Connection, Settings};
use tidings_sdk_core::{Completeness, DeviceStore as _, Identity};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::access::Access;
use crate::client::Client;
use crate::engine::Engine;
use crate::error::Error;
use crate::http::Http;
use crate::push_address::AskAddress;
use crate::seal::EncryptionKey;
use crate::secrets::{Keychain, SecretStore};
use crate::shared::Shared;
use crate::socket::socket_url;
use crate::store::{Opened, Store};
use crate::tokens::TokenSource;

/// Calls that may wait for the engine.
const CALLS_MAX: usize = 16;
/// The longest account name, in bytes.
const ACCOUNT_BYTES_MAX: usize = 64;

/// Everything that opening an account needs. Made by [`Client::builder`].
#[derive(Debug)]
#[must_use = "nothing happens before build()"]
pub struct ClientBuilder {
    relay: String,
    folder: PathBuf,
    account: String,
    access: Access,
    key: Option<EncryptionKey>,
    keychain: Option<Keychain>,
    push_address: Option<AskAddress>,
    device: Option<String>,
    platform: String,
}

impl ClientBuilder {
    pub(crate) fn new(relay: String, folder: PathBuf) -> Self {
        Self {
            relay,
            folder,
            account: "inbox".into(),
            access: Access::saved(),
            key: None,
            keychain: None,
            push_address: None,
            device: None,
            platform: std::env::consts::OS.into(),
        }
    }

    /// How the device proves who it is; [`Access::saved`] if nothing is said.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Encrypts what notifications say on this device. Recommended; without a key that text is as readable as any
    /// other file of the recipient's. Another key than last time drops the stored content, which is then fetched
    /// again; the outbox stays.
    pub fn encryption_key(mut self, key: EncryptionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Lets the client keep its key in the system's keychain: it is made at the first start and found again at later
    /// ones. [`Self::encryption_key`] goes before it.
    pub fn secret_store(mut self, store: Arc<dyn SecretStore>) -> Self {
        self.keychain = Some(Keychain(store));
        self
    }

    /// Where the system's push service reaches this device; none if there is no address now. The function is called
    /// once in each run, when the device is signed in, off the client's locks; what takes longer than 30 seconds counts
    /// as none. An address that comes or changes later is told with [`Client::set_push_address`].
    pub fn push_address<F, R>(mut self, ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Option<String>> + Send + 'static,
    {
        self.push_address = Some(AskAddress::new(ask));
        self
    }

    /// A name for this account's file, if the folder has several. Letters, digits, `-` and `_`, up to 64.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = name.into();
        self
    }

    /// The id under which the relay knows this device; a random one if nothing is said. It is used while the device
    /// has not signed in, later the stored one counts.
    pub fn device(mut self, id: impl Into<String>) -> Self {
        self.device = Some(id.into());
        self
    }

    /// What kind of device it is; the operating system's name if nothing is said.
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = platform.into();
        self
    }

    /// Opens the store and begins to connect. It does not wait for the network. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Invalid`] if an argument makes no sense, [`Error::Storage`] if the file cannot be opened. A damaged
    /// file is no error: it is set aside and the inbox fetched again, see [`Client::set_aside`]. [`Error::Refused`] with
    /// `secret_store` if the keychain does not answer as it should.
    ///
    /// # Cancel safety
    /// Safe: what was begun is whole or put back.
    pub async fn build(self) -> Result<Client, Error> {
        let relay = read_relay(&self.relay)?;
        let path = self.folder.join(format!("{}.tidings", checked_account(&self.account)?));
        let device = self
            .device
            .map(|id| DeviceId::new(id).map_err(|error| Error::invalid("device", error.to_string())));
        let device = device.transpose()?;
        let key = match (self.key, self.keychain) {
            (None, Some(keychain)) => Some(keychain.key_of(&self.account).await?),
            (key, _) => key,
        };
        let Opened { store, set_aside, other_key } = Store::open(&path, key.as_ref()).await?;
        if other_key {
            tracing::info!("the inbox was written with another key; it is fetched again");
        }
        let loaded = store.load().await?;
        if let Some(device) = device.filter(|device| *device != loaded.identity.device)
            && store.owner().await?.is_none()
        {
            store.save_identity(&Identity { device, nonce: loaded.identity.nonce }).await?;
        }
        let tls = crate::tls::set_up(relay.scheme() == "https");
        let http =
            Http::new(relay.clone(), &tls).map_err(|error| Error::invalid("relay_url", error.to_string()))?;
        let tokens = TokenSource {
            access: self.access,
            http: http.clone(),
            store: store.clone(),
            platform: self.platform.clone(),
        };
        let (calls, received) = mpsc::channel(CALLS_MAX);
        let missing_after: Option<Timestamp> = loaded.last_contact;
        let shared = Arc::new(Shared {
            store,
            path,
            http,
            tokens,
            token: Mutex::new(None),
            clock_offset_ms: loaded.clock_offset_ms.into(),
            queued: Notify::new(),
            calls,
            connection: watch::Sender::new(Connection::Offline { since: None, next_try: None }),
            completeness: watch::Sender::new(Completeness::Incomplete { missing_after }),
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        });
        let settings = Settings { platform: self.platform, sdk: crate::SDK_NAME.into() };
        let engine = Engine::new(Arc::clone(&shared), settings, socket_url(&relay), tls);
        shared.running.spawn(engine.run(received));
        if let Some(ask) = self.push_address {
            shared.running.spawn(crate::push_address::tell_when_signed_in(Arc::clone(&shared), ask));
        }
        Ok(Client::new(shared, set_aside))
    }
}

fn read_relay(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| Error::invalid("relay_url", error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(Error::invalid("relay_url", "a relay's address begins with http:// or https://")),
    }
}

fn checked_account(name: &str) -> Result<&str, Error> {
    let fits = !name.is_empty()
        && name.len() <= ACCOUNT_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if fits {
        Ok(name)
    } else {
        Err(Error::invalid("account", "a name has up to 64 letters, digits, '-' and '_'"))
    }
}
