//! The one task that drives the machine of `tidings-sdk-core`: it acts on commands in their order and reports back.
//!
//! Only the process that holds the lease connects. The others look every [`TICK`] at what the holder stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_protocol::Timestamp;
use tidings_protocol::frame::DeviceFrame;
use tidings_sdk_core::sync::{Command, Connection, Settings, SignedOut};
use tidings_sdk_core::{Completeness, DeviceStore as _, Identity, Jitter, Sync};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock;
use crate::error::StorageFault;
use crate::shared::{Call, Shared};
use crate::socket::{OUTGOING_MAX, SocketEvent, SocketPlan};
use crate::store::{Lease, LeaseView, Store, StoreError};
use crate::tokens::{FetchError, Fetched};

/// How often the lease beats and the file is looked at for what other processes did.
const TICK: Duration = Duration::from_secs(2);
/// A clock that goes back by less is corrected, not put back, in milliseconds.
const CLOCK_STEP_MILLIS: i64 = 5_000;
/// Events that may wait; the sockets then wait to hand in more.
const EVENTS_MAX: usize = 64;
/// Events taken in before commands are acted on, so that pages which came together are stored together.
const EVENTS_AT_ONCE: usize = 31;

/// What the engine is made of.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    sync: Sync,
    socket_url: Url,
    tls: Arc<rustls::ClientConfig>,
    lease: Lease,
    holding: bool,
    socket: Option<Open>,
    events: Channel<(u64, SocketEvent)>,
    fetched: Channel<Fetched>,
    /// The last operation that the machine was told of.
    last_queued: u64,
    data_version: i64,
    last_tick: (Instant, Timestamp),
    told: Option<(String, Completeness)>,
}

type Channel<T> = (mpsc::Sender<T>, mpsc::Receiver<T>);

struct Open {
    attempt: u64,
    outgoing: mpsc::Sender<DeviceFrame>,
    stop: CancellationToken,
}

impl Engine {
    pub(crate) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        socket_url: Url,
        tls: Arc<rustls::ClientConfig>,
    ) -> Self {
        Self {
            shared,
            sync: Sync::new(settings),
            socket_url,
            tls,
            lease: Lease::new(),
            holding: false,
            socket: None,
            events: mpsc::channel(EVENTS_MAX),
            fetched: mpsc::channel(1),
            last_queued: 0,
            data_version: 0,
            last_tick: (Instant::now(), clock::now()),
            told: None,
        }
    }

    /// Runs until the client is closed; then lets another process take over.
    pub(crate) async fn run(mut self, mut calls: mpsc::Receiver<Call>) {
        let stop = self.shared.stop.clone();
        let shared = Arc::clone(&self.shared);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Told before and after: whoever shows notifications has to know of a catch-up before its rows are there.
            self.publish().await;
            self.act().await;
            self.publish().await;
            let timeout = self.sync.poll_timeout().map(clock::until);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(event) = self.events.1.recv() => self.take_events(event),
                Some(fetched) = self.fetched.1.recv() => self.take_token(fetched),
                Some(call) = calls.recv() => self.take_call(call).await,
                () = shared.queued.notified() => self.take_queued().await,
                _ = ticks.tick() => self.tick().await,
                () = sleep(timeout) => self.sync.handle_timeout(clock::now(), jitter()),
            }
        }
        self.sync.handle_stop(clock::now());
        self.act().await;
        if let Err(error) = self.lease.release(&self.shared.store).await {
            tracing::debug!(%error, "the connection's lease was not released; it runs out by itself");
        }
    }

    async fn act(&mut self) {
        while let Some(command) = self.sync.poll_command() {
            tracing::trace!(?command, "acts");
            if let Err(error) = self.act_on(command).await {
                tracing::warn!(%error, "the inbox file failed");
                if error.fault() == StorageFault::Corrupt {
                    Store::note_damage(&self.shared.path);
                }
                self.sync.handle_storage_failed(clock::now(), jitter());
            }
        }
    }

    async fn act_on(&mut self, command: Command) -> Result<(), StoreError> {
        let store = &self.shared.store;
        match command {
            Command::Load => {
                let loaded = store.load().await?;
                self.last_queued = loaded.outbox.last().map_or(0, |queued| queued.number);
                self.remember_offset(loaded.clock_offset_ms);
                self.sync.handle_loaded(clock::now(), loaded);
            }
            Command::FetchToken { why } => {
                let (shared, answer) = (Arc::clone(&self.shared), self.fetched.0.clone());
                self.shared.running.spawn(async move {
                    let stop = shared.stop.clone();
                    let fetched = tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        fetched = shared.tokens.fetch(why) => fetched,
                    };
                    if answer.send(fetched).await.is_err() {
                        tracing::trace!("the engine ended before its token came");
                    }
                });
            }
            Command::Connect { attempt, token } => self.connect(attempt, token),
            Command::Disconnect { attempt } => self.disconnect(attempt),
            Command::Send { attempt, frame } => self.send(attempt, frame),
            Command::Apply(batch) => {
                let applied = store.apply(&batch).await?;
                self.sync.handle_applied(clock::now(), applied);
            }
            Command::Settle(settlement) => {
                store.settle(&settlement).await?;
                self.sync.handle_settled(clock::now());
            }
            Command::RememberContact { at, clock_offset_ms } => {
                store.remember_contact(at, clock_offset_ms).await?;
                self.remember_offset(clock_offset_ms);
            }
            Command::Present => store.announce_change(),
            Command::NewIdentity => {
                let identity = new_identity();
                store.save_identity(&identity).await?;
                self.sync.handle_identity(identity);
            }
            Command::DropContent => {
                store.drop_content().await?;
                self.sync.handle_dropped(clock::now());
            }
            Command::Wipe => {
                self.shared.remember_token(None);
                store.wipe().await?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, attempt: u64, token: String) {
        let stop = self.shared.stop.child_token();
        let (outgoing, frames) = mpsc::channel(OUTGOING_MAX);
        let plan = SocketPlan { url: self.socket_url.clone(), token, tls: Arc::clone(&self.tls), attempt };
        self.shared.running.spawn(crate::socket::run(plan, frames, self.events.0.clone(), stop.clone()));
        self.socket = Some(Open { attempt, outgoing, stop });
    }

    fn disconnect(&mut self, attempt: u64) {
        if let Some(socket) = self.socket.take_if(|socket| socket.attempt == attempt) {
            socket.stop.cancel();
        }
    }

    fn send(&mut self, attempt: u64, frame: DeviceFrame) {
        let Some(socket) = self.socket.as_ref().filter(|socket| socket.attempt == attempt) else { return };
        if socket.outgoing.try_send(frame).is_err() {
            // The relay does not read, or the socket is gone: a new connection begins from what is durable.
            self.sync.handle_closed(clock::now(), attempt, jitter());
        }
    }

    fn take_events(&mut self, first: (u64, SocketEvent)) {
        let mut next = Some(first);
        for _ in 0..EVENTS_AT_ONCE {
            let Some((attempt, event)) = next else { return };
            self.take_event(attempt, event);
            next = if self.sync.wants_frames() { self.events.1.try_recv().ok() } else { None };
        }
        if let Some((attempt, event)) = next {
            self.take_event(attempt, event);
        }
    }

    fn take_event(&mut self, attempt: u64, event: SocketEvent) {
        let now = clock::now();
        match event {
            SocketEvent::Opened => self.sync.handle_opened(now, attempt),
            SocketEvent::Frame(frame) => self.sync.handle_frame(now, attempt, frame, jitter()),
            SocketEvent::Heard => self.sync.handle_heard(now, attempt),
            SocketEvent::Unauthorized => self.sync.handle_unauthorized(now, attempt, jitter()),
            SocketEvent::Closed => self.sync.handle_closed(now, attempt, jitter()),
        }
    }

    fn take_token(&mut self, fetched: Fetched) {
        let now = clock::now();
        match fetched {
            Ok((token, expires_at)) => {
                self.shared.remember_token(Some((token.clone(), expires_at)));
                self.sync.handle_token(now, token, expires_at);
            }
            Err(FetchError::Failed(failure)) => self.sync.handle_token_failed(now, failure, jitter()),
            Err(FetchError::NoCredentials) => self.sync.handle_no_credentials(now),
            Err(FetchError::Untrusted(detail)) => {
                tracing::warn!("{detail}; nothing was sent");
                let failure = tidings_sdk_core::TokenFailure::Transient { retry_after_ms: None };
                self.sync.handle_token_failed(now, failure, jitter());
            }
        }
    }

    async fn take_call(&mut self, call: Call) {
        let now = clock::now();
        match call {
            Call::TryNow => self.sync.handle_network_changed(now),
            Call::Moved => match self.shared.store.place().await {
                Ok((cursor, _)) => self.sync.handle_moved(now, cursor),
                Err(error) => tracing::warn!(%error, "the cursor was not read"),
            },
            Call::SignedOut => self.sync.handle_no_credentials(now),
            Call::Erased => {
                self.sync.handle_token_failed(now, tidings_sdk_core::TokenFailure::Gone, jitter());
            }
        }
    }

    /// Hands in what was queued since, here or in another process.
    async fn take_queued(&mut self) {
        if !self.holding {
            return;
        }
        match self.shared.store.queued_after(self.last_queued).await {
            Ok(operations) => {
                for queued in operations {
                    let number = queued.number;
                    if self.sync.handle_queued(clock::now(), queued).is_err() {
                        break;
                    }
                    self.last_queued = number;
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox was not read"),
        }
    }

    async fn tick(&mut self) {
        self.begin_again_if_the_clock_was_put_back();
        match self.lease.beat(&self.shared.store).await {
            Ok(view) => self.follow_lease(&view),
            Err(error) => tracing::warn!(%error, "the connection's lease was not read"),
        }
        match self.shared.store.data_version().await {
            Ok(version) if version != self.data_version => {
                self.data_version = version;
                self.shared.store.announce_change();
                self.take_queued().await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the inbox file was not read"),
        }
    }

    /// Waits and silences are measured by the device's clock. Put back by an hour, it would hide a dead connection for
    /// that long, and the estimate of the relay's time is wrong too.
    fn begin_again_if_the_clock_was_put_back(&mut self) {
        let (then, wall_then) = self.last_tick;
        let (now, wall_now) = (Instant::now(), clock::now());
        self.last_tick = (now, wall_now);
        let passed = i64::try_from(now.duration_since(then).as_millis()).unwrap_or(i64::MAX);
        if self.holding && wall_now.millis_since(wall_then) < passed - CLOCK_STEP_MILLIS {
            tracing::info!("the device's clock was put back; the connection begins again");
            self.sync.handle_stop(wall_now);
            self.sync.handle_start(wall_now);
        }
    }

    fn follow_lease(&mut self, view: &LeaseView) {
        let now = clock::now();
        match (self.holding, view.held) {
            (false, true) => self.sync.handle_start(now),
            (true, false) => self.sync.handle_stop(now),
            (true, true) | (false, false) => {}
        }
        self.holding = view.held;
        if !view.held {
            let connection = read_connection(&view.connection);
            let completeness = match (connection, view.complete_as_of) {
                (Connection::Live, Some(as_of)) => Completeness::Complete { as_of },
                (_, missing_after) => Completeness::Incomplete { missing_after },
            };
            self.show(connection, completeness);
        }
    }

    async fn publish(&mut self) {
        if !self.holding {
            return;
        }
        let (connection, completeness) = (self.sync.connection(), self.sync.completeness());
        self.show(connection, completeness);
        let told = (connection_word(connection).to_owned(), completeness);
        let changed = self.told.as_ref().is_none_or(|(word, known)| {
            *word != told.0 || std::mem::discriminant(known) != std::mem::discriminant(&completeness)
        });
        if changed {
            let as_of = match completeness {
                Completeness::Complete { as_of } => Some(as_of),
                Completeness::Incomplete { missing_after } => missing_after,
            };
            if let Err(error) = self.lease.tell(&self.shared.store, &told.0, as_of).await {
                tracing::debug!(%error, "other processes were not told of the connection");
            }
            self.told = Some(told);
        }
    }

    fn show(&self, connection: Connection, completeness: Completeness) {
        self.shared.connection.send_if_modified(|known| {
            let changed = *known != connection;
            *known = connection;
            changed
        });
        self.shared.completeness.send_if_modified(|known| {
            let changed = *known != completeness;
            *known = completeness;
            changed
        });
    }

    fn remember_offset(&self, clock_offset_ms: i64) {
        self.shared.clock_offset_ms.store(clock_offset_ms, std::sync::atomic::Ordering::Relaxed);
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

fn jitter() -> Jitter {
    Jitter(rand::random())
}

pub(crate) fn new_identity() -> Identity {
    Identity {
        device: uuid::Uuid::now_v7().into(),
        nonce: uuid::Uuid::from_bytes(rand::random()).simple().to_string(),
    }
}

const fn connection_word(connection: Connection) -> &'static str {
    match connection {
        Connection::Live => "live",
        Connection::CatchingUp => "catching_up",
        Connection::Offline { .. } => "offline",
        Connection::SignedOut { why: SignedOut::NoCredentials } => "no_credentials",
        Connection::SignedOut { why: SignedOut::Unauthorized } => "unauthorized",
        Connection::SignedOut { why: SignedOut::Revoked } => "revoked",
        Connection::SignedOut { why: SignedOut::Erased } => "erased",
    }
}

fn read_connection(word: &str) -> Connection {
    match word {
        "live" => Connection::Live,
        "catching_up" => Connection::CatchingUp,
        "no_credentials" => Connection::SignedOut { why: SignedOut::NoCredentials },
        "unauthorized" => Connection::SignedOut { why: SignedOut::Unauthorized },
        "revoked" => Connection::SignedOut { why: SignedOut::Revoked },
        "erased" => Connection::SignedOut { why: SignedOut::Erased },
        _ => Connection::Offline { since: None, next_try: None },
    }
}
