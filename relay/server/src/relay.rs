//! A whole relay node: opened, started, and stopped in order.
//!
//! It stops from the outside in, each part with its own deadline: the listener takes no more calls and finishes those it
//! has; devices are told to come back; the dispatch finishes its round; the writer empties its queue; then the store is
//! closed. What was answered is on disk at every moment, so a deadline that passes loses no more than a `kill -9` would.

mod first_start;

pub(crate) use self::first_start::{make_project, new_key_row};

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tidings_core::configuration::Configuration;
use tidings_core::flows::load_configuration;
use tidings_core::ports::StoreError;
use tidings_protocol::ProjectId;
use tidings_store::{ErasureKey, MemoryStore, OpenError, SqliteOptions, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alerts;
use crate::app::{App, Ports};
use crate::channels::links::LinkMaker;
use crate::channels::{AuthoritiesError, Dialer};
use crate::dispatch::Dispatch;
use crate::handover::{self, Accounts, Handovers};
use crate::hooks::{Hooks, Schedule};
use crate::lane::Lane;
use crate::settings::ServeOptions;
use crate::socket::verify::TokenVerifier;
use crate::socket::{LiveConfiguration, PageReader, SocketSettings, Sockets};
use crate::submit::Submit;
use crate::vault::{Vault, VaultError};
use crate::world::World;
use crate::writer::{self, WriterQueue};
use crate::{http, metering};

/// How long calls that were begun may take when the node stops.
const CALLS_DEADLINE: Duration = Duration::from_secs(5);
/// How long devices may take to hear that the node stops.
const SESSIONS_DEADLINE: Duration = Duration::from_secs(3);
/// How long a round of due work may take when the node stops.
const DISPATCH_DEADLINE: Duration = Duration::from_secs(5);
/// How long what is with a provider may take to be answered when the node stops: whatever is not has an outcome that nobody
/// knows at the next start.
const HANDOVERS_DEADLINE: Duration = handover::GIVE_UP_AFTER.saturating_add(Duration::from_secs(1));
/// How long it may take to write the database's log into its file when the node stops.
const STORE_DEADLINE: Duration = Duration::from_secs(20);
/// How long the writer may take to commit what it has when the node stops.
const WRITER_DEADLINE: Duration = Duration::from_secs(10);

/// A node that runs.
#[derive(Debug)]
pub struct Relay {
    app: Arc<App>,
    address: SocketAddr,
    first: Option<FirstKey>,
    parts: Parts,
}

/// What a first start made.
#[derive(Clone, Debug)]
pub struct FirstKey {
    /// The project's label.
    pub project: String,
    /// Its key, which is shown once.
    pub key: String,
}

/// What there is to stop, each part by itself.
#[derive(Debug)]
struct Parts {
    shutdown: CancellationToken,
    calls: (TaskTracker, CancellationToken),
    sessions: (TaskTracker, CancellationToken),
    dispatch: (TaskTracker, CancellationToken),
    handovers: (TaskTracker, CancellationToken),
    writer: (TaskTracker, CancellationToken),
}

/// Why a node did not start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("the data folder {} cannot be made: name another one or make it writable", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The relay's own keys cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store URL is of no known kind.
    #[error(
        "the store {url} is of no kind that this relay knows: leave it out, or write sqlite:FOLDER or memory:"
    )]
    StoreUrl {
        /// What was written.
        url: String,
    },
    /// The address is taken or not ours.
    #[error(
        "cannot listen on {address}: another program may use it; choose another with --listen, or port 0"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Providers cannot be called.
    #[error(transparent)]
    Outside(#[from] AuthoritiesError),
    /// The system gives no more threads.
    #[error("no thread could be started: raise the limit of processes of the relay's account")]
    Threads(#[source] io::Error),
    /// The store cannot be read or written.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

impl Relay {
    /// Opens the store, makes a first project if there is none, and listens. It stops when `shutdown` is cancelled;
    /// [`Relay::finished`] tells when it has.
    ///
    /// # Errors
    /// [`StartError`] says what to do. Nothing runs then.
    pub async fn start(options: ServeOptions, shutdown: CancellationToken) -> Result<Self, StartError> {
        metering::install();
        let (vault, ports) = open(&options).await?;
        let listen = |address, source| StartError::Listen { address, source };
        let listener =
            TcpListener::bind(options.listen).await.map_err(|error| listen(options.listen, error))?;
        let address = listener.local_addr().map_err(|error| listen(options.listen, error))?;
        let metrics = match options.metrics_listen {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| listen(address, error))?),
            None => None,
        };
        let world = World::real();
        let first = first_start::first_start(&ports, &vault, world.clock.now()).await?;
        let parts = Parts::new(shutdown);
        let public_url = options.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let closing = parts.shutdown.child_token();
        let dialer = Dialer::new(&options.outside)?;
        let lane = Lane::new(options.before_sleep).map_err(StartError::Threads)?;
        let (app, queue) = App::new(options, public_url, vault, ports, world, closing, dialer).await?;
        parts.run(&app, queue, (listener, metrics), lane);
        app.ready.store(true, Ordering::Release);
        tracing::info!(%address, "the relay listens");
        Ok(Self { app, address, first, parts })
    }

    /// Where it listens: with port 0, the one that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a first start made; none on later starts.
    #[must_use]
    pub fn first(&self) -> Option<&FirstKey> {
        self.first.as_ref()
    }

    /// The labels of all projects.
    #[must_use]
    pub fn projects(&self) -> Vec<String> {
        self.app.directory.projects().iter().map(|row| row.name.to_string()).collect()
    }

    /// Waits until it has stopped, in order, after `shutdown` was cancelled.
    ///
    /// # Cancel safety
    /// Dropping it leaves the parts to the end of the process.
    pub async fn finished(self) {
        let Parts { shutdown, calls, sessions, dispatch, handovers, writer } = self.parts;
        shutdown.cancelled().await;
        self.app.ready.store(false, Ordering::Release);
        self.app.closing.cancel();
        // Nothing more is claimed from here on; what is with a provider may end meanwhile.
        handovers.1.cancel();
        end("calls", calls, CALLS_DEADLINE).await;
        end("sessions", sessions, SESSIONS_DEADLINE).await;
        end("dispatch", dispatch, DISPATCH_DEADLINE).await;
        end("handovers", handovers, HANDOVERS_DEADLINE).await;
        end("writer", writer, WRITER_DEADLINE).await;
        close(&self.app).await;
        tracing::info!("the relay has stopped");
    }
}

impl Parts {
    fn new(shutdown: CancellationToken) -> Self {
        let part = || (TaskTracker::new(), CancellationToken::new());
        Self {
            shutdown,
            calls: part(),
            sessions: part(),
            dispatch: part(),
            handovers: part(),
            writer: part(),
        }
    }

    fn run(
        &self,
        app: &Arc<App>,
        queue: WriterQueue,
        (listener, metrics): (TcpListener, Option<TcpListener>),
        lane: Lane,
    ) {
        let (tracker, stop) = &self.writer;
        let listeners = Arc::clone(&app.listeners);
        tracker.spawn(writer::run(app.node.clone(), queue, listeners, stop.clone()));
        let submit: Arc<dyn Submit> = Arc::new(app.writer.clone());
        let dispatch = Dispatch {
            due: Arc::clone(&app.ports.due),
            books: Arc::clone(&app.ports.books),
            registry: Arc::clone(&app.ports.registry),
            live: Arc::new(Live(Arc::clone(app))),
            inboxes: Arc::clone(&app.ports.inbox),
            submit: Arc::clone(&submit),
            hub: Arc::clone(&app.listeners.hub),
            alarms: Arc::clone(&app.listeners.alarms),
            clock: Arc::clone(&app.node.clock),
            guard: Arc::clone(&app.guard),
        };
        let (tracker, stop) = &self.dispatch;
        tracker.spawn(dispatch.run(stop.clone()));
        tracker.spawn(alerts(Arc::clone(app), Arc::clone(&submit), stop.clone()));
        let (tracker, stop) = &self.handovers;
        tracker.spawn(handovers(app, Arc::clone(&submit)).run(stop.clone()));
        let dialer = Arc::clone(&app.outside.dialer);
        let hooks = Hooks { app: Arc::clone(app), dialer, schedule: Schedule::USUAL };
        tracker.spawn(hooks.run(stop.clone()));
        let sockets = self.sockets(app, submit, lane);
        let (tracker, stop) = &self.calls;
        let router = http::router(app, sockets);
        tracker.spawn(serve(listener, router, stop.clone()));
        if let Some(metrics) = metrics {
            tracker.spawn(serve(metrics, http::metrics_router(app), stop.clone()));
        }
    }

    fn sockets(&self, app: &Arc<App>, submit: Arc<dyn Submit>, lane: Lane) -> Sockets {
        let origins = app.options.origins.iter().map(|origin| origin.as_str().into()).collect();
        let live: Arc<dyn LiveConfiguration> = Arc::new(Live(Arc::clone(app)));
        Sockets {
            hellos: Arc::default(),
            hub: Arc::clone(&app.listeners.hub),
            verifier: Arc::clone(&app.tokens) as Arc<dyn TokenVerifier>,
            submit,
            pages: PageReader { reader: Arc::clone(&app.ports.inbox), live, lane },
            clock: Arc::clone(&app.node.clock),
            ids: Arc::clone(&app.node.ids),
            settings: Arc::new(SocketSettings { origins, ..SocketSettings::default() }),
            tracker: self.sessions.0.clone(),
            stop: self.sessions.1.clone(),
        }
    }
}

/// Tells operators what is wrong.
async fn alerts(app: Arc<App>, submit: Arc<dyn Submit>, stop: CancellationToken) {
    let (alarms, clock) = (&app.listeners.alarms, Arc::clone(&app.node.clock));
    alerts::run(alarms, &Live(Arc::clone(&app)), &*submit, &*clock, stop).await;
}

/// Those who hand deliveries over.
pub(crate) fn handovers(app: &Arc<App>, submit: Arc<dyn Submit>) -> Handovers {
    let registry = Arc::clone(&app.ports.registry);
    Handovers::new(handover::Inner {
        waiting: Arc::clone(&app.ports.handovers),
        directory: Arc::clone(&app.directory),
        live: Arc::new(Live(Arc::clone(app))),
        submit,
        clock: Arc::clone(&app.node.clock),
        guard: Arc::clone(&app.guard),
        lanes: Arc::clone(&app.lanes),
        listeners: Arc::clone(&app.listeners),
        accounts: Accounts::new(
            Arc::clone(&registry),
            Arc::clone(&app.vault),
            Arc::clone(&app.vapid),
            app.outside.clone(),
        ),
        links: LinkMaker::new(
            Arc::clone(&app.vault),
            Arc::clone(&app.ports.inbox),
            Arc::clone(&app.ports.public),
            &app.public_url,
        ),
        registry,
        ids: Arc::clone(&app.node.ids),
        incarnation: rand::random(),
        claims: Arc::default(),
        lost_after: handover::LOST_AFTER,
        ended: Notify::new(),
        attempts: TaskTracker::new(),
    })
}

/// Tells sockets what is live.
struct Live(Arc<App>);

#[async_trait]
impl LiveConfiguration for Live {
    async fn live(&self, project: &ProjectId) -> Result<Arc<Configuration>, StoreError> {
        let version = self.0.directory.project(project).map_or(0, |row| row.configuration);
        load_configuration(&self.0.node, project, version).await
    }
}

/// Writes the log of the database into its file, so that the next start and a plain copy find one whole file.
async fn close(app: &App) {
    let Some(store) = app.ports.file.clone() else { return };
    match tokio::time::timeout(STORE_DEADLINE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the store was not closed; the next start repairs it"),
        Err(_) => {
            tracing::warn!(deadline = ?STORE_DEADLINE, "the store was not closed in time; the next start repairs it")
        }
    }
}

/// Stops one part, and says so if it takes too long.
async fn end(part: &str, (tracker, stop): (TaskTracker, CancellationToken), deadline: Duration) {
    stop.cancel();
    tracker.close();
    if tokio::time::timeout(deadline, tracker.wait()).await.is_err() {
        tracing::warn!(part, ?deadline, "a part of the relay did not stop in time");
    }
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the listener failed");
    }
}

async fn open(options: &ServeOptions) -> Result<(Arc<Vault>, Ports), StartError> {
    let url = options.store_url.as_deref().unwrap_or("sqlite:");
    if url == "memory:" {
        let vault = Arc::new(Vault::ephemeral());
        let store = MemoryStore::new(ErasureKey::new(vault.erasure_key()));
        return Ok((vault, Ports::of(Arc::new(store))));
    }
    let folder = match url.strip_prefix("sqlite:") {
        Some("") => options.data.clone(),
        Some(folder) => PathBuf::from(folder),
        None => {
            return Err(StartError::StoreUrl {
                url: url.split('@').next_back().unwrap_or_default().to_owned(),
            });
        }
    };
    make_folder(&options.data)?;
    make_folder(&folder)?;
    let vault = Arc::new(Vault::open(&options.data)?);
    let sqlite = SqliteOptions::new(ErasureKey::new(vault.erasure_key()), rand::random());
    let store = SqliteStore::open(&folder, sqlite).await?;
    let file = Some(store.clone());
    Ok((vault, Ports { file, ..Ports::of(Arc::new(store)) }))
}

fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| StartError::Folder { folder: folder.to_owned(), source })
}
