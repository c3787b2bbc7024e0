//! One connection's task: the machine's commands are done here, and what comes of them goes back into it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tidings_core::act::{Act, Answer, Refusal, Unit};
use tidings_core::model::PersonKey;
use tidings_core::session::{Session, SessionCommand, SessionSettings, TokenError, VerifiedDevice};
use tidings_core::view::Position;
use tidings_protocol::frame::{Bye, ChangesPage, DeviceFrame};
use tidings_protocol::{Cursor, DeviceId, Timestamp};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::line::{Line, Wire};
use super::{Sockets, incoming};
use crate::hub::{Heard, Watch, encode};

/// How long a bye and the closing handshake may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How long what a device had said before it went may take.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// How long a device that says hello too often waits for its bye.
pub(super) const HELD_BACK: Duration = Duration::from_secs(10);
/// By how much a connection's timer may be late.
const TIMER_SLACK: Duration = Duration::from_millis(2);

type Later<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// One connection.
pub(super) struct Connection {
    sockets: Arc<Sockets>,
    line: Line,
    session: Session<Utf8Bytes>,
    /// The handshake's token, for a hello that has none.
    token: Option<String>,
    registered: Option<(PersonKey, DeviceId, Watch)>,
    verifying: Later<Result<VerifiedDevice, TokenError>>,
    committing: Later<Result<Answer, Refusal>>,
    reading: Later<Option<Vec<ChangesPage>>>,
    heard_at: Instant,
    ping_at: Instant,
    close: Option<Bye>,
    /// Until when a device that says hello too often waits for its bye.
    held_back: Option<Instant>,
    /// The device is gone; until then what it had said is done.
    gone_until: Option<Instant>,
}

/// What woke the task.
enum Woken {
    Stop,
    Wire(Wire),
    Token(Result<VerifiedDevice, TokenError>),
    Settled(Result<Answer, Refusal>),
    Page(Option<Vec<ChangesPage>>),
    Heard(Heard),
    Time,
}

impl Connection {
    pub(super) fn new(sockets: Arc<Sockets>, line: Line, token: Option<String>) -> Self {
        let now = sockets.clock.now();
        let jitter = u32::try_from(sockets.ids.random() >> 96).expect("96 of 128 bits were shifted out");
        let settings = SessionSettings {
            id: uuid::Uuid::from_u128(sockets.ids.next(now)).to_string().into(),
            ping_seconds: sockets.settings.ping_seconds,
            jitter,
        };
        // The first ping is spread, so that devices that came together are not pinged together.
        let every = u64::from(sockets.settings.ping_seconds) * 1_000;
        let first = Duration::from_millis(every / 2 + ((every / 2 * u64::from(jitter)) >> 32));
        let started = Instant::now();
        Self {
            line,
            session: Session::new(settings, None, now),
            token,
            registered: None,
            verifying: None,
            committing: None,
            reading: None,
            heard_at: started,
            ping_at: started + first,
            close: None,
            held_back: None,
            gone_until: None,
            sockets,
        }
    }

    /// Runs until the connection is closed.
    pub(super) async fn run(mut self: Box<Self>) {
        let stop = self.sockets.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut timer = pin!(tokio::time::sleep_until(self.wakes_at()));
        loop {
            self.obey();
            if let Some(code) = self.close {
                // Its room is not kept in the task until then.
                return Box::pin(self.say_goodbye(code)).await;
            }
            if self.gone_until.is_some_and(|until| self.session.is_settled() || until <= Instant::now()) {
                return;
            }
            // Not left to the timer alone: hints that never stop would keep it from being asked.
            let wakes_at = self.wakes_at();
            if wakes_at <= Instant::now() {
                if self.is_gone() {
                    metrics::counter!("tidings_sessions_ended_total", "code" => "silent").increment(1);
                    return;
                }
                self.on_time();
                continue;
            }
            // One that rings too early only asks again, and is set then: most turns leave it as it is.
            if timer.is_elapsed() || timer.deadline() > wakes_at + TIMER_SLACK {
                timer.as_mut().reset(wakes_at);
            }
            let woken = tokio::select! {
                biased;
                () = &mut stopped => Woken::Stop,
                wire = self.line.next(self.session.wants_frames()), if self.gone_until.is_none() => {
                    Woken::Wire(wire)
                }
                verified = finish(&mut self.verifying) => Woken::Token(verified),
                answer = finish(&mut self.committing) => Woken::Settled(answer),
                page = finish(&mut self.reading) => Woken::Page(page),
                heard = hear(self.registered.as_ref()) => Woken::Heard(heard),
                () = &mut timer => Woken::Time,
            };
            let now = self.sockets.clock.now();
            match woken {
                Woken::Stop => self.session.handle_shutdown(),
                Woken::Wire(wire) => self.on_wire(wire, now),
                Woken::Token(verified) => self.session.handle_token(verified, now),
                Woken::Settled(answer) => self.session.handle_settled(answer, now),
                Woken::Page(page) => self.session.handle_page(page, now),
                Woken::Heard(heard) => {
                    self.on_heard_all(heard, now);
                    self.write_at_once(now).await;
                }
                Woken::Time => {}
            }
        }
    }

    /// Does what the machine commands, unless it has to wait.
    fn obey(&mut self) {
        while self.held_back.is_none()
            && let Some(command) = self.session.poll_command()
        {
            match command {
                SessionCommand::Verify { token } => {
                    let (verifier, lane) = (self.sockets.verifier.clone(), self.sockets.pages.lane.clone());
                    let verified = async move { verifier.verify(&token).await };
                    self.verifying = Some(Box::pin(async move {
                        lane.run(verified).await.unwrap_or(Err(TokenError::Unavailable))
                    }));
                }
                SessionCommand::Register { person, device } => self.register(person, device),
                SessionCommand::Commit(act) => self.commit(*act),
                SessionCommand::Replace => {
                    if let Some((person, device, watch)) = &self.registered {
                        self.sockets.hub.replace_older(person, device, watch);
                    }
                }
                SessionCommand::ReadPage { after, limit, position } => self.read(after, limit, position),
                SessionCommand::Send(frame) => self.line.push(encode(&frame)),
                SessionCommand::SendLive(frame) => self.line.push(frame),
                SessionCommand::Close(code) => self.close = Some(code),
            }
        }
    }

    /// A device that comes back without end hears of it late: whoever does not wait is made to.
    fn register(&mut self, person: PersonKey, device: DeviceId) {
        if self.sockets.hellos.is_too_many(&person, &device) {
            self.held_back = Some(Instant::now() + HELD_BACK);
            return;
        }
        match self.sockets.hub.register(&person, &device) {
            Ok(watch) => self.registered = Some((person, device, watch)),
            Err(_) => self.session.handle_close(Bye::TooManySessions),
        }
    }

    fn commit(&mut self, act: Act) {
        let Some((person, ..)) = &self.registered else { return };
        let unit = Unit { project: person.project.clone(), sandbox: false, repeat: None, act };
        let submit = self.sockets.submit.clone();
        self.committing = Some(Box::pin(async move { submit.submit(unit).await.answer }));
    }

    fn read(&mut self, after: Option<Cursor>, limit: usize, position: Position) {
        let Some((person, ..)) = &self.registered else { return };
        let (person, pages) = (person.clone(), self.sockets.pages.clone());
        self.reading = Some(Box::pin(async move {
            let frames = pages.frames(&person, after.as_ref(), limit, position).await;
            frames.inspect_err(|error| tracing::warn!(%error, "a page of changes could not be read")).ok()
        }));
    }

    fn on_wire(&mut self, wire: Wire, now: Timestamp) {
        match wire {
            // A part of a frame is no frame that a device could have read.
            Wire::Written(0) => {}
            Wire::Written(frames) => self.session.handle_written(frames, now),
            Wire::Read(Message::Text(text)) => {
                self.heard_at = Instant::now();
                match incoming::frame(&text) {
                    Some(frame) => self.on_frame(frame, now),
                    None => self.session.handle_malformed(),
                }
            }
            Wire::Read(Message::Ping(_) | Message::Pong(_)) => self.heard_at = Instant::now(),
            // The socket answers a close by itself; the stream ends after it.
            Wire::Read(Message::Close(_)) => {}
            Wire::Deaf => self.session.handle_gone(now),
            Wire::Gone => {
                self.session.handle_gone(now);
                self.gone_until = Some(Instant::now() + SETTLE_WITHIN);
            }
            Wire::Read(Message::Binary(_) | Message::Frame(_)) | Wire::Unreadable => {
                self.session.handle_malformed()
            }
        }
    }

    fn on_frame(&mut self, mut frame: DeviceFrame, now: Timestamp) {
        if let DeviceFrame::Hello(hello) = &mut frame
            && hello.token.is_none()
        {
            hello.token = self.token.take();
        }
        if frame == DeviceFrame::Unknown {
            metrics::counter!("tidings_frames_skipped_total").increment(1);
        }
        let is_presence = matches!(frame, DeviceFrame::Active { .. });
        self.session.handle_frame(frame, now);
        if is_presence && let Some((_, _, watch)) = &self.registered {
            watch.present(self.session.active_until());
        }
    }

    /// Hears everything that waits, so that many changes go out in one write.
    fn on_heard_all(&mut self, first: Heard, now: Timestamp) {
        self.on_heard(first, now);
        while let Some(heard) = self.registered.as_ref().and_then(|(_, _, watch)| watch.take()) {
            self.on_heard(heard, now);
        }
    }

    fn on_heard(&mut self, heard: Heard, now: Timestamp) {
        match heard {
            Heard::Close(code) => self.session.handle_close(code),
            Heard::Missed => self.session.handle_missed(now),
            Heard::Settings => self.session.handle_settings(now),
            Heard::Change(change) => self.session.handle_hint(change, now),
        }
    }

    /// Writes what the socket takes without waiting, so that what was heard goes out in the same turn.
    async fn write_at_once(&mut self, now: Timestamp) {
        self.obey();
        let written = poll_fn(|cx| Poll::Ready(self.line.poll_written(cx))).await;
        // That the connection is gone is found by reading as well.
        if let Poll::Ready(Wire::Written(frames @ 1..)) = written {
            self.session.handle_written(frames, now);
        }
    }

    fn wakes_at(&self) -> Instant {
        let own = [self.held_back, self.gone_until].into_iter().flatten().fold(self.ping_at, Instant::min);
        let Some(at) = self.session.poll_timeout() else { return own };
        let millis = at.millis_since(self.sockets.clock.now()).max(0);
        own.min(Instant::now() + Duration::from_millis(millis.unsigned_abs()))
    }

    /// Whether the device said nothing for two and a half pings. While it is not read it cannot be heard.
    fn is_gone(&self) -> bool {
        let silence = Duration::from_millis(u64::from(self.sockets.settings.ping_seconds) * 2_500);
        self.session.wants_frames() && self.heard_at.elapsed() > silence
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if now >= self.ping_at {
            self.ping_at = now + Duration::from_secs(u64::from(self.sockets.settings.ping_seconds).max(1));
            self.line.push_ping();
        }
        if self.held_back.take_if(|until| *until <= now).is_some() {
            self.session.handle_close(Bye::TooManySessions);
        }
        self.session.handle_timeout(self.sockets.clock.now());
    }

    /// Writes what waits and closes.
    async fn say_goodbye(mut self: Box<Self>, code: Bye) {
        metrics::counter!("tidings_sessions_ended_total", "code" => code.as_str()).increment(1);
        drop(self.registered.take());
        if code == Bye::Slow {
            self.line.keep_last();
        }
        let reason = code.as_str().into();
        self.line.push_close(CloseFrame { code: close_code_of(code), reason });
        if timeout(CLOSE_WITHIN, self.line.end()).await.is_err() {
            tracing::debug!(code = code.as_str(), "a device did not close in time");
        }
    }
}

/// The status of RFC 6455, section 7.4, and of its registry, that comes nearest.
const fn close_code_of(code: Bye) -> CloseCode {
    match code {
        Bye::Restart => CloseCode::Restart,
        Bye::ProtocolError => CloseCode::Protocol,
        Bye::Slow => CloseCode::Again,
        Bye::Replaced
        | Bye::Unauthorized
        | Bye::TokenExpired
        | Bye::Revoked
        | Bye::TooManySessions
        | Bye::Erased
        | Bye::DeviceConflict
        | Bye::Unknown => CloseCode::Policy,
    }
}

/// Waits for what is under way, and for ever if nothing is.
async fn finish<T>(later: &mut Later<T>) -> T {
    let Some(future) = later else { return std::future::pending().await };
    let done = future.await;
    *later = None;
    done
}

async fn hear(registered: Option<&(PersonKey, DeviceId, Watch)>) -> Heard {
    match registered {
        Some((_, _, watch)) => watch.changed().await,
        None => std::future::pending().await,
    }
}
