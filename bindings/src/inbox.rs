//! The inbox on the device: pages, observation, search.

use std::sync::Arc;

use tidings_sdk::{
    Change as SdkChange, NotificationId, Observer, Page as SdkPage, PageToken, Query as SdkQuery,
};
use tidings_sdk::{Error as SdkError, Search};

use crate::client::Client;
use crate::error::ClientError;
use crate::item::InboxItem;
use crate::operations::{category, notification};
use crate::pull::{Pull, Source};

/// Hits of a search that are handed over together at most.
const HITS_AT_ONCE: usize = 50;

/// Which notifications are wanted. Nothing said means: all that are not archived.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct Query {
    /// Only this category.
    #[uniffi(default = None)]
    pub category: Option<String>,
    /// Only unread ones (true) or only read ones (false).
    #[uniffi(default = None)]
    pub unread: Option<bool>,
    /// Only those whose title or body has all these words, in any case or width.
    #[uniffi(default = None)]
    pub text: Option<String>,
    /// The archived ones instead of the others.
    #[uniffi(default = false)]
    pub archived: bool,
    /// Only those that sleep now (true) or only those that are awake (false).
    #[uniffi(default = None)]
    pub asleep: Option<bool>,
}

impl Query {
    fn read(self) -> Result<SdkQuery, ClientError> {
        let Self { category: wanted, unread, text, archived, asleep } = self;
        let wanted = wanted.as_deref().map(category).transpose()?;
        Ok(SdkQuery { category: wanted, unread, text, archived, asleep })
    }
}

/// One page of a list, newest first.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Page {
    /// The notifications.
    pub items: Vec<InboxItem>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
    /// How many are unread and not archived, in the query's category or in all.
    pub unread: u64,
    /// The end of the inbox when the page was read. Handed to `mark_all_read`, it marks what the person has seen and
    /// nothing newer; none before the first sync.
    pub mark: Option<String>,
}

impl From<SdkPage> for Page {
    fn from(page: SdkPage) -> Self {
        Self {
            items: page.items.into_iter().map(InboxItem::from).collect(),
            next: page.next.map(|place| place.to_string()),
            unread: page.unread,
            mark: page.mark.map(|mark| mark.to_string()),
        }
    }
}

/// A change of an observed list.
#[derive(Clone, Debug, uniffi::Enum)]
#[expect(clippy::large_enum_variant, reason = "it is written out for the other language at once")]
pub enum InboxChange {
    /// The list as it is; what was known before is void.
    Reset {
        /// The list.
        page: Page,
    },
    /// This one is new in the list, or changed.
    Changed {
        /// The notification.
        item: InboxItem,
    },
    /// This one is not in the list any more.
    Removed {
        /// Which one.
        id: String,
    },
}

impl InboxChange {
    fn of(change: SdkChange) -> Option<Self> {
        match change {
            SdkChange::Reset(page) => Some(Self::Reset { page: page.into() }),
            SdkChange::Changed(item) => Some(Self::Changed { item: (*item).into() }),
            SdkChange::Removed(id) => Some(Self::Removed { id: id.to_string() }),
            // A kind that this layer does not know is of no use above it.
            _ => None,
        }
    }
}

/// Changes that came together.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldChanges {
    /// Say it when asking for the next.
    pub number: u64,
    /// The changes, in order.
    pub changes: Vec<InboxChange>,
}

/// Hits that were found together.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldHits {
    /// Say it when asking for the next.
    pub number: u64,
    /// The hits, newest first.
    pub items: Vec<InboxItem>,
}

struct Changes(Observer);

impl Source for Changes {
    type Told = Vec<InboxChange>;

    async fn next(&mut self) -> Result<Option<Self::Told>, SdkError> {
        let changes = self.0.next_all().await?;
        Ok(changes.map(|changes| changes.into_iter().filter_map(InboxChange::of).collect()))
    }
}

struct Hits(Search);

impl Source for Hits {
    type Told = Vec<InboxItem>;

    async fn next(&mut self) -> Result<Option<Self::Told>, SdkError> {
        let found = self.0.next_found(HITS_AT_ONCE).await?;
        Ok(found.map(|found| found.into_iter().map(InboxItem::from).collect()))
    }
}

/// Follows a list.
#[derive(uniffi::Object)]
pub struct InboxObserver(Pull<Vec<InboxChange>>);

#[uniffi::export]
impl InboxObserver {
    /// The changes after those with a number, zero for the first; waits for them. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldChanges>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, changes)| ToldChanges { number, changes }))
    }
}

/// The hits of a search. Dropping it stops the search.
#[derive(uniffi::Object)]
pub struct InboxSearch(Pull<Vec<InboxItem>>);

#[uniffi::export]
impl InboxSearch {
    /// The hits after those with a number, zero for the first. None at the end.
    pub async fn next(&self, received: u64) -> Result<Option<ToldHits>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, items)| ToldHits { number, items }))
    }
}

#[uniffi::export]
impl Client {
    /// One page, newest first, after a place or from the beginning; 1 to 500 items.
    pub async fn page(&self, query: Query, after: Option<String>, limit: u32) -> Result<Page, ClientError> {
        let query = query.read()?;
        let after: Option<PageToken> = after.map(|place| place.parse()).transpose()?;
        let call = |client: tidings_sdk::Client| async move {
            client.inbox().page(query, after.as_ref(), limit).await.map(Page::from)
        };
        self.core.call(call).await
    }

    /// One notification; none if it is not on this device.
    pub async fn item(&self, id: String) -> Result<Option<InboxItem>, ClientError> {
        let id: NotificationId = notification(&id)?;
        let call = |client: tidings_sdk::Client| async move { client.inbox().item(&id).await };
        Ok(self.core.call(call).await?.map(InboxItem::from))
    }

    /// How many are unread and not archived, in a category or in all.
    pub async fn unread(&self, wanted: Option<String>) -> Result<u64, ClientError> {
        let wanted = wanted.as_deref().map(category).transpose()?;
        self.core.call(|client| async move { client.inbox().unread(wanted.as_ref()).await }).await
    }

    /// Follows the first items of a list, 1 to 500.
    pub fn observe(&self, query: Query, limit: u32) -> Result<Arc<InboxObserver>, ClientError> {
        let observer = self.core.client.inbox().observe(query.read()?, limit);
        Ok(Arc::new(InboxObserver(Pull::new(&self.core.handle, Changes(observer)))))
    }

    /// Looks for a text, newest first. Hits come as they are found.
    pub fn search(&self, query: Query) -> Result<Arc<InboxSearch>, ClientError> {
        let search = self.core.client.inbox().search(query.read()?)?;
        Ok(Arc::new(InboxSearch(Pull::new(&self.core.handle, Hits(search)))))
    }
}
