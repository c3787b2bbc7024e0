//! Rules under a virtual clock: the same decisions on a store in memory. Scenarios, plans and the tests of deciding
//! stand on it. Nothing of it reaches a real recipient.

mod backtest;
mod line;
mod scenario;
mod world;

use std::sync::Arc;

use tidings_core::act::{Act, Answer, Settled, Unit};
use tidings_core::configuration::{Bundle, Mistakes, check};
use tidings_core::delivery::{Handover, Outcome};
use tidings_core::flows::{Node, commit_together};
use tidings_core::model::{
    Changes, Entry, EventBody, Inbox, Lane, Notification, Person, PersonKey, StopSwitch, Win,
};
use tidings_core::ports::{
    BatchId, ConfigurationRow, DueHandover, DueReader, HandoverLane, HandoverReader, NotificationFilter,
    ProjectRow, Registry, Store, StoreError, StoryReader,
};
use tidings_protocol::{NotificationId, ProjectId, RecipientId, Timestamp};
use tidings_store::{ErasureKey, MemoryStore};

pub use backtest::{Backtest, BacktestReport, Change};
pub use line::Line;
pub use scenario::{Scenario, ScenarioError};
pub use world::{CountedIds, HandClock};

/// Rows of work that are taken at once while the clock stands.
const DUE_AT_ONCE: usize = 500;
/// Instants at which work is done between two lines of a scenario. A plan that never comes to rest ends here.
const INSTANTS_MAX: usize = 200_000;

/// Why a rehearsal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The document has mistakes.
    #[error("the configuration has mistakes")]
    Configuration(#[from] Mistakes),
    /// The store in memory refused; that is a defect.
    #[error("the store in memory refused")]
    Store(#[from] StoreError),
    /// Work begets work without end.
    #[error("the rules never come to rest: more than {INSTANTS_MAX} instants had work to do")]
    Restless,
}

/// One project on a store in memory.
pub struct Rehearsal {
    node: Node,
    store: Arc<MemoryStore>,
    clock: Arc<HandClock>,
    project: ProjectId,
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// A project with a configuration and nobody in it, at an instant.
    ///
    /// # Errors
    /// [`RehearsalError::Configuration`] if the document has mistakes.
    pub async fn new(bundle: &Bundle, at: Timestamp) -> Result<Self, RehearsalError> {
        let store = Arc::new(MemoryStore::new(ErasureKey::new([0; 32])));
        let clock = Arc::new(HandClock::new(at));
        let project = ProjectId::new("rehearsal").expect("a word is an id");
        let node = Node {
            store: store.clone(),
            registry: store.clone(),
            configurations: Arc::new(world::Remembered::default()),
            clock: clock.clone(),
            ids: Arc::new(CountedIds::default()),
        };
        let row = ProjectRow {
            id: project.clone(),
            name: "rehearsal".into(),
            configuration: 0,
            stop: StopSwitch::default(),
            created_at: at,
        };
        store.put_project(&row).await?;
        let rehearsal = Self { node, store, clock, project };
        rehearsal.apply(bundle).await?;
        Ok(rehearsal)
    }

    /// Makes a document live.
    ///
    /// # Errors
    /// [`RehearsalError::Configuration`] if it has mistakes.
    pub async fn apply(&self, bundle: &Bundle) -> Result<u64, RehearsalError> {
        let live = self.store.configurations(&self.project, None, 1).await?;
        let version = live.first().map_or(0, |row| row.version) + 1;
        let checked = check(&bundle.document, bundle, version)?;
        let row = ConfigurationRow {
            project: self.project.clone(),
            version,
            bundle: bundle.to_text().into(),
            digest: checked.digest.as_str().into(),
            applied_at: self.now(),
            applied_by: "rehearsal".into(),
        };
        self.store.apply(&row, &checked.project.name, None).await?;
        Ok(version)
    }

    /// The virtual instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        tidings_core::ports::Clock::now(&*self.clock)
    }

    /// The project.
    #[must_use]
    pub const fn project(&self) -> &ProjectId {
        &self.project
    }

    /// The store behind it, for questions that the rehearsal has no words for.
    #[must_use]
    pub const fn store(&self) -> &Arc<MemoryStore> {
        &self.store
    }

    /// Sets the stop switch.
    ///
    /// # Errors
    /// [`RehearsalError::Store`].
    pub async fn stop(&self, stop: StopSwitch) -> Result<(), RehearsalError> {
        let projects = self.store.projects().await?;
        for row in projects {
            self.store.put_project(&ProjectRow { stop: stop.clone(), ..row }).await?;
        }
        Ok(())
    }

    /// Puts a recipient in place as they are elsewhere: who they are, what they like and agreed to, their topics and
    /// addresses, with an inbox of their own that nothing was counted in, and what was learned of them.
    ///
    /// # Errors
    /// [`RehearsalError::Store`].
    pub async fn settle_in(&self, person: &Person) -> Result<(), RehearsalError> {
        let Some(recipient) = &person.recipient else { return Ok(()) };
        let key = PersonKey { project: self.project.clone(), recipient: person.key.recipient.clone() };
        let mut changes = Changes::default();
        changes.recipients.push((key.clone(), recipient.clone()));
        let learned = person.inbox.as_ref().map(|inbox| inbox.learned.clone()).unwrap_or_default();
        changes.inboxes.push((key.clone(), Inbox { learned, ..Inbox::new(1) }));
        for ((category, channel), state) in &person.consents.states {
            changes.consent_states.push((key.clone(), category.clone(), *channel, state.clone()));
        }
        changes.memberships.extend(person.topics.iter().map(|topic| (key.clone(), topic.clone(), true)));
        changes.endpoints_set.extend(person.endpoints.iter().map(|endpoint| (key.clone(), endpoint.clone())));
        self.write(&changes).await
    }

    /// Takes over which variants won elsewhere, for rules that compare the same.
    ///
    /// # Errors
    /// [`RehearsalError::Store`].
    pub async fn take_over(&self, wins: &[Win]) -> Result<(), RehearsalError> {
        let own = |win: &Win| Win { project: self.project.clone(), ..win.clone() };
        self.write(&Changes { wins: wins.iter().map(own).collect(), ..Changes::default() }).await
    }

    async fn write(&self, changes: &Changes) -> Result<(), RehearsalError> {
        let mut transaction = self.store.begin().await?;
        transaction.write(BatchId(self.node.ids.next(self.now())), changes).await?;
        transaction.commit().await.map_err(|error| match error {
            tidings_core::ports::CommitError::RolledBack(error) => error,
            tidings_core::ports::CommitError::Unknown => {
                StoreError::Damaged { detail: "no answer".to_owned() }
            }
        })?;
        Ok(())
    }

    /// Does an act at the virtual instant.
    pub async fn act(&self, act: Act) -> Settled {
        self.act_as(act, false).await
    }

    /// Does an act, in the sandbox or not.
    pub async fn act_as(&self, act: Act, sandbox: bool) -> Settled {
        let unit = Unit { project: self.project.clone(), sandbox, repeat: None, act };
        let (mut settled, _) = commit_together(&self.node, vec![unit]).await;
        settled.pop().expect("one unit is settled once")
    }

    /// States a fact.
    pub async fn event(&self, body: EventBody) -> Settled {
        self.act(Act::accept(vec![body])).await
    }

    /// Lets time pass up to an instant, and does all work that becomes due on the way at its own instant.
    ///
    /// # Errors
    /// [`RehearsalError::Restless`] if work begets work without end.
    pub async fn run_until(&self, until: Timestamp) -> Result<(), RehearsalError> {
        for _ in 0..INSTANTS_MAX {
            let lanes = self.store.handover_lanes().await?;
            let next =
                self.store.next_due().await?.into_iter().chain(lanes.iter().map(|lane| lane.due)).min();
            match next.filter(|next| *next <= until) {
                None => {
                    self.clock.move_to(until);
                    return Ok(());
                }
                Some(next) => {
                    self.clock.move_to(next.max(self.now()));
                    self.work_at_this_instant().await?;
                    self.hand_over(lanes).await?;
                }
            }
        }
        Err(RehearsalError::Restless)
    }

    async fn work_at_this_instant(&self) -> Result<(), RehearsalError> {
        let now = self.now();
        let mut acts = Vec::new();
        for lane in [Lane::Release, Lane::Step, Lane::FanOut] {
            acts.extend(
                self.store.due(lane, now, DUE_AT_ONCE, DUE_AT_ONCE).await?.into_iter().map(Act::Advance),
            );
        }
        let expired = self.store.expired(now, DUE_AT_ONCE).await?;
        acts.extend(expired.into_iter().map(|(person, id)| Act::Expire(person, id)));
        for act in acts {
            self.act(act).await;
        }
        Ok(())
    }

    /// Hands over what is due at this instant. Every provider takes it at once: what a rehearsal tells is what was
    /// decided.
    async fn hand_over(&self, lanes: Vec<HandoverLane>) -> Result<(), RehearsalError> {
        let now = self.now();
        for lane in lanes.into_iter().filter(|lane| lane.due <= now) {
            let due = self.store.due_handovers(&lane, now, DUE_AT_ONCE).await?;
            for DueHandover { delivery, .. } in due {
                let claim = Act::HandOver {
                    delivery,
                    owner: 0,
                    present_until: None,
                    rests_until: None,
                    address_rests_until: None,
                };
                let Ok(Answer::Handover(Some(handover))) = self.act(claim).await.answer else { continue };
                let Handover { delivery, attempt, .. } = *handover;
                self.act(Act::Conclude { delivery, attempt, outcome: Outcome::accepted(None) }).await;
            }
        }
        Ok(())
    }

    /// Every notification with its story, oldest first.
    ///
    /// # Errors
    /// [`RehearsalError::Store`].
    pub async fn stories(&self) -> Result<Vec<(Notification, Vec<Entry>)>, RehearsalError> {
        let filter = NotificationFilter { limit: usize::MAX, ..NotificationFilter::default() };
        let mut rows = self.store.notifications(&self.project, &filter).await?;
        rows.reverse();
        let mut stories = Vec::with_capacity(rows.len());
        for row in rows {
            stories.extend(self.story(&row.id).await?);
        }
        Ok(stories)
    }

    /// One notification with its story.
    ///
    /// # Errors
    /// [`RehearsalError::Store`].
    pub async fn story(
        &self,
        id: &NotificationId,
    ) -> Result<Option<(Notification, Vec<Entry>)>, RehearsalError> {
        let found = self.store.story(&self.project, id).await?;
        Ok(found.map(|(row, entries, _)| (row, entries)))
    }

    /// A recipient of the rehearsal.
    #[must_use]
    pub fn person(&self, recipient: &RecipientId) -> PersonKey {
        PersonKey { project: self.project.clone(), recipient: recipient.clone() }
    }
}
