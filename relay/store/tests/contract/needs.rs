//! Each need finds its rows, and nothing of another tenant.

use tidings_core::model::{
    Changes, CollectedRow, ConversionKey, DigestScope, DueKey, DueRow, Endpoint, Notification, OnceKey,
    OpenDigest, OperationRow, PersonKey, StoredAnswer,
};
use tidings_core::ports::{ConversionAsked, HistoryAsked, Need};
use tidings_protocol::{Channel, DeliveryState, DeviceId, NotificationState, OperationId, Span, TopicId};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    each_need_for_notifications_finds_its_own,
    what_an_event_converts_is_found_until_its_time_is_over_and_until_it_is_converted,
    needs_of_another_project_find_nothing,
    work_keys_and_answers_are_found_by_their_keys,
    a_key_that_is_cleared_and_set_is_set_and_one_taken_and_given_back_is_free,
    an_event_is_the_same_by_source_and_id_within_its_time,
    members_and_recipients_come_in_pages,
    what_was_collected_counts_from_its_instant_on,
    an_address_has_its_owners_and_its_stop,
    an_address_is_stopped_however_it_is_written,
);

/// One of each kind of notification for Anna, and a stranger's in another project.
fn scene() -> Changes {
    let anna = person("p", "anna");
    let chained = {
        let mut row = held(&anna, "n4", "e4");
        row.chain = Some(notification_id("n2"));
        row
    };
    let member = {
        let mut row = held(&anna, "n5", "e5");
        row.digest = Some(notification_id("d1"));
        row
    };
    let collapsing = {
        let mut row = placed(&anna, "n2", "e2", 2);
        row.state = NotificationState::Reached;
        row.inapp.as_mut().unwrap().state = DeliveryState::Received;
        row.keys.collapse = Some("order-1".into());
        row
    };
    let taken_back = {
        let mut row = placed(&anna, "n6", "e6", 3);
        row.state = NotificationState::Reached;
        row.keys.collapse = Some("order-1".into());
        row.flags.retracted_at = Some(at(5));
        row
    };
    Changes {
        events_new: vec![event("p", "e1"), event("p", "e2"), event("q", "eq")],
        notifications_new: vec![
            placed(&anna, "n1", "e1", 1),
            collapsing,
            with_matches(held(&anna, "n3", "e3"), Some("order-1")),
            chained,
            member,
            taken_back,
            with_matches(held(&anna, "n7", "e7"), None),
            held(&person("q", "anna"), "nq", "eq"),
        ],
        deliveries_new: vec![
            mail(&anna, "n1", DeliveryState::Waiting),
            mail(&anna, "n2", DeliveryState::Sent),
            mail(&person("q", "anna"), "nq", DeliveryState::Waiting),
        ],
        ..known(&anna)
    }
}

async fn ids(store: &impl Whole, need: Need) -> Vec<String> {
    let found = read(store, &[need]).await;
    found.notifications.iter().map(|row| row.id.to_string()).collect()
}

async fn each_need_for_notifications_finds_its_own(store: impl Whole) {
    let anna = person("p", "anna");
    write(&store, 1, &scene()).await;
    let matching = |value: Option<&str>| Need::Match {
        project: project("p"),
        rule: rule("r"),
        event_type: "order.cancelled".into(),
        value: value.map(Into::into),
    };
    let placed = |after, upto| Need::Placed { person: anna.clone(), after, upto };
    let cases: Vec<(Need, &[&str])> = vec![
        (Need::Notification(project("p"), notification_id("n1")), &["n1"]),
        (Need::Made(event_id("e3"), Some(rule("r")), anna.clone()), &["n3"]),
        (Need::Made(event_id("e3"), None, anna.clone()), &[]),
        (Need::Collapse(anna.clone(), category("orders"), "order-1".into()), &["n2"]),
        (Need::Collapse(anna.clone(), category("news"), "order-1".into()), &[]),
        (matching(Some("order-1")), &["n3"]),
        (matching(Some("order-2")), &[]),
        (matching(None), &["n7"]),
        (Need::Pending(anna.clone()), &["n1", "n3", "n4", "n5", "n7"]),
        (Need::Everything(anna.clone()), &["n1", "n2", "n3", "n4", "n5", "n6", "n7"]),
        (placed(0, 1), &["n1"]),
        (placed(1, 9), &["n6"]),
        (Need::Chain(project("p"), notification_id("n2")), &["n2", "n4"]),
        (Need::OfEvent(event_id("e1"), None, 10), &["n1"]),
        (Need::OfEvent(event_id("e1"), Some(notification_id("n1")), 10), &[]),
        (Need::DigestMembers(notification_id("d1")), &["n5"]),
    ];
    for (need, expected) in cases {
        assert_eq!(ids(&store, need.clone()).await, expected, "{need:?}");
    }
    let deliveries = async |need: Need| {
        let found = read(&store, &[need]).await;
        found.deliveries.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(deliveries(Need::Deliveries(notification_id("n1"))).await, ["n1.email"]);
    assert!(deliveries(Need::Deliveries(notification_id("n2"))).await.is_empty());
    assert_eq!(deliveries(Need::PendingDeliveries(anna.clone())).await, ["n1.email"]);
    assert_eq!(deliveries(Need::Everything(anna)).await, ["n1.email", "n2.email"]);
}

/// A notification that was shown, and waits a second for what it is for.
fn shown(of: &PersonKey, id: &str, value: Option<&str>) -> Notification {
    let mut row = placed(of, id, &format!("e-{id}"), 1);
    row.state = NotificationState::Reached;
    row.flags.displayed_at = Some(at(0));
    row.keys.conversion = Some(ConversionKey {
        event_type: "order.paid".into(),
        value: value.map(Into::into),
        within: Span::from_millis(1_000),
    });
    row
}

async fn what_an_event_converts_is_found_until_its_time_is_over_and_until_it_is_converted(store: impl Whole) {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let mut waits = shown(&anna, "n3", None);
    waits.flags.displayed_at = None;
    let notifications_new = vec![
        shown(&anna, "n1", None),
        shown(&ben, "n2", Some("i:1")),
        waits.clone(),
        shown(&person("q", "anna"), "nq", None),
    ];
    write(&store, 1, &Changes { notifications_new, ..Changes::default() }).await;
    let asked = |value: Option<&str>, recipient: Option<&str>, after| {
        Need::Convertible(ConversionAsked {
            project: project("p"),
            rule: rule("r"),
            event_type: "order.paid".into(),
            value: value.map(Into::into),
            recipient: recipient.map(|name| name.parse().unwrap()),
            at: at(after),
        })
    };
    for (need, expected) in [
        (asked(None, Some("anna"), 0), vec!["n1"]),
        (asked(None, Some("anna"), 1_000), vec!["n1"]),
        (asked(None, Some("anna"), 1_001), vec![]),
        (asked(None, Some("anna"), -1), vec![]),
        (asked(None, Some("ben"), 0), vec![]),
        (asked(Some("i:1"), Some("ben"), 0), vec!["n2"]),
        (asked(Some("i:1"), None, 0), vec!["n2"]),
        (asked(Some("i:2"), None, 0), vec![]),
    ] {
        assert_eq!(ids(&store, need.clone()).await, expected, "{need:?}");
    }
    let mut converted = shown(&anna, "n1", None);
    converted.flags.converted_at = Some(at(1));
    waits.flags.reached_at = Some(at(0));
    let notifications_changed = vec![converted, waits];
    write(&store, 2, &Changes { notifications_changed, ..Changes::default() }).await;
    assert_eq!(ids(&store, asked(None, Some("anna"), 0)).await, ["n3"]);
}

async fn needs_of_another_project_find_nothing(store: impl Whole) {
    write(&store, 1, &scene()).await;
    let stranger = person("q", "anna");
    assert!(ids(&store, Need::Notification(project("q"), notification_id("n1"))).await.is_empty());
    assert!(ids(&store, Need::Chain(project("q"), notification_id("n2"))).await.is_empty());
    assert_eq!(ids(&store, Need::Pending(stranger.clone())).await, ["nq"]);
    assert!(
        ids(&store, Need::Collapse(stranger.clone(), category("orders"), "order-1".into())).await.is_empty()
    );
    let found = read(&store, &[Need::Person(stranger.clone()), Need::Project(project("q"))]).await;
    assert!(!found.people[0].is_known());
    assert!(found.projects.is_empty());
    assert_eq!(store.page(&stranger, None, 10).await.unwrap().rows, []);
    assert!(store.story(&project("q"), &notification_id("n1")).await.unwrap().is_none());
    assert!(store.books(&project("other")).await.unwrap().is_empty());
}

fn digest(of: &PersonKey, id: &str) -> OpenDigest {
    OpenDigest {
        id: notification_id(id),
        person: of.clone(),
        scope: DigestScope::Rule(rule("r")),
        key: "daily".into(),
        opened_at: at(0),
        due: at(9),
        members: 2,
    }
}

fn once(of: &PersonKey, by: &str) -> OnceKey {
    OnceKey {
        person: of.clone(),
        rule: rule("r"),
        value: "order-1".into(),
        notification: notification_id(by),
        until: at(DAY),
    }
}

fn operation(of: &PersonKey, id: &str) -> OperationRow {
    OperationRow {
        person: of.clone(),
        device: DeviceId::new("phone").unwrap(),
        operation: OperationId::new(id).unwrap(),
        at: at(0),
        for_ever: false,
        refused: Some("stale".into()),
    }
}

async fn work_keys_and_answers_are_found_by_their_keys(store: impl Whole) {
    let anna = person("p", "anna");
    let due = DueRow { key: DueKey::FanOut(event_id("e1"), None), person: anna.clone(), at: at(5) };
    let answer = StoredAnswer {
        project: project("p"),
        route: "/v1/events".into(),
        key: "k".into(),
        fingerprint: [5; 32],
        status: 202,
        body: "{}".into(),
        until: at(DAY),
    };
    let changes = Changes {
        due_set: vec![due.clone()],
        once_taken: vec![once(&anna, "n1")],
        digests_set: vec![digest(&anna, "d1")],
        operations: vec![operation(&anna, "o1")],
        answers: vec![answer.clone()],
        ..Changes::default()
    };
    write(&store, 1, &changes).await;
    let (device, id) = (DeviceId::new("phone").unwrap(), OperationId::new("o1").unwrap());
    let found = read(
        &store,
        &[
            Need::Due(project("p"), due.key.clone()),
            Need::Due(project("p"), DueKey::FanOut(event_id("e1"), Some(rule("r")))),
            Need::Once(anna.clone(), rule("r"), "order-1".into()),
            Need::Digest(anna.clone(), DigestScope::Rule(rule("r")), "daily".into()),
            Need::DigestById(notification_id("d1")),
            Need::Operation(anna.clone(), device, id),
            Need::Answer(project("p"), "/v1/events".into(), "k".into()),
            Need::Answer(project("q"), "/v1/events".into(), "k".into()),
        ],
    )
    .await;
    assert_eq!(found.due, [due]);
    assert_eq!(found.once, [once(&anna, "n1")]);
    assert_eq!(found.digests, [digest(&anna, "d1")]);
    assert_eq!(found.operations, [operation(&anna, "o1")]);
    assert_eq!(found.answers, [answer]);
}

async fn a_key_that_is_cleared_and_set_is_set_and_one_taken_and_given_back_is_free(store: impl Whole) {
    let anna = person("p", "anna");
    let due = DueRow { key: DueKey::Release(notification_id("n1")), person: anna.clone(), at: at(5) };
    let key = (project("p"), due.key.clone());
    let changes = Changes {
        due_set: vec![due.clone()],
        due_cleared: vec![key.clone()],
        once_taken: vec![once(&anna, "n1")],
        once_given_back: vec![once(&anna, "n1")],
        digests_set: vec![digest(&anna, "d2")],
        digests_closed: vec![(anna.clone(), DigestScope::Rule(rule("r")), "daily".into())],
        ..Changes::default()
    };
    write(&store, 1, &changes).await;
    let needs = [
        Need::Due(key.0.clone(), key.1.clone()),
        Need::Once(anna.clone(), rule("r"), "order-1".into()),
        Need::DigestById(notification_id("d2")),
    ];
    let found = read(&store, &needs).await;
    assert_eq!((found.due.len(), found.once.len(), found.digests.len()), (1, 0, 1));

    let taken = Changes { once_taken: vec![once(&anna, "n2")], ..Changes::default() };
    write(&store, 2, &taken).await;
    let others =
        Changes { due_cleared: vec![key], once_given_back: vec![once(&anna, "n1")], ..Changes::default() };
    write(&store, 3, &others).await;
    let found = read(&store, &needs).await;
    assert_eq!((found.due.len(), found.once.len()), (0, 1), "another's once-key stays");
}

async fn an_event_is_the_same_by_source_and_id_within_its_time(store: impl Whole) {
    write(&store, 1, &scene()).await;
    let asked = async |source: Option<&str>, id: &str, since| {
        let need = Need::SameEvent {
            project: project("p"),
            source: source.map(Into::into),
            external_id: id.into(),
            since: at(since),
        };
        read(&store, &[need]).await.events.len()
    };
    assert_eq!(asked(None, "x-e1", 0).await, 1);
    assert_eq!(asked(None, "x-e1", 1).await, 0);
    assert_eq!(asked(Some("shop"), "x-e1", 0).await, 0);
    assert_eq!(asked(None, "x-eq", 0).await, 0, "another project's");
}

async fn members_and_recipients_come_in_pages(store: impl Whole) {
    let topic = TopicId::new("news").unwrap();
    let mut changes = Changes::default();
    for name in ["anna", "ben", "cleo"] {
        changes.recipients.push((person("p", name), recipient()));
        changes.memberships.push((person("p", name), topic.clone(), true));
    }
    changes.memberships.push((person("p", "ben"), topic.clone(), false));
    changes.recipients.push((person("q", "zoe"), recipient()));
    write(&store, 1, &changes).await;
    let page = async |need: Need| {
        let found = read(&store, std::slice::from_ref(&need)).await;
        assert_eq!(found.pages[0].0, need);
        found.pages[0].1.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let after = |name: &str| Some(person("p", name).recipient);
    assert_eq!(page(Need::Members(project("p"), topic.clone(), None, 10)).await, ["anna", "cleo"]);
    assert_eq!(store.members(&project("p"), &topic).await.unwrap(), 2);
    assert_eq!(store.members(&project("q"), &topic).await.unwrap(), 0);
    assert_eq!(page(Need::Members(project("p"), topic, after("anna"), 10)).await, ["cleo"]);
    assert_eq!(page(Need::Recipients(project("p"), None, 2)).await, ["anna", "ben"]);
    assert_eq!(page(Need::Recipients(project("p"), after("ben"), 2)).await, ["cleo"]);
}

async fn what_was_collected_counts_from_its_instant_on(store: impl Whole) {
    let anna = person("p", "anna");
    let row = |after| CollectedRow {
        person: anna.clone(),
        event_type: "login".into(),
        at: at(after),
        until: at(DAY),
    };
    write(&store, 1, &Changes { collected: vec![row(0), row(10), row(20)], ..Changes::default() }).await;
    let asked = |event_type: &str, since| HistoryAsked {
        person: anna.clone(),
        event_type: event_type.into(),
        since: at(since),
    };
    let questions = [asked("login", 10), asked("login", 11), asked("logout", 0)];
    let found = read(&store, &questions.clone().map(Need::History)).await;
    let counts: Vec<_> = questions
        .iter()
        .map(|question| found.histories.iter().find(|(asked, _)| asked == question).unwrap().1)
        .collect();
    assert_eq!(counts, [2, 1, 0]);
}

async fn an_address_is_stopped_however_it_is_written(store: impl Whole) {
    let anna = person("p", "anna");
    let endpoint = |channel, address: &str| Endpoint {
        channel,
        address: address.into(),
        verified: true,
        stopped: false,
    };
    let changes = Changes {
        endpoints_set: vec![
            (anna.clone(), endpoint(Channel::Email, "Änne@Example.org")),
            (anna.clone(), endpoint(Channel::Sms, "+491701234567")),
        ],
        ..known(&anna)
    };
    write(&store, 1, &changes).await;
    let entry = |id: &str, channel, address: &str| tidings_core::ports::StopEntry {
        id: id.into(),
        project: project("p"),
        channel,
        address: address.into(),
        reason: "".into(),
        at: at(0),
    };
    let entries =
        [entry("s1", Channel::Email, "ÄNNE@example.ORG"), entry("s2", Channel::Sms, "0049 170 123-4567")];
    for (count, entry) in (1..).zip(&entries) {
        store.put_stop_entry(entry, true, None).await.unwrap();
        let person = store.person(&anna).await.unwrap();
        let stopped = person.endpoints.iter().filter(|endpoint| endpoint.stopped).count();
        assert_eq!((stopped, person.inbox.unwrap().version), (count, count as u64), "{}", entry.address);
    }
    for entry in &entries {
        store.put_stop_entry(entry, false, None).await.unwrap();
    }
    assert!(store.person(&anna).await.unwrap().endpoints.iter().all(|endpoint| !endpoint.stopped));
}

async fn an_address_has_its_owners_and_its_stop(store: impl Whole) {
    let anna = person("p", "anna");
    let endpoint =
        Endpoint { channel: Channel::Email, address: "a@example.org".into(), verified: true, stopped: false };
    let changes = Changes { endpoints_set: vec![(anna.clone(), endpoint.clone())], ..known(&anna) };
    write(&store, 1, &changes).await;
    let entry = tidings_core::ports::StopEntry {
        id: "s1".into(),
        project: project("p"),
        channel: Channel::Email,
        address: "a@example.org".into(),
        reason: "bounced".into(),
        at: at(0),
    };
    assert!(!read(&store, &[Need::Person(anna.clone())]).await.people[0].endpoints[0].stopped);
    assert!(store.put_stop_entry(&entry, true, None).await.unwrap().is_none());
    let again = tidings_core::ports::StopEntry { id: "s2".into(), at: at(9), ..entry.clone() };
    assert_eq!(
        store.put_stop_entry(&again, true, None).await.unwrap(),
        Some(entry.clone()),
        "it is there already"
    );
    let written =
        tidings_core::ports::StopEntry { id: "s3".into(), address: "A@EXAMPLE.org".into(), ..entry.clone() };
    assert_eq!(
        store.put_stop_entry(&written, true, None).await.unwrap(),
        Some(entry.clone()),
        "the same mailbox"
    );
    let owners = Need::AddressOwners(project("p"), Channel::Email, "a@example.org".into());
    let found = read(&store, &[owners, Need::Person(anna.clone())]).await;
    assert_eq!(found.owners, [(Channel::Email, "a@example.org".into(), anna.clone())]);
    assert!(found.people[0].endpoints[0].stopped);
    assert_eq!(found.people[0].inbox.as_ref().unwrap().version, 1, "what was remembered of Anna is stale");
    assert_eq!(store.stop_list(&project("p"), None, 10).await.unwrap(), std::slice::from_ref(&entry));
    assert_eq!(store.put_stop_entry(&entry, false, None).await.unwrap(), Some(entry.clone()));
    assert!(store.put_stop_entry(&entry, false, None).await.unwrap().is_none());
    let person = store.person(&anna).await.unwrap();
    assert!(!person.endpoints[0].stopped);
    assert_eq!(person.inbox.unwrap().version, 2);
}
