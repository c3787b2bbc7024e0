//! The device's side: the client's machine on a store that survives crashes, two processes that show what is new, and
//! a person who taps.

mod screen;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tidings_protocol::frame::{DeviceFrame, RelayFrame};
use tidings_protocol::operation::Request;
use tidings_protocol::{DeviceReceipt, NotificationId, OperationId, Timestamp};
use tidings_sdk_core::present::Decision;
use tidings_sdk_core::store::{Applied, Batch};
use tidings_sdk_core::sync::{Command, Settings, TokenFailure};
use tidings_sdk_core::{Connection, DeviceStore, Identity, Jitter, MemoryDeviceStore, Settlement, Sync};

use crate::coverage::Kind;
use crate::executor::at_once;
use crate::run::{Event, Simulation};

/// How long a token is good, in milliseconds: long enough that a day has a few.
const TOKEN_MILLIS: i64 = 7 * 3_600_000;

/// One installation of the client.
pub struct Device {
    pub(crate) person: usize,
    pub(crate) store: Arc<MemoryDeviceStore>,
    /// None while it is off.
    pub(crate) sync: Option<Sync>,
    pub(crate) life: u64,
    pub(crate) clock_error: i64,
    pub(crate) wire: Option<u64>,
    pub(crate) offline: bool,
    pub(crate) timeout_at: Option<i64>,
    acting: bool,
    /// What the handshake carries.
    token: String,
    last_queued: u64,
    next_operation: u64,
    /// What each process is about to show.
    screens: [VecDeque<Decision>; 2],
    /// Whether a reset is under way in the store.
    pub(crate) resetting: bool,
    /// What was asked and not answered for good.
    pub(crate) asked: BTreeMap<OperationId, Request>,
}

impl Device {
    pub(crate) fn new(name: &str, person: usize, clock_error: i64) -> Self {
        let identity =
            Identity { device: name.parse().expect("a good id"), nonce: format!("nonce of {name}") };
        Self {
            person,
            store: Arc::new(MemoryDeviceStore::new(identity)),
            sync: None,
            life: 0,
            clock_error,
            wire: None,
            offline: false,
            timeout_at: None,
            acting: false,
            token: String::new(),
            last_queued: 0,
            next_operation: 0,
            screens: [VecDeque::new(), VecDeque::new()],
            resetting: false,
            asked: BTreeMap::new(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.sync.as_ref().is_some_and(|sync| !sync.wants_frames())
    }

    /// Its connection as it knows it.
    #[must_use]
    pub fn connection(&self) -> Option<Connection> {
        self.sync.as_ref().map(Sync::connection)
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("person", &self.person).finish_non_exhaustive()
    }
}

/// The machine and its commands.
impl Simulation {
    fn device_now(&self, device: usize) -> Timestamp {
        self.world.clock(self.devices[device].clock_error)
    }

    fn jitter(&self) -> Jitter {
        Jitter(self.world.inside().chance.word())
    }

    pub(crate) fn start_device(&mut self, device: usize) {
        if self.devices[device].sync.is_some() {
            return;
        }
        self.world.trace(|| format!("device {device} starts"));
        let now = self.device_now(device);
        let settings = Settings { platform: "simulated".to_owned(), sdk: "simulation".to_owned() };
        let mut sync = Sync::new(settings);
        sync.handle_start(now);
        self.devices[device].sync = Some(sync);
        self.follow(device);
        self.wake_screens(device);
    }

    /// The process ends where it stands; what was durable stays.
    pub(crate) fn crash_device(&mut self, device: usize) {
        self.world.trace(|| format!("device {device} crashes"));
        let off = &mut self.devices[device];
        off.sync = None;
        off.life += 1;
        off.timeout_at = None;
        off.acting = false;
        off.screens = [VecDeque::new(), VecDeque::new()];
        if let Some(wire) = off.wire.take() {
            self.close_up(wire);
        }
    }

    /// Lets the machine's commands and timeouts be done in time.
    pub(crate) fn follow(&mut self, device: usize) {
        let (life, error) = (self.devices[device].life, self.devices[device].clock_error);
        let Some(sync) = &self.devices[device].sync else { return };
        if let Some(at) = sync.poll_timeout() {
            let at = (at.as_millis() - error).max(self.world.now());
            if self.devices[device].timeout_at.is_none_or(|planned| at < planned) {
                self.devices[device].timeout_at = Some(at);
                self.at(at, Event::DeviceTimeout { device, life, at });
            }
        }
        if !self.devices[device].acting {
            self.devices[device].acting = true;
            self.after(0, Event::DeviceActs { device, life });
        }
    }

    pub(crate) fn device_timeout(&mut self, device: usize, at: i64) {
        if self.devices[device].timeout_at != Some(at) {
            return;
        }
        self.devices[device].timeout_at = None;
        let (now, jitter) = (self.device_now(device), self.jitter());
        let wire = self.devices[device].wire;
        let alive = wire.and_then(|id| self.wires.get(&id)).filter(|wire| wire.is_healthy());
        let attempt = alive.map(|wire| wire.attempt);
        if let Some(sync) = &mut self.devices[device].sync {
            if let Some(attempt) = attempt {
                // The pings since then have arrived.
                sync.handle_heard(now, attempt);
            }
            sync.handle_timeout(now, jitter);
        }
        self.follow(device);
    }

    /// One command; the next one is a step of its own, so that a crash can fall between them.
    pub(crate) fn device_acts(&mut self, device: usize) {
        self.devices[device].acting = false;
        let Some(command) = self.devices[device].sync.as_mut().and_then(Sync::poll_command) else { return };
        self.world.trace(|| format!("device {device}: {command:?}"));
        self.act_on(device, command);
        self.follow(device);
    }

    fn act_on(&mut self, device: usize, command: Command) {
        let now = self.device_now(device);
        let store = Arc::clone(&self.devices[device].store);
        match command {
            Command::Load => {
                let Ok(loaded) = at_once(store.load());
                self.devices[device].last_queued = loaded.outbox.last().map_or(0, |queued| queued.number);
                self.with_sync(device, |sync| sync.handle_loaded(now, loaded));
            }
            Command::FetchToken { .. } => {
                let (life, delay) = (self.devices[device].life, self.delay());
                self.after(delay, Event::Token { device, life });
            }
            Command::Connect { attempt, token } => {
                self.devices[device].token = token;
                self.open_wire(device, attempt);
            }
            Command::Disconnect { attempt } => {
                let wire = self.devices[device].wire;
                if let Some(id) = wire.filter(|id| self.wires.get(id).is_some_and(|w| w.attempt == attempt)) {
                    self.devices[device].wire = None;
                    self.close_up(id);
                }
            }
            Command::Send { attempt, frame } => {
                let wire = self.devices[device].wire;
                if let Some(id) = wire.filter(|id| self.wires.get(id).is_some_and(|w| w.attempt == attempt)) {
                    let frame = self.with_token(device, frame);
                    self.send_up(id, frame);
                }
            }
            Command::Apply(batch) => self.apply(device, &batch),
            Command::Settle(settlement) => {
                let Ok(()) = at_once(store.settle(&settlement));
                self.settled(device, &settlement);
                self.with_sync(device, |sync| sync.handle_settled(now));
            }
            Command::RememberContact { at, clock_offset_ms } => {
                let Ok(()) = at_once(store.remember_contact(at, clock_offset_ms));
            }
            Command::Present => self.wake_screens(device),
            Command::NewIdentity => self.new_identity(device),
            Command::DropContent => {
                let Ok(()) = at_once(store.drop_content());
                self.with_sync(device, |sync| sync.handle_dropped(now));
            }
            Command::Wipe => {
                let Ok(()) = at_once(store.wipe());
                self.devices[device].asked.clear();
                self.devices[device].resetting = false;
                self.devices[device].screens = [VecDeque::new(), VecDeque::new()];
                self.oracle.wiped(device);
                // Sooner or later the person signs in again.
                let (life, delay) =
                    (self.devices[device].life, self.world.inside().chance.between(1_000, 60_000));
                self.after(delay, Event::SignIn { device, life });
            }
        }
    }

    /// The handshake's token stands in for one in the hello.
    fn with_token(&self, device: usize, mut frame: DeviceFrame) -> DeviceFrame {
        if let DeviceFrame::Hello(hello) = &mut frame {
            hello.token = Some(self.devices[device].token.clone());
        }
        frame
    }

    fn with_sync(&mut self, device: usize, then: impl FnOnce(&mut Sync)) {
        if let Some(sync) = &mut self.devices[device].sync {
            then(sync);
        }
    }

    fn new_identity(&mut self, device: usize) {
        let life = self.world.inside().chance.word();
        let identity = Identity {
            device: format!("device-{device}-{life:x}").parse().expect("a good id"),
            nonce: format!("nonce {life:x}"),
        };
        let Ok(()) = at_once(self.devices[device].store.save_identity(&identity));
        self.with_sync(device, |sync| sync.handle_identity(identity));
    }

    fn apply(&mut self, device: usize, batch: &Batch) {
        let Ok(applied) = at_once(self.devices[device].store.apply(batch));
        if applied == Applied::Moved {
            self.devices[device].resetting |= batch.begins_reset;
            if batch.ends {
                self.devices[device].resetting = false;
            }
            self.oracle.applied(device, &self.devices[device], &self.people);
        }
        let now = self.device_now(device);
        self.with_sync(device, |sync| sync.handle_applied(now, applied));
    }

    fn settled(&mut self, device: usize, settlement: &Settlement) {
        let person = self.people[self.devices[device].person].clone();
        for queued in &settlement.done {
            self.devices[device].asked.remove(&queued.operation.id);
            self.oracle.told_done(&person, &queued.operation.id);
            self.world.count(Kind::Operation, "done");
        }
        for (queued, refused) in &settlement.refused {
            self.devices[device].asked.remove(&queued.operation.id);
            self.world.count(Kind::Operation, format!("refused {}", refused.code));
        }
    }

    pub(crate) fn device_frame(&mut self, device: usize, attempt: u64, frame: RelayFrame) {
        let (now, jitter) = (self.device_now(device), self.jitter());
        self.with_sync(device, |sync| sync.handle_frame(now, attempt, frame, jitter));
        self.follow(device);
    }

    pub(crate) fn device_opened(&mut self, device: usize, attempt: u64) {
        let now = self.device_now(device);
        self.with_sync(device, |sync| sync.handle_opened(now, attempt));
        self.follow(device);
    }

    pub(crate) fn device_closed(&mut self, device: usize, attempt: u64) {
        let (now, jitter) = (self.device_now(device), self.jitter());
        self.with_sync(device, |sync| sync.handle_closed(now, attempt, jitter));
        self.follow(device);
    }

    /// The backend of the app gives a token, or does not.
    pub(crate) fn token(&mut self, device: usize) {
        let (now, jitter) = (self.device_now(device), self.jitter());
        if self.world.fault("token fails", 40) {
            let failure = TokenFailure::Transient { retry_after_ms: None };
            self.with_sync(device, |sync| sync.handle_token_failed(now, failure, jitter));
        } else {
            let issued = self.world.now();
            let good_for = self.world.inside().chance.between(TOKEN_MILLIS / 14, TOKEN_MILLIS);
            let text = format!("{}|{issued}|{}", self.devices[device].person, issued + good_for);
            let expires_at = now.plus_millis(good_for);
            self.with_sync(device, |sync| sync.handle_token(now, text, Some(expires_at)));
        }
        self.follow(device);
    }

    pub(crate) fn sign_in(&mut self, device: usize) {
        let now = self.device_now(device);
        self.with_sync(device, |sync| sync.handle_signed_in(now));
        self.follow(device);
    }
}

pub(crate) fn receipt(id: &NotificationId, receipt: DeviceReceipt) -> Request {
    Request::Receipt { notification: id.clone(), receipt, action: None }
}
