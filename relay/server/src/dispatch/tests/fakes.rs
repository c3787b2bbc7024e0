//! A store that knows only what is due, and a writer that writes down what it is given.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one variant that it expects")]

use std::collections::BTreeMap;

use tidings_core::act::Act;
use tidings_core::click_rate::{Clicks, Days};
use tidings_core::configuration::{Alert, Alerts, AlertsTo, Configuration};
use tidings_core::model::StoredAnswer;
use tidings_core::ports::{
    BookReader, ConfigurationRow, InboxPage, KeyRow, ProjectRow, SecretRow, StopEntry,
};
use tidings_core::retention::Outdated;
use tidings_protocol::{CategoryId, Cursor};

use super::*;

#[derive(Clone)]
pub(super) struct FakeRelay {
    state: Arc<State>,
    pub(super) anchor: FakeAnchor,
    started: tokio::time::Instant,
    start: i64,
}

#[derive(Default)]
struct State {
    due: Mutex<Vec<DueRow>>,
    expired: Mutex<Vec<(PersonKey, NotificationId)>>,
    handed_in: Mutex<Vec<String>>,
    refusal: Mutex<Option<Refusal>>,
    recounted: Mutex<BTreeSet<String>>,
    purged: Mutex<Vec<(ProjectId, Outdated)>>,
    clicks_of: Mutex<Vec<(String, Days)>>,
    unasked: std::sync::atomic::AtomicBool,
}

impl FakeRelay {
    pub(super) fn at(start: i64) -> Self {
        let started = tokio::time::Instant::now();
        Self { state: Arc::default(), anchor: FakeAnchor::default(), started, start }
    }

    pub(super) fn dispatch(&self) -> Dispatch {
        let this = Arc::new(self.clone());
        Dispatch {
            due: this.clone(),
            books: this.clone(),
            registry: this.clone(),
            live: this.clone(),
            inboxes: this.clone(),
            submit: this.clone(),
            hub: Hub::new(),
            alarms: Arc::default(),
            clock: this,
            guard: Arc::new(TimeGuard::new(Box::new(self.anchor.clone()))),
        }
    }

    pub(super) fn add(&self, row: DueRow) {
        self.state.due.lock().unwrap().push(row);
    }

    pub(super) fn expire(&self, project: &str, id: &str) {
        self.state.expired.lock().unwrap().push((person(project), id.parse().unwrap()));
    }

    /// What was given to purges.
    pub(super) fn purged(&self) -> Vec<(ProjectId, Outdated)> {
        self.state.purged.lock().unwrap().clone()
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        *self.state.refusal.lock().unwrap() = Some(refusal);
    }

    pub(super) fn handed_in(&self) -> Vec<String> {
        self.state.handed_in.lock().unwrap().clone()
    }

    /// Whose clicks were asked for, and of which days.
    pub(super) fn clicks_of(&self) -> Vec<(String, Days)> {
        self.state.clicks_of.lock().unwrap().clone()
    }

    /// Lets the document ask for no alert about clicks.
    pub(super) fn ask_nothing_of_clicks(&self) {
        self.state.unasked.store(true, Ordering::Relaxed);
    }

    pub(super) fn recounted(&self) -> BTreeSet<String> {
        self.state.recounted.lock().unwrap().clone()
    }
}

/// Says that the wall clock is off by what a test wants.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeAnchor(Arc<(AtomicI64, AtomicI64)>);

impl FakeAnchor {
    pub(super) fn drift(&self, millis: i64) {
        self.0.0.store(millis, Ordering::Relaxed);
    }

    /// How often the wall clock was believed.
    pub(super) fn anchored(&self) -> i64 {
        self.0.1.load(Ordering::Relaxed)
    }
}

impl Anchor for FakeAnchor {
    fn drift_millis(&self) -> i64 {
        self.0.0.load(Ordering::Relaxed)
    }

    fn reanchor(&self) {
        self.0.0.store(0, Ordering::Relaxed);
        self.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clock for FakeRelay {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.start + i64::try_from(self.started.elapsed().as_millis()).unwrap())
    }
}

#[async_trait]
impl Submit for FakeRelay {
    async fn submit(&self, unit: Unit) -> Settled {
        if let Some(refusal) = self.state.refusal.lock().unwrap().clone() {
            return Settled { answer: Err(refusal), replay: None };
        }
        let line = match unit.act {
            Act::Advance(row) => {
                self.state.due.lock().unwrap().retain(|other| *other != row);
                let DueKey::Release(id) = row.key else { panic!("the tests have releases only") };
                format!("advance {id}")
            }
            Act::Expire(_, id) => {
                self.state.expired.lock().unwrap().retain(|(_, other)| *other != id);
                format!("expire {id}")
            }
            other => panic!("the dispatch hands in nothing like {other:?}"),
        };
        self.state.handed_in.lock().unwrap().push(line);
        Settled { answer: Ok(Answer::Done), replay: None }
    }
}

#[async_trait]
impl DueReader for FakeRelay {
    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        _quantum: usize,
        limit: usize,
    ) -> Result<Vec<DueRow>, StoreError> {
        let due = self.state.due.lock().unwrap();
        Ok(due.iter().filter(|row| row.key.lane() == lane && row.at <= now).take(limit).cloned().collect())
    }

    async fn expired(
        &self,
        _now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonKey, NotificationId)>, StoreError> {
        Ok(self.state.expired.lock().unwrap().iter().take(limit).cloned().collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state.due.lock().unwrap().iter().map(|row| row.at).min())
    }

    async fn purge(
        &self,
        _now: Timestamp,
        projects: &[(ProjectId, Outdated)],
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.state.purged.lock().unwrap().extend(projects.iter().cloned());
        Ok(u64::try_from(limit).unwrap())
    }
}

#[async_trait]
impl LiveConfiguration for FakeRelay {
    /// One project keeps events for a year, another one's document cannot be read.
    async fn live(&self, project: &ProjectId) -> Result<Arc<Configuration>, StoreError> {
        match project.as_str() {
            "shop" => {
                let mut configuration = Configuration::built_in();
                configuration.retention.events = tidings_protocol::Span::from_days(365);
                let on = if self.state.unasked.load(Ordering::Relaxed) {
                    vec![Alert::Residue]
                } else {
                    vec![Alert::ClickRateLow]
                };
                configuration.alerts = Some(Alerts { notify: AlertsTo::Segment("staff".to_owned()), on });
                Ok(Arc::new(configuration))
            }
            _ => Err(StoreError::Damaged { detail: "no document".to_owned() }),
        }
    }
}

#[async_trait]
impl BookReader for FakeRelay {
    async fn books(&self, project: &ProjectId) -> Result<Vec<BookRow>, StoreError> {
        self.state.recounted.lock().unwrap().insert(project.to_string());
        Ok(Vec::new())
    }

    async fn stuck(
        &self,
        _project: &ProjectId,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        Ok(Vec::new())
    }

    /// People click orders less than they did, and offers as ever.
    async fn clicks(
        &self,
        project: &ProjectId,
        days: Days,
    ) -> Result<BTreeMap<CategoryId, [Clicks; 2]>, StoreError> {
        self.state.clicks_of.lock().unwrap().push((project.to_string(), days));
        let clicks = |clicked, reached| Clicks { reached, clicked };
        let of = |name: &str, usual, recent| (name.parse().unwrap(), [usual, recent]);
        Ok([
            of("offers", clicks(40, 1_000), clicks(40, 1_000)),
            of("orders", clicks(655, 10_000), clicks(21, 1_000)),
        ]
        .into())
    }
}

#[async_trait]
impl InboxReader for FakeRelay {
    async fn page(
        &self,
        _person: &PersonKey,
        _after: Option<&Cursor>,
        _limit: usize,
    ) -> Result<InboxPage, StoreError> {
        panic!("the dispatch reads no page")
    }

    async fn heads(&self, _people: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Registry for FakeRelay {
    async fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        let project = |name: &str| ProjectRow {
            id: name.parse().unwrap(),
            name: name.into(),
            configuration: 0,
            stop: tidings_core::model::StopSwitch::default(),
            created_at: Timestamp::ZERO,
        };
        Ok(vec![project("shop"), project("other")])
    }

    async fn put_project(&self, _project: &ProjectRow) -> Result<(), StoreError> {
        panic!("the dispatch sets nothing up")
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn put_key(&self, _key: &KeyRow, _answer: Option<&StoredAnswer>) -> Result<(), StoreError> {
        panic!("the dispatch sets nothing up")
    }

    async fn configuration(
        &self,
        _project: &ProjectId,
        _version: u64,
    ) -> Result<Option<ConfigurationRow>, StoreError> {
        Ok(None)
    }

    async fn configurations(
        &self,
        _project: &ProjectId,
        _before: Option<u64>,
        _limit: usize,
    ) -> Result<Vec<ConfigurationRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn apply(
        &self,
        _row: &ConfigurationRow,
        _name: &str,
        _answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        panic!("the dispatch sets nothing up")
    }

    async fn secret(&self, _project: &ProjectId, _name: &str) -> Result<Option<SecretRow>, StoreError> {
        Ok(None)
    }

    async fn put_secret(&self, _secret: &SecretRow) -> Result<(), StoreError> {
        panic!("the dispatch sets nothing up")
    }

    async fn stop_list(
        &self,
        _project: &ProjectId,
        _before: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<StopEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn put_stop_entry(
        &self,
        _entry: &StopEntry,
        _add: bool,
        _answer: Option<&StoredAnswer>,
    ) -> Result<Option<StopEntry>, StoreError> {
        panic!("the dispatch sets nothing up")
    }
}
