//! What readers answer.

use tidings_core::model::{Changes, DueKey, DueRow, Entry, EntryHash, FeedEntry, FeedKind, Lane};
use tidings_core::ports::{DeliveryFilter, EventRef, NotificationFilter};
use tidings_protocol::{DeliveryState, NotificationState, StoryKind};

use crate::samples::*;
use crate::{Whole, on_every_store, write};

on_every_store!(
    an_inbox_comes_in_pages_from_one_place_to_the_head,
    a_cursor_below_the_floor_ahead_or_of_another_epoch_begins_from_nothing,
    work_is_due_round_the_projects_with_a_quantum,
    pending_ones_expire_on_the_millisecond,
    a_story_is_told_in_order_across_changes,
    lists_are_newest_first_and_filtered,
    an_event_is_found_by_its_id_and_by_the_backends,
    the_feed_rises_without_gaps,
    a_chain_is_answered_with_its_head,
    an_export_holds_everything_about_a_recipient_and_nothing_else,
    a_reader_beside_a_writer_sees_rows_and_head_of_one_moment,
);

async fn an_inbox_comes_in_pages_from_one_place_to_the_head(store: impl Whole) {
    let anna = person("p", "anna");
    let changes = Changes {
        notifications_new: (1..=3).map(|n| placed(&anna, &format!("n{n}"), &format!("e{n}"), n)).collect(),
        inboxes: vec![(anna.clone(), inbox(7, 4))],
        ..known(&anna)
    };
    let changes = Changes { inboxes: vec![(anna.clone(), inbox(7, 4))], ..changes };
    write(&store, 1, &changes).await;
    let page = store.page(&anna, None, 2).await.unwrap();
    let ids: Vec<_> = page.rows.iter().map(|row| row.id.to_string()).collect();
    assert_eq!((ids, page.after, page.to, page.more), (vec!["n1".into(), "n2".into()], None, 2, true));
    let cursor = tidings_core::model::cursor(7, page.to);
    let page = store.page(&anna, Some(&cursor), 2).await.unwrap();
    assert_eq!((page.rows.len(), page.after, page.to, page.more), (1, Some(2), 4, false));
    let page = store.page(&person("p", "nobody"), None, 2).await.unwrap();
    assert_eq!((page.rows.len(), page.to, page.person.is_known()), (0, 0, false));
}

async fn a_cursor_below_the_floor_ahead_or_of_another_epoch_begins_from_nothing(store: impl Whole) {
    let anna = person("p", "anna");
    let row = tidings_core::model::Inbox { floor: 2, ..inbox(7, 4) };
    write(&store, 1, &Changes { inboxes: vec![(anna.clone(), row)], ..known(&anna) }).await;
    for (epoch, seq, after) in [(7, 1, None), (7, 2, Some(2)), (7, 4, Some(4)), (7, 5, None), (8, 3, None)] {
        let cursor = tidings_core::model::cursor(epoch, seq);
        assert_eq!(store.page(&anna, Some(&cursor), 9).await.unwrap().after, after, "{epoch}.{seq}");
    }
}

async fn work_is_due_round_the_projects_with_a_quantum(store: impl Whole) {
    let row = |of: &str, id: &str, after| DueRow {
        key: DueKey::Release(notification_id(id)),
        person: person(of, "anna"),
        at: at(after),
    };
    let step = DueRow { key: DueKey::Repeat(notification_id("p1")), ..row("p", "p1", 0) };
    let changes = Changes {
        due_set: vec![
            row("p", "p1", 1),
            row("p", "p2", 2),
            row("p", "p3", 3),
            row("q", "q1", 9),
            row("q", "q2", 11),
            step,
        ],
        ..Changes::default()
    };
    write(&store, 1, &changes).await;
    let due = async |now, quantum, limit| {
        let rows = store.due(Lane::Release, at(now), quantum, limit).await.unwrap();
        rows.iter()
            .map(|row| format!("{}{}", row.person.project, row.at.as_millis() - NOW))
            .collect::<Vec<_>>()
    };
    assert_eq!(due(10, 2, 10).await, ["p1", "q9", "p2"]);
    assert_eq!(due(10, 2, 2).await, ["p1", "q9"]);
    assert_eq!(due(0, 2, 10).await, [""; 0]);
    assert_eq!(due(1, 2, 10).await, ["p1"]);
    assert_eq!(store.due(Lane::Step, at(0), 5, 5).await.unwrap().len(), 1);
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)));
}

async fn pending_ones_expire_on_the_millisecond(store: impl Whole) {
    let anna = person("p", "anna");
    assert_eq!(store.next_due().await.unwrap(), None);
    let mut done = held(&anna, "n2", "e2");
    done.state = NotificationState::Suppressed;
    let changes = Changes { notifications_new: vec![held(&anna, "n1", "e1"), done], ..Changes::default() };
    write(&store, 1, &changes).await;
    assert_eq!(store.expired(at(DAY - 1), 9).await.unwrap(), []);
    assert_eq!(store.expired(at(DAY), 9).await.unwrap(), [(anna, notification_id("n1"))]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(DAY)));
}

async fn a_story_is_told_in_order_across_changes(store: impl Whole) {
    let anna = person("p", "anna");
    let line = |after, kind| Entry::new(at(after), kind).with_text(format!("line {after}"));
    let mut row = held(&anna, "n1", "e1");
    row.told = vec![line(0, StoryKind::Decided), line(1, StoryKind::Held)];
    write(&store, 1, &Changes { notifications_new: vec![row.clone()], ..Changes::default() }).await;
    let mut ended = line(2, StoryKind::Ended);
    ended.state = Some("cancelled");
    row.told = vec![ended.clone()];
    row.state = NotificationState::Cancelled;
    let changes = Changes {
        notifications_changed: vec![row],
        deliveries_new: vec![mail(&anna, "n1", DeliveryState::Cancelled)],
        ..Changes::default()
    };
    write(&store, 2, &changes).await;
    let (row, lines, deliveries) = store.story(&project("p"), &notification_id("n1")).await.unwrap().unwrap();
    assert_eq!(row.state, NotificationState::Cancelled);
    assert_eq!(lines, [line(0, StoryKind::Decided), line(1, StoryKind::Held), ended]);
    assert_eq!(deliveries, [mail(&anna, "n1", DeliveryState::Cancelled)]);
}

async fn lists_are_newest_first_and_filtered(store: impl Whole) {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let mut newer = held(&ben, "n2", "e1");
    newer.created_at = at(5);
    let changes = Changes {
        notifications_new: vec![placed(&anna, "n1", "e1", 1), newer, held(&anna, "n3", "e3")],
        deliveries_new: vec![
            mail(&anna, "n1", DeliveryState::Sent),
            mail(&ben, "n2", DeliveryState::Waiting),
        ],
        ..Changes::default()
    };
    write(&store, 1, &changes).await;
    let all = NotificationFilter { limit: 10, ..NotificationFilter::default() };
    let listed = async |filter: NotificationFilter| {
        let rows = store.notifications(&project("p"), &filter).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(all.clone()).await, ["n2", "n3", "n1"]);
    assert_eq!(listed(NotificationFilter { limit: 1, ..all.clone() }).await, ["n2"]);
    assert_eq!(
        listed(NotificationFilter { recipient: Some(anna.recipient), ..all.clone() }).await,
        ["n3", "n1"]
    );
    assert_eq!(listed(NotificationFilter { event: Some(event_id("e1")), ..all.clone() }).await, ["n2", "n1"]);
    assert_eq!(
        listed(NotificationFilter { state: Some(NotificationState::Active), ..all.clone() }).await,
        ["n1"]
    );
    assert_eq!(listed(NotificationFilter { since: Some(at(5)), ..all.clone() }).await, ["n2"]);
    assert_eq!(listed(NotificationFilter { until: Some(at(5)), ..all.clone() }).await, ["n3", "n1"]);
    assert_eq!(listed(NotificationFilter { rule: Some(rule("other")), ..all.clone() }).await, [""; 0]);
    assert_eq!(listed(NotificationFilter { category: Some(category("news")), ..all.clone() }).await, [""; 0]);
    let before = Some((at(0), notification_id("n3")));
    assert_eq!(listed(NotificationFilter { before, ..all }).await, ["n1"]);

    let deliveries = async |state, after: Option<&str>| {
        let before = after.map(Into::into);
        let filter = DeliveryFilter { state, before, limit: 10, ..DeliveryFilter::default() };
        let rows = store.deliveries(&project("p"), &filter).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(deliveries(None, None).await, ["n2.email", "n1.email"]);
    assert_eq!(deliveries(None, Some("n2.email")).await, ["n1.email"]);
    assert_eq!(deliveries(Some(DeliveryState::Sent), None).await, ["n1.email"]);
    let in_inbox = async |state, recipient: Option<&str>, before: Option<&str>, upto| {
        let (before, recipient) = (before.map(Into::into), recipient.map(|name| person("p", name).recipient));
        let filter = DeliveryFilter { state, recipient, before, limit: 10, ..DeliveryFilter::default() };
        let rows = store.inapp_deliveries(&project("p"), &filter, at(upto)).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(in_inbox(None, None, None, 9).await, ["n1"]);
    assert_eq!(in_inbox(Some(DeliveryState::Placed), Some("anna"), Some("n2"), 9).await, ["n1"]);
    assert_eq!(in_inbox(None, None, Some("n1"), 9).await, [""; 0]);
    assert_eq!(in_inbox(Some(DeliveryState::Received), None, None, 9).await, [""; 0]);
    assert_eq!(in_inbox(None, Some("ben"), None, 9).await, [""; 0]);
    assert_eq!(in_inbox(None, None, None, -1).await, [""; 0]);
    let progress = store.progress(&event_id("e1")).await.unwrap();
    assert_eq!(progress, [(NotificationState::Held, 1), (NotificationState::Active, 1)].into());
}

async fn an_event_is_found_by_its_id_and_by_the_backends(store: impl Whole) {
    let mut later = event("p", "e2");
    later.accepted_at = at(5);
    write(&store, 1, &Changes { events_new: vec![event("p", "e1"), later.clone()], ..Changes::default() })
        .await;
    let by_id = EventRef::Id(event_id("e1"));
    assert_eq!(store.event(&project("p"), &by_id).await.unwrap(), Some(event("p", "e1")));
    assert_eq!(store.event(&project("q"), &by_id).await.unwrap(), None);
    let external = EventRef::External { source: None, external_id: "x-e2".into() };
    assert_eq!(store.event(&project("p"), &external).await.unwrap(), Some(later.clone()));
    let named = async |of: &str, id: &str| store.events_named(&project(of), id).await.unwrap();
    assert_eq!(named("p", "x-e1").await, [(None, event_id("e1"))]);
    assert_eq!((named("p", "x-e9").await, named("q", "x-e1").await), (vec![], vec![]));
    let events = async |since, until, after: Option<&str>| {
        let after = after.map(event_id);
        let rows = store.events(&project("p"), at(since), at(until), after.as_ref(), 10).await.unwrap();
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(events(0, 6, None).await, ["e1", "e2"]);
    assert_eq!(events(0, 5, None).await, ["e1"]);
    assert_eq!(events(1, 6, None).await, ["e2"]);
    assert_eq!(events(0, 6, Some("e1")).await, ["e2"]);
}

async fn the_feed_rises_without_gaps(store: impl Whole) {
    let entry = |of: &str, id: &str| FeedEntry {
        project: project(of),
        recipient: person(of, "anna").recipient,
        notification: Some(notification_id(id)),
        at: at(0),
        kind: FeedKind::NotificationFinal,
        detail: serde_json::json!({"state": "reached"}),
    };
    write(
        &store,
        1,
        &Changes { feed: vec![entry("p", "n1"), entry("q", "n2"), entry("p", "n3")], ..Changes::default() },
    )
    .await;
    write(&store, 2, &Changes { feed: vec![entry("p", "n4")], ..Changes::default() }).await;
    let page = store.feed(&project("p"), 0, 2).await.unwrap();
    assert_eq!(page.entries, [(1, entry("p", "n1")), (2, entry("p", "n3"))]);
    let page = store.feed(&project("p"), page.next, 2).await.unwrap();
    assert_eq!((page.entries, page.next), (vec![(3, entry("p", "n4"))], 3));
    assert_eq!(store.feed(&project("p"), 9, 2).await.unwrap().next, 9);
}

async fn a_chain_is_answered_with_its_head(store: impl Whole) {
    let anna = person("p", "anna");
    let first = consent(&anna, 1, EntryHash::default());
    let second = consent(&anna, 2, first.hash);
    let entries = vec![(anna.clone(), first.clone()), (anna.clone(), second.clone())];
    write(&store, 1, &Changes { consent_entries: entries, ..known(&anna) }).await;
    assert_eq!(store.consent_entries(&anna, 0, 9).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.consent_entries(&anna, 1, 9).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.consent_entry(&anna, &second.id).await.unwrap(), Some(second.clone()));
    let chains = store.chains(&project("p"), None, 9).await.unwrap();
    assert_eq!((chains[0].0.as_str(), chains[0].1.len()), ("anna", 2));
    assert_eq!((chains[0].2.entries, chains[0].2.hash), (2, second.hash));
    assert_eq!(store.person(&anna).await.unwrap().consents.head.hash, second.hash);
    assert!(store.chains(&project("p"), Some("anna"), 9).await.unwrap().is_empty());
}

async fn an_export_holds_everything_about_a_recipient_and_nothing_else(store: impl Whole) {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let mut about = event("p", "e1");
    std::sync::Arc::make_mut(&mut about.body).recipient = Some(anna.recipient.clone());
    let mut told = placed(&anna, "n1", "e1", 1);
    told.told = vec![Entry::new(at(0), StoryKind::Decided)];
    let first = consent(&anna, 1, EntryHash::default());
    let changes = Changes {
        events_new: vec![about.clone(), event("p", "e2")],
        notifications_new: vec![told, placed(&ben, "n2", "e2", 1)],
        consent_entries: vec![
            (anna.clone(), first.clone()),
            (ben.clone(), consent(&ben, 1, EntryHash::default())),
        ],
        ..known(&anna)
    };
    write(&store, 1, &changes).await;
    let export = store.export(&anna).await.unwrap();
    assert_eq!(export.person.recipient, Some(recipient()));
    assert_eq!(export.consents, [first]);
    let line = Entry::new(at(0), StoryKind::Decided);
    assert_eq!(export.notifications, [(placed(&anna, "n1", "e1", 1), vec![line])]);
    assert_eq!(export.events, [about]);
}

async fn a_reader_beside_a_writer_sees_rows_and_head_of_one_moment(store: impl Whole) {
    let anna = person("p", "anna");
    write(&store, 1_000, &known(&anna)).await;
    let mut writer = tokio::task::JoinSet::new();
    writer.spawn({
        let (store, anna) = (store.clone(), anna.clone());
        async move {
            for seq in 1..=50 {
                let changes = Changes {
                    notifications_new: vec![placed(&anna, &format!("n{seq:02}"), &format!("e{seq}"), seq)],
                    inboxes: vec![(anna.clone(), inbox(7, seq))],
                    ..Changes::default()
                };
                write(&store, u128::from(seq), &changes).await;
            }
        }
    });
    loop {
        let page = store.page(&anna, None, 100).await.unwrap();
        let last = page.rows.last().map_or(0, |row| row.seq.unwrap());
        assert_eq!((page.to, page.rows.len() as u64), (last, last));
        if last == 50 {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.join_all().await;
}
