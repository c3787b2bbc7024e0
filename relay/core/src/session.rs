//! One device's connection, as a machine: frames, hints and answers go in, commands come out.
//!
//! The session, not the device, keeps order. It knows what it sent; a live change goes out only if it begins there, an
//! older one is dropped, and for a newer one the store is read (`place`). Interest is registered before the head is
//! read. Operations are committed in the device's order, one batch at a time (`asked`). A device that does not read is
//! sent no live changes beyond a bound, and after a deadline it is sent away; nothing is lost by it, the inbox has it.
//!
//! Where frames are bytes, the machine neither encodes nor parses: `F` is whatever the shell queues for a live change.

mod asked;
mod begin;
mod credential;
mod limits;
mod place;

use std::collections::VecDeque;

use tidings_protocol::frame::{Bye, ChangesPage, DeviceFrame, Hello, RelayFrame};
use tidings_protocol::item::Item;
use tidings_protocol::limits::{CHANGES_PER_PAGE_MAX, HELLO_MILLIS_MAX, OPERATIONS_PER_FRAME_MAX};
use tidings_protocol::{Cursor, DeviceId, Timestamp};

use self::asked::Asked;
pub use self::credential::{TokenError, VerifiedDevice};
pub use self::limits::{
    ASKED_FRAMES_MAX, HELLO_EVERY_MILLIS, HELLOS_AT_ONCE_MAX, READ_AHEAD_FRAMES, RETRY_MILLIS,
    SLOW_MILLIS_MAX, UNWRITTEN_FRAMES_MAX,
};
use self::place::{Live, Place};
use crate::act::{Act, Answer, Refusal};
use crate::model::PersonKey;
use crate::view::Position;

/// What a session is told when it begins.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Its id, for logs.
    pub id: Box<str>,
    /// How often the relay pings, in seconds. The machine only tells the device; pings are the shell's.
    pub ping_seconds: u32,
    /// Uniform over `u32`: spreads the delays after a bye.
    pub jitter: u32,
}

/// An inbox changed, as a session hears of it.
#[derive(Clone, Debug)]
pub struct LiveChange<F> {
    /// Of which epoch.
    pub epoch: u32,
    /// The head before.
    pub from: u64,
    /// The head after.
    pub to: u64,
    /// The frame of `from..to`; none if it is only known that the head is at `to`.
    pub frame: Option<F>,
}

/// What the shell does for a session.
#[derive(Clone, Debug)]
pub enum SessionCommand<F> {
    /// Verify a token; answered by [`Session::handle_token`].
    Verify {
        /// The token.
        token: String,
    },
    /// Send hints of this inbox to the session from here on; beyond
    /// [`tidings_protocol::limits::SESSIONS_PER_RECIPIENT_MAX`] it is answered by [`Session::handle_close`].
    Register {
        /// Whose inbox.
        person: PersonKey,
        /// Which device; an older session of it counts no more.
        device: DeviceId,
    },
    /// Commit an act of this session's project; answered by [`Session::handle_settled`].
    Commit(Box<Act>),
    /// The session is open: an older one of the same device is replaced.
    Replace,
    /// Read a page, answered by [`Session::handle_page`].
    ReadPage {
        /// After which cursor; none begins from nothing.
        after: Option<Cursor>,
        /// At most so many rows.
        limit: usize,
        /// How the page is turned into frames.
        position: Position,
    },
    /// Write a frame; counted by [`Session::handle_written`].
    Send(Box<RelayFrame>),
    /// Write a live change; counted by [`Session::handle_written`].
    SendLive(F),
    /// Write what waits, then close.
    Close(Bye),
}

/// What a session counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Frames of a kind that this version does not know.
    pub skipped_frames: u64,
    /// Live changes that were sent as they came.
    pub live_sent: u64,
    /// Pages that were asked for.
    pub pages_asked: u64,
}

/// One device's connection.
#[derive(Debug)]
pub struct Session<F> {
    settings: SessionSettings,
    phase: Phase,
    credential: Option<VerifiedDevice>,
    place: Place,
    asked: Asked,
    /// A token of a `token` frame is being verified, and the one that came meanwhile.
    renewing: bool,
    next_token: Option<String>,
    unwritten: usize,
    stuck_since: Option<Timestamp>,
    /// The device hears nothing any more.
    gone: bool,
    retry_page_at: Option<Timestamp>,
    active_until: Option<Timestamp>,
    counts: SessionCounts,
    commands: VecDeque<SessionCommand<F>>,
}

#[derive(Debug)]
enum Phase {
    AwaitsHello { until: Timestamp },
    Verifying(Box<Hello>),
    Greeting { device: DeviceId },
    Open { device: DeviceId },
    Closed,
}

impl<F> Session<F> {
    /// A session whose handshake is done. `credential` is there if the handshake had a valid token.
    #[must_use]
    pub fn new(settings: SessionSettings, credential: Option<VerifiedDevice>, now: Timestamp) -> Self {
        Self {
            settings,
            phase: Phase::AwaitsHello { until: now.plus_millis(HELLO_MILLIS_MAX) },
            credential,
            place: Place::default(),
            asked: Asked::default(),
            renewing: false,
            next_token: None,
            unwritten: 0,
            stuck_since: None,
            gone: false,
            retry_page_at: None,
            active_until: None,
            counts: SessionCounts::default(),
            commands: VecDeque::new(),
        }
    }

    /// A frame of the device.
    pub fn handle_frame(&mut self, frame: DeviceFrame, now: Timestamp) {
        if self.is_closed() {
            return;
        }
        match (frame, &self.phase) {
            (DeviceFrame::Unknown, _) => self.counts.skipped_frames += 1,
            (DeviceFrame::Hello(hello), Phase::AwaitsHello { .. }) => self.begin(hello, now),
            (DeviceFrame::Hello(_), _) | (_, Phase::AwaitsHello { .. }) => self.close(Bye::ProtocolError),
            (DeviceFrame::Token { token }, _) => self.renew(token),
            (DeviceFrame::Ops { ops }, _) if ops.len() > OPERATIONS_PER_FRAME_MAX => {
                self.close(Bye::ProtocolError);
            }
            (DeviceFrame::Ops { ops }, _) => self.asked.ask(ops),
            (DeviceFrame::Active { until }, _) => self.active_until = Some(until),
            (DeviceFrame::Held { cursor }, Phase::Open { .. }) => {
                if let Some(place) = self.place.clamp(&cursor) {
                    self.asked.hold(place);
                }
            }
            (DeviceFrame::Resume { cursor }, Phase::Open { .. }) => self.place.resume(cursor.as_ref()),
            // Nothing was sent yet that could be held, and the first page is still to come.
            (
                DeviceFrame::Held { .. } | DeviceFrame::Resume { .. },
                Phase::Verifying(_) | Phase::Greeting { .. } | Phase::Closed,
            ) => {}
        }
        self.advance(now);
    }

    /// What came is no frame: no text, no JSON, or a known frame with other fields.
    pub fn handle_malformed(&mut self) {
        self.close(Bye::ProtocolError);
    }

    /// Whose a token is that was to be verified.
    pub fn handle_token(&mut self, verified: Result<VerifiedDevice, TokenError>, now: Timestamp) {
        match (std::mem::replace(&mut self.phase, Phase::Closed), verified) {
            (Phase::Closed, _) => {}
            (Phase::Verifying(_), Err(error)) => self.close_from_any(error.bye()),
            (Phase::Verifying(hello), Ok(verified)) => {
                self.credential = Some(verified);
                self.greet(*hello, now);
            }
            (phase, verified) => {
                self.phase = phase;
                self.renewed(verified);
            }
        }
        self.advance(now);
    }

    /// What became of the act that was to be committed. There is one at a time.
    pub fn handle_settled(&mut self, answer: Result<Answer, Refusal>, now: Timestamp) {
        if let Some(code) = answer.as_ref().err().and_then(credential::ending) {
            self.close(code);
        }
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Greeting { device } => self.greeted(device, &answer, now),
            phase @ (Phase::Open { .. } | Phase::AwaitsHello { .. } | Phase::Verifying(_)) => {
                self.phase = phase;
                self.answered(answer, now);
            }
            Phase::Closed => {}
        }
        self.advance(now);
    }

    /// The page that was to be read, as frames; none if the store is not available.
    pub fn handle_page(&mut self, frames: Option<Vec<ChangesPage>>, now: Timestamp) {
        if self.is_closed() {
            return;
        }
        let Some(frames) = frames else {
            self.place.page_failed();
            self.retry_page_at = Some(now.plus_millis(RETRY_MILLIS));
            return;
        };
        // Only an erasure ends an epoch while a relay runs. What came into the new inbox is not for tokens from before.
        if frames.iter().any(|frame| !self.place.is_of_this_epoch(&frame.to)) {
            self.close(Bye::Erased);
            return self.advance(now);
        }
        let erased = frames.iter().any(|frame| frame.items.iter().any(|item| matches!(item, Item::Erased)));
        for frame in self.place.page(frames) {
            self.send(RelayFrame::Changes(frame), now);
        }
        if erased {
            self.close(Bye::Erased);
        }
        self.advance(now);
    }

    /// The inbox changed.
    pub fn handle_hint(&mut self, change: LiveChange<F>, now: Timestamp) {
        // Before the session is open it has read nothing: the first page is newer than this.
        if self.gone || !matches!(self.phase, Phase::Open { .. }) {
            return;
        }
        let room = self.unwritten < UNWRITTEN_FRAMES_MAX && change.frame.is_some();
        match (self.place.live(change.epoch, change.from, change.to, room), change.frame) {
            (Live::Send, Some(frame)) => {
                self.counts.live_sent += 1;
                self.count_unwritten(now);
                self.commands.push_back(SessionCommand::SendLive(frame));
            }
            (Live::Send | Live::Drop | Live::Read, _) => {}
        }
        self.advance(now);
    }

    /// The inbox may have changed: a hint was lost.
    pub fn handle_missed(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Open { .. }) {
            self.place.missed();
            self.advance(now);
        }
    }

    /// Another configuration is live: categories, their names or the policy may be others.
    pub fn handle_settings(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Open { .. }) {
            self.place.settings_changed();
            self.advance(now);
        }
    }

    /// So many frames went to the device.
    pub fn handle_written(&mut self, frames: usize, now: Timestamp) {
        self.unwritten = self.unwritten.saturating_sub(frames);
        self.stuck_since = (self.unwritten > 0).then_some(now);
        self.advance(now);
    }

    /// The device hears nothing any more. What it had said is still done: nothing answers a `held`, so that a device may
    /// say it and go.
    pub fn handle_gone(&mut self, now: Timestamp) {
        self.gone = true;
        self.commands.retain(|c| !matches!(c, SessionCommand::Send(_) | SessionCommand::SendLive(_)));
        self.handle_written(self.unwritten, now);
    }

    /// Whether everything is done that the device had said.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.phase {
            Phase::Verifying(_) | Phase::Greeting { .. } => false,
            Phase::Open { .. } => self.asked.is_done(),
            Phase::AwaitsHello { .. } | Phase::Closed => true,
        }
    }

    /// The shell ends the session: replaced, revoked, erased, too many.
    pub fn handle_close(&mut self, code: Bye) {
        self.close(code);
    }

    /// The relay stops.
    pub fn handle_shutdown(&mut self) {
        self.close(Bye::Restart);
    }

    /// The time that [`Session::poll_timeout`] named has come, or may have.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let late = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if late(self.hello_until()) {
            self.close(Bye::ProtocolError);
        } else if late(self.slow_at()) {
            // What was not read so far will not be read before the bye either.
            self.commands.clear();
            self.close(Bye::Slow);
        } else if late(self.token_until()) {
            self.close(Bye::TokenExpired);
        }
        if late(self.retry_page_at) {
            self.retry_page_at = None;
        }
        self.advance(now);
    }

    /// When [`Session::handle_timeout`] is to be called; none if nothing waits for a time.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let times = [
            self.hello_until(),
            self.slow_at(),
            self.token_until(),
            self.retry_page_at,
            self.asked.retry_at().filter(|_| !self.is_closed()),
        ];
        times.into_iter().flatten().min()
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<SessionCommand<F>> {
        let next = self.commands.pop_front();
        if next.is_none() {
            // A session that has nothing to do keeps no room for it.
            self.commands = VecDeque::new();
        }
        next
    }

    /// Whether the shell reads on: a device that asks faster than it is answered, or does not read, has to wait.
    #[must_use]
    pub fn wants_frames(&self) -> bool {
        self.asked.has_room() && self.unwritten < UNWRITTEN_FRAMES_MAX
    }

    /// Whether a close was commanded.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Until when a person is at the device, as it said last.
    #[must_use]
    pub const fn active_until(&self) -> Option<Timestamp> {
        self.active_until
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> SessionCounts {
        self.counts
    }
}

/// What goes on while a session is open.
impl<F> Session<F> {
    fn answered(&mut self, answer: Result<Answer, Refusal>, now: Timestamp) {
        let unexpected = Refusal::Unavailable { detail: "the operations were not answered".into() };
        let answer = match answer {
            Ok(Answer::Operated(answered)) => Ok(answered),
            Ok(_) => Err(unexpected),
            Err(refusal) => Err(refusal),
        };
        if let Some(answered) = self.asked.end_batch(answer.as_ref().cloned(), now) {
            self.send(RelayFrame::Done { done: answered.done, refused: answered.refused }, now);
        }
    }

    /// Begins what can be begun: the verification of a token, a batch of operations, a page.
    fn advance(&mut self, now: Timestamp) {
        let Phase::Open { device } = &self.phase else { return };
        let Some(person) = self.credential.as_ref().map(|credential| &credential.person) else { return };
        if let Some(operations) = self.asked.begin_batch(&self.place, now) {
            let operate = Act::Operate {
                recipient: person.recipient.clone(),
                device: device.clone(),
                sent: Some(self.place.furthest()),
                operations,
            };
            self.commands.push_back(SessionCommand::Commit(Box::new(operate)));
        }
        if !self.gone
            && self.retry_page_at.is_none()
            && self.unwritten <= READ_AHEAD_FRAMES
            && let Some((after, position)) = self.place.begin_read()
        {
            self.counts.pages_asked += 1;
            let limit = CHANGES_PER_PAGE_MAX;
            self.commands.push_back(SessionCommand::ReadPage { after, limit, position });
        }
        if !self.renewing
            && let Some(token) = self.next_token.take()
        {
            self.renew(token);
        }
    }

    fn send(&mut self, frame: RelayFrame, now: Timestamp) {
        if self.gone {
            return;
        }
        self.count_unwritten(now);
        self.commands.push_back(SessionCommand::Send(Box::new(frame)));
    }

    fn count_unwritten(&mut self, now: Timestamp) {
        self.unwritten += 1;
        self.stuck_since.get_or_insert(now);
    }

    fn close(&mut self, code: Bye) {
        if !self.is_closed() {
            self.close_from_any(code);
        }
    }

    /// As `close`, where the phase was taken out already.
    fn close_from_any(&mut self, code: Bye) {
        self.phase = Phase::Closed;
        // What was commanded before is still written; nothing else is begun.
        self.commands.retain(|c| matches!(c, SessionCommand::Send(_) | SessionCommand::SendLive(_)));
        let reconnect_after_ms = limits::reconnect_after_ms(code, self.settings.jitter);
        self.commands.push_back(SessionCommand::Send(Box::new(RelayFrame::Bye { code, reconnect_after_ms })));
        self.commands.push_back(SessionCommand::Close(code));
    }

    const fn hello_until(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::AwaitsHello { until } => Some(*until),
            Phase::Verifying(_) | Phase::Greeting { .. } | Phase::Open { .. } | Phase::Closed => None,
        }
    }

    fn slow_at(&self) -> Option<Timestamp> {
        let since = self.stuck_since.filter(|_| !self.is_closed())?;
        Some(since.plus_millis(SLOW_MILLIS_MAX))
    }

    /// While a newer token is being verified, the old one is given the time that this takes.
    fn token_until(&self) -> Option<Timestamp> {
        let open = matches!(self.phase, Phase::Open { .. }) && !self.renewing;
        self.credential.as_ref().filter(|_| open).map(|credential| credential.expires_at)
    }
}

#[cfg(test)]
mod tests;
