//! A store of a few lines for the tests of acts: it answers needs, keeps what is written, and recounts the books.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tidings_protocol::item::{ActionItem, ContentItem};
use tidings_protocol::operation::{Answered, Operation};
use tidings_protocol::{
    DeliveryState, DeviceId, EventId, NotificationId, NotificationState, ProjectId, RecipientId, Timestamp,
};

use crate::act::{Act, AfterCommit, Answer, DeviceGreeting, Refusal, SendTo, Unit};
use crate::configuration::{Bundle, Configuration, check};
use crate::model::{
    Books, Changes, Delivery, DirectSend, DueKey, DueRow, Entry, EntryHash, Event, EventBody, FeedEntry,
    Notification, OpenDigest, OperationRow, Person, PersonKey, ProjectState, ReceiptRow, SendContent,
    StopSwitch, Term,
};
use crate::ports::{Found, Ids, Need};
use crate::work::{Live, Work};

const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: UTC, currency: EUR, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: "What we send you and why"}}
quiet_hours: {default: "22:00-08:00", pass: [urgent]}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  alarms: {name: {en: Alarms}, legal: essential, priority: urgent, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: low, channels: [inapp, email]}
"#;

/// Noon of a Monday in UTC.
pub(super) const NOON: i64 = 1_795_435_200_000;
pub(super) const HOUR: i64 = 3_600_000;

/// Numbers in order; chance is no chance here.
#[derive(Debug, Default)]
pub(super) struct Numbers(AtomicU64);

impl Numbers {
    fn number(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Ids for Numbers {
    fn next(&self, now: Timestamp) -> u128 {
        (u128::from(now.as_millis().unsigned_abs()) << 80) | u128::from(self.number())
    }

    fn random(&self) -> u128 {
        u128::from(self.number()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

/// One project, its recipients and a clock that is moved by hand.
pub(super) struct World {
    pub(super) now: Timestamp,
    ids: Numbers,
    configuration: Arc<Configuration>,
    pub(super) people: BTreeMap<PersonKey, Person>,
    pub(super) notifications: BTreeMap<NotificationId, Notification>,
    pub(super) deliveries: BTreeMap<Box<str>, Delivery>,
    pub(super) stories: BTreeMap<NotificationId, Vec<Entry>>,
    pub(super) feed: Vec<FeedEntry>,
    pub(super) receipts: Vec<ReceiptRow>,
    pub(super) due: BTreeMap<DueKey, DueRow>,
    events: BTreeMap<EventId, Event>,
    digests: Vec<OpenDigest>,
    operations: Vec<OperationRow>,
    pub(super) books: Books,
    /// What the last act wrote and told.
    pub(super) written: Changes,
    pub(super) after: AfterCommit,
    /// What it read for it.
    pub(super) read: Vec<Need>,
}

pub(super) fn project() -> ProjectId {
    ProjectId::new("shop").unwrap()
}

pub(super) fn person(recipient: &str) -> PersonKey {
    PersonKey { project: project(), recipient: RecipientId::new(recipient).unwrap() }
}

fn device_id(device: &str) -> DeviceId {
    DeviceId::new(device).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(DOCUMENT)
    }

    /// A project whose document differs in one place.
    pub(super) fn where_instead(of: &str, is: &str) -> Self {
        assert!(DOCUMENT.contains(of));
        Self::with(&DOCUMENT.replace(of, is))
    }

    fn with(document: &str) -> Self {
        let configuration =
            check(document, &Bundle::default(), 1).expect("the document of the tests is right");
        Self {
            now: Timestamp::from_millis(NOON),
            ids: Numbers::default(),
            configuration: Arc::new(configuration),
            people: BTreeMap::new(),
            notifications: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            stories: BTreeMap::new(),
            feed: Vec::new(),
            receipts: Vec::new(),
            due: BTreeMap::new(),
            events: BTreeMap::new(),
            digests: Vec::new(),
            operations: Vec::new(),
            books: Books::default(),
            written: Changes::default(),
            after: AfterCommit::default(),
            read: Vec::new(),
        }
    }

    pub(super) fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Reads, decides and writes one act.
    pub(super) fn act(&mut self, act: Act) -> Result<Answer, Refusal> {
        self.acts(vec![act]).remove(0)
    }

    /// Acts that arrive together.
    pub(super) fn acts(&mut self, acts: Vec<Act>) -> Vec<Result<Answer, Refusal>> {
        let units: Vec<Unit> = acts
            .into_iter()
            .map(|act| Unit { project: project(), sandbox: false, repeat: None, act })
            .collect();
        let ids = std::mem::take(&mut self.ids);
        let mut work = self.work(&ids);
        let mut units: Vec<_> = units.iter().map(super::Prepared::new).collect();
        let mut read = Vec::new();
        for round in 0.. {
            let asked = units.iter_mut().flat_map(|unit| super::needs(unit, &work));
            let asked: Vec<Need> = asked.chain(work.strangers()).collect();
            let needs: Vec<Need> = work.missing(asked).into_iter().collect();
            if needs.is_empty() {
                break;
            }
            assert!(round < 8, "needs without end: {needs:?}");
            let found = self.find(&needs);
            read.extend(needs.iter().cloned());
            work.absorb(needs, found);
        }
        self.read = read;
        let whole = |unit: &mut super::Prepared<'_>, work: &mut Work<'_>| loop {
            if let Some(answer) = super::decide_part(unit, work).transpose() {
                return answer;
            }
        };
        let answers = units.iter_mut().map(|unit| whole(unit, &mut work)).collect();
        let (changes, after) = work.finish();
        self.ids = ids;
        self.apply(changes, after);
        self.recount();
        answers
    }

    /// A working copy that knows the project and nothing else.
    pub(super) fn work<'n>(&self, ids: &'n Numbers) -> Work<'n> {
        let mut work = Work::new(self.now, ids);
        let state = ProjectState {
            id: project(),
            name: "shop".into(),
            configuration: 1,
            stop: StopSwitch::default(),
        };
        work.absorb_live(Live { state, configuration: Arc::clone(&self.configuration) });
        work
    }

    fn find(&self, needs: &[Need]) -> Found {
        let mut found = Found::default();
        for need in needs {
            self.find_one(need, &mut found);
        }
        found
    }

    fn find_one(&self, need: &Need, found: &mut Found) {
        let mut rows = |wanted: &dyn Fn(&Notification) -> bool| {
            found.notifications.extend(self.notifications.values().filter(|row| wanted(row)).cloned());
        };
        let on_way = |d: &Delivery| matches!(d.state, DeliveryState::Waiting | DeliveryState::HandingOver);
        match need {
            Need::Person(key) => found
                .people
                .push(self.people.get(key).cloned().unwrap_or_else(|| Person::unknown(key.clone()))),
            Need::Event(id) => found.events.extend(self.events.get(id).cloned()),
            Need::Notification(_, id) => rows(&|row| row.id == *id),
            Need::Pending(key) => rows(&|row| row.person == *key && row.is_pending()),
            Need::Placed { person, after, upto } => rows(&|row| {
                let placed = row.inapp.is_some_and(|i| i.state == DeliveryState::Placed);
                row.person == *person
                    && placed
                    && row.created_seq.is_some_and(|seq| seq > *after && seq <= *upto)
            }),
            Need::Chain(_, root) => rows(&|row| row.id == *root || row.chain.as_ref() == Some(root)),
            Need::Everything(key) => {
                rows(&|row| row.person == *key);
                found.deliveries.extend(self.deliveries.values().filter(|d| d.person == *key).cloned());
            }
            Need::Delivery(_, id) => found.deliveries.extend(self.deliveries.get(id).cloned()),
            Need::Deliveries(id) => found
                .deliveries
                .extend(self.deliveries.values().filter(|d| d.notification == *id && on_way(d)).cloned()),
            Need::AllDeliveries(id) => {
                found.deliveries.extend(self.deliveries.values().filter(|d| d.notification == *id).cloned())
            }
            Need::PendingDeliveries(key) => {
                found
                    .deliveries
                    .extend(self.deliveries.values().filter(|d| d.person == *key && on_way(d)).cloned());
            }
            Need::Operation(key, device, id) => {
                let same =
                    |row: &&OperationRow| row.person == *key && row.device == *device && row.operation == *id;
                found.operations.extend(self.operations.iter().filter(same).cloned());
            }
            Need::AddressOwners(_, channel, address) => {
                let has =
                    |p: &&Person| p.endpoints.iter().any(|e| e.channel == *channel && e.address == *address);
                let owners = self.people.values().filter(has);
                found.owners.extend(owners.map(|p| (*channel, address.clone(), p.key.clone())));
            }
            Need::Convertible(asked) => rows(&|row| asked.is_met_by(row)),
            Need::Due(_, key) => found.due.extend(self.due.get(key).cloned()),
            Need::Digest(key, scope, value) => {
                let same = |d: &&OpenDigest| d.person == *key && d.scope == *scope && d.key == *value;
                found.digests.extend(self.digests.iter().filter(same).cloned());
            }
            Need::Project(_)
            | Need::SameEvent { .. }
            | Need::Made(..)
            | Need::Collapse(..)
            | Need::Match { .. }
            | Need::OfEvent(..)
            | Need::DigestMembers(_)
            | Need::DigestById(_)
            | Need::Once(..)
            | Need::History(_)
            | Need::Answer(..)
            | Need::Spending(..)
            | Need::Tallies(..)
            | Need::Wins(_)
            | Need::Members(..)
            | Need::Recipients(..) => {}
        }
    }

    fn apply(&mut self, changes: Changes, after: AfterCommit) {
        for (key, erased) in &changes.erased {
            self.people
                .insert(key.clone(), Person { erased: Some(erased.clone()), ..Person::unknown(key.clone()) });
        }
        let person = |key: &PersonKey| Person::unknown(key.clone());
        for (key, row) in &changes.recipients {
            self.people.entry(key.clone()).or_insert_with(|| person(key)).recipient = Some(row.clone());
        }
        for (key, row) in &changes.inboxes {
            self.people.entry(key.clone()).or_insert_with(|| person(key)).inbox = Some(row.clone());
        }
        self.apply_belongings(&changes);
        for row in changes.notifications_new.iter().chain(&changes.notifications_changed) {
            let mut row = row.clone();
            self.stories.entry(row.id.clone()).or_default().append(&mut row.told);
            self.notifications.insert(row.id.clone(), row);
        }
        for row in changes.deliveries_new.iter().chain(&changes.deliveries_changed) {
            self.deliveries.insert(row.id.clone(), row.clone());
        }
        for row in changes.events_new.iter().chain(&changes.events_changed) {
            self.events.insert(row.id.clone(), row.clone());
        }
        changes.due_cleared.iter().for_each(|(_, key)| drop(self.due.remove(key)));
        changes.due_set.iter().for_each(|row| drop(self.due.insert(row.key.clone(), row.clone())));
        self.feed.extend(changes.feed.iter().cloned());
        self.receipts.extend(changes.receipts.iter().cloned());
        self.operations.extend(changes.operations.iter().cloned());
        self.digests.extend(changes.digests_set.iter().cloned());
        for (key, by) in &changes.books.0 {
            *self.books.0.entry(key.clone()).or_default() += by;
        }
        (self.written, self.after) = (changes, after);
    }

    fn apply_belongings(&mut self, changes: &Changes) {
        let mut of = |key: &PersonKey, change: &dyn Fn(&mut Person)| {
            change(self.people.get_mut(key).expect("only known recipients have belongings"));
        };
        for (key, entry) in &changes.consent_entries {
            of(key, &|p| {
                assert_eq!(p.consents.head.entries + 1, entry.number, "the chain has no gap");
                assert_eq!(p.consents.head.hash, entry.previous, "each entry names the one before");
                p.consents.head.entries = entry.number;
                p.consents.head.hash = entry.hash;
            });
        }
        for (key, category, channel, state) in &changes.consent_states {
            of(key, &|p| drop(p.consents.states.insert((category.clone(), *channel), state.clone())));
        }
        for (key, topic, member) in &changes.memberships {
            of(key, &|p| {
                if *member {
                    p.topics.insert(topic.clone())
                } else {
                    p.topics.remove(topic)
                };
            });
        }
        for (key, channel, address) in &changes.endpoints_removed {
            of(key, &|p| p.endpoints.retain(|e| e.channel != *channel || e.address != *address));
        }
        for (key, endpoint) in &changes.endpoints_set {
            of(key, &|p| {
                p.endpoints.retain(|e| e.channel != endpoint.channel || e.address != endpoint.address);
                p.endpoints.push(endpoint.clone());
            });
        }
        for (key, device) in &changes.devices {
            of(key, &|p| drop(p.devices.insert(device.id.clone(), Arc::new(device.clone()))));
        }
    }

    /// Every term of the books is what the rows say.
    fn recount(&self) {
        let mut rows: BTreeMap<Term, i64> = BTreeMap::new();
        let mut add = |term| *rows.entry(term).or_default() += 1;
        for row in self.notifications.values() {
            add(Term::Notification(row.state));
            row.inapp.iter().for_each(|inapp| add(Term::Delivery(inapp.state)));
        }
        self.deliveries.values().for_each(|row| add(Term::Delivery(row.state)));
        self.events.values().for_each(|row| add(Term::Event(row.state)));
        let mut counted: BTreeMap<Term, i64> = BTreeMap::new();
        for (key, by) in self.books.0.iter().filter(|(key, _)| !matches!(key.term, Term::Made(_))) {
            *counted.entry(key.term).or_default() += by;
        }
        counted.retain(|_, count| *count != 0);
        assert_eq!(counted, rows, "the books are what the rows say");
    }
}

/// The acts that tests say most.
impl World {
    pub(super) fn person(&self, recipient: &str) -> &Person {
        &self.people[&person(recipient)]
    }

    /// The two numbers of an inbox.
    pub(super) fn numbers(&self, recipient: &str) -> (u64, u64) {
        let inbox = self.person(recipient).inbox.as_ref().unwrap();
        (inbox.seq, inbox.version)
    }

    pub(super) fn cursor(&self, recipient: &str, seq: u64) -> String {
        self.person(recipient).inbox.as_ref().unwrap().cursor(seq).as_str().to_owned()
    }

    pub(super) fn row(&self, id: &NotificationId) -> &Notification {
        &self.notifications[id]
    }

    pub(super) fn state(&self, id: &NotificationId) -> NotificationState {
        self.row(id).state
    }

    pub(super) fn fed(&self, kind: crate::model::FeedKind) -> usize {
        self.feed.iter().filter(|entry| entry.kind == kind).count()
    }

    /// A fact about a recipient.
    pub(super) fn fact(event_type: &str, recipient: &str, time: Timestamp, data: Value) -> EventBody {
        EventBody {
            source: None,
            external_id: None,
            event_type: event_type.into(),
            recipient: Some(recipient.parse().unwrap()),
            time,
            data,
            extensions: serde_json::json!({}),
            digest: EntryHash::default(),
            send: None,
        }
    }

    /// A direct send to one recipient, with two actions.
    pub(super) fn send(&mut self, recipient: &str, category: &str) -> NotificationId {
        let action =
            |id: &str, acknowledges| ActionItem { id: id.into(), label: id.into(), link: None, acknowledges };
        let content = ContentItem {
            title: "Hello".into(),
            actions: vec![action("track", false), action("take", true)],
            ..ContentItem::default()
        };
        let send = DirectSend {
            category: category.parse().unwrap(),
            content: SendContent::Literal(Arc::new(content)),
            priority: None,
            collapse: None,
            expires_at: None,
            deliver: None,
            not_before: None,
        };
        let fact = Self::fact("tidings.send", recipient, self.now, Value::Null);
        let body = EventBody { recipient: None, send: Some(send), ..fact };
        let to = SendTo::Recipients(vec![recipient.parse().unwrap()]);
        let answer = self.act(Act::Send { body: Box::new(body), to }).unwrap();
        let Answer::Sent { notifications, .. } = answer else { panic!("not an answer to a send") };
        notifications[0].id.clone()
    }

    pub(super) fn greeting(device: &str, cursor: Option<&str>) -> DeviceGreeting {
        DeviceGreeting {
            id: device.parse().unwrap(),
            platform: "linux".into(),
            nonce: format!("nonce of {device}").into(),
            understands: vec!["notification".into(), "settings".into()],
            cursor: cursor.map(|text| tidings_protocol::Cursor::new(text).unwrap()),
        }
    }

    /// Answers epoch, head and place.
    pub(super) fn greet(
        &mut self,
        recipient: &str,
        greeting: DeviceGreeting,
    ) -> Result<(u32, u64, Option<u64>), Refusal> {
        let (recipient, token_issued_at) = (person(recipient).recipient, self.now);
        let answer = self.act(Act::Greet { recipient, device: Box::new(greeting), token_issued_at })?;
        let Answer::Greeted { epoch, head, place } = answer else { panic!("not an answer to a greeting") };
        Ok((epoch, head, place))
    }

    /// Operations as a device writes them. The session sent everything.
    pub(super) fn operate(&mut self, recipient: &str, device: &str, operations: Value) -> Answered {
        self.operate_after(recipient, device, None, operations).unwrap()
    }

    pub(super) fn operate_after(
        &mut self,
        recipient: &str,
        device: &str,
        sent: Option<u64>,
        operations: Value,
    ) -> Result<Answered, Refusal> {
        let Value::Array(operations) = operations else { panic!("operations are a list") };
        let operations = operations.into_iter().map(Operation::read).collect();
        let (recipient, device) = (person(recipient).recipient, device_id(device));
        let Answer::Operated(answered) = self.act(Act::Operate { recipient, device, sent, operations })?
        else {
            panic!("not an answer to operations")
        };
        Ok(answered)
    }
}
