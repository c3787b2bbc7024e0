//! Getting a connection and losing it: tokens, waits, deadlines.

use std::fmt;

use tidings_protocol::Timestamp;
use tidings_protocol::frame::{DeviceFrame, Hello};

use super::command::UNDERSTANDS;
use super::{Command, SignedOut, Sync, TokenFailure, TokenWanted};
use crate::backoff::{ASKED_MILLIS_MAX, CEILING_MILLIS, FIRST_MILLIS, Jitter};
use crate::store::Settlement;

/// How long opening a socket may take, in milliseconds.
const CONNECT_MILLIS_MAX: i64 = 15_000;
/// How long the relay may take to welcome the device, in milliseconds.
const WELCOME_MILLIS_MAX: i64 = 10_000;
/// A token is renewed this long before it runs out, in milliseconds.
const RENEW_BEFORE_MILLIS: i64 = 60_000;
/// One that is nearly over when it comes would be asked for again at once, in milliseconds.
const RENEW_AFTER_MILLIS_MIN: i64 = 1_000;
/// Added to two missed pings before the relay counts as gone, in milliseconds.
const SILENCE_MARGIN_MILLIS: i64 = 5_000;
/// After so many rejected tokens in a row the device is signed out: a fresh one was not good either.
const REJECTED_MAX: u32 = 2;

#[derive(Debug)]
pub(super) enum Phase {
    Stopped,
    Loading,
    Waiting { next_try: Timestamp },
    AwaitingToken,
    Connecting { by: Timestamp },
    Greeting { by: Timestamp },
    Open(Open),
    SignedOut(SignedOut),
}

/// A connection that was welcomed.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) ping_ms: i64,
    pub(super) heard_at: Timestamp,
    pub(super) caught_up: bool,
}

impl Open {
    pub(super) const fn silent_at(&self) -> Timestamp {
        self.heard_at.plus_millis(self.ping_ms * 2 + SILENCE_MARGIN_MILLIS)
    }
}

/// The access token and what is being done about it.
#[derive(Default)]
pub(super) struct Token {
    text: Option<String>,
    expires_at: Option<Timestamp>,
    renew_at: Option<Timestamp>,
    fetching: bool,
    rejected: u32,
    pub(super) retry_at: Option<Timestamp>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("known", &self.text.is_some())
            .field("expires_at", &self.expires_at)
            .field("fetching", &self.fetching)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// When a live connection asks for the next token.
    pub(super) fn renew_at(&self) -> Option<Timestamp> {
        if self.fetching {
            return None;
        }
        let renew_at = self.renew_at?;
        Some(renew_at.max(self.retry_at.unwrap_or(renew_at)))
    }

    fn good(&self, now: Timestamp) -> Option<&String> {
        self.text.as_ref().filter(|_| self.expires_at.is_none_or(|at| now < at))
    }
}

/// When a token that came just then is renewed: in good time before it runs out, and a short-lived one half way.
fn renewal(now: Timestamp, expires_at: Timestamp) -> Timestamp {
    let before = RENEW_BEFORE_MILLIS.min(expires_at.millis_since(now) / 2);
    expires_at.plus_millis(-before).max(now.plus_millis(RENEW_AFTER_MILLIS_MIN))
}

impl Sync {
    /// A token came.
    pub fn handle_token(&mut self, now: Timestamp, text: String, expires_at: Option<Timestamp>) {
        self.token.fetching = false;
        self.token.retry_at = None;
        self.token.text = Some(text.clone());
        // One that is over when it comes is judged by a wrong clock: the relay will say when it is over.
        self.token.expires_at = expires_at.filter(|at| now < *at);
        self.token.renew_at = self.token.expires_at.map(|at| renewal(now, at));
        match self.phase {
            // Signing in may have changed who the device is, and whose inbox this is.
            Phase::AwaitingToken => self.load(),
            Phase::Open(_) => {
                let frame = DeviceFrame::Token { token: text };
                self.commands.push_back(Command::Send { attempt: self.attempt, frame });
            }
            Phase::Stopped
            | Phase::Loading
            | Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Greeting { .. }
            | Phase::SignedOut(_) => {}
        }
    }

    /// No token came.
    pub fn handle_token_failed(&mut self, now: Timestamp, failure: TokenFailure, jitter: Jitter) {
        self.token.fetching = false;
        match failure {
            TokenFailure::Transient { retry_after_ms } => {
                if matches!(self.phase, Phase::AwaitingToken) {
                    self.wait(now, retry_after_ms, jitter);
                } else {
                    self.token.retry_at = Some(now.plus_millis(RENEW_BEFORE_MILLIS / 4));
                }
            }
            TokenFailure::Refused => self.sign_out(now, SignedOut::Unauthorized),
            TokenFailure::Revoked => self.sign_out(now, SignedOut::Revoked),
            TokenFailure::Gone => self.wipe(now),
        }
    }

    /// There are no credentials at all.
    pub fn handle_no_credentials(&mut self, now: Timestamp) {
        self.sign_out(now, SignedOut::NoCredentials);
    }

    /// The socket of [`Command::Connect`] is open.
    pub fn handle_opened(&mut self, now: Timestamp, attempt: u64) {
        if attempt == self.attempt && matches!(self.phase, Phase::Connecting { .. }) {
            self.phase = Phase::Greeting { by: now.plus_millis(WELCOME_MILLIS_MAX) };
            self.commands.push_back(Command::Send { attempt, frame: self.hello() });
        }
    }

    /// The socket could not be opened, or ended.
    pub fn handle_closed(&mut self, now: Timestamp, attempt: u64, jitter: Jitter) {
        if attempt == self.attempt && self.has_connection() {
            self.lose_connection(now, None, jitter);
        }
    }

    /// The relay answered the handshake with 401: its token is not good.
    pub fn handle_unauthorized(&mut self, now: Timestamp, attempt: u64, jitter: Jitter) {
        if attempt == self.attempt && self.has_connection() {
            self.reject_token(now, jitter);
        }
    }

    /// A sign of life that is no frame: a ping or a pong.
    pub fn handle_heard(&mut self, now: Timestamp, attempt: u64) {
        if attempt != self.attempt {
            return;
        }
        if let Phase::Open(open) = &mut self.phase {
            open.heard_at = now;
            self.watch.handle_heard(now);
            self.contacted(now);
        }
    }

    pub(super) fn connect(&mut self, now: Timestamp) {
        self.token.retry_at = None;
        let Some(token) = self.token.good(now).cloned() else {
            self.phase = Phase::AwaitingToken;
            let why = match (&self.token.text, self.token.rejected) {
                (None, 0) => TokenWanted::First,
                (Some(_), 0) => TokenWanted::Expiring,
                (None | Some(_), _) => TokenWanted::Rejected,
            };
            self.fetch_token(why);
            return;
        };
        self.attempt += 1;
        self.phase = Phase::Connecting { by: now.plus_millis(CONNECT_MILLIS_MAX) };
        self.commands.push_back(Command::Connect { attempt: self.attempt, token });
    }

    pub(super) fn renew_token(&mut self, now: Timestamp) {
        if self.token.renew_at().is_some_and(|at| now >= at) {
            self.fetch_token(TokenWanted::Expiring);
        }
    }

    pub(super) fn reject_token(&mut self, now: Timestamp, jitter: Jitter) {
        self.leave_connection(now);
        self.token.text = None;
        self.token.rejected += 1;
        if self.token.rejected > REJECTED_MAX {
            self.sign_out(now, SignedOut::Unauthorized);
        } else {
            self.wait(now, None, jitter);
        }
    }

    /// Taken means that the token was good.
    pub(super) const fn token_was_good(&mut self) {
        self.token.rejected = 0;
    }

    pub(super) fn sign_out(&mut self, now: Timestamp, why: SignedOut) {
        self.leave_connection(now);
        self.token = Token::default();
        self.phase = Phase::SignedOut(why);
    }

    /// Ends the connection, if there is one, and plans the next try.
    pub(super) fn lose_connection(&mut self, now: Timestamp, asked_ms: Option<i64>, jitter: Jitter) {
        self.leave_connection(now);
        self.wait(now, asked_ms, jitter);
    }

    pub(super) fn wait(&mut self, now: Timestamp, asked_ms: Option<i64>, jitter: Jitter) {
        let first = self.backoff.failures() == 0;
        let own = self.backoff.after_failure(jitter);
        // The relay spreads the waits that it asks for, so a first one is taken as it is. A relay that keeps sending
        // the device away does not get it back sooner than one that does not answer.
        let wait = match asked_ms.map(|asked| asked.clamp(0, ASKED_MILLIS_MAX)) {
            Some(asked) if first => asked,
            Some(asked) => asked.max(own),
            None => own,
        };
        self.phase = Phase::Waiting { next_try: now.plus_millis(wait) };
    }

    /// The wait after another session of this very installation took over: not a race to win.
    pub(super) fn yield_to_other(&mut self, now: Timestamp, asked_ms: i64, jitter: Jitter) {
        let wait = asked_ms.max(CEILING_MILLIS / 2 + jitter.of(CEILING_MILLIS / 2)).max(FIRST_MILLIS);
        self.lose_connection(now, Some(wait), jitter);
    }

    pub(super) fn leave_connection(&mut self, now: Timestamp) {
        if self.has_connection() {
            self.commands.push_back(Command::Disconnect { attempt: self.attempt });
            if matches!(self.phase, Phase::Open(_)) || self.offline_since.is_none() {
                self.offline_since = Some(now);
            }
        }
        self.attempt += 1;
        self.pages.forget_waiting();
        self.outbox.handle_disconnected();
        let done = self.answered.handle_disconnected();
        self.settle(Settlement { done, refused: Vec::new() });
        self.watch.handle_behind();
    }

    pub(super) const fn has_connection(&self) -> bool {
        matches!(self.phase, Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Open(_))
    }

    fn fetch_token(&mut self, why: TokenWanted) {
        if !self.token.fetching {
            self.token.fetching = true;
            self.commands.push_back(Command::FetchToken { why });
        }
    }

    fn hello(&self) -> DeviceFrame {
        let identity = self.identity.as_ref().expect("the store was loaded before the first connection");
        DeviceFrame::Hello(Box::new(Hello {
            token: None,
            device: identity.device.clone(),
            platform: self.settings.platform.clone(),
            nonce: identity.nonce.clone(),
            cursor: self.pages.cursor().cloned(),
            sdk: self.settings.sdk.clone(),
            understands: UNDERSTANDS.map(String::from).to_vec(),
        }))
    }
}
