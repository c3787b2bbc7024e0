//! Rows to write: two tenants, some people, and what happens to them.

use std::sync::Arc;

use serde_json::json;
use tidings_core::delivery::Form;
use tidings_core::learned::Learned;
use tidings_core::model::StopSwitch;
use tidings_core::model::{
    BookKey, Books, Cause, Changes, ConsentEntry, Counted, Delivery, EntryHash, Event, EventBody, Flags,
    InappDelivery, Inbox, Keys, Marks, MatchKey, Notification, PersonKey, PersonalFields, Recipient, Term,
    Way, entry_hash, utc_day,
};
use tidings_core::ports::ProjectRow;
use tidings_protocol::item::{Because, ContentItem};
use tidings_protocol::{
    CategoryId, Channel, Decision, DeliveryState, EntryId, EventId, EventState, NotificationId,
    NotificationState, Priority, ProjectId, RecipientId, RuleId, Timestamp,
};
use tidings_store::ErasureKey;

/// 2026-11-22T09:00:00Z.
pub(crate) const NOW: i64 = 1_795_338_000_000;
pub(crate) const DAY: i64 = 86_400_000;

pub(crate) fn at(after: i64) -> Timestamp {
    Timestamp::from_millis(NOW + after)
}

pub(crate) fn erasure() -> ErasureKey {
    ErasureKey::new([7; 32])
}

pub(crate) fn project(id: &str) -> ProjectId {
    ProjectId::new(id).unwrap()
}

pub(crate) fn person(project_id: &str, recipient: &str) -> PersonKey {
    PersonKey { project: project(project_id), recipient: RecipientId::new(recipient).unwrap() }
}

pub(crate) fn rule(id: &str) -> RuleId {
    RuleId::new(id).unwrap()
}

pub(crate) fn category(id: &str) -> CategoryId {
    CategoryId::new(id).unwrap()
}

pub(crate) fn notification_id(id: &str) -> NotificationId {
    NotificationId::new(id).unwrap()
}

pub(crate) fn event_id(id: &str) -> EventId {
    EventId::new(id).unwrap()
}

pub(crate) fn event(project_id: &str, id: &str) -> Event {
    let body = EventBody {
        source: None,
        external_id: Some(format!("x-{id}").into()),
        event_type: "order.paid".into(),
        recipient: None,
        time: at(0),
        data: json!({"total": 12.5, "lines": ["a", "b\"c"]}),
        extensions: json!({}),
        digest: EntryHash([3; 32]),
        send: None,
    };
    Event {
        id: event_id(id),
        project: project(project_id),
        body: Arc::new(body),
        accepted_at: at(0),
        configuration: 3,
        state: EventState::Done,
        considered: Vec::new(),
        fan_outs: Vec::new(),
        made: 1,
        sandbox: false,
    }
}

/// A held notification of a recipient, made by an event for the rule `r`.
pub(crate) fn held(of: &PersonKey, id: &str, made_by: &str) -> Notification {
    Notification {
        id: notification_id(id),
        person: of.clone(),
        cause: Cause {
            event: event_id(made_by),
            event_type: Some("order.paid".into()),
            rule: Some(rule("r")),
            digest: false,
            step: None,
        },
        category: category("orders"),
        priority: Priority::Normal,
        keys: Keys { tags: vec!["running".into()], ..Keys::default() },
        variant: None,
        template: None,
        trial: None,
        counted: Counted::default(),
        chain: None,
        created_at: at(0),
        expires_at: at(DAY),
        configuration: 3,
        state: NotificationState::Held,
        stopped: None,
        due: Some(at(60_000)),
        deferrals: 0,
        digest: None,
        taken: None,
        released_at: None,
        content: None,
        forms: std::collections::BTreeMap::new(),
        died: None,
        on_way: 0,
        because: Because { rule: Some("r".to_owned()), event_type: None, text: "You ordered".to_owned() },
        plan: Arc::new([]),
        steps_begun: 0,
        repeats: 0,
        inapp: None,
        created_seq: None,
        seq: None,
        round: 0,
        flags: Flags::default(),
        marks: Marks::default(),
        told: Vec::new(),
    }
}

/// An active notification in the inbox.
pub(crate) fn placed(of: &PersonKey, id: &str, made_by: &str, seq: u64) -> Notification {
    let content =
        ContentItem { title: "Paid".to_owned(), body: "Thank you".to_owned(), ..ContentItem::default() };
    Notification {
        state: NotificationState::Active,
        due: None,
        released_at: Some(at(0)),
        content: Some(Arc::new(content)),
        inapp: Some(InappDelivery { state: DeliveryState::Placed, made_at: at(0), changed_at: at(0) }),
        created_seq: Some(seq),
        seq: Some(seq),
        ..held(of, id, made_by)
    }
}

pub(crate) fn with_matches(mut row: Notification, value: Option<&str>) -> Notification {
    row.keys.matches = vec![MatchKey { event_type: "order.cancelled".into(), value: value.map(Into::into) }];
    row
}

pub(crate) fn mail(of: &PersonKey, notification: &str, state: DeliveryState) -> Delivery {
    Delivery {
        id: format!("{notification}.email").into(),
        notification: notification_id(notification),
        person: of.clone(),
        channel: Channel::Email,
        address: Some(format!("{}@example.org", of.recipient).into()),
        state,
        reason: None,
        step: 1,
        made_at: at(0),
        changed_at: at(0),
        way: Some(Box::new(Way::new(
            "smtp".into(),
            Priority::Normal,
            at(0),
            Box::new(Form::Sms("words".into())),
        ))),
    }
}

pub(crate) fn recipient() -> Recipient {
    Recipient {
        time_zone: Some("Europe/Berlin".to_owned()),
        attributes: json!({"plan": "gold"}),
        created_at: at(0),
        revision: 1,
        ..Recipient::default()
    }
}

pub(crate) fn inbox(epoch: u32, seq: u64) -> Inbox {
    let mut learned = Learned::default();
    learned.hours.active(at(0), &"Europe/Berlin".parse().unwrap(), at(0));
    learned.interests.shown(&["running".into(), "trail \"running\"".into()], at(0));
    Inbox { seq, version: seq, learned, ..Inbox::new(epoch) }
}

/// A recipient with an inbox.
pub(crate) fn known(of: &PersonKey) -> Changes {
    Changes {
        recipients: vec![(of.clone(), recipient())],
        inboxes: vec![(of.clone(), inbox(7, 0))],
        ..Changes::default()
    }
}

pub(crate) fn consent(of: &PersonKey, number: u64, previous: EntryHash) -> ConsentEntry {
    let personal = PersonalFields {
        salt: [9; 16],
        recipient: of.recipient.clone(),
        text_shown: Some("May we write to you?".into()),
        collected: None,
    };
    let mut entry = ConsentEntry {
        id: EntryId::new(format!("entry-{number}")).unwrap(),
        number,
        at: at(0),
        decision: Decision::Granted,
        category: category("news"),
        channels: vec![Channel::Email],
        policy_version: Some("3".into()),
        commitment: personal.commitment(),
        personal: Some(personal),
        previous,
        hash: EntryHash::default(),
    };
    entry.hash = entry_hash(&entry);
    entry
}

/// Counts what was made in its first state.
pub(crate) fn count(changes: &mut Changes) {
    let mut books = Books::default();
    let mut add = |project: &ProjectId, made_at, term: Term| {
        for term in [Term::Made(term.ledger()), term] {
            let key = BookKey { project: project.clone(), day: utc_day(made_at), term };
            *books.0.entry(key).or_default() += 1;
        }
    };
    for row in &changes.events_new {
        add(&row.project, row.accepted_at, Term::Event(row.state));
    }
    for row in &changes.notifications_new {
        add(&row.person.project, row.created_at, Term::Notification(row.state));
        if let Some(inapp) = row.inapp {
            add(&row.person.project, inapp.made_at, Term::Delivery(inapp.state));
        }
    }
    for row in &changes.deliveries_new {
        add(&row.person.project, row.made_at, Term::Delivery(row.state));
    }
    changes.books = books;
}

pub(crate) fn project_row(id: &str) -> ProjectRow {
    ProjectRow {
        id: project(id),
        name: id.into(),
        configuration: 0,
        stop: StopSwitch::default(),
        created_at: at(0),
    }
}

pub(crate) fn stop() -> StopSwitch {
    StopSwitch { project: false, rules: [rule("r")].into() }
}
