//! What is shown on this device: read for a decision, claimed before it is done.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _, Sqlite, Transaction};
use tidings_protocol::item::View;
use tidings_protocol::{NotificationId, Priority, Timestamp};
use tidings_sdk_core::{Candidate, Decision, LocalView, OnScreen, Screen};

use super::account::{instant, stored_id};
use super::items::stamp;
use super::{StoreError, begin};

const CANDIDATES: &str = "SELECT id, category, collapse, priority, needs_acknowledgement, expires_at, created_at, \
     after_absence, round, read_at, archived_at, snoozed_until, acknowledged_at, unread_at, unread_by \
     FROM items WHERE unsettled = 1 ORDER BY created_at, id";
const ON_SCREEN: &str = "SELECT items.id, items.category, items.collapse, priority, needs_acknowledgement, \
     expires_at, created_at, after_absence, items.round, read_at, archived_at, snoozed_until, acknowledged_at, \
     unread_at, unread_by, screen.notification, screen.round, screen.category, screen.collapse \
     FROM screen LEFT JOIN items ON items.id = screen.notification ORDER BY screen.notification";
const SHOWN: &str = "INSERT INTO shown (notification, round) VALUES (?, ?) ON CONFLICT DO NOTHING";
const SETTLED: &str = "UPDATE items SET unsettled = 0 WHERE id = ? AND round = ?";
const PUT_ON_SCREEN: &str = "INSERT OR REPLACE INTO screen (notification, round, category, collapse) \
     SELECT id, ?2, category, collapse FROM items WHERE id = ?1";
const ALL_SETTLED: &str = "UPDATE items SET unsettled = 0 WHERE unsettled = 1 AND EXISTS \
     (SELECT 1 FROM shown WHERE shown.notification = items.id AND shown.round = items.round)";
/// Rows of one insert, two parameters each.
const ROWS_PER_INSERT: usize = 500;
const TAKE_OFF: &str = "DELETE FROM screen WHERE notification = ?";

pub(super) async fn read(reader: &mut SqliteConnection) -> Result<Screen, StoreError> {
    let mut reading = reader.begin().await?;
    let candidates = sqlx::query(CANDIDATES).fetch_all(&mut *reading).await?;
    let on_screen = sqlx::query(ON_SCREEN).fetch_all(&mut *reading).await?;
    Ok(Screen {
        candidates: candidates.iter().map(candidate).collect::<Result<_, _>>()?,
        on_screen: on_screen.iter().map(shown).collect::<Result<_, _>>()?,
    })
}

/// Makes a decision durable before anything is shown. False if another process was first.
pub(super) async fn claim(writer: &mut SqliteConnection, decision: &Decision) -> Result<bool, StoreError> {
    let mut writing = begin(writer).await?;
    let ours = match decision {
        Decision::Show { id, round } => claim_shown(&mut writing, id, *round, true).await?,
        Decision::Update { id, round, replaces } => {
            if id != replaces {
                take_off(&mut writing, replaces).await?;
            }
            claim_shown(&mut writing, id, *round, true).await?
        }
        Decision::Withdraw { id } => take_off(&mut writing, id).await?,
        Decision::Pass { id, round } => claim_shown(&mut writing, id, *round, false).await?,
        Decision::Summary { items } => claim_all(&mut writing, items).await?,
    };
    // A claim that is not whole is dropped with its transaction.
    if ours {
        writing.commit().await?;
    }
    Ok(ours)
}

async fn claim_shown(
    writing: &mut Transaction<'_, Sqlite>,
    id: &NotificationId,
    round: u32,
    on_screen: bool,
) -> Result<bool, StoreError> {
    let first = sqlx::query(SHOWN).bind(id.as_str()).bind(i64::from(round)).execute(&mut **writing).await?;
    if first.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(SETTLED).bind(id.as_str()).bind(i64::from(round)).execute(&mut **writing).await?;
    if on_screen {
        sqlx::query(PUT_ON_SCREEN).bind(id.as_str()).bind(i64::from(round)).execute(&mut **writing).await?;
    }
    Ok(true)
}

/// A pile may be as large as an inbox: few statements.
async fn claim_all(
    writing: &mut Transaction<'_, Sqlite>,
    items: &[(NotificationId, u32)],
) -> Result<bool, StoreError> {
    for rows in items.chunks(ROWS_PER_INSERT) {
        let values = vec!["(?, ?)"; rows.len()].join(", ");
        let sql = format!("INSERT INTO shown (notification, round) VALUES {values} ON CONFLICT DO NOTHING");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(rows.len() == ROWS_PER_INSERT);
        for (id, round) in rows {
            query = query.bind(id.as_str()).bind(i64::from(*round));
        }
        let first = query.execute(&mut **writing).await?.rows_affected();
        if u64::try_from(rows.len()).ok() != Some(first) {
            return Ok(false);
        }
    }
    sqlx::query(ALL_SETTLED).execute(&mut **writing).await?;
    Ok(true)
}

async fn take_off(writing: &mut Transaction<'_, Sqlite>, id: &NotificationId) -> Result<bool, StoreError> {
    let gone = sqlx::query(TAKE_OFF).bind(id.as_str()).execute(&mut **writing).await?;
    Ok(gone.rows_affected() == 1)
}

fn candidate(row: &SqliteRow) -> Result<Candidate, StoreError> {
    Ok(Candidate {
        id: stored_id(row.try_get::<&str, _>(0)?)?,
        category: stored_id(row.try_get::<&str, _>(1)?)?,
        collapse: row.try_get(2)?,
        priority: row.try_get::<&str, _>(3)?.parse().unwrap_or(Priority::Normal),
        needs_acknowledgement: row.try_get(4)?,
        expires_at: Timestamp::from_millis(row.try_get(5)?),
        created_at: Timestamp::from_millis(row.try_get(6)?),
        after_absence: row.try_get(7)?,
        local: LocalView {
            round: row.try_get(8)?,
            view: View {
                read_at: instant(row, 9)?,
                unread: stamp(row, 13)?,
                archived_at: instant(row, 10)?,
                snoozed_until: instant(row, 11)?,
                acknowledged_at: instant(row, 12)?,
            },
        },
    })
}

fn shown(row: &SqliteRow) -> Result<OnScreen, StoreError> {
    let there = row.try_get::<Option<&str>, _>(0)?.is_some();
    Ok(OnScreen {
        id: stored_id(row.try_get::<&str, _>(15)?)?,
        round: row.try_get(16)?,
        category: stored_id(row.try_get::<&str, _>(17)?)?,
        collapse: row.try_get(18)?,
        state: if there { Some(candidate(row)?) } else { None },
    })
}
