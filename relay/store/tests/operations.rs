//! A device's day through the flow that commits acts, against the store in memory: hello, operations, erasure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, DeviceGreeting, Refusal, SendTo, Unit};
use tidings_core::configuration::Configuration;
use tidings_core::flows::{Configurations, Node, commit_together};
use tidings_core::model::{DirectSend, EntryHash, EventBody, PersonKey, SendContent, StopSwitch};
use tidings_core::ports::{BookReader, Clock, ConsentReader, Ids, ProjectRow, Registry};
use tidings_protocol::item::ContentItem;
use tidings_protocol::operation::Operation;
use tidings_protocol::{Cursor, DeviceId, ProjectId, RecipientId, Timestamp};
use tidings_store::{ErasureKey, MemoryStore};

struct World {
    node: Node,
    store: MemoryStore,
}

/// A clock that stands, numbers in order, and every configuration that was ever compiled.
#[derive(Default)]
struct Outside {
    numbers: AtomicU64,
    configurations: Mutex<BTreeMap<(ProjectId, u64), Arc<Configuration>>>,
}

impl Clock for Outside {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_435_200_000)
    }
}

impl Ids for Outside {
    fn next(&self, _now: Timestamp) -> u128 {
        u128::from(self.numbers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn random(&self) -> u128 {
        self.next(self.now()) << 96
    }
}

impl Configurations for Outside {
    fn get(&self, project: &ProjectId, version: u64) -> Option<Arc<Configuration>> {
        self.configurations.lock().unwrap().get(&(project.clone(), version)).cloned()
    }

    fn put(&self, project: &ProjectId, version: u64, configuration: Arc<Configuration>) {
        self.configurations.lock().unwrap().insert((project.clone(), version), configuration);
    }
}

/// Nothing here waits for anything but itself.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("somebody else has the turn"),
    }
}

fn project() -> ProjectId {
    ProjectId::new("shop").unwrap()
}

impl World {
    fn new() -> Self {
        let store = MemoryStore::new(ErasureKey::new([7; 32]));
        let outside = Arc::new(Outside::default());
        let row = ProjectRow {
            id: project(),
            name: "shop".into(),
            configuration: 0,
            stop: StopSwitch::default(),
            created_at: outside.now(),
        };
        now(store.put_project(&row)).unwrap();
        let node = Node {
            store: Arc::new(store.clone()),
            registry: Arc::new(store.clone()),
            configurations: Arc::clone(&outside) as Arc<dyn Configurations>,
            clock: Arc::clone(&outside) as Arc<dyn Clock>,
            ids: outside,
        };
        Self { node, store }
    }

    fn act(&self, act: Act) -> Result<Answer, Refusal> {
        let unit = Unit { project: project(), sandbox: false, repeat: None, act };
        now(commit_together(&self.node, vec![unit])).0.remove(0).answer
    }

    fn hello(&self, cursor: Option<Cursor>) -> Result<Answer, Refusal> {
        let device = DeviceGreeting {
            id: phone(),
            platform: "linux".into(),
            nonce: "n".into(),
            understands: Vec::new(),
            cursor,
        };
        let token_issued_at = self.node.clock.now();
        self.act(Act::Greet { recipient: alice().recipient, device: Box::new(device), token_issued_at })
    }

    fn operate(&self, operations: &[Value]) -> (usize, Vec<String>) {
        let operations = operations.iter().cloned().map(Operation::read).collect();
        let device = phone();
        let answer = self.act(Act::Operate { recipient: alice().recipient, device, sent: None, operations });
        let Ok(Answer::Operated(answered)) = answer else { panic!("{answer:?}") };
        (answered.done.len(), answered.refused.into_iter().map(|refused| refused.code).collect())
    }

    fn send(&self) -> String {
        let content = ContentItem { title: "Hello".into(), ..ContentItem::default() };
        let send = DirectSend {
            category: "general".parse().unwrap(),
            content: SendContent::Literal(Arc::new(content)),
            priority: None,
            collapse: None,
            expires_at: None,
            deliver: None,
            not_before: None,
        };
        let body = EventBody {
            source: None,
            external_id: None,
            event_type: "tidings.send".into(),
            recipient: None,
            time: self.node.clock.now(),
            data: Value::Null,
            extensions: json!({}),
            digest: EntryHash::default(),
            send: Some(send),
        };
        let to = SendTo::Recipients(vec![alice().recipient]);
        let answer = self.act(Act::Send { body: Box::new(body), to });
        let Ok(Answer::Sent { notifications, .. }) = answer else { panic!("{answer:?}") };
        notifications[0].id.to_string()
    }

    /// What the counters say of a state of notifications or deliveries.
    fn counted(&self, word: &str) -> i64 {
        let rows = now(self.store.books(&project())).unwrap();
        rows.iter().filter(|row| row.key.term.word() == word).map(|row| row.counted).sum()
    }
}

fn phone() -> DeviceId {
    DeviceId::new("phone").unwrap()
}

fn alice() -> PersonKey {
    PersonKey { project: project(), recipient: RecipientId::new("alice").unwrap() }
}

#[test]
fn a_day_of_a_device_is_kept_and_its_end_leaves_nothing() {
    let world = World::new();
    let Ok(Answer::Greeted { epoch, head: 0, place: None }) = world.hello(None) else { panic!() };
    let id = world.send();
    let held = json!({"id": "a", "op": "held", "cursor": format!("{epoch:x}.1")});
    let read = json!({"id": "b", "op": "receipt", "notification": id, "receipt": "read"});
    let other = json!({"id": "c", "op": "mark", "notification": "unknown", "read": true});
    let off = json!({"id": "d", "op": "preference", "category": "general", "chosen": false});
    let day = [held, read, other, off];
    assert_eq!(world.operate(&day), (3, vec!["not_found".to_owned()]));
    let dump = world.store.dump();
    assert_eq!(world.operate(&day), (3, vec!["not_found".to_owned()]), "the same answer");
    assert_eq!(world.store.dump(), dump, "and no second effect");
    assert_eq!(world.counted("received"), 1);
    let Ok(Answer::Greeted { place, .. }) = world.hello(Some(Cursor::new(format!("{epoch:x}.3")).unwrap()))
    else {
        panic!()
    };
    assert_eq!(place, Some(3));

    let withdrawal = json!({"id": "e", "op": "consent", "category": "general", "channels": ["inapp", "push"],
        "decision": "withdrawn"});
    assert_eq!(world.operate(&[withdrawal]), (1, Vec::new()));
    let entries = now(world.store.person(&alice())).unwrap().consents.head.entries;
    assert_eq!(entries, 1);

    assert!(matches!(world.act(Act::Erase(alice().recipient)), Ok(Answer::Erased(true))));
    let dump = world.store.dump();
    let named: Vec<&str> = dump.lines().filter(|line| line.contains("alice")).collect();
    assert!(matches!(named[..], [line] if line.contains("RecipientErased")), "{named:?}");
    assert_eq!((world.counted("received"), world.counted("reached")), (0, 0));
    assert_eq!(world.hello(None).unwrap_err(), Refusal::AccountErased);
    let operated = world.act(Act::Operate {
        recipient: alice().recipient,
        device: phone(),
        sent: None,
        operations: Vec::new(),
    });
    assert_eq!(operated.unwrap_err(), Refusal::AccountErased);
}
