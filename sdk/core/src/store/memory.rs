//! The store in memory, for the simulation and for tests. It is the plainest form of what the port promises.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidings_protocol::item::{Item, NotificationItem, SettingsItem, View};
use tidings_protocol::limits::OPERATIONS_WAITING_MAX;
use tidings_protocol::operation::Operation;
use tidings_protocol::{CategoryId, Cursor, NotificationId, Timestamp};

use super::{Applied, Batch, DeviceStore, Identity, Loaded, Row, Screen, Settlement};
use crate::outbox::Queued;
use crate::present::{Candidate, Decision, OnScreen};
use crate::view::{local_settings, local_view, notification_of, settled_view};

/// A store that lives as long as the process. Crashes are simulated by making new machines on the same store.
#[derive(Debug)]
pub struct MemoryDeviceStore {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    identity: Identity,
    cursor: Option<Cursor>,
    pages: u64,
    generation: u64,
    resetting: bool,
    rows: BTreeMap<NotificationId, Row>,
    settings: Option<SettingsItem>,
    settings_written: u64,
    outbox: BTreeMap<u64, Queued>,
    last_number: u64,
    shown: BTreeSet<(NotificationId, u32)>,
    screen: BTreeMap<NotificationId, (u32, CategoryId, Option<String>)>,
    last_contact: Option<Timestamp>,
    clock_offset_ms: i64,
}

impl MemoryDeviceStore {
    /// An empty store of this installation.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        let inner = Inner {
            identity,
            cursor: None,
            pages: 0,
            generation: 0,
            resetting: false,
            rows: BTreeMap::new(),
            settings: None,
            settings_written: 0,
            outbox: BTreeMap::new(),
            last_number: 0,
            shown: BTreeSet::new(),
            screen: BTreeMap::new(),
            last_contact: None,
            clock_offset_ms: 0,
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Every notification as the relay told it, by id.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.lock().rows.values().cloned().collect()
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.lock().cursor.clone()
    }

    /// Every (notification, round) that was settled on this device.
    #[must_use]
    pub fn settled(&self) -> Vec<(NotificationId, u32)> {
        self.lock().shown.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held, so the rows are whole even if a test's assertion poisoned it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceStore for MemoryDeviceStore {
    type Error = Infallible;

    async fn load(&self) -> Result<Loaded, Infallible> {
        let inner = self.lock();
        Ok(Loaded {
            identity: inner.identity.clone(),
            cursor: inner.cursor.clone(),
            outbox: inner.outbox.values().cloned().collect(),
            last_contact: inner.last_contact,
            clock_offset_ms: inner.clock_offset_ms,
        })
    }

    async fn save_identity(&self, identity: &Identity) -> Result<(), Infallible> {
        self.lock().identity = identity.clone();
        Ok(())
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied, Infallible> {
        Ok(self.lock().apply(batch))
    }

    async fn queue(&self, operation: &Operation) -> Result<Option<Queued>, Infallible> {
        let mut inner = self.lock();
        if inner.outbox.len() >= OPERATIONS_WAITING_MAX {
            return Ok(None);
        }
        inner.last_number += 1;
        let queued = Queued { number: inner.last_number, page: inner.pages, operation: operation.clone() };
        inner.outbox.insert(queued.number, queued.clone());
        Ok(Some(queued))
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), Infallible> {
        let mut inner = self.lock();
        for queued in &settlement.done {
            inner.outbox.remove(&queued.number);
            inner.fold(queued);
        }
        for (queued, refused) in &settlement.refused {
            inner.outbox.remove(&queued.number);
            inner.put_back(queued, refused.value.as_ref());
        }
        Ok(())
    }

    async fn remember_contact(&self, at: Timestamp, clock_offset_ms: i64) -> Result<(), Infallible> {
        let mut inner = self.lock();
        inner.last_contact = Some(at);
        inner.clock_offset_ms = clock_offset_ms;
        Ok(())
    }

    async fn row(&self, id: &NotificationId) -> Result<Option<NotificationItem>, Infallible> {
        let inner = self.lock();
        Ok(inner.rows.get(id).map(|row| {
            let local = local_view(&row.item, row.arrived, inner.outbox.values());
            NotificationItem { view: local.view, round: local.round, ..row.item.clone() }
        }))
    }

    async fn settings(&self) -> Result<Option<SettingsItem>, Infallible> {
        let inner = self.lock();
        let pending = inner.outbox.values().map(|queued| &queued.operation);
        Ok(inner.settings.as_ref().map(|settings| local_settings(settings, pending)))
    }

    async fn screen(&self) -> Result<Screen, Infallible> {
        let inner = self.lock();
        let mut candidates: Vec<Candidate> = inner
            .rows
            .values()
            .map(|row| inner.candidate(row))
            .filter(|candidate| !inner.shown.contains(&(candidate.id.clone(), candidate.local.round)))
            .collect();
        candidates.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let on_screen = inner.screen.iter().map(|(id, (round, category, collapse))| OnScreen {
            id: id.clone(),
            round: *round,
            category: category.clone(),
            collapse: collapse.clone(),
            state: inner.rows.get(id).map(|row| inner.candidate(row)),
        });
        Ok(Screen { candidates, on_screen: on_screen.collect() })
    }

    async fn claim(&self, decision: &Decision) -> Result<bool, Infallible> {
        Ok(self.lock().claim(decision))
    }

    async fn drop_content(&self) -> Result<(), Infallible> {
        let mut inner = self.lock();
        inner.rows.clear();
        inner.settings = None;
        inner.cursor = None;
        Ok(())
    }

    async fn wipe(&self) -> Result<(), Infallible> {
        let mut inner = self.lock();
        inner.rows.clear();
        inner.settings = None;
        inner.cursor = None;
        inner.outbox.clear();
        inner.shown.clear();
        inner.last_contact = None;
        Ok(())
    }
}

impl Inner {
    fn apply(&mut self, batch: &Batch) -> Applied {
        if self.cursor != batch.expected {
            return Applied::Elsewhere { cursor: self.cursor.clone() };
        }
        self.pages += 1;
        if batch.begins_reset {
            self.generation += 1;
            self.resetting = true;
        }
        for item in &batch.items {
            self.apply_item(item, batch.after_absence);
        }
        if batch.ends && self.resetting {
            let generation = self.generation;
            self.rows.retain(|_, row| row.generation == generation);
            self.resetting = false;
        }
        self.cursor = Some(batch.to.clone());
        Applied::Moved
    }

    fn apply_item(&mut self, item: &Item, after_absence: bool) {
        match item {
            Item::Notification(item) => {
                let known = self.rows.get(&item.id);
                let row = Row {
                    item: (**item).clone(),
                    arrived: known.map_or(self.pages, |row| row.arrived),
                    written: self.pages,
                    generation: self.generation,
                    after_absence,
                };
                self.rows.insert(item.id.clone(), row);
            }
            Item::Retracted { id } => {
                self.rows.remove(id);
            }
            Item::Settings(settings) => {
                self.settings = Some((**settings).clone());
                self.settings_written = self.pages;
            }
            Item::ReadUpTo { watermark, .. } => {
                for Row { item, written, .. } in self.rows.values_mut() {
                    let unread = item.view.unread.as_ref();
                    if item.view.read_at.is_none() && watermark.reads(item.place, &item.category, unread) {
                        item.view.read_at = Some(watermark.stamp.at);
                        item.view.unread = None;
                        *written = self.pages;
                    }
                }
            }
            // The machine turns an erasure into a wipe before anything is stored.
            Item::Erased | Item::Unknown => {}
        }
    }

    fn fold(&mut self, queued: &Queued) {
        let named = notification_of(&queued.operation.request);
        for row in self.rows.values_mut().filter(|row| row.written <= queued.page) {
            if named.is_none_or(|id| *id == row.item.id) {
                let local = settled_view(&row.item, row.arrived, queued);
                row.item.view = local.view;
                row.item.round = local.round;
            }
        }
        if let Some(settings) = self.settings.as_mut().filter(|_| self.settings_written <= queued.page) {
            *settings = local_settings(settings, [&queued.operation]);
        }
    }

    /// A value that a page overtook is left: the page, or the one that follows it, is newer.
    fn put_back(&mut self, queued: &Queued, value: Option<&serde_json::Value>) {
        let Some(value) = value else { return };
        if let Some(id) = notification_of(&queued.operation.request) {
            let view = serde_json::from_value::<View>(value.clone());
            let row = self.rows.get_mut(id).filter(|row| row.written <= queued.page);
            if let (Ok(view), Some(row)) = (view, row) {
                row.item.view = view;
            }
        } else if let (Ok(settings), true) =
            (serde_json::from_value(value.clone()), self.settings_written <= queued.page)
        {
            self.settings = Some(settings);
        }
    }

    fn claim(&mut self, decision: &Decision) -> bool {
        match decision {
            Decision::Show { id, round } => self.claim_shown(id, *round),
            Decision::Update { id, round, replaces } => {
                let first = self.claim_shown(id, *round);
                if first && id != replaces {
                    self.screen.remove(replaces);
                }
                first
            }
            Decision::Withdraw { id } => self.screen.remove(id).is_some(),
            Decision::Pass { id, round } => self.shown.insert((id.clone(), *round)),
            Decision::Summary { items } => {
                if items.iter().any(|item| self.shown.contains(item)) {
                    return false;
                }
                self.shown.extend(items.iter().cloned());
                true
            }
        }
    }

    fn claim_shown(&mut self, id: &NotificationId, round: u32) -> bool {
        let first = self.shown.insert((id.clone(), round));
        if let (true, Some(row)) = (first, self.rows.get(id)) {
            let place = (round, row.item.category.clone(), row.item.collapse.clone());
            self.screen.insert(id.clone(), place);
        }
        first
    }

    fn candidate(&self, row: &Row) -> Candidate {
        Candidate {
            id: row.item.id.clone(),
            category: row.item.category.clone(),
            collapse: row.item.collapse.clone(),
            priority: row.item.priority,
            needs_acknowledgement: row.item.needs_acknowledgement,
            expires_at: row.item.expires_at,
            created_at: row.item.created_at,
            after_absence: row.after_absence,
            local: local_view(&row.item, row.arrived, self.outbox.values()),
        }
    }
}
