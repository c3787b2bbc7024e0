//! What the relay says.

use tidings_protocol::Timestamp;
use tidings_protocol::frame::{Bye, ChangesPage, DeviceFrame, RelayFrame};
use tidings_protocol::item::Item;

use super::connecting::{Open, Phase};
use super::{Command, SignedOut, Sync};
use crate::backoff::Jitter;

/// A relay that names no sensible ping interval is taken to ping this often, in seconds.
const PING_SECONDS_MIN: u32 = 1;
/// The longest ping interval that is believed, in seconds.
const PING_SECONDS_MAX: u32 = 300;

impl Sync {
    /// A frame came. One of an older connection is dropped.
    pub fn handle_frame(&mut self, now: Timestamp, attempt: u64, frame: RelayFrame, jitter: Jitter) {
        if attempt != self.attempt || !self.has_connection() {
            return;
        }
        self.handle_heard(now, attempt);
        match frame {
            RelayFrame::Welcome { server_time, head, reset, ping_seconds, .. } => {
                if matches!(self.phase, Phase::Greeting { .. }) {
                    let ping_seconds = ping_seconds.clamp(PING_SECONDS_MIN, PING_SECONDS_MAX);
                    let caught_up = !reset && self.pages.cursor() == Some(&head);
                    self.phase = Phase::Open(Open {
                        ping_ms: i64::from(ping_seconds) * 1_000,
                        heard_at: now,
                        caught_up,
                    });
                    self.welcomed(now, server_time, reset, caught_up);
                }
            }
            RelayFrame::Changes(page) => {
                if matches!(self.phase, Phase::Open(_)) {
                    self.take_page(now, page);
                }
            }
            RelayFrame::Done { done, refused } => {
                let mut settlement = self.outbox.handle_answer(now, &done, refused, jitter);
                settlement.done = self.answered.handle_done(now, settlement.done);
                for (queued, _) in &settlement.refused {
                    self.answered.handle_refused(queued.number);
                }
                self.settle(settlement);
                self.send_operations(now);
            }
            RelayFrame::Bye { code, reconnect_after_ms } => {
                let asked_ms = i64::try_from(reconnect_after_ms).unwrap_or(i64::MAX);
                self.take_leave(now, code, asked_ms, jitter);
            }
            RelayFrame::Unknown => {}
        }
    }

    pub(super) fn send_operations(&mut self, now: Timestamp) {
        if self.settling > 0 || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        if let Some(frame) = self.outbox.next_frame(now) {
            let ops = frame
                .iter()
                .map(|operation| serde_json::to_value(operation).expect("an operation is plain JSON"))
                .collect();
            let frame = DeviceFrame::Ops { ops };
            self.commands.push_back(Command::Send { attempt: self.attempt, frame });
        }
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        if let Phase::Open(open) = &mut self.phase {
            open.caught_up = false;
            self.watch.handle_behind();
            let frame = DeviceFrame::Resume { cursor: self.pages.resume(now) };
            self.commands.push_back(Command::Send { attempt: self.attempt, frame });
        }
    }

    fn welcomed(&mut self, now: Timestamp, server_time: Timestamp, reset: bool, caught_up: bool) {
        self.token_was_good();
        self.offline_since = None;
        self.pages.expect_after_welcome(reset);
        self.clock_offset_ms = server_time.millis_since(now);
        self.remembered_contact = None;
        self.contacted(now);
        if caught_up {
            self.backoff.succeeded();
            self.watch.handle_caught_up(now);
            self.commands.push_back(Command::Present);
        }
        self.send_operations(now);
    }

    fn take_page(&mut self, now: Timestamp, page: ChangesPage) {
        if page.items.iter().any(|item| matches!(item, Item::Erased)) {
            self.wipe(now);
            return;
        }
        let Phase::Open(open) = &self.phase else { return };
        if !self.pages.take(now, page, !open.caught_up) {
            if self.pages.resume_by().is_none() {
                self.resume(now);
            }
            return;
        }
        self.apply_next(now);
    }

    fn take_leave(&mut self, now: Timestamp, code: Bye, asked_ms: i64, jitter: Jitter) {
        match code {
            Bye::Restart | Bye::TooManySessions | Bye::Slow | Bye::Unknown => {
                self.lose_connection(now, Some(asked_ms), jitter);
            }
            // Something of ours cannot be read: without a growing wait it would be sent again at once.
            Bye::ProtocolError => {
                self.lose_connection(now, None, jitter);
            }
            Bye::Replaced => self.yield_to_other(now, asked_ms, jitter),
            Bye::Unauthorized | Bye::TokenExpired => self.reject_token(now, jitter),
            Bye::Revoked => self.sign_out(now, SignedOut::Revoked),
            Bye::Erased => self.wipe(now),
            Bye::DeviceConflict => {
                self.lose_connection(now, Some(asked_ms), jitter);
                self.commands.push_back(Command::NewIdentity);
            }
        }
    }
}
