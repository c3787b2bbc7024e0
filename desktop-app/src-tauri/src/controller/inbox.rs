//! Reading the inbox, and what a person does with a notification.

use std::sync::PoisonError;

use tidings_sdk::{Client, Feedback, NotificationId, Query};
use tokio_util::sync::CancellationToken;

use super::{Controller, notification_id};
use crate::port::PopupKey;
use crate::problem::Problem;
use crate::view::{ItemView, ListQuery, MarkChange, PageView, RowView, StoryView, timestamp};

/// Rows of one page at most: more than a window shows, and little enough to draw at once.
const ROWS_MAX: u32 = 200;
/// Notifications that one call marks at most.
const MARKS_MAX: usize = 500;

impl Controller {
    /// One page of a list, newest first. A search ends when the next one begins.
    pub async fn page(
        &self,
        account: String,
        query: ListQuery,
        after: Option<String>,
    ) -> Result<PageView, Problem> {
        let account = self.account(&account).await?;
        let query = Query::try_from(query)?;
        let after = crate::view::read_place(after.as_deref())?;
        let stop = if query.text.is_some() { self.next_search() } else { self.stop.clone() };
        let inbox = account.client.inbox();
        let page = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Problem::new("overtaken", "another search began")),
            page = inbox.page(query, after.as_ref(), ROWS_MAX) => page?,
        };
        let next = page.next.map(|next| next.to_string());
        Ok(PageView { rows: page.items.iter().map(RowView::from).collect(), next })
    }

    fn next_search(&self) -> CancellationToken {
        let next = self.stop.child_token();
        let former =
            std::mem::replace(&mut *self.search.lock().unwrap_or_else(PoisonError::into_inner), next.clone());
        former.cancel();
        next
    }

    /// One notification; none if it is not on this computer.
    pub async fn item(&self, account: String, id: String) -> Result<Option<ItemView>, Problem> {
        let account = self.account(&account).await?;
        let item = account.client.inbox().item(&notification_id(&id)?).await?;
        Ok(item.as_ref().map(ItemView::from))
    }

    /// Changes the state of some notifications.
    pub async fn mark(&self, account: String, ids: Vec<String>, change: MarkChange) -> Result<(), Problem> {
        if ids.len() > MARKS_MAX {
            return Err(Problem::new("too_many", format!("at most {MARKS_MAX} at once")));
        }
        let account = self.account(&account).await?;
        for id in &ids {
            mark_one(&account.client, &notification_id(id)?, change).await?;
        }
        Ok(())
    }

    /// Marks everything that is on this computer as read, in a category or in all.
    pub async fn mark_all_read(&self, account: String, category: Option<String>) -> Result<(), Problem> {
        let account = self.account(&account).await?;
        let category = category.map(super::settings::category_id).transpose()?;
        account.client.mark_all_read(None, category).await?;
        Ok(())
    }

    /// Confirms a notification to its sender.
    pub async fn acknowledge(&self, account: String, id: String) -> Result<(), Problem> {
        self.account(&account).await?.client.acknowledge(&notification_id(&id)?).await?;
        Ok(())
    }

    /// One of a notification's buttons was chosen; if it leads somewhere, that is opened.
    pub async fn act(&self, account: String, id: String, action: String) -> Result<(), Problem> {
        let link = self.account(&account).await?.act(&notification_id(&id)?, &action).await?;
        match link {
            Some(link) => self.desk.shell.open_link(&crate::link::outward(&link)?),
            None => Ok(()),
        }
    }

    /// A notification's link was followed.
    pub async fn follow(&self, account: String, id: String) -> Result<(), Problem> {
        let account = self.account(&account).await?;
        let id = notification_id(&id)?;
        let link = account.client.inbox().item(&id).await?.and_then(|item| item.content.link);
        let link = link.ok_or_else(|| Problem::new("link_refused", "the notification has no link"))?;
        let link = crate::link::outward(&link)?;
        account.client.clicked(&id).await?;
        self.desk.shell.open_link(&link)
    }

    /// Says whether a notification was of use.
    pub async fn feedback(&self, account: String, id: String, useful: bool) -> Result<(), Problem> {
        let value = if useful { Feedback::Useful } else { Feedback::NotUseful };
        self.account(&account).await?.client.feedback(&notification_id(&id)?, value).await?;
        Ok(())
    }

    /// Why a notification came and what became of it, from the relay.
    pub async fn story(&self, account: String, id: String) -> Result<StoryView, Problem> {
        Ok(self.account(&account).await?.client.story(&notification_id(&id)?).await?.into())
    }

    /// Which notification is open before the person's eyes: no popup is shown for it. None when the window lies behind
    /// another one.
    pub async fn look_at(&self, account: Option<String>, id: Option<String>) -> Result<(), Problem> {
        let key = account.zip(id).map(|(account, id)| PopupKey { account, notification: Some(id) });
        *self.desk.looking_at.lock().unwrap_or_else(PoisonError::into_inner) = key.clone();
        if let Some(key) = key {
            self.desk.withdraw(key).await;
        }
        Ok(())
    }
}

async fn mark_one(client: &Client, id: &NotificationId, change: MarkChange) -> Result<(), Problem> {
    match change {
        MarkChange::Read => client.mark_read(id).await?,
        MarkChange::Unread => client.mark_unread(id).await?,
        MarkChange::Archive => client.archive(id).await?,
        MarkChange::Unarchive => client.unarchive(id).await?,
        MarkChange::Snooze { until } => client.snooze(id, timestamp(until)).await?,
    };
    Ok(())
}
