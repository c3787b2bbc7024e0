//! What operators read about many notifications at once.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_core::model::Notification;
use tidings_core::ports::{Insight, StoreError, Trials};
use tidings_core::statistics::{BAND_HOURS, Kind, Sums};
use tidings_protocol::{Channel, DeliveryState, NotificationState, ProjectId, RuleId, Timestamp};

use super::{MemoryStore, PortCall};
use crate::tables::Tables;

#[async_trait]
impl Insight for MemoryStore {
    async fn trials(&self, project: &ProjectId, rule: &RuleId) -> Result<Trials, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let tallies = tables.tallies.iter();
        let tallies = tallies.filter(|(key, _)| key.project == *project && key.rule == *rule);
        let wins = tables.wins.iter().map(|(_, win)| win);
        let mut wins: Vec<_> =
            wins.filter(|win| win.project == *project && win.rule == *rule).cloned().collect();
        wins.sort_by(|a, b| (a.at, &a.trial, a.by).cmp(&(b.at, &b.trial, b.by)));
        Ok(Trials { tallies: tallies.map(|(key, tally)| (key.clone(), *tally)).collect(), wins })
    }

    async fn sums(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Kind, Sums)>, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let mut counted: BTreeMap<Kind, Sums> = BTreeMap::new();
        for row in tables.made_in(project, since, until) {
            let millis = row.released_at.map(|at| at.as_millis() / BAND_MILLIS % BANDS);
            let kind = Kind {
                category: row.category.clone(),
                rule: row.cause.rule.clone(),
                template: row.template.clone(),
                variant: row.variant.clone(),
                band: millis.and_then(|band| u8::try_from(band).ok()),
            };
            let of = counted.entry(kind).or_default();
            let reached = row.state == NotificationState::Reached;
            *of = of.and(Sums { made: 1, reached: u64::from(reached), ..came_of(row) });
        }
        Ok(counted.into_iter().collect())
    }

    async fn sums_of_channels(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Channel, Sums)>, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let mut counted: BTreeMap<Channel, Sums> = BTreeMap::new();
        for row in tables.made_in(project, since, until) {
            let arrived = |state| matches!(state, DeliveryState::Received | DeliveryState::Sent);
            let inapp = row.inapp.iter().map(|inapp| (Channel::Inapp, arrived(inapp.state)));
            let others = tables.all_deliveries_of(&row.id).map(|other| (other.channel, arrived(other.state)));
            let mut channels: BTreeMap<Channel, bool> = BTreeMap::new();
            for (channel, arrived) in inapp.chain(others) {
                *channels.entry(channel).or_default() |= arrived;
            }
            for (channel, arrived) in channels {
                let came = if arrived { Sums { reached: 1, ..came_of(row) } } else { Sums::default() };
                let of = counted.entry(channel).or_default();
                *of = of.and(Sums { made: 1, ..came });
            }
        }
        Ok(counted.into_iter().collect())
    }
}

const BAND_MILLIS: i64 = BAND_HOURS as i64 * 3_600_000;
const BANDS: i64 = 24 / BAND_HOURS as i64;

impl Tables {
    fn made_in(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = &Notification> {
        let rows = self.notifications.iter().map(|(_, row)| row);
        rows.filter(move |row| {
            row.person.project == *project && row.created_at >= since && row.created_at < until
        })
    }
}

/// What became of one notification.
fn came_of(row: &Notification) -> Sums {
    let flags = &row.flags;
    let (read, clicked) = (flags.read_at.is_some(), flags.clicked_at.is_some());
    let acted = flags.acted.is_some();
    let displayed =
        flags.displayed_at.is_some() || read || clicked || acted || flags.acknowledged_at.is_some();
    Sums {
        made: 0,
        reached: 0,
        displayed: u64::from(displayed),
        read: u64::from(read),
        clicked: u64::from(clicked),
        acted: u64::from(acted),
        converted: u64::from(flags.converted_at.is_some()),
        opened_by_program: u64::from(flags.opened_by_program),
        followed_by_program: u64::from(flags.followed_by_program),
    }
}
