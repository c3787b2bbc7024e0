//! What operators and backends read about single notifications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{Delivery, Entry, Event, Notification};
use tidings_core::ports::{DeliveryFilter, EventRef, FeedPage, NotificationFilter, StoreError, StoryReader};
use tidings_protocol::{
    Channel, DeliveryState, EventId, NotificationId, NotificationState, ProjectId, Reason, Timestamp, TopicId,
};

use super::cells::Cells;
use super::error::meaning;
use super::rows::{event, notification, story, work};
use super::statements::story as sql;
use super::{SqliteStore, ask, limit as count};

/// Behind every id, which has no control characters but may have any other.
const LAST_ID: &str = "\u{10ffff}";

#[async_trait]
impl StoryReader for SqliteStore {
    async fn story(
        &self,
        project: &ProjectId,
        id: &NotificationId,
    ) -> Result<Option<(Notification, Vec<Entry>, Vec<Delivery>)>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let row = sqlx::query(sql::STORY).bind(id.as_str()).bind(project.as_str());
        let row = row.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        let rows = told(&mut snapshot.connection, &row).await?;
        let deliveries = sqlx::query(sql::DELIVERIES_OF).bind(id.as_str()).bind(project.as_str());
        let deliveries = deliveries.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let deliveries = deliveries.iter().map(work::delivery).collect::<Result<_, _>>()?;
        Ok(rows.into_iter().next().map(|(row, lines)| (row, lines, deliveries)))
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StoreError> {
        let sql = match (&filter.recipient, &filter.event) {
            (Some(_), _) => sql::BY_RECIPIENT,
            (None, Some(_)) => sql::BY_EVENT,
            (None, None) => sql::BY_PROJECT,
        };
        let (before, id) =
            filter.before.as_ref().map_or((i64::MAX, ""), |(at, id)| (at.as_millis(), id.as_str()));
        let query = sqlx::query(sql)
            .bind(project.as_str())
            .bind(filter.recipient.as_ref().map(|id| id.as_str()))
            .bind(filter.event.as_ref().map(EventId::as_str))
            .bind(filter.category.as_ref().map(|id| id.as_str()))
            .bind(filter.rule.as_ref().map(|id| id.as_str()))
            .bind(filter.state.map(NotificationState::as_str))
            .bind(filter.since.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
            .bind(before)
            .bind(id)
            .bind(count(filter.limit));
        let mut snapshot = self.snapshot().await?;
        let rows = query.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        rows.iter().map(notification::notification).collect()
    }

    async fn event(&self, project: &ProjectId, which: &EventRef) -> Result<Option<Event>, StoreError> {
        let query = match which {
            EventRef::Id(id) => sqlx::query(sql::EVENT).bind(id.as_str()).bind(project.as_str()),
            EventRef::External { source, external_id } => sqlx::query(sql::SAME_EVENT)
                .bind(project.as_str())
                .bind(source.as_deref())
                .bind(&**external_id),
        };
        let mut snapshot = self.snapshot().await?;
        let row = query.fetch_optional(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        row.as_ref().map(event::event).transpose()
    }

    async fn events_named(
        &self,
        project: &ProjectId,
        external_id: &str,
    ) -> Result<Vec<(Option<Box<str>>, EventId)>, StoreError> {
        let query = sqlx::query(sql::EVENTS_NAMED).bind(project.as_str()).bind(external_id.to_owned());
        let named = |row: &SqliteRow| {
            let mut cells = Cells::of(row);
            Ok((cells.text_maybe()?, cells.word()?))
        };
        self.rows(query).await?.iter().map(named).collect()
    }

    async fn events(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut from = (i64::MIN, "");
        if let Some(after) = after {
            let query = sqlx::query(sql::EVENT).bind(after.as_str()).bind(project.as_str());
            if let Some(row) = query.fetch_optional(&mut *snapshot.connection).await.map_err(meaning)? {
                from = (event::event(&row)?.accepted_at.as_millis(), after.as_str());
            }
        }
        let query = sqlx::query(sql::EVENTS)
            .bind(project.as_str())
            .bind(since.as_millis())
            .bind(until.as_millis())
            .bind(from.0)
            .bind(from.1)
            .bind(count(limit));
        let rows = query.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        rows.iter().map(event::event).collect()
    }

    async fn progress(&self, event: &EventId) -> Result<BTreeMap<NotificationState, u64>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(sql::PROGRESS).bind(event.as_str()).fetch_all(&mut *snapshot.connection).await;
        snapshot.end().await;
        let states = rows.map_err(meaning)?;
        let states = states.iter().map(|row| {
            let mut cells = Cells::of(row);
            Ok((cells.word()?, cells.number()?))
        });
        states.collect()
    }

    async fn members(&self, project: &ProjectId, topic: &TopicId) -> Result<u64, StoreError> {
        let query = sqlx::query(sql::MEMBERS_COUNTED).bind(project.as_str()).bind(topic.as_str());
        let rows = self.rows(query).await?;
        rows.first().map_or(Ok(0), |row| Cells::of(row).number())
    }

    async fn deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        let state = filter.state;
        let query = sqlx::query(if state.is_some() { sql::DELIVERIES_IN } else { sql::DELIVERIES })
            .bind(project.as_str())
            .bind(filter.before.as_deref().unwrap_or(LAST_ID).to_owned())
            .bind(count(filter.limit))
            .bind(filter.channel.map(Channel::as_str))
            .bind(filter.provider.as_deref().map(str::to_owned))
            .bind(filter.recipient.as_ref().map(|id| id.as_str().to_owned()))
            .bind(filter.reason.map(Reason::as_str))
            .bind(filter.since.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis));
        let query = match state {
            Some(state) => query.bind(state.as_str()),
            None => query,
        };
        let mut snapshot = self.snapshot().await?;
        let rows = query.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        rows.iter().map(work::delivery).collect()
    }

    async fn inapp_deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
        upto: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        let query = sqlx::query(sql::INAPP_DELIVERIES)
            .bind(project.as_str())
            .bind(upto.as_millis())
            .bind(filter.before.as_deref().unwrap_or(LAST_ID).to_owned())
            .bind(filter.recipient.as_ref().map(|id| id.as_str().to_owned()))
            .bind(filter.state.map(DeliveryState::as_str))
            .bind(filter.since.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
            .bind(count(filter.limit));
        let mut snapshot = self.snapshot().await?;
        let rows = query.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        rows.iter().map(notification::notification).collect()
    }

    async fn feed(&self, project: &ProjectId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        let from = i64::try_from(after).unwrap_or(i64::MAX);
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(sql::FEED).bind(project.as_str()).bind(from).bind(count(limit));
        let rows = rows.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let entries = rows.iter().map(work::feed).collect::<Result<Vec<_>, _>>()?;
        let next = entries.last().map_or(after, |(number, _)| *number);
        Ok(FeedPage { entries, next })
    }
}

/// Notifications with their stories: first how they were made, then what came later.
pub(super) async fn told(
    connection: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<Vec<(Notification, Vec<Entry>)>, StoreError> {
    let mut stories = Vec::with_capacity(rows.len());
    for row in rows {
        stories.push((notification::notification(row)?, notification::origin(row)?));
    }
    let ids = stories.iter().map(|(row, _)| json!(row.id)).collect();
    let mut later: BTreeMap<NotificationId, Vec<Entry>> = BTreeMap::new();
    for row in ask(connection, sql::LINES, ids).await? {
        let mut cells = Cells::of(&row);
        later.entry(cells.word()?).or_default().push(story::entry(cells.json()?));
    }
    for (row, lines) in &mut stories {
        lines.extend(later.remove(&row.id).unwrap_or_default());
    }
    Ok(stories)
}
