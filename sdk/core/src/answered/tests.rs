use tidings_protocol::item::{NotificationItem, SettingsItem, View, Watermark};
use tidings_protocol::operation::Request;
use tidings_protocol::{DeviceReceipt, Stamp};

use super::*;
use crate::testing::{at, cursor, id, mark_read, notification, queued};

fn numbers(settled: &[Queued]) -> Vec<u64> {
    settled.iter().map(|queued| queued.number).collect()
}

fn told(name: &str, view: View) -> Item {
    Item::Notification(Box::new(NotificationItem { view, ..notification(name, 1) }))
}

fn read() -> View {
    View { read_at: Some(at(9)), ..View::default() }
}

fn archived() -> View {
    View { archived_at: Some(at(9)), ..read() }
}

fn archive(number: u64, name: &str) -> Queued {
    let request =
        Request::Mark { notification: id(name), read: None, archived: Some(true), snoozed_until: None };
    queued(number, request)
}

fn unread(number: u64, name: &str) -> Queued {
    let request =
        Request::Mark { notification: id(name), read: Some(false), archived: None, snoozed_until: None };
    queued(number, request)
}

#[test]
fn an_operation_waits_for_the_item_that_shows_it() {
    let (mut answered, outbox) = (Answered::default(), Outbox::default());
    assert!(answered.handle_done(at(0), vec![mark_read(1, "a"), archive(2, "a")]).is_empty());
    assert!(answered.handle_items(&[told("other", archived())], &outbox).is_empty());
    assert_eq!(numbers(&answered.handle_items(&[told("a", read())], &outbox)), [1]);
    assert_eq!(numbers(&answered.handle_items(&[told("a", archived())], &outbox)), [2]);
    assert_eq!(answered.poll_timeout(), None);
}

#[test]
fn one_whose_item_came_before_the_answer_goes_with_the_answer() {
    let mut answered = Answered::default();
    let outbox = Outbox::new([mark_read(1, "a")]);
    assert!(answered.handle_items(&[told("a", read())], &outbox).is_empty());
    assert_eq!(numbers(&answered.handle_done(at(0), vec![mark_read(1, "a")])), [1]);
}

#[test]
fn a_later_item_that_shows_it_no_more_counts() {
    let mut answered = Answered::default();
    let outbox = Outbox::new([mark_read(1, "a")]);
    answered.handle_items(&[told("a", read()), told("a", View::default())], &outbox);
    assert!(answered.handle_done(at(0), vec![mark_read(1, "a")]).is_empty());
}

#[test]
fn a_later_word_takes_the_earlier_ones_about_the_same_with_it() {
    let (mut answered, outbox) = (Answered::default(), Outbox::default());
    answered.handle_done(at(0), vec![unread(1, "a"), mark_read(2, "b"), mark_read(3, "a")]);
    assert_eq!(numbers(&answered.handle_items(&[told("a", read())], &outbox)), [1, 3]);
    assert_eq!(numbers(&answered.handle_items(&[told("b", read())], &outbox)), [2]);
}

#[test]
fn what_nobody_sees_is_not_waited_for() {
    let displayed =
        Request::Receipt { notification: id("a"), receipt: DeviceReceipt::Displayed, action: None };
    let held = Request::Held { cursor: cursor(1) };
    let settled = Answered::default().handle_done(at(0), vec![queued(1, displayed), queued(2, held)]);
    assert_eq!(numbers(&settled), [1, 2]);
}

#[test]
fn an_effect_that_does_not_come_is_waited_for_until_its_time() {
    let mut answered = Answered::default();
    answered.handle_done(at(0), vec![mark_read(1, "a")]);
    assert_eq!(answered.poll_timeout(), Some(at(EFFECT_MILLIS_MAX)));
    assert!(answered.handle_timeout(at(EFFECT_MILLIS_MAX - 1)).is_empty());
    assert_eq!(numbers(&answered.handle_timeout(at(EFFECT_MILLIS_MAX))), [1]);
}

#[test]
fn settings_watermarks_and_retractions_show_what_was_asked_too() {
    let (mut answered, outbox) = (Answered::default(), Outbox::default());
    let pause = queued(1, Request::Pause { until: Some(at(9)) });
    let all = queued(2, Request::ReadUpTo { cursor: cursor(1), category: None });
    answered.handle_done(at(0), vec![pause, all, mark_read(3, "gone")]);
    let settings =
        |paused_until| Item::Settings(Box::new(SettingsItem { paused_until, ..SettingsItem::default() }));
    assert!(answered.handle_items(&[settings(None)], &outbox).is_empty());
    assert_eq!(numbers(&answered.handle_items(&[settings(Some(at(9)))], &outbox)), [1]);
    let up_to = |by: &str| Item::ReadUpTo {
        cursor: cursor(1),
        watermark: Watermark { place: 1, stamp: Stamp { at: at(1), by: by.into() }, category: None },
    };
    assert!(answered.handle_items(&[up_to("op-of-another")], &outbox).is_empty());
    assert_eq!(numbers(&answered.handle_items(&[up_to("op-2")], &outbox)), [2]);
    assert_eq!(numbers(&answered.handle_items(&[Item::Retracted { id: id("gone") }], &outbox)), [3]);
}

#[test]
fn without_a_connection_nothing_is_waited_for() {
    let mut answered = Answered::default();
    answered.handle_done(at(0), vec![mark_read(1, "a")]);
    assert_eq!(numbers(&answered.handle_disconnected()), [1]);
    assert_eq!(answered.poll_timeout(), None);
}
