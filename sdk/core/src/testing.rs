//! What the tests of several modules build.

use tidings_protocol::item::{Because, ContentItem, Item, NotificationItem, View};
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{Cursor, NotificationId, Priority, Timestamp};

use crate::outbox::Queued;

pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn id(text: &str) -> NotificationId {
    NotificationId::new(text).unwrap()
}

pub(crate) fn cursor(number: u64) -> Cursor {
    Cursor::new(format!("e.{number}")).unwrap()
}

pub(crate) fn notification(name: &str, created_at: i64) -> NotificationItem {
    NotificationItem {
        id: id(name),
        place: 1,
        category: "orders".parse().unwrap(),
        priority: Priority::Normal,
        content: ContentItem { title: name.to_owned(), ..ContentItem::default() },
        collapse: None,
        needs_acknowledgement: false,
        round: 0,
        because: Because::default(),
        created_at: at(created_at),
        expires_at: at(i64::MAX),
        view: View::default(),
    }
}

pub(crate) fn item(name: &str, created_at: i64) -> Item {
    Item::Notification(Box::new(notification(name, created_at)))
}

pub(crate) fn queued(number: u64, request: Request) -> Queued {
    let id = format!("op-{number}").parse().unwrap();
    Queued { number, page: 1, operation: Operation { id, at: Some(at(1_000)), request } }
}

pub(crate) fn mark_read(number: u64, name: &str) -> Queued {
    let read =
        Request::Mark { notification: id(name), read: Some(true), archived: None, snoozed_until: None };
    queued(number, read)
}

/// Runs a future that never waits for anything.
pub(crate) fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the store in memory does not wait"),
    }
}
