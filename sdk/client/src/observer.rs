//! A list that is followed. Whatever changes, only what changed is read: rows say in a few words whether they are still
//! what was told of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tidings_protocol::NotificationId;
use tokio::sync::watch;

use crate::error::Error;
use crate::inbox::{InboxItem, Page, Query, list_query, read_page};
use crate::shared::Shared;
use crate::store::Marked;

/// A change of an observed list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The list as it is; what was known before is void.
    Reset(Page),
    /// This one is new in the list, or changed.
    Changed(Box<InboxItem>),
    /// This one is not in the list any more.
    Removed(NotificationId),
}

/// Follows a list.
#[derive(Debug)]
pub struct Observer {
    shared: Arc<Shared>,
    query: Query,
    limit: u32,
    changes: watch::Receiver<u64>,
    known: Option<BTreeMap<NotificationId, Known>>,
    ready: VecDeque<Change>,
}

/// What was told of a notification.
#[derive(Debug)]
struct Known {
    item: InboxItem,
    /// None if it was read without.
    mark: Option<Box<str>>,
}

impl Observer {
    pub(crate) fn new(shared: Arc<Shared>, query: Query, limit: u32) -> Self {
        let mut changes = shared.store.changes();
        changes.mark_changed();
        Self { shared, query, limit, changes, known: None, ready: VecDeque::new() }
    }

    /// The next change; the first is always [`Change::Reset`]. None after the client was closed.
    ///
    /// # Errors
    /// [`Error::Storage`].
    ///
    /// # Cancel safety
    /// Safe: a change counts as told when it is returned.
    pub async fn next(&mut self) -> Result<Option<Change>, Error> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(Some(change));
            }
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ok(None),
                changed = self.changes.changed() => if changed.is_err() { return Ok(None) },
            }
            let mut unseen = Unseen { changes: &mut self.changes, is_seen: false };
            let looked = if self.known.is_none() || self.query.text.is_some() {
                let page = read_page(&self.shared, &self.query, None, self.limit).await;
                page.map(|page| whole(page, &mut self.known))
            } else {
                look(&self.shared, &self.query, self.limit, &mut self.known).await
            };
            unseen.is_seen = looked.is_ok();
            drop(unseen);
            self.ready.extend(looked?);
        }
    }

    /// The changes that are there, in order; waits for one if there is none. None after the client was closed. A list
    /// of 200 may change all at once: taking what is ready together is cheaper than one by one.
    ///
    /// # Errors
    /// [`Error::Storage`].
    ///
    /// # Cancel safety
    /// Safe, as [`Self::next`].
    pub async fn next_all(&mut self) -> Result<Option<Vec<Change>>, Error> {
        let Some(first) = self.next().await? else { return Ok(None) };
        Ok(Some(std::iter::once(first).chain(self.ready.drain(..)).collect()))
    }
}

/// A look that fails, or whose caller stops waiting, is made again.
struct Unseen<'a> {
    changes: &'a mut watch::Receiver<u64>,
    is_seen: bool,
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        if !self.is_seen {
            self.changes.mark_changed();
        }
    }
}

/// Compares with a whole page.
fn whole(page: Page, known: &mut Option<BTreeMap<NotificationId, Known>>) -> Vec<Change> {
    let reads = page.items.iter().map(|item| (item.id.clone(), Known { item: item.clone(), mark: None }));
    let Some(former) = known.replace(reads.collect()) else { return vec![Change::Reset(page)] };
    let now = known.as_ref().expect("it was put there above");
    let removed = former.keys().filter(|id| !now.contains_key(*id)).cloned().map(Change::Removed);
    let is_new = |item: &InboxItem| former.get(&item.id).is_none_or(|known| known.item != *item);
    // Oldest first, so that putting each at its place by time gives the list.
    let changed = page.items.iter().rev().filter(|item| is_new(item));
    removed.chain(changed.map(|item| Change::Changed(Box::new(item.clone())))).collect()
}

/// Reads the marks of the list and the rows whose mark is another one.
async fn look(
    shared: &Shared,
    query: &Query,
    limit: u32,
    known: &mut Option<BTreeMap<NotificationId, Known>>,
) -> Result<Vec<Change>, Error> {
    let marked = shared.store.marked(&list_query(query), limit).await?;
    let former = known.get_or_insert_default();
    let is_stale =
        |row: &&Marked| former.get(&row.id).and_then(|known| known.mark.as_deref()) != Some(&row.mark);
    let stale: Vec<&NotificationId> = marked.iter().filter(is_stale).map(|row| &row.id).collect();
    let mut read = shared.store.rows(&stale).await?;
    // Nothing was changed up to here, and nobody is waited for from here on.
    let mut now = BTreeMap::new();
    let mut changed = Vec::new();
    // Oldest first, so that putting each at its place by time gives the list.
    for Marked { id, mark } in marked.into_iter().rev() {
        let told = former.remove(&id);
        if let Some(item) = read.remove(&id) {
            if told.is_none_or(|known| known.item != item) {
                changed.push(Change::Changed(Box::new(item.clone())));
            }
            now.insert(id, Known { item, mark: Some(mark) });
        } else if let Some(told) = told {
            if told.mark.as_deref() == Some(&mark) {
                now.insert(id, told);
            } else {
                // It went away between the two looks.
                former.insert(id, told);
            }
        }
    }
    let removed = std::mem::replace(former, now).into_keys().map(Change::Removed);
    Ok(removed.chain(changed).collect())
}
