//! The inbox on the device: lists, observation, search. None of it needs a network.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tidings_protocol::item::NotificationItem;
use tidings_protocol::{CategoryId, Cursor, NotificationId};
use tidings_sdk_core::DeviceStore as _;

use crate::clock;
use crate::error::Error;
use crate::observer::Observer;
use crate::shared::Shared;
use crate::store::{Asleep, ListQuery, Place};
use crate::text::Needle;
use crate::watch::Watch;

/// Items of one page at most.
pub const PAGE_MAX: u32 = 500;

/// A notification with the recipient's own state of it, pending operations included.
pub type InboxItem = NotificationItem;

/// Which notifications are wanted. Nothing said means: all that are not archived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this category.
    pub category: Option<CategoryId>,
    /// Only unread ones (`true`) or only read ones (`false`).
    pub unread: Option<bool>,
    /// Only those whose title or body has all these words, wherever they stand, in any case or width.
    pub text: Option<String>,
    /// The archived ones instead of the others.
    pub archived: bool,
    /// Only those that sleep now (`true`) or only those that are awake (`false`).
    pub asleep: Option<bool>,
}

/// A place in a list. It stays good while notifications come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(Place);

/// The end of the inbox at the time when a page was read; says what "all" means in
/// [`crate::Client::mark_all_read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMark {
    pub(crate) cursor: Cursor,
    pub(crate) page: u64,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The notifications.
    pub items: Vec<InboxItem>,
    /// Where the next page begins; none at the end.
    pub next: Option<PageToken>,
    /// How many are unread and not archived, in the query's category or in all.
    pub unread: u64,
    /// Hand it to [`crate::Client::mark_all_read`] to mark what the person has seen and nothing newer; none before
    /// the first sync.
    pub mark: Option<ReadMark>,
}

/// The notifications on this device.
#[derive(Clone, Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
}

impl Inbox {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// One page, newest first, after a place or from the beginning. At most [`PAGE_MAX`] items.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn page(&self, query: Query, after: Option<&PageToken>, limit: u32) -> Result<Page, Error> {
        self.shared.open()?;
        read_page(&self.shared, &query, after, limit.clamp(1, PAGE_MAX)).await
    }

    /// One notification; none if it is not on this device.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn item(&self, id: &NotificationId) -> Result<Option<InboxItem>, Error> {
        self.shared.open()?;
        Ok(self.shared.store.row(id).await?)
    }

    /// A number that rises whenever something on this device changed: a notification, a setting, an operation that
    /// waits. It says to look again, not at what; for lists that are longer than what [`Self::observe`] follows.
    #[must_use]
    pub fn changes(&self) -> Watch<u64> {
        Watch::new(self.shared.store.changes())
    }

    /// Follows the first `limit` notifications of a list. Changes by other processes are seen within seconds.
    #[must_use]
    pub fn observe(&self, query: Query, limit: u32) -> Observer {
        Observer::new(Arc::clone(&self.shared), query, limit.clamp(1, PAGE_MAX))
    }

    /// Looks for a text, newest first. Hits come as they are found; dropping the search stops it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the query has no text.
    pub fn search(&self, query: Query) -> Result<Search, Error> {
        let filter = list_query(&query);
        let Query { text, .. } = query;
        let needle = text.as_deref().and_then(Needle::new);
        let needle = needle.ok_or_else(|| Error::invalid("text", "there is nothing to look for"))?;
        Ok(Search {
            shared: Arc::clone(&self.shared),
            needle,
            query: filter,
            next: Some(None),
            found: VecDeque::new(),
        })
    }
}

/// The hits of a search.
#[derive(Debug)]
pub struct Search {
    shared: Arc<Shared>,
    needle: Needle,
    query: ListQuery,
    /// Where the next slice begins; none at the end.
    next: Option<Option<Place>>,
    found: VecDeque<InboxItem>,
}

impl Search {
    /// The next hit; none at the end.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe: a slice that was not finished is looked through again.
    pub async fn next(&mut self) -> Result<Option<InboxItem>, Error> {
        loop {
            if let Some(item) = self.found.pop_front() {
                return Ok(Some(item));
            }
            self.shared.open()?;
            let Some(after) = &self.next else { return Ok(None) };
            let found = self.shared.store.search_slice(&self.needle, &self.query, after.as_ref()).await?;
            self.found.extend(found.items);
            self.next = found.next.map(Some);
        }
    }
}

impl Search {
    /// The hits that were found together, at most `limit` (and at least one); none at the end.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe, as [`Self::next`].
    pub async fn next_found(&mut self, limit: usize) -> Result<Option<Vec<InboxItem>>, Error> {
        let Some(first) = self.next().await? else { return Ok(None) };
        let more = self.found.len().min(limit.saturating_sub(1));
        Ok(Some(std::iter::once(first).chain(self.found.drain(..more)).collect()))
    }
}

pub(crate) async fn read_page(
    shared: &Shared,
    query: &Query,
    after: Option<&PageToken>,
    limit: u32,
) -> Result<Page, Error> {
    let filter = list_query(query);
    let after = after.map(|token| &token.0);
    let needle = query.text.as_deref().and_then(Needle::new);
    // Where the device stands is read before the rows: what comes in between is not among what the mark means. A search
    // reads its rows by itself.
    let rows = if needle.is_some() { 0 } else { limit };
    let listed = shared.store.list(&filter, after, rows).await?;
    let (items, next) = match needle {
        None => {
            let whole = u32::try_from(listed.items.len()).is_ok_and(|length| length == limit);
            let next = if whole { listed.items.last().map(place_of) } else { None };
            (listed.items, next)
        }
        Some(needle) => read_found(shared, &needle, &filter, after, limit).await?,
    };
    let (cursor, page) = listed.place;
    let mark = cursor.map(|cursor| ReadMark { cursor, page });
    Ok(Page { items, next: next.map(PageToken), unread: listed.unread, mark })
}

async fn read_found(
    shared: &Shared,
    needle: &Needle,
    filter: &ListQuery,
    after: Option<&Place>,
    limit: u32,
) -> Result<(Vec<InboxItem>, Option<Place>), Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut next = after.cloned();
    loop {
        let found = shared.store.search_slice(needle, filter, next.as_ref()).await?;
        items.extend(found.items);
        if items.len() >= limit {
            let more = items.len() > limit || found.next.is_some();
            items.truncate(limit);
            let next = if more { items.last().map(place_of) } else { None };
            return Ok((items, next));
        }
        match found.next {
            Some(place) => next = Some(place),
            None => return Ok((items, None)),
        }
    }
}

pub(crate) fn list_query(query: &Query) -> ListQuery {
    ListQuery {
        category: query.category.clone(),
        unread: query.unread,
        archived: Some(query.archived),
        asleep: query.asleep.map(|asleep| Asleep { asleep, now: clock::now().as_millis() }),
    }
}

fn place_of(item: &InboxItem) -> Place {
    Place { created_at: item.created_at.as_millis(), id: item.id.as_str().to_owned() }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.created_at, self.0.id)
    }
}

impl FromStr for PageToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (created_at, id) = text.split_once('.')?;
            let id = NotificationId::new(id).ok()?;
            Some(Place { created_at: created_at.parse().ok()?, id: id.as_str().to_owned() })
        };
        read().map(Self).ok_or_else(|| Error::invalid("after", "this is no place in a list"))
    }
}

impl fmt::Display for ReadMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.page, self.cursor.as_str())
    }
}

impl FromStr for ReadMark {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (page, cursor) = text.split_once('.')?;
            Some(Self { cursor: Cursor::new(cursor).ok()?, page: page.parse().ok()? })
        };
        read().ok_or_else(|| Error::invalid("before", "this is no mark of a page"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_same_after_it_was_written_and_read() {
        let mark = ReadMark { cursor: Cursor::new("e1.17").unwrap(), page: 4 };
        assert_eq!(mark.to_string().parse::<ReadMark>().unwrap(), mark);
        for bad in ["", "4", "x.e1", "4."] {
            assert!(matches!(bad.parse::<ReadMark>(), Err(Error::Invalid { field: "before", .. })), "{bad}");
        }
    }
}
