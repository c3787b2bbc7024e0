//! The three equations, what is stuck, what is purged and what an erasure leaves.

use std::sync::Arc;

use tidings_core::click_rate::{Clicks, Days};
use tidings_core::model::{
    BookKey, Changes, DirectSend, DueKey, DueRow, Entry, EntryHash, Erased, Event, Notification, PersonKey,
    SendContent, Term, utc_day,
};
use tidings_core::ports::Need;
use tidings_core::retention::Outdated;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{DeliveryState, EventState, NotificationState, StoryKind};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    what_is_counted_equals_the_rows,
    a_counter_without_its_row_is_a_residue,
    purged_rows_still_count_and_raise_the_floor,
    a_notification_leaves_the_inbox_with_its_words_before_its_story_goes,
    an_event_goes_when_nothing_of_it_is_pending_and_its_stories_stay,
    a_plan_that_goes_on_keeps_its_notification,
    each_project_is_purged_by_its_own_document_and_has_its_share,
    an_erasure_leaves_rows_that_count_and_nothing_personal,
    an_erasure_takes_the_words_that_only_the_erased_were_told,
    a_recipient_may_come_again_after_an_erasure,
    what_nothing_moves_is_stuck,
    clicks_are_counted_by_category_in_the_usual_and_in_the_recent_days,
);

/// An event with a notification in the inbox, one that is held, and a mail.
fn scene() -> Changes {
    let anna = person("p", "anna");
    let mut about = event("p", "e1");
    let body = Arc::make_mut(&mut about.body);
    body.recipient = Some(anna.recipient.clone());
    let mut changes = Changes {
        events_new: vec![about, event("p", "e2")],
        notifications_new: vec![placed(&anna, "n1", "e1", 1), with_matches(held(&anna, "n2", "e2"), None)],
        deliveries_new: vec![mail(&anna, "n1", DeliveryState::Sent)],
        inboxes: vec![(anna.clone(), inbox(7, 1))],
        consent_entries: vec![(anna.clone(), consent(&anna, 1, EntryHash::default()))],
        due_set: vec![DueRow {
            key: DueKey::Release(notification_id("n2")),
            person: anna.clone(),
            at: at(60_000),
        }],
        recipients: vec![(anna, recipient())],
        ..Changes::default()
    };
    count(&mut changes);
    changes
}

async fn residues(store: &impl Whole) -> Vec<String> {
    let rows = store.books(&project("p")).await.unwrap();
    assert!(!rows.is_empty());
    rows.iter().filter(|row| row.counted != row.recounted).map(|row| format!("{row:?}")).collect()
}

async fn what_is_counted_equals_the_rows(store: impl Whole) {
    write(&store, 1, &scene()).await;
    assert_eq!(residues(&store).await, [""; 0]);
    let rows = store.books(&project("p")).await.unwrap();
    let made: i64 = rows.iter().filter(|row| row.is_made()).map(|row| row.counted).sum();
    assert_eq!(made, 2 + 2 + 2);
}

async fn a_counter_without_its_row_is_a_residue(store: impl Whole) {
    let mut changes = scene();
    changes.notifications_new.pop();
    write(&store, 1, &changes).await;
    assert_eq!(residues(&store).await.len(), 2, "the state and the left side");
}

async fn finish(store: &impl Whole) {
    let anna = person("p", "anna");
    let mut changes = Changes::default();
    for row in read(store, &[Need::Everything(anna)]).await.notifications {
        let (mut done, shift) = (row.clone(), row.state);
        done.state = NotificationState::Reached;
        done.told = vec![Entry::new(at(1), StoryKind::Ended)];
        let mut books = Changes { notifications_new: vec![row], ..Changes::default() };
        count(&mut books);
        for (key, n) in books.books.0 {
            use tidings_core::model::Term;
            if let Term::Notification(state) = key.term {
                assert_eq!(state, shift);
                let to = BookKey { term: Term::Notification(done.state), ..key.clone() };
                *changes.books.0.entry(key).or_default() -= n;
                *changes.books.0.entry(to).or_default() += n;
            }
        }
        changes.notifications_changed.push(done);
    }
    write(store, 2, &changes).await;
}

/// What is outdated at an instant, in days, where all three are kept as long.
fn all_kept(days: i64, now: i64) -> Outdated {
    let before = at(now - days * DAY);
    Outdated { inbox: before, story: before, events: before }
}

async fn purge(store: &impl Whole, now: i64, outdated: Outdated, limit: usize) -> u64 {
    store.purge(at(now), &[(project("p"), outdated)], limit).await.unwrap()
}

async fn purged_rows_still_count_and_raise_the_floor(store: impl Whole) {
    write(&store, 1, &scene()).await;
    assert_eq!(purge(&store, 200 * DAY, all_kept(90, 200 * DAY), 100).await, 0, "pending ones stay");
    finish(&store).await;
    assert_eq!(residues(&store).await, [""; 0]);
    assert_eq!(purge(&store, 90 * DAY, all_kept(90, 90 * DAY), 100).await, 0, "on the last day");
    let (now, outdated) = (90 * DAY + 1, all_kept(90, 90 * DAY + 1));
    assert_eq!(purge(&store, now, outdated, 3).await, 3, "a bounded amount");
    assert_eq!(purge(&store, now, outdated, 100).await, 2, "one left the inbox before it went");
    assert_eq!(residues(&store).await, [""; 0]);
    let anna = person("p", "anna");
    assert!(read(&store, &[Need::Everything(anna.clone())]).await.notifications.is_empty());
    assert_eq!(store.person(&anna).await.unwrap().inbox.unwrap().floor, 1);
}

async fn a_notification_leaves_the_inbox_with_its_words_before_its_story_goes(store: impl Whole) {
    write(&store, 1, &scene()).await;
    let anna = person("p", "anna");
    let left = Outdated { inbox: at(1), story: at(0), events: at(0) };
    assert_eq!(purge(&store, 1, left, 100).await, 0, "pending ones stay");
    finish(&store).await;
    assert_eq!(store.page(&anna, None, 9).await.unwrap().rows.len(), 1);
    assert_eq!(purge(&store, 1, Outdated { inbox: at(0), ..left }, 100).await, 0, "not yet");
    assert_eq!(purge(&store, 1, left, 100).await, 1);
    assert_eq!(purge(&store, 1, left, 100).await, 0, "once");
    let page = store.page(&anna, None, 9).await.unwrap();
    assert_eq!((page.rows.len(), page.person.inbox.unwrap().floor), (0, 1));
    let (row, story, deliveries) =
        store.story(&project("p"), &notification_id("n1")).await.unwrap().expect("the story stays");
    assert_eq!((row.content, story.is_empty(), deliveries.len()), (None, false, 1));
    assert!(!store.dump().await.contains("Thank you"), "nobody says these words any more");
    assert_eq!(residues(&store).await, [""; 0]);
}

async fn an_event_goes_when_nothing_of_it_is_pending_and_its_stories_stay(store: impl Whole) {
    write(&store, 1, &scene()).await;
    let outdated = Outdated { inbox: at(0), story: at(0), events: at(1) };
    assert_eq!(purge(&store, 1, outdated, 100).await, 0, "both have a pending one");
    finish(&store).await;
    let anna = person("p", "anna");
    let step = DueRow { key: DueKey::Step(notification_id("n1")), person: anna, at: at(60_000) };
    let key = (step.person.project.clone(), step.key.clone());
    write(&store, 3, &Changes { due_set: vec![step], ..Changes::default() }).await;
    assert_eq!(purge(&store, 1, outdated, 100).await, 1, "the plan of one goes on");
    let found = read(&store, &[Need::Event(event_id("e1")), Need::Event(event_id("e2"))]).await;
    assert_eq!(found.events.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["e1"]);
    write(&store, 4, &Changes { due_cleared: vec![key], ..Changes::default() }).await;
    assert_eq!(purge(&store, 1, outdated, 100).await, 1);
    assert_eq!(residues(&store).await, [""; 0]);
    assert!(store.story(&project("p"), &notification_id("n1")).await.unwrap().is_some());
}

async fn a_plan_that_goes_on_keeps_its_notification(store: impl Whole) {
    write(&store, 1, &scene()).await;
    finish(&store).await;
    let anna = person("p", "anna");
    let again = DueRow { key: DueKey::Repeat(notification_id("n1")), person: anna, at: at(60_000) };
    write(&store, 3, &Changes { due_set: vec![again], ..Changes::default() }).await;
    let gone = Outdated { inbox: at(1), story: at(1), events: at(0) };
    assert_eq!(purge(&store, 1, gone, 100).await, 1, "only the other one");
    assert!(store.story(&project("p"), &notification_id("n1")).await.unwrap().is_some());
}

async fn each_project_is_purged_by_its_own_document_and_has_its_share(store: impl Whole) {
    let events = |of: &str, n: u8| -> Vec<_> {
        let named = (0..n).map(|n| event(of, &format!("{of}{n}")));
        named.map(|row| Event { state: EventState::Done, ..row }).collect()
    };
    let mut new = Changes { events_new: events("p", 5), ..Changes::default() };
    new.events_new.extend(events("q", 3));
    count(&mut new);
    write(&store, 1, &new).await;
    let of = |name, before| {
        let outdated = Outdated { inbox: at(0), story: at(0), events: at(before) };
        (project(name), outdated)
    };
    let keeps = [of("p", 1), of("q", 0)];
    assert_eq!(store.purge(at(1), &keeps, 2).await.unwrap(), 1, "the share of one");
    assert_eq!(store.purge(at(1), &keeps, 100).await.unwrap(), 4);
    assert_eq!(store.purge(at(1), &[of("p", 1), of("q", 1)], 100).await.unwrap(), 3);
    assert_eq!(residues(&store).await, [""; 0]);
}

async fn an_erasure_leaves_rows_that_count_and_nothing_personal(store: impl Whole) {
    let anna = person("p", "anna");
    write(&store, 1, &scene()).await;
    let erased = Erased { at: at(9), epoch: 7 };
    write(&store, 2, &Changes { erased: vec![(anna.clone(), erased.clone())], ..Changes::default() }).await;
    assert_eq!(residues(&store).await, [""; 0]);
    let dump = store.dump().await;
    for personal in ["anna", "Thank you", "May we write", "gold", "12.5"] {
        let lines: Vec<_> = dump.lines().filter(|line| line.contains(personal)).collect();
        assert!(lines.is_empty(), "{personal}: {lines:?}");
    }
    let person = store.person(&anna).await.unwrap();
    assert_eq!((person.is_known(), person.erased), (false, Some(erased)));
    let standing = store.standing(&anna.project, &anna.recipient, None).await.unwrap();
    assert_eq!(standing, (Some(at(9)), None));
    let chains = store.chains(&project("p"), None, 9).await.unwrap();
    assert!(chains[0].0.starts_with("erased:") && chains[0].1[0].personal.is_none());
    assert_eq!(
        tidings_core::model::entry_hash(&chains[0].1[0]),
        chains[0].2.hash,
        "the chain still verifies"
    );
}

/// A direct send with these words.
fn sent(id: &str, words: &str) -> Event {
    let mut row = event("p", id);
    let content = ContentItem { title: words.to_owned(), ..ContentItem::default() };
    let body = Arc::make_mut(&mut row.body);
    body.send = Some(DirectSend {
        category: "news".parse().unwrap(),
        content: SendContent::Literal(Arc::new(content)),
        priority: None,
        collapse: None,
        expires_at: None,
        deliver: None,
        not_before: None,
    });
    row
}

async fn an_erasure_takes_the_words_that_only_the_erased_were_told(store: impl Whole) {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let mut about_ben = sent("e3", "about ben");
    Arc::make_mut(&mut about_ben.body).recipient = Some(ben.recipient.clone());
    let walked = Event { state: EventState::Open, ..sent("e4", "still walked") };
    let told = |of, id, event| Notification { content: None, ..placed(of, id, event, 1) };
    let mut changes = Changes {
        events_new: vec![sent("e1", "for anna"), sent("e2", "for both"), about_ben, walked],
        notifications_new: vec![
            told(&anna, "n1", "e1"),
            told(&anna, "n2", "e2"),
            told(&ben, "n3", "e2"),
            told(&anna, "n4", "e3"),
            told(&anna, "n5", "e4"),
        ],
        ..known(&anna)
    };
    count(&mut changes);
    write(&store, 1, &changes).await;
    let erase = async |batch, of: &PersonKey| {
        let mut changes = Changes {
            notifications_changed: read(&store, &[Need::Everything(of.clone())]).await.notifications,
            erased: vec![(of.clone(), Erased { at: at(9), epoch: 7 })],
            ..Changes::default()
        };
        // The core counts some as erased, and leaves to the store what it was not shown.
        changes.notifications_changed.truncate(1);
        let books = &mut changes.books.0;
        let mut shift = |made_at, from, to| {
            for (term, by) in [(from, -1), (to, 1)] {
                let key = BookKey { project: of.project.clone(), day: utc_day(made_at), term };
                *books.entry(key).or_default() += by;
            }
        };
        for row in &mut changes.notifications_changed {
            let gone = Term::Notification(NotificationState::Erased);
            shift(
                row.created_at,
                Term::Notification(std::mem::replace(&mut row.state, NotificationState::Erased)),
                gone,
            );
            let inapp = row.inapp.as_mut().expect("it is in the inbox");
            let gone = Term::Delivery(DeliveryState::Erased);
            shift(
                inapp.made_at,
                Term::Delivery(std::mem::replace(&mut inapp.state, DeliveryState::Erased)),
                gone,
            );
        }
        write(&store, batch, &changes).await;
        let dump = store.dump().await;
        ["for anna", "for both", "about ben", "still walked"].map(|words| dump.contains(words))
    };
    assert_eq!(
        erase(2, &anna).await,
        [false, true, true, true],
        "what others were told or will be is theirs"
    );
    assert!(!store.dump().await.contains("anna"));
    assert_eq!(erase(3, &ben).await, [false, false, false, true], "nobody is left who was told");
    assert_eq!(residues(&store).await, [""; 0]);
}

async fn a_recipient_may_come_again_after_an_erasure(store: impl Whole) {
    let anna = person("p", "anna");
    for (batch, epoch) in [(1, 7), (3, 8)] {
        let mut changes = scene();
        for row in &mut changes.events_new {
            row.id = event_id(&format!("{}-{batch}", row.id));
        }
        for row in &mut changes.notifications_new {
            row.id = notification_id(&format!("{}-{batch}", row.id));
        }
        for row in &mut changes.deliveries_new {
            row.id = format!("{}-{batch}", row.id).into();
        }
        write(&store, batch, &changes).await;
        let erased = vec![(anna.clone(), Erased { at: at(9), epoch })];
        let fresh = Changes { erased, ..known(&anna) };
        write(&store, batch + 1, &fresh).await;
        assert!(store.person(&anna).await.unwrap().is_known());
        assert_eq!(residues(&store).await, [""; 0]);
    }
    assert_eq!(store.chains(&project("p"), None, 9).await.unwrap().len(), 2, "one chain for each life");
}

async fn what_nothing_moves_is_stuck(store: impl Whole) {
    let anna = person("p", "anna");
    let mut lost = placed(&anna, "n3", "e3", 2);
    lost.inapp.as_mut().unwrap().state = DeliveryState::Received;
    write(&store, 1, &scene()).await;
    write(
        &store,
        2,
        &Changes { notifications_new: vec![lost, held(&anna, "n4", "e4")], ..Changes::default() },
    )
    .await;
    let stuck = async |after, limit| {
        let ids = store.stuck(&project("p"), at(after), limit).await.unwrap();
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(stuck(0, 9).await, ["n3", "n4"]);
    assert_eq!(stuck(0, 1).await, ["n3"]);
    assert_eq!(stuck(60_000 + 300_000, 9).await, ["n3", "n4"]);
    assert_eq!(stuck(60_000 + 300_001, 9).await, ["n2", "n3", "n4"], "five minutes past its time");
    assert_eq!(stuck(DAY + 300_001, 9).await, ["n1", "n2", "n3", "n4"]);
}

async fn clicks_are_counted_by_category_in_the_usual_and_in_the_recent_days(store: impl Whole) {
    let made = |id: &str, category_id: &str, day: i64, state: NotificationState, clicked: bool| {
        let mut row = placed(&person("p", "anna"), id, id, 1);
        (row.category, row.created_at, row.state) = (category(category_id), at(day * DAY), state);
        row.flags.clicked_at = clicked.then(|| at(100 * DAY));
        row
    };
    use NotificationState::{Expired, Reached};
    let mut elsewhere = made("n9", "orders", 8, Reached, true);
    elsewhere.person = person("q", "anna");
    let rows = vec![
        made("n0", "orders", 0, Reached, true),
        made("n1", "orders", 1, Reached, true),
        made("n2", "orders", 7, Reached, false),
        made("n3", "orders", 7, Expired, false),
        made("n4", "orders", 8, Reached, true),
        made("n5", "orders", 9, Reached, false),
        made("n6", "offers", 9, Reached, false),
        made("n7", "orders", 10, Reached, true),
        elsewhere,
    ];
    let events = rows.iter().map(|row| event(row.person.project.as_str(), row.id.as_str())).collect();
    write(&store, 1, &Changes { events_new: events, notifications_new: rows, ..Changes::default() }).await;
    let days = Days { usual_from: at(DAY), recent_from: at(8 * DAY), until: at(10 * DAY) };
    let counted = store.clicks(&project("p"), days).await.unwrap();
    let clicks = |clicked, reached| Clicks { reached, clicked };
    let expected = [
        (category("offers"), [clicks(0, 0), clicks(0, 1)]),
        (category("orders"), [clicks(1, 2), clicks(1, 2)]),
    ];
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), expected);
}
