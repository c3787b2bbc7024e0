use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use tidings_core::act::{Answer, Refusal, Settled};
use tidings_core::model::{BookKey, DueKey, DueRow, Ledger, PersonKey, Term};
use tidings_core::ports::BookRow;
use tidings_protocol::{NotificationId, NotificationState, ProjectId};

use super::recount::{Residue, residue_of};
use super::*;

mod fakes;

use fakes::{FakeAnchor, FakeRelay};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn person(project: &str) -> PersonKey {
    PersonKey { project: project.parse().unwrap(), recipient: "alice".parse().unwrap() }
}

fn row(project: &str, id: &str, at: i64) -> DueRow {
    DueRow {
        key: DueKey::Release(id.parse().unwrap()),
        person: person(project),
        at: Timestamp::from_millis(at),
    }
}

#[tokio::test]
async fn a_round_hands_in_what_is_due_and_leaves_the_rest() {
    let relay = FakeRelay::at(1_000);
    relay.add(row("shop", "now", 1_000));
    relay.add(row("shop", "later", 1_001));
    relay.expire("shop", "old");
    let round = relay.dispatch().round().await.unwrap();
    assert_eq!(round, Round { taken: 2, put_off: 0 });
    assert_eq!(relay.handed_in(), ["advance now", "expire old"]);
}

#[tokio::test]
async fn what_the_writer_refuses_stays_due_and_is_not_tried_again_at_once() {
    let relay = FakeRelay::at(1_000);
    relay.add(row("shop", "now", 1_000));
    relay.refuse(Refusal::Unavailable { detail: "busy".into() });
    assert_eq!(relay.dispatch().round().await.unwrap(), Round { taken: 1, put_off: 1 });
    relay.refuse(Refusal::StorageFull);
    assert_eq!(relay.dispatch().round().await.unwrap(), Round { taken: 1, put_off: 1 });
    relay.refuse(Refusal::Data { detail: "odd".into() });
    assert_eq!(relay.dispatch().round().await.unwrap(), Round { taken: 1, put_off: 1 });
}

#[tokio::test]
async fn while_the_clock_is_not_to_be_trusted_nothing_is_moved() {
    let relay = FakeRelay::at(1_000);
    relay.add(row("shop", "now", 1_000));
    let dispatch = relay.dispatch();
    relay.anchor.drift(3_600_000);
    dispatch.guard.look(dispatch.clock.now());
    assert_eq!(dispatch.round().await.unwrap(), Round::default());
    relay.anchor.drift(0);
    dispatch.guard.look(dispatch.clock.now());
    assert_eq!(dispatch.round().await.unwrap().taken, 1);
}

#[tokio::test]
async fn work_is_handed_in_when_it_is_due_and_not_before() {
    let relay = FakeRelay::at(0);
    let stop = CancellationToken::new();
    relay.add(row("shop", "soon", 30));
    relay.add(row("shop", "tomorrow", 86_400_000));
    let script = async {
        while relay.handed_in().is_empty() {
            assert!(!stop.is_cancelled());
            tokio::task::yield_now().await;
        }
        assert!(relay.now().as_millis() >= 30);
        assert_eq!(relay.handed_in(), ["advance soon"]);
        stop.cancel();
    };
    let both = async { tokio::join!(relay.dispatch().run(stop.clone()), script) };
    tokio::time::timeout(PATIENCE, both).await.expect("it is handed in, and the dispatch stops");
}

#[tokio::test]
async fn work_that_is_added_and_due_earlier_wakes_the_dispatch() {
    let relay = FakeRelay::at(1_000);
    let dispatch = relay.dispatch();
    let (bell, stop) = (dispatch.hub.due_bell(), CancellationToken::new());
    let sleep = dispatch.sleep(Duration::from_secs(3_600), &bell, &stop);
    let ring = async { bell.ring(Timestamp::from_millis(1_000)) };
    let (stopped, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(sleep, ring) }).await.unwrap();
    assert!(!stopped);
}

#[tokio::test]
async fn a_dispatch_that_sleeps_stops_at_once() {
    let relay = FakeRelay::at(1_000);
    let dispatch = relay.dispatch();
    let (bell, stop) = (dispatch.hub.due_bell(), CancellationToken::new());
    let sleep = dispatch.sleep(Duration::from_secs(3_600), &bell, &stop);
    let (stopped, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(sleep, async { stop.cancel() }) }).await.unwrap();
    assert!(stopped);
}

#[tokio::test]
async fn a_purge_follows_each_live_document_and_leaves_a_project_alone_whose_document_it_cannot_read() {
    let relay = FakeRelay::at(1_000 * 86_400_000);
    assert_eq!(purge::purge(&relay.dispatch(), 7).await.unwrap(), 7);
    let days = |n: i64| Timestamp::from_millis(n * 86_400_000);
    let (purged, now) = (relay.purged(), 1_000);
    assert_eq!(purged.iter().map(|(project, _)| project.as_str()).collect::<Vec<_>>(), ["shop"]);
    let outdated = purged[0].1;
    let outdated = (outdated.inbox, outdated.story, outdated.events);
    assert!(outdated.2 >= days(now - 365) && outdated.2 < days(now - 364), "{outdated:?}");
    assert!(outdated.0 >= days(now - 90) && outdated.1 < days(now - 179), "{outdated:?}");
}

/// Lets a dispatch run for some hours of a clock that jumps, and answers what operators would hear of it.
async fn heard_within(relay: &FakeRelay, hours: u64) -> Vec<String> {
    let (dispatch, stop) = (relay.dispatch(), CancellationToken::new());
    let alarms = Arc::clone(&dispatch.alarms);
    let time = async {
        tokio::time::sleep(Duration::from_secs(hours * 60 * 60 - 1)).await;
        stop.cancel();
    };
    tokio::join!(dispatch.run(stop.clone()), time);
    alarms.noticed()
}

#[tokio::test(start_paused = true)]
async fn clicks_are_looked_at_once_a_day_and_operators_hear_of_what_fell() {
    let day = 20_000 * 86_400_000;
    let relay = FakeRelay::at(day);
    assert_eq!(heard_within(&relay, 1).await, [""; 0]);
    let heard = heard_within(&relay, 12).await;
    let words = "orders: 2.1 % of 1000 were clicked in the last week, 6.5 % before";
    assert_eq!(heard, [format!("shop ClickRateLow 1: {words}")]);
    assert_eq!(relay.clicks_of().len(), 1, "and not of the project whose document cannot be read");
    let days = relay.clicks_of()[0].1;
    assert_eq!(days.until.as_millis() / 3_600_000, day / 3_600_000 - 24 + 1);
    let two_days = FakeRelay::at(day);
    assert!(heard_within(&two_days, 48).await[0].starts_with("shop ClickRateLow 2: "));
}

#[tokio::test(start_paused = true)]
async fn clicks_are_not_read_where_nobody_asks_to_hear_of_them() {
    let relay = FakeRelay::at(0);
    relay.ask_nothing_of_clicks();
    assert_eq!(heard_within(&relay, 3).await, [""; 0]);
    assert!(relay.clicks_of().is_empty());
}

#[test]
fn the_dispatch_can_be_a_task() {
    fn is_send<T: Send>(_: &T) {}
    let running = FakeRelay::at(0).dispatch().run(CancellationToken::new());
    is_send(&running);
}

mod time {
    use super::*;

    fn guard() -> (TimeGuard, FakeAnchor) {
        let anchor = FakeAnchor::default();
        (TimeGuard::new(Box::new(anchor.clone())), anchor)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_jump_of_thirty_seconds_is_borne_and_a_larger_one_pauses_either_way() {
        let (guard, anchor) = guard();
        for drift in [JUMP_MILLIS_MAX, -JUMP_MILLIS_MAX] {
            anchor.drift(drift);
            guard.look(at(0));
            assert!(!guard.is_paused());
        }
        for drift in [JUMP_MILLIS_MAX + 1, -JUMP_MILLIS_MAX - 1] {
            anchor.drift(drift);
            guard.look(at(0));
            assert!(guard.is_paused());
            anchor.drift(0);
            guard.look(at(0));
            assert!(!guard.is_paused());
        }
    }

    #[test]
    fn a_clock_that_stays_where_it_jumped_to_is_believed_after_ten_minutes() {
        let (guard, anchor) = guard();
        anchor.drift(3_600_000);
        guard.look(at(0));
        guard.look(at(STEADY_MILLIS_MIN - 1));
        assert!(guard.is_paused() && anchor.anchored() == 0);
        guard.look(at(STEADY_MILLIS_MIN));
        assert!(!guard.is_paused() && anchor.anchored() == 1);
    }

    #[test]
    fn a_clock_that_goes_on_jumping_is_not_believed() {
        let (guard, anchor) = guard();
        anchor.drift(3_600_000);
        guard.look(at(0));
        anchor.drift(7_200_000);
        guard.look(at(STEADY_MILLIS_MIN));
        assert!(guard.is_paused() && anchor.anchored() == 0);
    }
}

mod books {
    use super::*;

    fn count(term: Term, counted: i64, recounted: i64) -> BookRow {
        let project: ProjectId = "shop".parse().unwrap();
        BookRow { key: BookKey { project, day: 20_000, term }, counted, recounted }
    }

    #[test]
    fn books_that_balance_leave_nothing() {
        let rows = [
            count(Term::Made(Ledger::Notifications), 3, 3),
            count(Term::Notification(NotificationState::Held), 1, 1),
            count(Term::Notification(NotificationState::Reached), 2, 2),
        ];
        assert_eq!(residue_of(&rows), Residue::default());
    }

    #[test]
    fn a_row_that_is_gone_is_a_residue_of_the_recount_and_a_counter_that_is_off_one_of_both() {
        let gone = [
            count(Term::Made(Ledger::Notifications), 1, 0),
            count(Term::Notification(NotificationState::Held), 1, 0),
        ];
        assert_eq!(residue_of(&gone), Residue { equations: 0, recount: 2 });
        let off = [
            count(Term::Made(Ledger::Notifications), 2, 1),
            count(Term::Notification(NotificationState::Held), 1, 1),
        ];
        assert_eq!(residue_of(&off), Residue { equations: 1, recount: 1 });
    }

    #[tokio::test]
    async fn every_project_is_recounted() {
        let relay = FakeRelay::at(0);
        recount::recount(&relay.dispatch()).await.unwrap();
        assert_eq!(relay.recounted(), BTreeSet::from(["other".to_owned(), "shop".to_owned()]));
    }
}
