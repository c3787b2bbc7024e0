//! Who holds what was begun. A delivery that was claimed is somebody's until its outcome is written: a task of this process
//! holds it, or nobody does, because the answer to the claim was lost or the task ended without a word. What nobody holds
//! for a while is taken up again, so that it need not wait for the next start.
//!
//! Only what this start of this node began is its to judge: what another node holds is not seen here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tidings_core::delivery::Outcome;
use tidings_core::ports::Begun;

/// After so long without anybody who holds it, an attempt is taken for lost. A commit that is under way tells within
/// seconds what it was; this leaves room for a slow disk.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(15);

type AttemptKey = (Box<str>, u32);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    held: HashSet<AttemptKey>,
    /// Deliveries whose claim was not answered: if it was begun, nobody was asked to hand it over.
    unanswered: HashSet<Box<str>>,
    /// Attempts that nobody held, and since when.
    alone: HashMap<AttemptKey, Instant>,
}

/// An attempt is held for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    claims: Arc<Claims>,
    key: AttemptKey,
}

impl Claims {
    /// Somebody holds an attempt.
    pub(crate) fn hold(self: &Arc<Self>, delivery: &str, attempt: u32) -> Hold {
        let key: AttemptKey = (delivery.into(), attempt);
        let mut known = self.locked();
        known.unanswered.remove(delivery);
        known.alone.remove(&key);
        known.held.insert(key.clone());
        Hold { claims: Arc::clone(self), key }
    }

    /// A claim was not answered.
    pub(crate) fn unanswered(&self, delivery: &str) {
        self.locked().unanswered.insert(delivery.into());
    }

    /// Which of what was begun is lost, and what is known of it. `begun` is everything that is begun at `now`.
    pub(crate) fn lost(
        self: &Arc<Self>,
        begun: Vec<Begun>,
        own: u64,
        (now, after): (Instant, Duration),
    ) -> Vec<(Begun, Outcome, Hold)> {
        let mut known = self.locked();
        let alone = |row: &Begun, known: &Known| {
            row.owner == Some(own) && !known.held.contains(&(row.delivery.clone(), row.attempt))
        };
        let rows: Vec<Begun> = begun.into_iter().filter(|row| alone(row, &known)).collect();
        let since: HashMap<AttemptKey, Instant> = rows
            .iter()
            .map(|row| {
                let key: AttemptKey = (row.delivery.clone(), row.attempt);
                let since = known.alone.get(&key).copied().unwrap_or(now);
                (key, since)
            })
            .collect();
        known.alone = since;
        let lost = rows.into_iter().filter(|row| {
            let since = known.alone.get(&(row.delivery.clone(), row.attempt));
            since.is_some_and(|since| now.duration_since(*since) >= after)
        });
        let lost: Vec<(Begun, Outcome)> = lost
            .map(|row| {
                let outcome = if known.unanswered.contains(&row.delivery) {
                    Outcome::transient("claim_lost")
                } else {
                    Outcome::Unknown { code: "attempt_lost".into() }
                };
                (row, outcome)
            })
            .collect();
        drop(known);
        let held = |(row, outcome): (Begun, Outcome)| {
            let hold = self.hold(&row.delivery, row.attempt);
            (row, outcome, hold)
        };
        lost.into_iter().map(held).collect()
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.claims.locked().held.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use tidings_protocol::ProjectId;

    use super::*;

    const OWN: u64 = 7;

    fn begun(delivery: &str, owner: u64) -> Begun {
        let project = ProjectId::new("shop").unwrap();
        Begun { project, delivery: delivery.into(), attempt: 1, owner: Some(owner) }
    }

    /// Kinds of the outcomes of what is lost at an instant.
    fn lost(claims: &Arc<Claims>, rows: &[Begun], now: Instant) -> Vec<(String, &'static str)> {
        let lost = claims.lost(rows.to_vec(), OWN, (now, LOST_AFTER));
        lost.iter().map(|(row, outcome, _)| (row.delivery.to_string(), outcome.kind())).collect()
    }

    #[test]
    fn what_nobody_holds_is_lost_after_a_while_and_not_before() {
        let (claims, begin) = (Arc::new(Claims::default()), Instant::now());
        let rows = [begun("d1", OWN)];
        assert!(lost(&claims, &rows, begin).is_empty());
        assert!(lost(&claims, &rows, begin + LOST_AFTER - Duration::from_millis(1)).is_empty());
        assert_eq!(lost(&claims, &rows, begin + LOST_AFTER), [("d1".to_owned(), "unknown")]);
    }

    #[test]
    fn a_claim_that_was_not_answered_was_never_handed_over_unless_a_later_one_was() {
        let (claims, begin) = (Arc::new(Claims::default()), Instant::now());
        let rows = [begun("d1", OWN), begun("d2", OWN)];
        claims.unanswered("d1");
        claims.unanswered("d2");
        drop(claims.hold("d2", 1));
        lost(&claims, &rows, begin);
        let kinds = [("d1".to_owned(), "transient"), ("d2".to_owned(), "unknown")];
        assert_eq!(lost(&claims, &rows, begin + LOST_AFTER), kinds);
    }

    #[test]
    fn what_is_held_here_or_by_another_node_is_not_lost() {
        let (claims, begin) = (Arc::new(Claims::default()), Instant::now());
        let rows = [begun("held", OWN), begun("theirs", OWN + 1)];
        let hold = claims.hold("held", 1);
        lost(&claims, &rows, begin);
        assert!(lost(&claims, &rows, begin + 2 * LOST_AFTER).is_empty());
        drop(hold);
        assert!(lost(&claims, &rows, begin + 3 * LOST_AFTER).is_empty(), "the while begins anew");
        assert_eq!(lost(&claims, &rows, begin + 4 * LOST_AFTER), [("held".to_owned(), "unknown")]);
    }

    #[test]
    fn the_while_begins_anew_when_it_ended_in_between() {
        let (claims, begin) = (Arc::new(Claims::default()), Instant::now());
        let rows = [begun("d1", OWN)];
        lost(&claims, &rows, begin);
        lost(&claims, &[], begin + Duration::from_secs(1));
        assert!(lost(&claims, &rows, begin + LOST_AFTER).is_empty());
    }
}
