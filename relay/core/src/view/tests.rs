use std::sync::Arc;

use rstest::rstest;
use tidings_protocol::item::{ActionItem, Because, ContentItem};
use tidings_protocol::{Decision, NotificationId, NotificationState, Priority, RecipientId, Span, Timestamp};

use super::*;
use crate::configuration::{Bundle, Configuration, check};
use crate::model::{
    Cause, Choice, ConsentState, Counted, Erased, Flags, Inbox, Keys, Mark, Marks, Notification, Person,
    PersonKey, PlannedStep, Recipient, Stamp, Watermark, cursor,
};
use crate::ports::InboxPage;

const EPOCH: u32 = 0xe1;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_737_600_000 + seconds * 1_000)
}

fn alice() -> PersonKey {
    PersonKey { project: "shop".parse().unwrap(), recipient: RecipientId::new("alice").unwrap() }
}

fn row(created_seq: u64, seq: u64) -> Notification {
    Notification {
        id: NotificationId::new(format!("n{created_seq}")).unwrap(),
        person: alice(),
        cause: Cause {
            event: "e1".parse().unwrap(),
            event_type: Some("order.placed".into()),
            rule: Some("order_placed".parse().unwrap()),
            digest: false,
            step: None,
        },
        category: "orders".parse().unwrap(),
        priority: Priority::High,
        keys: Keys::default(),
        variant: None,
        template: None,
        trial: None,
        counted: Counted::default(),
        chain: None,
        created_at: at(i64::try_from(created_seq).unwrap()),
        expires_at: at(86_400),
        configuration: 1,
        state: NotificationState::Active,
        stopped: None,
        due: None,
        deferrals: 0,
        digest: None,
        taken: None,
        released_at: None,
        content: Some(Arc::new(ContentItem { title: format!("Order {created_seq}"), ..Default::default() })),
        forms: std::collections::BTreeMap::new(),
        died: None,
        on_way: 0,
        because: Because {
            rule: Some("order_placed".into()),
            event_type: Some("order.placed".into()),
            text: "You placed an order".into(),
        },
        plan: Arc::from([]),
        steps_begun: 1,
        repeats: 0,
        inapp: None,
        created_seq: Some(created_seq),
        seq: Some(seq),
        round: 0,
        flags: Flags::default(),
        marks: Marks::default(),
        told: Vec::new(),
    }
}

fn retracted(created_seq: u64, seq: u64) -> Notification {
    let mut row = row(created_seq, seq);
    row.flags.retracted_at = Some(at(99));
    row
}

fn person(head: u64) -> Person {
    let mut person = Person::unknown(alice());
    person.recipient = Some(Recipient { locale: Some("zh-Hans-CN".into()), ..Recipient::default() });
    person.inbox = Some(Inbox { seq: head, settings_seq: 1, ..Inbox::new(EPOCH) });
    person
}

fn watermark(place: u64, seq: u64) -> (u64, Watermark) {
    (seq, Watermark { place, stamp: stamp(50), category: None })
}

fn stamp(seconds: i64) -> Stamp {
    Stamp { at: at(seconds), by: "op-1".into() }
}

fn page_of(person: Person, after: Option<u64>, rows: Vec<Notification>) -> InboxPage {
    let to = person.inbox.as_ref().map_or(0, |inbox| inbox.seq);
    InboxPage { person, after, rows, to, more: false }
}

fn configuration() -> Configuration {
    let document = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, currency: EUR, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: What we send, zh: 我们发送的内容}}
categories:
  orders: {name: {en: Orders, zh: 订单}, legal: service, priority: high, channels: [inapp, push]}
  offers: {name: {de: Angebote}, legal: marketing, priority: low, channels: [email]}
  recalls: {legal: essential, priority: urgent, channels: [inapp]}
  general: {legal: service, basis: consent, channels: [inapp]}
"#;
    check(document, &Bundle::default(), 1).unwrap()
}

fn kinds(page: &tidings_protocol::frame::ChangesPage) -> Vec<String> {
    let kind = |item: &Item| match item {
        Item::Notification(shown) => shown.id.to_string(),
        Item::Retracted { id } => format!("-{id}"),
        Item::Settings(_) => "settings".into(),
        Item::ReadUpTo { .. } => "read_up_to".into(),
        Item::Erased => "erased".into(),
        Item::Unknown => "unknown".into(),
    };
    page.items.iter().map(kind).collect()
}

#[test]
fn a_notification_needs_an_acknowledgement_if_an_action_gives_one_or_a_step_waits_for_one() {
    let needs = |row: &Notification| notification_item(row).needs_acknowledgement;
    let plain = row(1, 1);
    assert!(!needs(&plain));

    let mut offered = row(1, 1);
    let action = ActionItem { id: "take".into(), label: "I take it".into(), link: None, acknowledges: true };
    offered.content = Some(Arc::new(ContentItem { actions: vec![action], ..ContentItem::default() }));
    assert!(needs(&offered));

    let step = |unless, repeat| PlannedStep {
        channels: Vec::new(),
        after: Span::from_days(0),
        unless,
        repeat,
        linked: false,
    };
    let with = |step| Notification { plan: Arc::from([step]), ..row(1, 1) };
    assert!(needs(&with(step(Some(Unless::Acknowledged), None))));
    assert!(needs(&with(step(None, Some((Span::from_days(1), 3, Unless::Acknowledged))))));
    assert!(!needs(&with(step(Some(Unless::Received), Some((Span::from_days(1), 3, Unless::Read))))));
}

#[test]
fn what_is_not_to_be_seen_is_a_retraction() {
    assert_eq!(change_item(&retracted(3, 4)), Item::Retracted { id: "n3".parse().unwrap() });
}

#[rstest]
#[case::covered(None, None, true)]
#[case::of_the_category(Some("orders"), None, true)]
#[case::of_another_category(Some("offers"), None, false)]
#[case::marked_unread_before_it(None, Some(49), true)]
#[case::marked_unread_after_it(None, Some(51), false)]
fn a_row_that_changes_after_it_was_read_in_one_go_stays_read(
    #[case] category: Option<&str>,
    #[case] unread_at: Option<i64>,
    #[case] read: bool,
) {
    let mut mark = watermark(2, 3);
    mark.1.category = category.map(|c| c.parse().unwrap());
    let inbox = Inbox { seq: 4, watermarks: vec![mark], ..Inbox::new(EPOCH) };
    let mut changed = row(2, 4);
    changed.marks.read = unread_at.map(|seconds| Mark { value: false, stamp: stamp(seconds) });
    let Item::Notification(shown) = change_item_in(&inbox, &changed) else { panic!("it is visible") };
    assert_eq!(shown.view.read_at.is_some(), read);
    assert_eq!(
        shown.view.unread,
        unread_at.filter(|_| !read).map(stamp),
        "only what is unread says since when"
    );

    let later = row(3, 4);
    let Item::Notification(shown) = change_item_in(&inbox, &later) else { panic!("it is visible") };
    assert_eq!(shown.view.read_at, None, "it came after the watermark");
}

#[test]
fn settings_are_in_the_recipients_language_with_fallbacks() {
    let mut person = person(1);
    let likes = &mut person.recipient.as_mut().unwrap().preferences;
    let push = ("orders".parse().unwrap(), tidings_protocol::Channel::Push);
    likes.choices.insert(push, Choice { chosen: false, stamp: Stamp::default() });
    let email = ("offers".parse().unwrap(), tidings_protocol::Channel::Email);
    let state = ConsentState {
        decision: Decision::Granted,
        since: at(0),
        entry: "c1".parse().unwrap(),
        policy_version: Some("2026-11".into()),
    };
    person.consents.states.insert(email, state);
    insta::assert_json_snapshot!("settings", settings_item(&person, &configuration()));
}

#[test]
fn a_first_page_has_the_settings_and_a_later_one_only_if_they_changed() {
    let first = Position { first: true, resetting: false };
    let rows = || vec![row(4, 4)];
    let built = |after, position| page(&page_of(person(4), after, rows()), &configuration(), position);
    assert_eq!(kinds(&built(Some(3), first)), ["settings", "n4"]);
    assert_eq!(kinds(&built(Some(3), Position::default())), ["n4"]);
    assert_eq!(kinds(&built(Some(0), Position::default())), ["settings", "n4"], "settings_seq is 1");
    assert_eq!(kinds(&built(None, Position::default())), ["settings", "n4"]);
}

#[test]
fn a_reset_leaves_out_what_is_not_to_be_seen_and_its_later_pages_do_not() {
    let rows = || vec![row(1, 1), retracted(2, 3)];
    let first = page(&page_of(person(3), None, rows()), &configuration(), Position::default());
    assert_eq!((first.from.is_none(), first.reset), (true, true));
    assert_eq!(kinds(&first), ["settings", "n1"]);

    let goes_on = Position { first: false, resetting: true };
    let later = page(&page_of(person(6), Some(5), vec![retracted(2, 6)]), &configuration(), goes_on);
    assert!(later.reset);
    assert_eq!(kinds(&later), ["-n2"], "an earlier page may have carried it");
}

#[test]
fn watermarks_stand_among_the_rows_in_order() {
    let mut person = person(5);
    person.inbox.as_mut().unwrap().watermarks = vec![watermark(3, 4), watermark(1, 2)];
    let built =
        page(&page_of(person, Some(2), vec![row(3, 3), row(5, 5)]), &configuration(), Position::default());
    assert_eq!(kinds(&built), ["n3", "read_up_to", "n5"]);
}

#[test]
fn who_was_erased_is_told_so_and_who_is_not_known_gets_nothing() {
    let unknown = Person::unknown(alice());
    let nobody = page(&page_of(unknown.clone(), None, Vec::new()), &configuration(), Position::default());
    assert_eq!((kinds(&nobody).len(), nobody.to), (0, cursor(0, 0)));

    let erased = Person { erased: Some(Erased { at: at(1), epoch: 7 }), ..unknown };
    let told = page(&page_of(erased, Some(3), Vec::new()), &configuration(), Position::default());
    assert_eq!((kinds(&told), told.to), (vec!["erased".to_owned()], cursor(7, 0)));
}

#[test]
fn frames_of_a_page_are_contiguous_and_fit_the_limit() {
    let long = |seq| {
        let content = ContentItem { body: "x".repeat(4_000), ..ContentItem::default() };
        Notification { content: Some(Arc::new(content)), ..row(seq, seq) }
    };
    let read = page_of(person(40), None, (1..=40).map(long).collect());
    let whole = page(&read, &configuration(), Position::default());
    let cut = frames(&read, &configuration(), Position::default());
    assert!(cut.len() > 2);
    let mut at = None;
    for (index, frame) in cut.iter().enumerate() {
        let text =
            serde_json::to_string(&tidings_protocol::frame::RelayFrame::Changes(frame.clone())).unwrap();
        assert!(text.len() <= tidings_protocol::limits::FRAME_BYTES_MAX, "{}", text.len());
        assert_eq!(frame.from, at);
        assert_eq!(frame.more, index + 1 < cut.len());
        assert!(frame.reset);
        at = Some(frame.to.clone());
    }
    assert_eq!(at.as_ref(), Some(&whole.to));
    let items: Vec<_> = cut.into_iter().flat_map(|frame| frame.items).collect();
    assert_eq!(items, whole.items);
}

#[test]
fn a_live_change_fits_one_frame_or_is_read_from_the_store() {
    let long = ContentItem { body: "x".repeat(4_000), ..ContentItem::default() };
    let row = Notification { content: Some(Arc::new(long)), ..row(1, 1) };
    let items = |count| vec![change_item(&row); count];
    assert!(fits_one_frame(&items(14)));
    assert!(!fits_one_frame(&items(20)));
    let text = serde_json::to_string(&live_page(EPOCH, 0, 14, items(14))).unwrap();
    assert!(text.len() <= tidings_protocol::limits::FRAME_BYTES_MAX);
}

#[test]
fn every_kind_of_item_is_written_as_the_contract_says() {
    let inbox = Inbox { watermarks: vec![watermark(3, 4)], ..Inbox::new(EPOCH) };
    let action =
        ActionItem { id: "track".into(), label: "查看物流".into(), link: None, acknowledges: false };
    let mut shown = row(1, 1);
    shown.content = Some(Arc::new(ContentItem {
        title: "订单 1001 已确认".into(),
        body: "1 件".into(),
        link: Some("https://shop.example/o/1001".into()),
        actions: vec![action],
        ..ContentItem::default()
    }));
    shown.keys.collapse = Some("1001".into());
    shown.flags.acknowledged_at = Some(at(60));
    shown.marks.read = Some(Mark { value: false, stamp: stamp(61) });
    let items = [
        change_item(&shown),
        change_item(&retracted(2, 2)),
        watermark_item(&inbox, &inbox.watermarks[0].1),
        Item::Erased,
    ];
    insta::assert_json_snapshot!("items", items);
}
