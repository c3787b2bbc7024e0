//! One node's view of the one store: every port call is a switch point and may fail, and every transaction that takes
//! effect is told to the oracle. The operator's side (documents, stop switch, stop list) stands here too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use async_trait::async_trait;
use tidings_core::configuration::{Bundle, Configuration, check};
use tidings_core::flows::Configurations;
use tidings_core::model::{Changes, ProjectState, StopSwitch, StoredAnswer};
use tidings_core::ports::{
    BatchId, Clock, CommitError, ConfigurationRow, Found, Ids, KeyRow, Need, ProjectRow, Registry, SecretRow,
    StopEntry, Store, StoreError, Transaction,
};
use tidings_protocol::{ProjectId, Timestamp};
use tidings_store::{Fault, Faults, MemoryStore, PortCall};

use crate::documents;
use crate::world::{Commit, Standing, World};

/// Faults of one node.
pub(crate) struct NodeFaults(pub(crate) World);

#[async_trait]
impl Faults for NodeFaults {
    async fn at(&self, call: PortCall) -> Fault {
        self.0.switch().await;
        match call {
            PortCall::Commit if self.0.fault("commit fails", 25) => Fault::Fail,
            PortCall::Commit if self.0.fault("commit answer lost", 25) => Fault::AnswerLost,
            PortCall::Commit if self.0.fault("disk full", 5) => Fault::Full,
            PortCall::Commit => Fault::None,
            PortCall::Begin | PortCall::Read | PortCall::Write | PortCall::Committed
                if self.0.fault("store unavailable", 4) =>
            {
                Fault::Fail
            }
            PortCall::Inbox | PortCall::Due if self.0.fault("read fails", 10) => Fault::Fail,
            PortCall::Begin
            | PortCall::Read
            | PortCall::Write
            | PortCall::Committed
            | PortCall::Inbox
            | PortCall::Story
            | PortCall::Consent
            | PortCall::Due
            | PortCall::Books
            | PortCall::Registry
            | PortCall::SignIn => Fault::None,
        }
    }
}

/// A node's store, as the oracle sees it too.
pub(crate) struct Observed {
    pub(crate) inner: MemoryStore,
    pub(crate) operator: Operator,
    pub(crate) world: World,
    pub(crate) node: usize,
}

struct ObservedTransaction {
    inner: Box<dyn Transaction>,
    operator: Operator,
    world: World,
    node: usize,
    written: Vec<Changes>,
}

#[async_trait]
impl Store for Observed {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.inner.begin().await?;
        Ok(Box::new(ObservedTransaction {
            inner,
            operator: self.operator.clone(),
            world: self.world.clone(),
            node: self.node,
            written: Vec::new(),
        }))
    }

    async fn committed(&self, batch: BatchId) -> Result<bool, StoreError> {
        self.inner.committed(batch).await
    }
}

#[async_trait]
impl Transaction for ObservedTransaction {
    async fn read(&mut self, needs: &[Need]) -> Result<Found, StoreError> {
        let mut found = self.inner.read(needs).await?;
        let projects =
            needs.iter().filter_map(|need| if let Need::Project(id) = need { Some(id) } else { None });
        found.projects = projects.filter_map(|id| self.operator.state(id)).collect();
        let inside = self.operator.inside();
        for endpoint in found.people.iter_mut().flat_map(|person| &mut person.endpoints) {
            endpoint.stopped = inside.stopped_addresses.contains(&endpoint.address);
        }
        drop(inside);
        Ok(found)
    }

    async fn write(&mut self, batch: BatchId, changes: &Changes) -> Result<(), StoreError> {
        self.inner.write(batch, changes).await?;
        self.written.push(changes.clone());
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), CommitError> {
        let Self { inner, world, node, written, operator } = *self;
        // The turn is given back with the commit: what the operator had set up is asked for before.
        let standing = operator.standing();
        let answer = inner.commit().await;
        if matches!(answer, Ok(()) | Err(CommitError::Unknown)) {
            let commits =
                written.into_iter().map(|changes| Commit { node, changes, standing: standing.clone() });
            world.inside().committed.extend(commits);
        }
        answer
    }
}

/// What the operator set up. It changes only while nobody has the turn to write.
#[derive(Clone)]
pub struct Operator(Arc<Mutex<Setup>>);

/// The inside of the operator.
pub(crate) struct Setup {
    pub(crate) project: ProjectId,
    pub(crate) live: u64,
    pub(crate) stop: StopSwitch,
    pub(crate) stopped_addresses: BTreeSet<Box<str>>,
    compiled: BTreeMap<u64, Arc<Configuration>>,
}

impl Operator {
    /// A project with the simulation's documents as its versions, the first of which is live.
    #[must_use]
    pub fn shared(project: ProjectId) -> Self {
        static COMPILED: OnceLock<BTreeMap<u64, Arc<Configuration>>> = OnceLock::new();
        let compiled = COMPILED.get_or_init(|| {
            let documents = [(1, documents::FIRST.to_owned()), (2, documents::second())];
            documents.into_iter().map(|(version, text)| (version, compile(&text, version))).collect()
        });
        Self(Arc::new(Mutex::new(Setup {
            project,
            live: 1,
            stop: StopSwitch::default(),
            stopped_addresses: BTreeSet::new(),
            compiled: compiled.clone(),
        })))
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Setup> {
        self.0.lock().expect("nothing panics while it looks at the setup")
    }

    fn state(&self, project: &ProjectId) -> Option<ProjectState> {
        let setup = self.inside();
        (setup.project == *project).then(|| ProjectState {
            id: project.clone(),
            name: "simulated".into(),
            configuration: setup.live,
            stop: setup.stop.clone(),
        })
    }

    /// What stands at this instant.
    pub(crate) fn standing(&self) -> Standing {
        let setup = self.inside();
        Standing { live: setup.live, stopped_addresses: setup.stopped_addresses.clone() }
    }

    /// The live configuration.
    #[must_use]
    pub fn live(&self) -> Arc<Configuration> {
        let setup = self.inside();
        Arc::clone(&setup.compiled[&setup.live])
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operator")
    }
}

impl Configurations for Operator {
    fn get(&self, _project: &ProjectId, version: u64) -> Option<Arc<Configuration>> {
        self.inside().compiled.get(&version).cloned()
    }

    fn put(&self, _project: &ProjectId, _version: u64, _configuration: Arc<Configuration>) {}
}

fn compile(document: &str, version: u64) -> Arc<Configuration> {
    let checked = check(document, &Bundle::default(), version);
    Arc::new(checked.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(document))))
}

fn not_simulated<T>() -> Result<T, StoreError> {
    Err(StoreError::Damaged { detail: "this is not part of the simulation".to_owned() })
}

/// Documents are remembered from the start, so no flow asks the registry for anything.
#[async_trait]
impl Registry for Operator {
    async fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        not_simulated()
    }
    async fn put_project(&self, _project: &ProjectRow) -> Result<(), StoreError> {
        not_simulated()
    }
    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        not_simulated()
    }
    async fn put_key(&self, _key: &KeyRow, _: Option<&StoredAnswer>) -> Result<(), StoreError> {
        not_simulated()
    }
    async fn configuration(&self, _: &ProjectId, _: u64) -> Result<Option<ConfigurationRow>, StoreError> {
        not_simulated()
    }
    async fn configurations(
        &self,
        _: &ProjectId,
        _: Option<u64>,
        _: usize,
    ) -> Result<Vec<ConfigurationRow>, StoreError> {
        not_simulated()
    }
    async fn apply(&self, _: &ConfigurationRow, _: &str, _: Option<&StoredAnswer>) -> Result<(), StoreError> {
        not_simulated()
    }
    async fn secret(&self, _: &ProjectId, _: &str) -> Result<Option<SecretRow>, StoreError> {
        not_simulated()
    }
    async fn put_secret(&self, _: &SecretRow) -> Result<(), StoreError> {
        not_simulated()
    }
    async fn stop_list(
        &self,
        _: &ProjectId,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<StopEntry>, StoreError> {
        not_simulated()
    }
    async fn put_stop_entry(
        &self,
        _: &StopEntry,
        _: bool,
        _: Option<&StoredAnswer>,
    ) -> Result<Option<StopEntry>, StoreError> {
        not_simulated()
    }
}

/// A node's anchored clock: true time with an error that may change, and never backwards.
#[derive(Debug)]
pub(crate) struct NodeClock {
    pub(crate) world: World,
    pub(crate) error_ms: AtomicI64,
    last: AtomicI64,
}

impl NodeClock {
    pub(crate) const fn new(world: World) -> Self {
        Self { world, error_ms: AtomicI64::new(0), last: AtomicI64::new(i64::MIN) }
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let says = self.world.now() + self.error_ms.load(Ordering::Relaxed);
        let last = self.last.fetch_max(says, Ordering::Relaxed);
        Timestamp::from_millis(says.max(last))
    }
}

/// Ids from the run's chance.
#[derive(Debug)]
pub(crate) struct SeededIds(pub(crate) World);

impl Ids for SeededIds {
    fn next(&self, now: Timestamp) -> u128 {
        let random = self.0.inside().chance.long() >> 48;
        let millis = u128::from(now.as_millis().unsigned_abs()) << 80;
        let high = millis | (7 << 76) | ((random >> 8) & (0xfff << 64));
        high | (0b10 << 62) | (random & ((1 << 62) - 1))
    }

    fn random(&self) -> u128 {
        self.0.inside().chance.long()
    }
}
