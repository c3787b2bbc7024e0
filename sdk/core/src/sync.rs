//! One device's connection and cursor: when to connect, what to say, which page may be stored, where to resume.
//!
//! The machine never waits. It takes what happened (`handle_*`), says what to do ([`Sync::poll_command`]) and when to
//! be asked again ([`Sync::poll_timeout`]). Order is durability: a page is named in [`Command::Apply`], stored with
//! its cursor in one step, and only then answered with `held`; an operation is queued in the store before it is
//! handed in, and forgotten there after it was answered and its effect is stored (`answered.rs`). The cursor moves only over pages whose `from` is
//! the device's place; anything else makes the device say `resume`.
//!
//! It does not decide what to show (`present.rs`) or how a row changes (`store.rs`).

mod command;
mod connecting;
mod frames;
mod pages;

use std::collections::VecDeque;

use tidings_protocol::{Cursor, Timestamp};

use crate::answered::Answered;
use crate::backoff::{Backoff, Jitter};
use crate::completeness::{Completeness, CompletenessWatch};
use crate::outbox::{Outbox, OutboxFull, Queued};
use crate::store::{Applied, Batch, Identity, Loaded, Settlement};

pub use command::{Command, Connection, Settings, SignedOut, TokenFailure, TokenWanted};
use connecting::{Phase, Token};
use pages::Pages;

/// Without contact for this long, the content on the device is dropped, in milliseconds: 90 days.
pub const CONTACT_MILLIS_MAX: i64 = 90 * 86_400_000;
/// A contact is written down this often at most, in milliseconds: the rule counts in days.
const REMEMBER_CONTACT_MILLIS: i64 = 3_600_000;

/// The machine of one account's connection.
#[derive(Debug)]
pub struct Sync {
    settings: Settings,
    identity: Option<Identity>,
    phase: Phase,
    /// Counts connections, so that what an older one still says is not taken for the present one's.
    attempt: u64,
    token: Token,
    backoff: Backoff,
    pages: Pages,
    outbox: Outbox,
    answered: Answered,
    /// Settlements that the store has not answered.
    settling: usize,
    offline_since: Option<Timestamp>,
    last_contact: Option<Timestamp>,
    remembered_contact: Option<Timestamp>,
    clock_offset_ms: i64,
    watch: CompletenessWatch,
    commands: VecDeque<Command>,
}

impl Sync {
    /// A machine that does nothing until [`Self::handle_start`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            identity: None,
            phase: Phase::Stopped,
            attempt: 0,
            token: Token::default(),
            backoff: Backoff::default(),
            pages: Pages::default(),
            outbox: Outbox::default(),
            answered: Answered::default(),
            settling: 0,
            offline_since: None,
            last_contact: None,
            remembered_contact: None,
            clock_offset_ms: 0,
            watch: CompletenessWatch::default(),
            commands: VecDeque::new(),
        }
    }

    /// The next thing to do, in order.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let dropped = self.last_contact.map(|at| at.plus_millis(CONTACT_MILLIS_MAX));
        let phase = match &self.phase {
            Phase::Stopped | Phase::Loading | Phase::SignedOut(_) => None,
            // The store is read only after its last step was answered, and that answer asks for the timeout again.
            Phase::Waiting { next_try } => (!self.pages.is_applying()).then_some(*next_try),
            Phase::AwaitingToken => self.token.retry_at,
            Phase::Connecting { by } | Phase::Greeting { by } => Some(*by),
            Phase::Open(open) => {
                let timeouts = [
                    Some(open.silent_at()),
                    self.pages.resume_by(),
                    self.pages.gathers_until(),
                    self.outbox.poll_timeout(),
                    self.answered.poll_timeout(),
                    self.token.renew_at(),
                ];
                timeouts.into_iter().flatten().min()
            }
        };
        phase.into_iter().chain(dropped).min()
    }

    /// Begin: read the store, then connect. Does nothing if it has begun.
    pub fn handle_start(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Stopped) {
            self.offline_since = self.offline_since.or(Some(now));
            self.load();
        }
    }

    /// End the connection and do nothing more until the next start.
    pub fn handle_stop(&mut self, now: Timestamp) {
        self.leave_connection(now);
        if !matches!(self.phase, Phase::SignedOut(_)) {
            self.phase = Phase::Stopped;
        }
    }

    /// New credentials were given: a signed-out device begins again.
    pub fn handle_signed_in(&mut self, now: Timestamp) {
        self.token = Token::default();
        self.handle_network_changed(now);
        if matches!(self.phase, Phase::SignedOut(_) | Phase::Stopped) {
            self.offline_since = self.offline_since.or(Some(now));
            self.load();
        }
    }

    /// The network may be back: try now if a try is only waiting for its time.
    pub fn handle_network_changed(&mut self, now: Timestamp) {
        if let Phase::Waiting { next_try } = &mut self.phase {
            *next_try = now;
        }
    }

    /// The answer to [`Command::Load`].
    pub fn handle_loaded(&mut self, now: Timestamp, loaded: Loaded) {
        if !matches!(self.phase, Phase::Loading) {
            return;
        }
        self.identity = Some(loaded.identity);
        self.pages = Pages::at(loaded.cursor);
        self.outbox = Outbox::new(loaded.outbox);
        self.settling = 0;
        self.last_contact = loaded.last_contact;
        self.clock_offset_ms = loaded.clock_offset_ms;
        if self.drop_what_is_too_old(now) {
            return;
        }
        self.connect(now);
    }

    /// An operation became durable, here or in another process.
    ///
    /// # Errors
    /// [`OutboxFull`] if the machine holds as many as it may; it is loaded from the store later.
    pub fn handle_queued(&mut self, now: Timestamp, queued: Queued) -> Result<(), OutboxFull> {
        self.outbox.queue(queued)?;
        self.send_operations(now);
        Ok(())
    }

    /// The answer to [`Command::Apply`].
    pub fn handle_applied(&mut self, now: Timestamp, applied: Applied) {
        let Some(batch) = self.pages.take_applying() else { return };
        match applied {
            Applied::Moved => self.stored(now, &batch),
            Applied::Elsewhere { cursor } => {
                self.pages = Pages::at(cursor);
                self.resume(now);
            }
        }
        self.apply_next(now);
    }

    /// The answer to [`Command::Settle`].
    pub fn handle_settled(&mut self, now: Timestamp) {
        self.settling = self.settling.saturating_sub(1);
        self.send_operations(now);
    }

    /// A step in the store failed, nothing of it was done: begin again from what the store has, a little later.
    pub fn handle_storage_failed(&mut self, now: Timestamp, jitter: Jitter) {
        self.leave_connection(now);
        self.pages = Pages::default();
        if !matches!(self.phase, Phase::SignedOut(_) | Phase::Stopped) {
            self.wait(now, None, jitter);
        }
    }

    /// The answer to [`Command::NewIdentity`]: it is durable.
    pub fn handle_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// The answer to [`Command::DropContent`].
    pub fn handle_dropped(&mut self, now: Timestamp) {
        self.pages = Pages::at(None);
        self.watch.handle_emptied();
        if matches!(self.phase, Phase::Loading) {
            self.connect(now);
        }
    }

    /// Another process, or a catch-up over HTTP, moved the store's cursor.
    pub fn handle_moved(&mut self, now: Timestamp, cursor: Option<Cursor>) {
        if !self.pages.is_applying() && self.pages.cursor() != cursor.as_ref() {
            self.pages = Pages::at(cursor);
            self.resume(now);
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Timestamp, jitter: Jitter) {
        if self.drop_what_is_too_old(now) {
            return;
        }
        match &self.phase {
            Phase::Stopped | Phase::Loading | Phase::SignedOut(_) => {}
            Phase::Waiting { next_try } => {
                if now >= *next_try && !self.pages.is_applying() {
                    self.load();
                }
            }
            Phase::AwaitingToken => {
                if self.token.retry_at.is_some_and(|at| now >= at) {
                    self.connect(now);
                }
            }
            Phase::Connecting { by } | Phase::Greeting { by } => {
                if now >= *by {
                    self.lose_connection(now, None, jitter);
                }
            }
            Phase::Open(open) => {
                let dead = now >= open.silent_at() || self.outbox.is_overdue(now);
                if dead || !self.pages.may_go_on(now) {
                    self.lose_connection(now, None, jitter);
                } else {
                    self.apply_next(now);
                    self.renew_token(now);
                    let done = self.answered.handle_timeout(now);
                    self.settle(Settlement { done, refused: Vec::new() });
                    self.send_operations(now);
                }
            }
        }
    }

    /// Whether another frame may be handed in; false means: leave it on the socket until a page is stored.
    #[must_use]
    pub fn wants_frames(&self) -> bool {
        self.pages.have_room()
    }

    /// How the device stands with the relay.
    #[must_use]
    pub fn connection(&self) -> Connection {
        match &self.phase {
            Phase::SignedOut(why) => Connection::SignedOut { why: *why },
            Phase::Open(open) if open.caught_up => Connection::Live,
            Phase::Open(_) => Connection::CatchingUp,
            Phase::Waiting { next_try } => {
                Connection::Offline { since: self.offline_since, next_try: Some(*next_try) }
            }
            Phase::Stopped
            | Phase::Loading
            | Phase::AwaitingToken
            | Phase::Connecting { .. }
            | Phase::Greeting { .. } => Connection::Offline { since: self.offline_since, next_try: None },
        }
    }

    /// Whether the device knows everything.
    #[must_use]
    pub const fn completeness(&self) -> Completeness {
        self.watch.completeness()
    }

    /// The cursor up to which the inbox is stored, as far as this machine knows.
    #[must_use]
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.pages.cursor()
    }

    /// The operations that wait for an answer.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The device's estimate of the relay's time.
    #[must_use]
    pub const fn relay_time(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(self.clock_offset_ms)
    }

    fn load(&mut self) {
        self.phase = Phase::Loading;
        self.commands.push_back(Command::Load);
    }

    fn drop_what_is_too_old(&mut self, now: Timestamp) -> bool {
        let too_old = self.last_contact.is_some_and(|at| now.millis_since(at) >= CONTACT_MILLIS_MAX);
        if too_old {
            self.last_contact = None;
            self.commands.push_back(Command::DropContent);
        }
        too_old
    }

    fn contacted(&mut self, now: Timestamp) {
        self.last_contact = Some(now);
        if self.remembered_contact.is_none_or(|at| now.millis_since(at) >= REMEMBER_CONTACT_MILLIS) {
            self.remembered_contact = Some(now);
            let clock_offset_ms = self.clock_offset_ms;
            self.commands.push_back(Command::RememberContact { at: now, clock_offset_ms });
        }
    }

    fn wipe(&mut self, now: Timestamp) {
        self.leave_connection(now);
        self.pages = Pages::at(None);
        self.outbox = Outbox::default();
        self.token = Token::default();
        self.last_contact = None;
        self.remembered_contact = None;
        self.watch.handle_emptied();
        self.phase = Phase::SignedOut(SignedOut::Erased);
        self.commands.push_back(Command::Wipe);
    }

    fn settle(&mut self, settlement: Settlement) {
        if !settlement.done.is_empty() || !settlement.refused.is_empty() {
            self.settling += 1;
            self.commands.push_back(Command::Settle(settlement));
        }
    }

    fn stored(&mut self, now: Timestamp, batch: &Batch) {
        self.pages.moved(&batch.to);
        let done = self.answered.handle_items(&batch.items, &self.outbox);
        self.settle(Settlement { done, refused: Vec::new() });
        if let Phase::Open(open) = &mut self.phase {
            if batch.expected.as_ref() != Some(&batch.to) {
                let held = tidings_protocol::frame::DeviceFrame::Held { cursor: batch.to.clone() };
                self.commands.push_back(Command::Send { attempt: self.attempt, frame: held });
            }
            if batch.ends && self.pages.nothing_follows() {
                open.caught_up = true;
                self.backoff.succeeded();
                self.watch.handle_caught_up(now);
            }
        }
        self.commands.push_back(Command::Present);
    }

    fn apply_next(&mut self, now: Timestamp) {
        if let Some(batch) = self.pages.next_batch(now) {
            self.commands.push_back(Command::Apply(batch));
        }
    }
}

#[cfg(test)]
#[path = "sync/tests.rs"]
mod tests;
