//! Opening one account, and ending it.

use std::sync::Arc;

use tidings_sdk::{Access, EncryptionKey, SignOut as SdkSignOut};
use tokio::sync::Mutex;

use crate::border::Foreign;
use crate::core::Core;
use crate::error::ClientError;
use crate::foreign::{ForeignPushEndpoint, ForeignSecretStore, ForeignTokenSource, Keychain};
use crate::presentations::ToldPresentations;
use crate::threads::Threads;

/// How a device proves who it is.
#[derive(Clone, uniffi::Enum)]
pub enum ClientAccess {
    /// What an earlier run stored.
    Saved,
    /// A connect code. Giving the same code again does no harm.
    Code {
        /// The code.
        code: String,
    },
    /// One fixed access token. When the relay does not take it any more, the client is signed out.
    Token {
        /// The token.
        token: String,
    },
    /// The embedder's own backend issues tokens.
    Source {
        /// Where they come from.
        source: Arc<dyn ForeignTokenSource>,
    },
}

/// Everything that opening an account needs.
#[derive(Clone, uniffi::Record)]
pub struct ClientOptions {
    /// The relay's address, `http://` or `https://`.
    pub relay_url: String,
    /// Where the account's file stands.
    pub folder: String,
    /// How the device proves who it is.
    pub access: ClientAccess,
    /// A name for the account's file, if the folder has several.
    #[uniffi(default = None)]
    pub account: Option<String>,
    /// Encrypts what notifications say on this device: 32 random bytes.
    #[uniffi(default = None)]
    pub encryption_key: Option<Vec<u8>>,
    /// Keeps such a key, which is made at the first start.
    #[uniffi(default = None)]
    pub secret_store: Option<Arc<dyn ForeignSecretStore>>,
    /// Knows where the system's push service reaches this device; asked once in each run.
    #[uniffi(default = None)]
    pub push_endpoint: Option<Arc<dyn ForeignPushEndpoint>>,
    /// The id under which the relay knows this device; a random one if nothing is said.
    #[uniffi(default = None)]
    pub device: Option<String>,
    /// What kind of device it is; the operating system's name if nothing is said.
    #[uniffi(default = None)]
    pub platform: Option<String>,
}

/// What stays on the device after signing out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SignOut {
    /// The inbox stays readable; the outbox is sent after the next sign-in of the same recipient.
    Keep,
    /// Everything of the account is deleted.
    Wipe,
}

/// Whose inbox it is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Owner {
    /// The project.
    pub project: String,
    /// The recipient.
    pub recipient: String,
}

/// One account on one device: it stays connected, stores, and sends what it is asked to.
#[derive(uniffi::Object)]
pub struct Client {
    pub(crate) core: Arc<Core>,
    /// What pushes found and nobody received yet.
    pub(crate) found: Arc<Mutex<ToldPresentations>>,
}

/// Opens the store and begins to connect; never waits for the network. A damaged file is set aside, not an error.
#[uniffi::export]
pub async fn open_client(options: ClientOptions) -> Result<Arc<Client>, ClientError> {
    let builder = builder(options)?;
    let (threads, handle) = Threads::start()?;
    let client = match handle.spawn(builder.build()).await {
        Ok(client) => client?,
        Err(ended) if ended.is_cancelled() => return Err(ClientError::closed()),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let core = Core::new(client, handle, threads);
    Ok(Arc::new(Client { core, found: Arc::default() }))
}

fn builder(options: ClientOptions) -> Result<tidings_sdk::ClientBuilder, ClientError> {
    let access = match options.access {
        ClientAccess::Saved => Access::saved(),
        ClientAccess::Code { code } => Access::code(code),
        ClientAccess::Token { token } => Access::token(token),
        ClientAccess::Source { source } => crate::foreign::access(source),
    };
    let mut builder = tidings_sdk::Client::builder(options.relay_url, options.folder).access(access);
    if let Some(account) = options.account {
        builder = builder.account(account);
    }
    if let Some(key) = options.encryption_key {
        let bytes = key.as_slice().try_into();
        let bytes = bytes.map_err(|_| ClientError::invalid("encryption_key", "a key has 32 bytes"))?;
        builder = builder.encryption_key(EncryptionKey::new(bytes));
    }
    if let Some(store) = options.secret_store {
        builder = builder.secret_store(Arc::new(Keychain(Foreign::new(store))));
    }
    if let Some(provider) = options.push_endpoint {
        let provider = Arc::new(Foreign::new(provider));
        builder = builder.push_address(move || crate::foreign::push_address(Arc::clone(&provider)));
    }
    if let Some(device) = options.device {
        builder = builder.device(device);
    }
    if let Some(platform) = options.platform {
        builder = builder.platform(platform);
    }
    Ok(builder)
}

#[uniffi::export]
impl Client {
    /// Where a damaged file was put when the client was opened, if there was one.
    pub fn set_aside(&self) -> Option<String> {
        self.core.client.set_aside().map(|path| path.display().to_string())
    }

    /// The id under which the relay knows this device.
    pub async fn device(&self) -> Result<String, ClientError> {
        Ok(self.core.call(|client| async move { client.device().await }).await?.to_string())
    }

    /// Whose inbox it is; none before the first sign-in.
    pub async fn owner(&self) -> Result<Option<Owner>, ClientError> {
        let owner = self.core.call(|client| async move { client.owner().await }).await?;
        Ok(owner.map(|(project, recipient)| Owner {
            project: project.to_string(),
            recipient: recipient.to_string(),
        }))
    }

    /// The network may be back: tries at once if the next try is some time away.
    pub async fn network_changed(&self) -> Result<(), ClientError> {
        let call = |client: tidings_sdk::Client| async move {
            client.network_changed().await;
            Ok(())
        };
        self.core.call(call).await
    }

    /// Ends the connection and forgets the credentials.
    pub async fn sign_out(&self, what: SignOut) -> Result<(), ClientError> {
        let what = match what {
            SignOut::Keep => SdkSignOut::Keep,
            SignOut::Wipe => SdkSignOut::Wipe,
        };
        self.core.call(|client| async move { client.sign_out(what).await }).await
    }

    /// Ends everything, the client's threads too; calls after it fail as closed. Closing again does nothing.
    pub async fn shut(&self) {
        self.core.close().await;
    }

    /// The same for who cannot wait for a future: returns when it is closed, after seven seconds at the latest.
    pub fn shut_and_wait(&self) {
        self.core.close_and_wait();
    }
}
