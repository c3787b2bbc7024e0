//! The books and the project's feed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::model::{FeedEntry, Ledger, Term};
use tidings_core::ports::{BookRow, FeedPage};
use tidings_protocol::http::{AccountingResponse, ChangeResponse, LedgerBody, Page};
use tidings_protocol::{DeliveryState, EventState, NotificationState};

use super::answer::Answered;
use super::problem::Problem;
use super::query::{Query, next};
use super::route::{Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

/// Stuck notifications that are named; more of them have the same cause.
const STUCK_SHOWN: usize = 100;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/accounting", Who::Key(Scope::Read), accounting, |call| {
            call.about("Every term of the three equations, and what they leave over.")
                .answer::<AccountingResponse>(200, "residue is 0 if the books balance")
        })
        .get("/v1/changes", Who::Key(Scope::Read), changes, |call| {
            call.about("The project's feed, oldest first, at least once, in order for each recipient.")
                .query(&[
                    ("after", "next of the page before; absent: from the beginning of what is kept"),
                    ("limit", "1 to 500, default 50"),
                    ("wait", "How long to wait for the first entry, at most 60s"),
                ])
                .waits()
                .page::<ChangeResponse>("next is never null")
        })
}

async fn accounting(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
) -> Result<Response, Box<Problem>> {
    let as_of = app.now();
    let rows = app.ports.books.books(&caller.project).await?;
    let stuck = app.ports.books.stuck(&caller.project, as_of, STUCK_SHOWN).await?;
    let [events, notifications, deliveries] = Ledger::ALL.map(|ledger| Tally::of(ledger, &rows));
    let residue = events.residue + notifications.residue + deliveries.residue;
    let response = AccountingResponse {
        events: events.body(),
        notifications: notifications.body(),
        deliveries: deliveries.body(),
        residue,
        stuck,
        as_of,
    };
    Ok(Answered::ok(&response).response())
}

/// One equation over all days.
struct Tally {
    terms: BTreeMap<String, i64>,
    /// Left over by the counters of a day, or between a counter and its recount; each counts as loss, whatever its sign,
    /// so that two mistakes cannot hide each other.
    residue: i64,
}

impl Tally {
    fn of(ledger: Ledger, rows: &[BookRow]) -> Self {
        let words: Vec<&str> = match ledger {
            Ledger::Events => EventState::ALL.iter().map(|state| state.as_str()).collect(),
            Ledger::Notifications => NotificationState::ALL.iter().map(|state| state.as_str()).collect(),
            Ledger::Deliveries => DeliveryState::ALL.iter().map(|state| state.as_str()).collect(),
        };
        let left = if ledger == Ledger::Events { "accepted" } else { "made" };
        let mut terms: BTreeMap<String, i64> =
            words.into_iter().chain([left]).map(|word| (word.to_owned(), 0)).collect();
        let (mut by_day, mut off) = (BTreeMap::<i32, i64>::new(), 0);
        for row in rows.iter().filter(|row| row.key.term.ledger() == ledger) {
            let (word, sign) = if row.is_made() { (left, 1) } else { (row.key.term.word(), -1) };
            *terms.entry(word.to_owned()).or_default() += row.counted;
            *by_day.entry(row.key.day).or_default() += sign * row.counted;
            if !matches!(row.key.term, Term::Made(_)) {
                off += (row.counted - row.recounted).abs();
            }
        }
        let unbalanced: i64 = by_day.values().map(|left_over| left_over.abs()).sum();
        Self { terms, residue: unbalanced + off }
    }

    fn body(mut self) -> LedgerBody {
        self.terms.insert("residue".to_owned(), self.residue);
        LedgerBody { terms: self.terms }
    }
}

async fn changes(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["after", "limit", "wait"])?;
    let (limit, wait) = (query.limit()?, Duration::from_millis(query.wait_millis()?));
    let after = query.after::<u64>()?.unwrap_or(0);
    let end = tokio::time::Instant::now() + wait;
    let ear = app.listeners.feeds.listen(&caller.project);
    loop {
        // Listening comes before looking, so that no entry falls between the two.
        let rung = ear.rung();
        let page = app.ports.stories.feed(&caller.project, after, limit).await?;
        if !page.entries.is_empty() || tokio::time::Instant::now() >= end {
            return Ok(Answered::ok(&feed_page(page)).response());
        }
        tokio::select! {
            biased;
            () = app.closing.cancelled() => return Ok(Answered::ok(&feed_page(page)).response()),
            () = tokio::time::sleep_until(end) => {}
            () = rung => {}
        }
    }
}

fn feed_page(page: FeedPage) -> Page<ChangeResponse> {
    let items = page.entries.into_iter().map(|(_, entry)| change(entry)).collect();
    Page { items, next: Some(next(page.next)) }
}

/// An entry of the feed, as backends read it.
pub(crate) fn change(entry: FeedEntry) -> ChangeResponse {
    ChangeResponse {
        kind: entry.kind.as_str().to_owned(),
        recipient: entry.recipient,
        notification: entry.notification,
        at: entry.at,
        detail: entry.detail,
    }
}
