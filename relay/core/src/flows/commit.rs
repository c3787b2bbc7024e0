//! Commits acts that arrived together: one transaction, one flush to disk, many answers.

use tidings_protocol::ProjectId;

use super::{Node, load_configuration};
use crate::act::{Act, AfterCommit, Answer, Refusal, Settled, Unit};
use crate::acts::{self, Prepared};
use crate::ports::{BatchId, CommitError, Need, StoreError, Transaction};
use crate::work::{Live, Work};

/// How often a batch asks for more rows, because what it read names others. Notifications that are found by a key
/// name recipients, whose rules name others, and their deliveries: nine rounds suffice for every act, and more would be a
/// mistake here.
const READINGS_MAX: usize = 12;

/// Decides and commits units in order, in one transaction. A unit whose rows the store refuses is settled with
/// [`Refusal::Data`], the others are committed; if the store cannot be used, all are [`Refusal::Unavailable`] or [`Refusal::StorageFull`].
///
/// # Cancel safety
/// Not cancel-safe: dropping it leaves the answers unknown. Run it to its end in a task of its own.
pub async fn commit_together(node: &Node, units: Vec<Unit>) -> (Vec<Settled>, AfterCommit) {
    let count = units.len();
    let mut settled: Vec<Option<Settled>> = (0..count).map(|_| None).collect();
    let mut after = AfterCommit::default();
    // Parts of the batch that still have to be committed, the first one last: a part whose data the store refuses is
    // split until the culprit stands alone.
    let mut parts = apart(units);
    while let Some(part) = parts.pop() {
        match commit_part(node, &part).await {
            Ok((answers, told)) => {
                for ((place, _), answer) in part.iter().zip(answers) {
                    settled[*place] = Some(answer);
                }
                after.join(told);
            }
            Err(StoreError::Data { .. }) if part.len() > 1 => {
                let mut part = part;
                let second = part.split_off(part.len() / 2);
                parts.push(second);
                parts.push(part);
            }
            Err(error) => {
                after.store_lost |= matches!(error, StoreError::Lost);
                let refusal = refusal_of(&error);
                for (place, _) in part {
                    settled[place] = Some(Settled { answer: Err(refusal.clone()), replay: None });
                }
            }
        }
    }
    let settled = settled.into_iter().map(|answer| answer.expect("every place is in exactly one part"));
    (settled.collect(), after)
}

/// The parts of a batch, the first one last. An erasure is a transaction of its own: what was decided before it, a
/// consent above all, is in the ledger before the ledger forgets whose it is, and what comes after it finds nobody.
fn apart(units: Vec<Unit>) -> Vec<Vec<(usize, Unit)>> {
    let mut parts: Vec<Vec<(usize, Unit)>> = Vec::new();
    let mut joins = false;
    for (place, unit) in units.into_iter().enumerate() {
        let erases = matches!(unit.act, Act::Erase(_));
        match parts.last_mut().filter(|_| joins && !erases) {
            Some(part) => part.push((place, unit)),
            None => parts.push(vec![(place, unit)]),
        }
        joins = !erases;
    }
    parts.reverse();
    parts
}

/// One transaction. On an error nothing was written.
async fn commit_part(node: &Node, part: &[(usize, Unit)]) -> Result<(Vec<Settled>, AfterCommit), StoreError> {
    let mut transaction = node.store.begin().await?;
    let mut work = Work::new(node.clock.now(), &*node.ids);
    let mut asked: Vec<Prepared<'_>> = part.iter().map(|(_, unit)| Prepared::new(unit)).collect();
    read_all(node, &mut *transaction, &mut asked, &mut work).await?;
    let mut answers = Vec::with_capacity(asked.len());
    for unit in asked {
        answers.push(settle(node, &mut *transaction, unit, &mut work).await?);
    }
    acts::settle_trials(&mut work);
    let (changes, after) = work.finish();
    if changes.is_empty() {
        return Ok((answers, after));
    }
    let batch = BatchId(node.ids.next(node.clock.now()));
    match transaction.finish(batch, &changes).await {
        Ok(()) => Ok((answers, after)),
        Err(CommitError::RolledBack(error)) => Err(error),
        // The answer was lost, not necessarily the transaction: the batch's own id tells.
        Err(CommitError::Unknown) => match node.store.committed(batch).await? {
            true => Ok((answers, after)),
            false => Err(StoreError::Unavailable("the commit did not happen".into())),
        },
    }
}

/// Reads until no unit needs more.
async fn read_all(
    node: &Node,
    transaction: &mut dyn Transaction,
    asked: &mut [Prepared<'_>],
    work: &mut Work<'_>,
) -> Result<(), StoreError> {
    for _ in 0..READINGS_MAX {
        let mut needs = work.missing(work.strangers());
        for unit in asked.iter_mut().filter(|unit| !unit.has_all) {
            let missing = work.missing(acts::needs(unit, work));
            // What it needs follows from rows that are all here: later readings add nothing to it.
            unit.has_all = missing.is_empty();
            needs.extend(missing);
        }
        let needs: Vec<Need> = needs.into_iter().collect();
        if needs.is_empty() {
            return Ok(());
        }
        let mut found = transaction.read(&needs).await?;
        for state in std::mem::take(&mut found.projects) {
            let configuration = load_configuration(node, &state.id, state.configuration).await?;
            work.absorb_live(Live { state, configuration });
        }
        work.absorb(needs, found);
    }
    Err(StoreError::Damaged { detail: "rows name each other without end".to_owned() })
}

/// Decides one unit, or repeats the answer that its first time got.
async fn settle(
    node: &Node,
    transaction: &mut dyn Transaction,
    mut prepared: Prepared<'_>,
    work: &mut Work<'_>,
) -> Result<Settled, StoreError> {
    let unit = prepared.unit;
    if let Some(repeat) = &unit.repeat
        && let Some(stored) = work.answer(&unit.project, &repeat.route, &repeat.key)
    {
        if stored.fingerprint != repeat.fingerprint {
            return Ok(Settled { answer: Err(Refusal::RepeatMismatch), replay: None });
        }
        return Ok(Settled { answer: Ok(Answer::Done), replay: Some((stored.status, stored.body.clone())) });
    }
    if work.live_if_read(&unit.project).is_none() {
        let gone = |id: &ProjectId| Refusal::NotFound { what: "project", id: id.as_str().into() };
        return Ok(Settled { answer: Err(gone(&unit.project)), replay: None });
    }
    let (project, repeat) = (unit.project.clone(), unit.repeat.clone());
    let mut more = false;
    let mut answer = loop {
        let part = acts::decide_part(&mut prepared, work);
        more |= at_once(node, transaction, work).await?;
        if let Some(answer) = part.transpose() {
            break answer;
        }
    };
    if more && let Ok(answer) = &mut answer {
        acts::see_again(answer, work);
    }
    if let (Some(repeat), Ok(answer)) = (repeat, &answer) {
        work.keep_answer(project, repeat, answer);
    }
    Ok(Settled { answer, replay: None })
}

/// Does what a decision made due at this very instant, in the same transaction: a digest that is full closes with its
/// last member. Answers whether there was anything.
async fn at_once(
    node: &Node,
    transaction: &mut dyn Transaction,
    work: &mut Work<'_>,
) -> Result<bool, StoreError> {
    let mut any = false;
    while let Some(row) = work.next_at_once() {
        let project = row.person.project.clone();
        let unit = Unit { project, sandbox: false, repeat: None, act: Act::Advance(row) };
        let mut asked = [Prepared::new(&unit)];
        read_all(node, transaction, &mut asked, work).await?;
        let [mut prepared] = asked;
        acts::decide_part(&mut prepared, work).expect("work that is due is never refused");
        any = true;
    }
    Ok(any)
}

fn refusal_of(error: &StoreError) -> Refusal {
    match error {
        StoreError::Data { detail } => Refusal::Data { detail: detail.as_str().into() },
        StoreError::Full => Refusal::StorageFull,
        StoreError::Unavailable(_) | StoreError::Lost | StoreError::Damaged { .. } => {
            Refusal::Unavailable { detail: error.to_string().into() }
        }
    }
}

impl AfterCommit {
    /// Joins what another transaction of the same batch tells.
    fn join(&mut self, other: Self) {
        self.hints.extend(other.hints);
        self.erased.extend(other.erased);
        self.feeds.extend(other.feeds);
        self.store_lost |= other.store_lost;
        self.due_sooner = match (self.due_sooner, other.due_sooner) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.gone.extend(other.gone);
        for (what, text) in other.alarms {
            self.alarms.entry(what).or_insert(text);
        }
        self.handover_sooner = match (self.handover_sooner, other.handover_sooner) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for (what, count) in other.decided {
            *self.decided.entry(what).or_default() += count;
        }
    }
}
