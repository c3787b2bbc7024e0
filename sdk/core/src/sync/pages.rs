//! The pages between the socket and the store: which may be stored, and which are stored together.

use std::collections::VecDeque;
use std::sync::Arc;

use tidings_protocol::frame::ChangesPage;
use tidings_protocol::{Cursor, Timestamp};

use crate::store::Batch;

/// Pages that may wait for the store. Beyond it the embedder stops reading the socket.
const PAGES_WAITING_MAX: usize = 32;
/// Changes stored in one transaction at most, unless one page alone has more.
const ITEMS_PER_BATCH_MAX: usize = 1_000;
/// Changes that are stored at once although more are on their way: a transaction of few costs as much as one of many.
const ITEMS_WORTH_STORING: usize = 500;
/// How long fewer wait for more, in milliseconds: over a slow line each page is stored by itself, so that what came is not
/// lost with the connection.
const GATHER_MILLIS_MAX: i64 = 100;
/// How long the relay may take to answer a `resume`, in milliseconds.
const RESUME_MILLIS_MAX: i64 = 15_000;

#[derive(Debug, Default)]
pub(super) struct Pages {
    cursor: Option<Cursor>,
    applying: Option<Arc<Batch>>,
    waiting: VecDeque<(ChangesPage, bool)>,
    /// When the first of those that wait came, or the ones before it were handed out.
    gathers_since: Timestamp,
    /// A page from nothing is only taken when the relay said that it comes, or after a `resume`.
    reset_expected: bool,
    resume_by: Option<Timestamp>,
}

impl Pages {
    pub(super) fn at(cursor: Option<Cursor>) -> Self {
        Self { cursor, ..Self::default() }
    }

    pub(super) const fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    pub(super) const fn is_applying(&self) -> bool {
        self.applying.is_some()
    }

    pub(super) fn nothing_follows(&self) -> bool {
        self.waiting.is_empty() && self.resume_by.is_none()
    }

    pub(super) fn have_room(&self) -> bool {
        self.waiting.len() < PAGES_WAITING_MAX
    }

    pub(super) const fn resume_by(&self) -> Option<Timestamp> {
        self.resume_by
    }

    pub(super) fn may_go_on(&self, now: Timestamp) -> bool {
        self.resume_by.is_none_or(|by| now < by)
    }

    pub(super) const fn expect_after_welcome(&mut self, reset: bool) {
        self.reset_expected = reset;
        self.resume_by = None;
    }

    /// The place to resume from: the end of what will be stored.
    pub(super) fn resume(&mut self, now: Timestamp) -> Option<Cursor> {
        self.reset_expected = true;
        self.resume_by = Some(now.plus_millis(RESUME_MILLIS_MAX));
        self.tail().cloned()
    }

    /// Takes a page that begins where the device stands, or one that begins from nothing when that is expected.
    /// False means that it does not fit: something is missing before it, or it is too old.
    pub(super) fn take(&mut self, now: Timestamp, page: ChangesPage, after_absence: bool) -> bool {
        let begins_anew = page.from.is_none() && page.reset && (self.reset_expected || self.tail().is_none());
        if !begins_anew && page.from.as_ref() != self.tail() || !self.have_room() {
            return false;
        }
        self.reset_expected = false;
        self.resume_by = None;
        if self.waiting.is_empty() {
            self.gathers_since = now;
        }
        self.waiting.push_back((page, after_absence));
        true
    }

    /// When what waits is stored although it is little.
    pub(super) fn gathers_until(&self) -> Option<Timestamp> {
        let gathers = self.applying.is_none() && !self.waiting.is_empty();
        gathers.then(|| self.gathers_since.plus_millis(GATHER_MILLIS_MAX))
    }

    /// The next batch for the store, if it is free and there is enough: every page in a row, up to a limit.
    pub(super) fn next_batch(&mut self, now: Timestamp) -> Option<Arc<Batch>> {
        if self.applying.is_some() || !self.is_worth_storing(now) {
            return None;
        }
        self.gathers_since = now;
        let (first, after_absence) = self.waiting.pop_front()?;
        let mut batch = Batch {
            expected: self.cursor.clone(),
            begins_reset: first.reset && first.from.is_none(),
            to: first.to,
            ends: !first.more,
            after_absence,
            items: first.items,
        };
        let mut items = batch.items.len();
        while let Some((next, _)) = self.waiting.pop_front_if(|(next, absent)| {
            items += next.items.len();
            items <= ITEMS_PER_BATCH_MAX && next.from.is_some() && *absent == after_absence
        }) {
            batch.to = next.to;
            batch.ends = !next.more;
            batch.items.extend(next.items);
        }
        let batch = Arc::new(batch);
        self.applying = Some(Arc::clone(&batch));
        Some(batch)
    }

    pub(super) const fn take_applying(&mut self) -> Option<Arc<Batch>> {
        self.applying.take()
    }

    pub(super) fn moved(&mut self, to: &Cursor) {
        self.cursor = Some(to.clone());
    }

    /// The connection is gone: what the store does not have yet will come again.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.reset_expected = false;
        self.resume_by = None;
    }

    /// The last page that the relay has is never left waiting, and a clock that was put back keeps nothing.
    fn is_worth_storing(&self, now: Timestamp) -> bool {
        let waited = now.millis_since(self.gathers_since);
        let items: usize = self.waiting.iter().map(|(page, _)| page.items.len()).sum();
        items >= ITEMS_WORTH_STORING
            || !(0..GATHER_MILLIS_MAX).contains(&waited)
            || !self.have_room()
            || self.waiting.iter().any(|(page, _)| !page.more)
    }

    fn tail(&self) -> Option<&Cursor> {
        match (self.waiting.back(), &self.applying) {
            (Some((page, _)), _) => Some(&page.to),
            (None, Some(batch)) => Some(&batch.to),
            (None, None) => self.cursor.as_ref(),
        }
    }
}
