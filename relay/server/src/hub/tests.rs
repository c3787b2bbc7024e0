use async_trait::async_trait;
use tidings_core::ports::InboxPage;
use tidings_protocol::Cursor;
use tidings_protocol::item::Item;

use super::*;

const EPOCH: u32 = 7;

fn person(name: &str) -> PersonKey {
    PersonKey { project: "shop".parse().unwrap(), recipient: name.parse().unwrap() }
}

fn device(name: impl std::fmt::Display) -> DeviceId {
    DeviceId::new(name.to_string()).unwrap()
}

fn changed(name: &str, from: u64, to: u64) -> AfterCommit {
    let items = vec![Item::Retracted { id: "n1".parse().unwrap() }];
    let hint = Hint { person: person(name), epoch: EPOCH, from, to, items };
    AfterCommit { hints: vec![hint], ..AfterCommit::default() }
}

fn change(heard: Option<Heard>) -> LiveChange<Utf8Bytes> {
    match heard {
        Some(Heard::Change(change)) => change,
        Some(Heard::Close(_) | Heard::Missed | Heard::Settings) | None => {
            panic!("a change was due, not {heard:?}")
        }
    }
}

#[test]
fn a_frame_is_encoded_once_for_all_sessions_of_a_recipient() {
    let hub = Hub::new();
    let [one, two] = ["one", "two"].map(|name| hub.register(&person("alice"), &device(name)).unwrap());
    hub.after_commit(changed("alice", 4, 5));
    let [one, two] = [one, two].map(|watch| change(watch.take()).frame.unwrap());
    assert_eq!(one.as_str().as_ptr(), two.as_str().as_ptr());
    let item = r#"{"kind":"retracted","id":"n1"}"#;
    let frame =
        format!(r#"{{"t":"changes","from":"7.4","to":"7.5","more":false,"reset":false,"items":[{item}]}}"#);
    assert_eq!(one.as_str(), frame);
}

#[test]
fn nobody_hears_of_another_recipient_or_project() {
    let hub = Hub::new();
    let bob = hub.register(&person("bob"), &device("one")).unwrap();
    let elsewhere = PersonKey { project: "other".parse().unwrap(), ..person("alice") };
    let namesake = hub.register(&elsewhere, &device("one")).unwrap();
    hub.after_commit(changed("alice", 4, 5));
    assert!(bob.take().is_none() && namesake.take().is_none());
}

#[test]
fn a_session_that_hears_too_slowly_is_told_that_it_missed_something() {
    let hub = Hub::new();
    let watch = hub.register(&person("alice"), &device("one")).unwrap();
    let limit = u64::try_from(HINTS_QUEUED_MAX).unwrap();
    for seq in 0..limit {
        hub.after_commit(changed("alice", seq, seq + 1));
    }
    assert_eq!(change(watch.take()).to, 1, "at the limit every hint is kept");
    hub.after_commit(changed("alice", limit, limit + 1));
    hub.after_commit(changed("alice", limit + 1, limit + 2));
    assert!(matches!(watch.take(), Some(Heard::Missed)));
    assert!(watch.take().is_none());
    hub.after_commit(changed("alice", limit + 2, limit + 3));
    assert_eq!(change(watch.take()).to, limit + 3);
}

#[test]
fn a_recipient_has_at_most_thirty_two_sessions_and_a_device_replaces_its_own() {
    let hub = Hub::new();
    let alice = person("alice");
    let mut watches: Vec<Watch> =
        (0..SESSIONS_PER_RECIPIENT_MAX).map(|index| hub.register(&alice, &device(index)).unwrap()).collect();
    assert!(hub.register(&alice, &device("one more")).is_err());
    assert!(hub.register(&person("bob"), &device("one")).is_ok());

    let again = hub.register(&alice, &device(0)).unwrap();
    assert!(watches[0].take().is_none(), "not before the new session is welcome");
    hub.replace_older(&alice, &device(0), &again);
    assert!(matches!(watches[0].take(), Some(Heard::Close(Bye::Replaced))));
    assert!(watches[1].take().is_none() && again.take().is_none());

    watches.clear();
    drop(again);
    assert_eq!((hub.sessions_of(&alice), hub.sessions()), (0, 0));
    assert!(locked(&hub.inboxes).is_empty(), "a recipient without sessions takes no memory");
}

#[test]
fn a_device_that_comes_back_without_end_keeps_no_other_away() {
    let (hub, alice) = (Hub::new(), person("alice"));
    let restless: Vec<Watch> = (0..3 * SESSIONS_PER_RECIPIENT_MAX)
        .map(|_| hub.register(&alice, &device("restless")).unwrap())
        .collect();
    assert!(hub.register(&alice, &device("calm")).is_ok());
    drop(restless);
}

#[test]
fn erasing_ends_every_session_and_revoking_those_of_one_device() {
    let hub = Hub::new();
    let [phone, laptop] =
        ["phone", "laptop"].map(|name| hub.register(&person("alice"), &device(name)).unwrap());
    hub.close(&person("alice"), Some(&device("phone")), Bye::Revoked);
    assert!(matches!(phone.take(), Some(Heard::Close(Bye::Revoked))));
    assert!(laptop.take().is_none());
    hub.after_commit(AfterCommit { erased: vec![person("alice")], ..AfterCommit::default() });
    assert!(matches!(laptop.take(), Some(Heard::Close(Bye::Erased))));
}

#[test]
fn a_change_that_fits_no_frame_is_told_without_one() {
    let hub = Hub::new();
    let watch = hub.register(&person("alice"), &device("one")).unwrap();
    let mut after = changed("alice", 4, 5);
    let item = after.hints[0].items[0].clone();
    after.hints[0].items = vec![item; 4_000];
    hub.after_commit(after);
    assert!(change(watch.take()).frame.is_none());
}

#[tokio::test]
async fn who_waits_is_woken_by_what_came_before_and_after() {
    let hub = Hub::new();
    let watch = hub.register(&person("alice"), &device("one")).unwrap();
    hub.after_commit(changed("alice", 4, 5));
    assert_eq!(change(Some(watch.changed().await)).to, 5);
    let (heard, ()) = tokio::join!(watch.changed(), async { hub.after_commit(changed("alice", 5, 6)) });
    assert_eq!(change(Some(heard)).to, 6);
}

#[tokio::test]
async fn the_due_bell_tells_the_earliest_instant_once() {
    let hub = Hub::new();
    let bell = hub.due_bell();
    let at =
        |millis| AfterCommit { due_sooner: Some(Timestamp::from_millis(millis)), ..AfterCommit::default() };
    hub.after_commit(at(900));
    hub.after_commit(at(300));
    hub.after_commit(at(600));
    assert_eq!(bell.rung().await.as_millis(), 300);
    hub.after_commit(at(800));
    assert_eq!(bell.rung().await.as_millis(), 800);
}

/// Knows that every inbox is at nine.
struct Heads;

#[async_trait]
impl InboxReader for Heads {
    async fn page(
        &self,
        _person: &PersonKey,
        _after: Option<&Cursor>,
        _limit: usize,
    ) -> Result<InboxPage, StoreError> {
        panic!("heads are compared without reading a page")
    }

    async fn heads(&self, people: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError> {
        Ok(people.iter().map(|person| (person.clone(), EPOCH, 9)).collect())
    }
}

#[tokio::test]
async fn comparing_heads_tells_every_session_where_its_inbox_is() {
    let hub = Hub::new();
    let watches: Vec<Watch> = (0..=HEADS_PER_READ)
        .map(|index| hub.register(&person(&format!("person-{index}")), &device("one")).unwrap())
        .collect();
    hub.compare_heads(&Heads).await.unwrap();
    for watch in &watches {
        let told = change(watch.take());
        assert_eq!((told.epoch, told.from, told.to, told.frame.is_none()), (EPOCH, 9, 9, true));
    }
}

#[test]
fn sessions_of_a_project_hear_that_another_configuration_is_live() {
    let hub = Hub::new();
    let watch = hub.register(&person("alice"), &device("one")).unwrap();
    let elsewhere = PersonKey { project: "other".parse().unwrap(), ..person("alice") };
    let other = hub.register(&elsewhere, &device("one")).unwrap();
    hub.settings_changed(&"shop".parse().unwrap());
    assert!(matches!(watch.take(), Some(Heard::Settings)) && watch.take().is_none());
    assert!(other.take().is_none());
}
