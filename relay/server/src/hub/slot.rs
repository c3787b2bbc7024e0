//! What one waiter has not heard yet. The queue takes no memory until the first hint.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use tidings_core::session::LiveChange;
use tidings_protocol::Timestamp;
use tidings_protocol::frame::Bye;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Hints that wait for one session. When it is full they are thrown away, and the session reads the store.
pub const HINTS_QUEUED_MAX: usize = 32;

/// What one waiter has not heard yet.
#[derive(Debug, Default)]
pub struct Slot {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    changes: VecDeque<LiveChange<Utf8Bytes>>,
    missed: bool,
    settings: bool,
    close: Option<Bye>,
    present_until: Option<Timestamp>,
}

/// What a waiter hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The session is to end.
    Close(Bye),
    /// Something changed, and it is not known what.
    Missed,
    /// Another configuration is live.
    Settings,
    /// The inbox changed.
    Change(LiveChange<Utf8Bytes>),
}

impl Slot {
    pub(super) fn tell(&self, change: LiveChange<Utf8Bytes>) {
        let mut state = self.locked();
        if state.missed || state.changes.len() >= HINTS_QUEUED_MAX {
            state.changes = VecDeque::new();
            state.missed = true;
        } else {
            state.changes.push_back(change);
        }
        drop(state);
        self.bell.notify_one();
    }

    pub(super) fn tell_settings(&self) {
        self.locked().settings = true;
        self.bell.notify_one();
    }

    pub(super) fn close(&self, code: Bye) {
        self.locked().close.get_or_insert(code);
        self.bell.notify_one();
    }

    pub(super) fn present(&self, until: Option<Timestamp>) {
        self.locked().present_until = until;
    }

    pub(super) fn present_until(&self) -> Option<Timestamp> {
        self.locked().present_until
    }

    /// What is there to hear. An emptied queue gives its memory back.
    pub(super) fn take(&self) -> Option<Heard> {
        let mut state = self.locked();
        if let Some(code) = state.close.take() {
            return Some(Heard::Close(code));
        }
        if std::mem::take(&mut state.settings) {
            return Some(Heard::Settings);
        }
        if std::mem::take(&mut state.missed) {
            state.changes = VecDeque::new();
            return Some(Heard::Missed);
        }
        let change = state.changes.pop_front();
        if state.changes.is_empty() {
            state.changes = VecDeque::new();
        }
        change.map(Heard::Change)
    }

    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }
}
