//! One project on a store, a clock that is moved by hand, and short words for what tests do and ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tidings_core::act::{
    Act, Answer, ConsentRequest, DeviceGreeting, EventAnswer, PreferenceChange, RecipientChange, Refusal,
    SendTo, Unit,
};
use tidings_core::configuration::{Bundle, Configuration, check};
use tidings_core::delivery::{Handover, Outcome};
use tidings_core::flows::{Configurations, Node, commit_together};
use tidings_core::model::{
    DirectSend, Entry, EntryHash, EventBody, Lane, Notification, PersonKey, SendContent, StopSwitch,
};
use tidings_core::ports::{
    BookReader, ConfigurationRow, ConsentReader, DueHandover, DueReader, HandoverReader, InboxReader,
    Insight, NotificationFilter, ProjectRow, Registry, Store, StoryReader,
};
use tidings_protocol::item::ContentItem;
use tidings_protocol::operation::Operation;
use tidings_protocol::{
    Channel, Decision, DeliveryState, DeviceId, NotificationId, NotificationState, ProjectId, RecipientId,
    StoryKind, Timestamp,
};
use tidings_server::rehearsal::{CountedIds, HandClock};
use tidings_store::{ErasureKey, MemoryStore};

/// Noon of a Monday, in UTC.
pub(crate) const NOON: &str = "2026-11-23T12:00:00Z";

/// Everything that a store is.
pub(crate) trait Everything:
    Store
    + Registry
    + StoryReader
    + DueReader
    + BookReader
    + Insight
    + InboxReader
    + ConsentReader
    + HandoverReader
{
}

impl<T> Everything for T where
    T: Store
        + Registry
        + StoryReader
        + DueReader
        + BookReader
        + Insight
        + InboxReader
        + ConsentReader
        + HandoverReader
{
}

#[derive(Default)]
struct Remembered(Mutex<BTreeMap<(ProjectId, u64), Arc<Configuration>>>);

impl Configurations for Remembered {
    fn get(&self, project: &ProjectId, version: u64) -> Option<Arc<Configuration>> {
        self.0.lock().unwrap().get(&(project.clone(), version)).cloned()
    }

    fn put(&self, project: &ProjectId, version: u64, configuration: Arc<Configuration>) {
        self.0.lock().unwrap().insert((project.clone(), version), configuration);
    }
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) store: Arc<dyn Everything>,
    pub(crate) clock: Arc<HandClock>,
    node: Node,
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn project() -> ProjectId {
    ProjectId::new("shop").unwrap()
}

pub(crate) fn person(recipient: &str) -> PersonKey {
    PersonKey { project: project(), recipient: recipient.parse().unwrap() }
}

/// A fact about somebody.
pub(crate) fn fact(event_type: &str, recipient: Option<&str>, data: Value, time: Timestamp) -> EventBody {
    let digest = Sha256::digest(format!("{event_type} {recipient:?} {data}"));
    EventBody {
        source: None,
        external_id: None,
        event_type: event_type.into(),
        recipient: recipient.map(|recipient| recipient.parse().unwrap()),
        time,
        data,
        extensions: json!({}),
        digest: EntryHash(digest.into()),
        send: None,
    }
}

/// A direct send in these words.
pub(crate) fn words(category: &str) -> DirectSend {
    let content = ContentItem { title: "Hello".into(), ..ContentItem::default() };
    DirectSend {
        category: category.parse().unwrap(),
        content: SendContent::Literal(Arc::new(content)),
        priority: None,
        collapse: None,
        expires_at: None,
        deliver: None,
        not_before: None,
    }
}

impl Scene {
    /// A scene in memory, at noon of a Monday.
    pub(crate) async fn new(document: &str) -> Self {
        Self::from(document, NOON).await
    }

    /// A scene in memory at an instant.
    pub(crate) async fn from(document: &str, at: &str) -> Self {
        Self::on(Arc::new(MemoryStore::new(ErasureKey::new([0; 32]))), document, at).await
    }

    /// A scene on a store that has no project yet.
    pub(crate) async fn on<S: Everything + 'static>(store: Arc<S>, document: &str, at: &str) -> Self {
        Self::on_any(store, document, at).await
    }

    /// The same on a store of any kind.
    pub(crate) async fn on_any(store: Arc<dyn Everything>, document: &str, at: &str) -> Self {
        let clock = Arc::new(HandClock::new(instant(at)));
        let node = Node {
            store: store.clone() as Arc<dyn Store>,
            registry: store.clone() as Arc<dyn Registry>,
            configurations: Arc::new(Remembered::default()),
            clock: clock.clone(),
            ids: Arc::new(CountedIds::default()),
        };
        let scene = Self { store, clock, node };
        scene.stop(StopSwitch::default()).await;
        scene.apply(document).await;
        scene
    }

    /// Another node on the same store: it remembers nothing.
    pub(crate) fn another_node(&self) -> Self {
        let node = Node { configurations: Arc::new(Remembered::default()), ..self.node.clone() };
        Self { node, ..self.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    pub(crate) async fn apply(&self, document: &str) {
        let live = self.store.configurations(&project(), None, 1).await.unwrap();
        let version = live.first().map_or(0, |row| row.version) + 1;
        let bundle = Bundle::from_body(document);
        let checked = check(&bundle.document, &bundle, version)
            .unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{document}"));
        let row = ConfigurationRow {
            project: project(),
            version,
            bundle: bundle.to_text().into(),
            digest: checked.digest.as_str().into(),
            applied_at: self.now(),
            applied_by: "scene".into(),
        };
        self.store.apply(&row, "shop", None).await.unwrap();
    }

    pub(crate) async fn stop(&self, stop: StopSwitch) {
        let known = self.store.projects().await.unwrap();
        let configuration = known.first().map_or(0, |row| row.configuration);
        let created_at = self.now();
        let row = ProjectRow { id: project(), name: "shop".into(), configuration, stop, created_at };
        self.store.put_project(&row).await.unwrap();
    }

    /// Acts that arrive together.
    pub(crate) async fn together(&self, acts: Vec<Act>, sandbox: bool) -> Vec<Result<Answer, Refusal>> {
        let unit = |act| Unit { project: project(), sandbox, repeat: None, act };
        let (settled, _) = commit_together(&self.node, acts.into_iter().map(unit).collect()).await;
        settled.into_iter().map(|settled| settled.answer).collect()
    }

    pub(crate) async fn act(&self, act: Act) -> Answer {
        self.together(vec![act], false).await.remove(0).unwrap()
    }

    /// States a fact; answers what was made.
    pub(crate) async fn event(&self, event_type: &str, recipient: &str, data: Value) -> Vec<NotificationId> {
        let body = fact(event_type, Some(recipient), data, self.now());
        self.made(Act::accept(vec![body]), false).await
    }

    /// States `e`, of which rule `r` makes one notification, named `n`.
    pub(crate) async fn e(&self, recipient: &str, n: impl Into<Value>) -> NotificationId {
        let made = self.event("e", recipient, json!({"n": n.into()})).await;
        assert_eq!(made.len(), 1, "the rule makes one");
        made[0].clone()
    }

    pub(crate) async fn made(&self, act: Act, sandbox: bool) -> Vec<NotificationId> {
        match self.together(vec![act], sandbox).await.remove(0).unwrap() {
            Answer::Events(answers) => match answers.into_iter().next().unwrap() {
                EventAnswer::Accepted { notifications, .. } => {
                    notifications.into_iter().map(|made| made.id).collect()
                }
                other => panic!("{other:?}"),
            },
            Answer::Sent { notifications, .. } => notifications.into_iter().map(|made| made.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sending(&self, send: DirectSend, to: SendTo) -> Act {
        let body = fact("tidings.send", None, json!({}), self.now());
        Act::Send { body: Box::new(EventBody { send: Some(send), ..body }), to }
    }

    pub(crate) async fn send(&self, recipient: &str, send: DirectSend) -> NotificationId {
        let to = SendTo::Recipients(vec![recipient.parse().unwrap()]);
        self.made(self.sending(send, to), false).await.remove(0)
    }

    /// Lets time pass, and does all work at its own instant.
    pub(crate) async fn until(&self, until: impl AsRef<str>) {
        self.run(instant(until.as_ref())).await;
    }

    pub(crate) async fn minutes(&self, minutes: i64) {
        self.run(self.now().plus_millis(minutes * 60_000)).await;
    }

    pub(crate) async fn run(&self, until: Timestamp) {
        for _ in 0..20_000 {
            match self.store.next_due().await.unwrap().filter(|next| *next <= until) {
                None => {
                    self.clock.move_to(until);
                    self.balanced().await;
                    return;
                }
                Some(next) => {
                    self.clock.move_to(next);
                    self.work().await;
                }
            }
        }
        panic!("work begets work without end at {}", self.now());
    }

    /// What is due at this instant, as the dispatch does it.
    pub(crate) async fn work(&self) {
        let mut acts = Vec::new();
        for lane in [Lane::Release, Lane::Step, Lane::FanOut] {
            let due = self.store.due(lane, self.now(), 500, 500).await.unwrap();
            acts.extend(due.into_iter().map(Act::Advance));
        }
        let expired = self.store.expired(self.now(), 500).await.unwrap();
        acts.extend(expired.into_iter().map(|(person, id)| Act::Expire(person, id)));
        for act in acts {
            self.act(act).await;
        }
    }

    /// What is due at this instant and waits for a provider.
    pub(crate) async fn due_for(&self, provider: &str) -> Vec<DueHandover> {
        let mut due = Vec::new();
        for lane in self.store.handover_lanes().await.unwrap() {
            if &*lane.provider == provider {
                due.extend(self.store.due_handovers(&lane, self.now(), 500).await.unwrap());
            }
        }
        due
    }

    /// Claims every delivery that is due at this instant, as a node does.
    pub(crate) async fn claim(&self) -> Vec<Handover> {
        let mut claimed = Vec::new();
        for lane in self.store.handover_lanes().await.unwrap() {
            let due = self.store.due_handovers(&lane, self.now(), 500).await.unwrap();
            for DueHandover { delivery, .. } in due {
                let act = Act::HandOver {
                    delivery,
                    owner: 7,
                    present_until: None,
                    rests_until: None,
                    address_rests_until: None,
                };
                let Answer::Handover(handover) = self.act(act).await else { panic!("it is no hand-over") };
                claimed.extend(handover.map(|handover| *handover));
            }
        }
        claimed
    }

    /// Tells what an attempt came to; answers where the delivery stands.
    pub(crate) async fn conclude(&self, handover: &Handover, outcome: Outcome) -> DeliveryState {
        let (delivery, attempt) = (handover.delivery.clone(), handover.attempt);
        match self.act(Act::Conclude { delivery, attempt, outcome }).await {
            Answer::Delivery { state, .. } => state,
            other => panic!("{other:?}"),
        }
    }

    /// The books balance with a recount, each equation holds, and nothing is stuck.
    pub(crate) async fn balanced(&self) {
        for row in self.store.books(&project()).await.unwrap() {
            assert_eq!(row.counted, row.recounted, "{:?} at {}", row.key, self.now());
            assert!(row.counted >= 0, "{:?}", row.key);
        }
        let stuck = self.store.stuck(&project(), self.now(), 5).await.unwrap();
        if let Some(id) = stuck.first() {
            panic!("{id} is stuck in {:?}:\n{}", self.state(id).await, self.told(id).await.join("\n"));
        }
    }

    pub(crate) async fn all(&self) -> Vec<Notification> {
        let filter = NotificationFilter { limit: 1_000_000, ..NotificationFilter::default() };
        let mut rows = self.store.notifications(&project(), &filter).await.unwrap();
        rows.reverse();
        rows
    }

    /// How many notifications stand in a state.
    pub(crate) async fn count(&self, state: NotificationState) -> usize {
        self.all().await.iter().filter(|row| row.state == state).count()
    }

    pub(crate) async fn row(&self, id: &NotificationId) -> Notification {
        self.store.story(&project(), id).await.unwrap().unwrap().0
    }

    pub(crate) async fn story(&self, id: &NotificationId) -> Vec<Entry> {
        self.store.story(&project(), id).await.unwrap().unwrap().1
    }

    /// State and reason, as `suppressed cap`; `active -` without a reason.
    pub(crate) async fn state(&self, id: &NotificationId) -> String {
        let row = self.row(id).await;
        let reason = row.stopped.as_ref().map_or("-", |stopped| stopped.reason.as_str());
        format!("{} {reason}", row.state.as_str())
    }

    /// The story in short: each line as `gate verdict reason`, or `kind reason state`, with its channel.
    pub(crate) async fn told(&self, id: &NotificationId) -> Vec<String> {
        let line = |entry: Entry| {
            let place = entry.gate.map_or(entry.kind.as_str(), tidings_protocol::Gate::as_str);
            let said = entry.verdict.map(tidings_protocol::Verdict::as_str);
            let reason = entry.reason.map(tidings_protocol::Reason::as_str);
            let channel = entry.channel.map(Channel::as_str);
            let parts = [Some(place), said, reason, entry.state, channel];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        self.story(id).await.into_iter().map(line).collect()
    }

    /// Asserts state, reason, and that the story says the line.
    pub(crate) async fn stands(&self, id: &NotificationId, state: &str, line: &str) {
        let told = self.told(id).await;
        assert_eq!(self.state(id).await, state, "{told:#?}");
        let stopped = self.row(id).await.stopped;
        assert!(stopped.is_none_or(|stopped| stopped.by().is_some()), "something stopped it");
        assert!(told.iter().any(|entry| entry == line), "{line:?} is not in {told:#?}");
        self.balanced().await;
    }

    /// Asserts until when it is held.
    pub(crate) async fn held_until(&self, id: &NotificationId, due: &str) {
        let row = self.row(id).await;
        assert_eq!((row.state, row.due), (NotificationState::Held, Some(instant(due))), "{row:?}");
        self.balanced().await;
    }

    /// When it was placed in the inbox.
    pub(crate) async fn placed_at(&self, id: &NotificationId) -> Option<Timestamp> {
        let placed = |entry: &Entry| {
            entry.kind == StoryKind::Outcome && entry.state == Some(DeliveryState::Placed.as_str())
        };
        self.story(id).await.iter().find(|entry| placed(entry)).map(|entry| entry.at)
    }

    pub(crate) async fn title(&self, id: &NotificationId) -> String {
        self.row(id).await.content.map(|content| content.title.clone()).unwrap_or_default()
    }

    pub(crate) async fn zone(&self, recipient: &str, zone: &str) {
        let change = RecipientChange {
            recipient: Some(recipient.parse().unwrap()),
            replace: true,
            time_zone: Some(Some(zone.into())),
            ..RecipientChange::default()
        };
        self.act(Act::PutRecipient(Box::new(change))).await;
    }

    pub(crate) fn deciding(recipient: &str, category: &str, channels: &[Channel], decision: Decision) -> Act {
        Act::DecideConsent(Box::new(ConsentRequest {
            recipient: recipient.parse().unwrap(),
            decision,
            category: category.parse().unwrap(),
            channels: channels.to_vec(),
            policy_version: None,
            text_shown: Some("May we?".into()),
            collected: None,
        }))
    }

    pub(crate) async fn consent(&self, who: &str, category: &str, channels: &[Channel], decision: Decision) {
        self.act(Self::deciding(who, category, channels, decision)).await;
    }

    pub(crate) async fn choose(&self, who: &str, category: &str, channel: Channel, chosen: bool) {
        let mut change = Self::change(who);
        change.choices.insert((category.parse().unwrap(), channel), chosen);
        self.act(Act::PutPreferences(Box::new(change))).await;
    }

    pub(crate) fn change(who: &str) -> PreferenceChange {
        PreferenceChange { recipient: Some(who.parse().unwrap()), ..PreferenceChange::default() }
    }

    pub(crate) async fn pause(&self, who: &str, until: Option<&str>) {
        let paused_until = Some(until.map(instant));
        let change = PreferenceChange { paused_until, ..Self::change(who) };
        self.act(Act::PutPreferences(Box::new(change))).await;
    }

    pub(crate) async fn quiet(&self, who: &str, item: Value) {
        let quiet_hours = Some(serde_json::from_value(item).unwrap());
        let change = PreferenceChange { quiet_hours, ..Self::change(who) };
        self.act(Act::PutPreferences(Box::new(change))).await;
    }

    pub(crate) fn joining(who: &str, topic: &str, member: bool) -> Act {
        Act::PutMembership { recipient: who.parse().unwrap(), topic: topic.parse().unwrap(), member }
    }

    pub(crate) async fn greet(&self, who: &str) {
        let greeting = DeviceGreeting {
            id: DeviceId::new("phone").unwrap(),
            platform: "test".into(),
            nonce: Box::default(),
            understands: Vec::new(),
            cursor: None,
        };
        let recipient: RecipientId = who.parse().unwrap();
        self.act(Act::Greet { recipient, device: Box::new(greeting), token_issued_at: self.now() }).await;
    }

    /// An operation of the recipient's device.
    pub(crate) async fn operate(&self, who: &str, mut operation: Value) {
        self.greet(who).await;
        operation["id"] = json!(format!("op-{}", self.node.ids.next(self.now())));
        let operation = Operation::read(operation).unwrap();
        let act = Act::Operate {
            recipient: who.parse().unwrap(),
            device: DeviceId::new("phone").unwrap(),
            sent: None,
            operations: vec![Ok(operation)],
        };
        match self.act(act).await {
            Answer::Operated(answered) => assert!(answered.refused.is_empty(), "{answered:?}"),
            other => panic!("{other:?}"),
        }
    }

    /// Everything in the inbox is on the recipient's device.
    pub(crate) async fn receive(&self, who: &str) {
        self.greet(who).await;
        let page = self.store.page(&person(who), None, 1).await.unwrap();
        let inbox = page.person.inbox.unwrap();
        self.operate(who, json!({"op": "held", "cursor": inbox.cursor(inbox.seq)})).await;
    }

    pub(crate) async fn receipt(&self, who: &str, id: &NotificationId, receipt: &str) {
        let operation = json!({"op": "receipt", "notification": id, "receipt": receipt});
        self.operate(who, operation).await;
    }

    /// Addresses of a recipient on a channel.
    pub(crate) async fn address(&self, who: &str, channel: Channel, address: &str) {
        let (recipient, address) = (who.parse().unwrap(), Some((address.into(), true)));
        self.act(Act::PutEndpoint { recipient, channel, address }).await;
    }
}
