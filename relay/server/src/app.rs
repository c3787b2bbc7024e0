//! What the calls of a running node stand on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;
use tidings_core::configuration::{Configuration, SecretName};
use tidings_core::flows::{Configurations, Node, load_configuration};
use tidings_core::ports::{
    BookReader, ConsentReader, DueReader, HandoverReader, HookKeeper, InboxReader, Insight, PublicTokens,
    Registry, SignIn, Store, StoreError, StoryReader,
};
use tidings_protocol::{ProjectId, Timestamp};
use tidings_store::SqliteStore;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::{Directory, TokenKeeper, secret_name};
use crate::channels::webpush::VapidKeys;
use crate::channels::{Dialer, Outside};
use crate::dispatch::TimeGuard;
use crate::handover::Lanes;
use crate::http::Counted;
use crate::http::limit::RateLimits;
use crate::http::repeats::Repeats;
use crate::hub::Hub;
use crate::settings::ServeOptions;
use crate::vault::Vault;
use crate::world::World;
use crate::writer::{Listeners, Writer, WriterQueue};

/// Compiled configurations that are remembered. The live one of each project and what old holds still name.
const CONFIGURATIONS_MAX: u64 = 256;

/// Everything that a store is asked for.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) inbox: Arc<dyn InboxReader>,
    pub(crate) stories: Arc<dyn StoryReader>,
    pub(crate) consents: Arc<dyn ConsentReader>,
    pub(crate) due: Arc<dyn DueReader>,
    pub(crate) books: Arc<dyn BookReader>,
    pub(crate) insight: Arc<dyn Insight>,
    pub(crate) hooks: Arc<dyn HookKeeper>,
    pub(crate) handovers: Arc<dyn HandoverReader>,
    pub(crate) public: Arc<dyn PublicTokens>,
    /// The file to close at the end, if the store is one.
    pub(crate) file: Option<SqliteStore>,
}

impl Ports {
    /// One store behind all ports.
    pub(crate) fn of<S>(store: Arc<S>) -> Self
    where
        S: Store
            + Registry
            + SignIn
            + InboxReader
            + StoryReader
            + ConsentReader
            + DueReader
            + BookReader
            + Insight
            + HookKeeper
            + HandoverReader
            + PublicTokens
            + 'static,
    {
        Self {
            store: Arc::clone(&store) as Arc<dyn Store>,
            registry: Arc::clone(&store) as Arc<dyn Registry>,
            sign_in: Arc::clone(&store) as Arc<dyn SignIn>,
            inbox: Arc::clone(&store) as Arc<dyn InboxReader>,
            stories: Arc::clone(&store) as Arc<dyn StoryReader>,
            consents: Arc::clone(&store) as Arc<dyn ConsentReader>,
            due: Arc::clone(&store) as Arc<dyn DueReader>,
            insight: Arc::clone(&store) as Arc<dyn Insight>,
            hooks: Arc::clone(&store) as Arc<dyn HookKeeper>,
            handovers: Arc::clone(&store) as Arc<dyn HandoverReader>,
            public: Arc::clone(&store) as Arc<dyn PublicTokens>,
            books: store as Arc<dyn BookReader>,
            file: None,
        }
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// A running node, as its calls see it.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) options: ServeOptions,
    pub(crate) public_url: String,
    pub(crate) node: Node,
    pub(crate) ports: Ports,
    pub(crate) vault: Arc<Vault>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) tokens: Arc<TokenKeeper>,
    /// The keys that projects sign their pushes to browsers with.
    pub(crate) vapid: Arc<VapidKeys>,
    pub(crate) writer: Writer,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) repeats: Repeats,
    pub(crate) limits: RateLimits,
    /// One plan at a time.
    pub(crate) plans: Semaphore,
    /// Whether the time can be trusted.
    pub(crate) guard: Arc<TimeGuard>,
    /// Cancelled when no new call is taken: calls that wait for changes answer at once.
    pub(crate) closing: CancellationToken,
    pub(crate) ready: AtomicBool,
    /// What holds for each provider that was used.
    pub(crate) lanes: Arc<Lanes>,
    /// Which counted links were told.
    pub(crate) counted: Counted,
    /// The world outside, as the node's settings allow it.
    pub(crate) outside: Outside,
}

impl App {
    /// A node on a store. Nothing runs yet: the queue has to be given to the writer.
    ///
    /// # Errors
    /// [`StoreError`] if projects and keys cannot be read.
    pub(crate) async fn new(
        options: ServeOptions,
        public_url: String,
        vault: Arc<Vault>,
        ports: Ports,
        world: World,
        closing: CancellationToken,
        dialer: Dialer,
    ) -> Result<(Arc<Self>, WriterQueue), StoreError> {
        let node = Node {
            store: Arc::clone(&ports.store),
            registry: Arc::clone(&ports.registry),
            configurations: Arc::new(Remembered::default()),
            clock: world.clock,
            ids: world.ids,
        };
        let directory = Arc::new(Directory::load(Arc::clone(&ports.registry), Arc::clone(&vault)).await?);
        let tokens = Arc::new(TokenKeeper {
            vault: Arc::clone(&vault),
            directory: Arc::clone(&directory),
            sign_in: Arc::clone(&ports.sign_in),
            node: node.clone(),
        });
        let outside = Outside {
            dialer: Arc::new(dialer),
            public_url: public_url.as_str().into(),
            fcm_url: options.outside.fcm_url.as_str().into(),
            apns_url: options.outside.apns_url.as_str().into(),
        };
        let (writer, queue) = Writer::new();
        let vapid = VapidKeys::new(Arc::clone(&ports.registry), Arc::clone(&vault), Arc::clone(&node.clock));
        let vapid = Arc::new(vapid);
        let app = Self {
            public_url,
            limits: RateLimits::new(options.requests_per_second),
            options,
            node,
            ports,
            vault,
            directory,
            tokens,
            vapid,
            writer,
            listeners: Arc::new(Listeners::new(Hub::new())),
            repeats: Repeats::default(),
            plans: Semaphore::new(1),
            guard: world.guard,
            closing,
            ready: AtomicBool::new(false),
            lanes: Arc::default(),
            counted: Counted::default(),
            outside,
        };
        Ok((Arc::new(app), queue))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    /// The value of a secret that a document names; none if it is not set.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or opened.
    pub(crate) async fn secret(
        &self,
        project: &ProjectId,
        name: &SecretName,
    ) -> Result<Option<SecretString>, StoreError> {
        let SecretName(name) = name;
        let Some(row) = self.ports.registry.secret(project, name).await? else { return Ok(None) };
        let opened = self.vault.open_sealed(&secret_name(project, name), &row.sealed).ok();
        let text = opened.and_then(|bytes| String::from_utf8(bytes).ok());
        let damaged = || StoreError::Damaged { detail: format!("the secret {name} cannot be opened") };
        Ok(Some(text.ok_or_else(damaged)?.into()))
    }

    /// The configuration of a project that is live, compiled, by the store's word and not by what is remembered.
    pub(crate) async fn live(&self, project: &ProjectId) -> Result<Arc<Configuration>, StoreError> {
        let version = self.directory.project(project).map_or(0, |row| row.configuration);
        load_configuration(&self.node, project, version).await
    }
}

/// Compiled configurations in memory.
pub(crate) struct Remembered(moka::sync::Cache<(ProjectId, u64), Arc<Configuration>>);

impl Default for Remembered {
    fn default() -> Self {
        Self(moka::sync::Cache::new(CONFIGURATIONS_MAX))
    }
}

impl Configurations for Remembered {
    fn get(&self, project: &ProjectId, version: u64) -> Option<Arc<Configuration>> {
        self.0.get(&(project.clone(), version))
    }

    fn put(&self, project: &ProjectId, version: u64, configuration: Arc<Configuration>) {
        self.0.insert((project.clone(), version), configuration);
    }
}
