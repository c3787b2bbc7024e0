//! The books.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_core::click_rate::{Clicks, Days};
use tidings_core::model::{BookKey, DueKey, Notification, Term, utc_day};
use tidings_core::ports::{BookReader, BookRow, StoreError};
use tidings_protocol::{CategoryId, DeliveryState, NotificationId, NotificationState, ProjectId, Timestamp};

use super::{MemoryStore, PortCall};
use crate::books::{OVERDUE_MILLIS_MAX, beside};
use crate::tables::Tables;

#[async_trait]
impl BookReader for MemoryStore {
    async fn books(&self, project: &ProjectId) -> Result<Vec<BookRow>, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let of = |(key, _): &(&BookKey, &i64)| key.project == *project;
        let counted = tables.accounting.iter().filter(of).map(|(key, n)| (key.clone(), *n)).collect();
        Ok(beside(&counted, &tables.recount(project)))
    }

    async fn stuck(
        &self,
        project: &ProjectId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let late = now.plus_millis(-OVERDUE_MILLIS_MAX);
        let pending = tables.pending.iter().filter_map(|(id, ())| tables.notifications.get(id));
        let stuck = pending.filter(|row| row.person.project == *project && tables.is_stuck(row, late));
        Ok(stuck.map(|row| row.id.clone()).take(limit).collect())
    }

    async fn clicks(
        &self,
        project: &ProjectId,
        days: Days,
    ) -> Result<BTreeMap<CategoryId, [Clicks; 2]>, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let within = |row: &Notification| row.created_at >= days.usual_from && row.created_at < days.until;
        let mut counted: BTreeMap<CategoryId, [Clicks; 2]> = BTreeMap::new();
        for (_, row) in tables.notifications.iter().filter(|(_, row)| row.person.project == *project) {
            if row.state != NotificationState::Reached || !within(row) {
                continue;
            }
            let of = counted.entry(row.category.clone()).or_default();
            let clicks = &mut of[usize::from(row.created_at >= days.recent_from)];
            clicks.reached += 1;
            clicks.clicked += u64::from(row.flags.clicked_at.is_some());
        }
        Ok(counted)
    }
}

impl Tables {
    fn recount(&self, project: &ProjectId) -> BTreeMap<BookKey, i64> {
        let mut rows: BTreeMap<BookKey, i64> = BTreeMap::new();
        let mut count = |made_at, term, n| {
            let key = BookKey { project: project.clone(), day: utc_day(made_at), term };
            *rows.entry(key).or_default() += n;
        };
        for (_, row) in self.events.iter().filter(|(_, row)| row.project == *project) {
            count(row.accepted_at, Term::Event(row.state), 1);
        }
        for (_, row) in self.notifications.iter().filter(|(_, row)| row.person.project == *project) {
            count(row.created_at, Term::Notification(row.state), 1);
            if let Some(inapp) = row.inapp {
                count(inapp.made_at, Term::Delivery(inapp.state), 1);
            }
        }
        for (_, row) in self.deliveries.iter().filter(|(_, row)| row.person.project == *project) {
            count(row.made_at, Term::Delivery(row.state), 1);
        }
        for (key, n) in self.purged.iter().filter(|(key, _)| key.project == *project) {
            *rows.entry(key.clone()).or_default() += n;
        }
        rows
    }

    /// Whether nothing will ever move a pending row, or it should have been moved before `late`.
    fn is_stuck(&self, row: &Notification, late: Timestamp) -> bool {
        let work = |key| self.due.get(&(row.person.project.clone(), key)).map(|due| due.at);
        let step =
            work(DueKey::Step(row.id.clone())).into_iter().chain(work(DueKey::Repeat(row.id.clone()))).min();
        let mover = if row.state == NotificationState::Held {
            let digest = row.digest.clone().and_then(|digest| work(DueKey::Digest(digest)));
            work(DueKey::Release(row.id.clone())).or(digest)
        } else {
            step
        };
        let placed = row.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
        let delivers = row.state == NotificationState::Active
            && (placed
                || self
                    .all_deliveries_of(&row.id)
                    .any(|d| matches!(d.state, DeliveryState::Waiting | DeliveryState::HandingOver)));
        row.expires_at < late || mover.map_or(!delivers, |at| at < late)
    }
}
