//! Whether to show a notification on this device. Each (notification, round) is settled once.
//!
//! Nothing here is remembered: what was shown, and what is on the screen, are rows of the store, so that a restart or
//! a second process decides the same.

use tidings_protocol::{CategoryId, NotificationId, Priority, Timestamp};

use crate::view::LocalView;

/// More than this many that came after an absence become one summary: a person back at the desk needs to know that
/// there is something to read, not to sweep away a pile.
pub const SHOWN_AFTER_ABSENCE_MAX: usize = 3;

/// A notification whose present round is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub id: NotificationId,
    /// What it is about.
    pub category: CategoryId,
    /// A newer one with the same category and key replaces it on the screen.
    pub collapse: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Whether the sender waits for an acknowledgement.
    pub needs_acknowledgement: bool,
    /// After this instant it is not shown.
    pub expires_at: Timestamp,
    /// When the relay made it.
    pub created_at: Timestamp,
    /// Whether it came while the device caught up.
    pub after_absence: bool,
    /// The recipient's state of it.
    pub local: LocalView,
}

/// A notification that this device showed and has not withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnScreen {
    /// Which one.
    pub id: NotificationId,
    /// In which round it was shown.
    pub round: u32,
    /// What it is about.
    pub category: CategoryId,
    /// Its collapse key.
    pub collapse: Option<String>,
    /// What the inbox has of it; none means that it was retracted.
    pub state: Option<Candidate>,
}

/// One thing to do on the screen, durable in the store before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Show it.
    Show {
        /// Which one.
        id: NotificationId,
        /// Which round is settled by it.
        round: u32,
    },
    /// Show it in the place of one that is on the screen.
    Update {
        /// Which one.
        id: NotificationId,
        /// Which round is settled by it.
        round: u32,
        /// Whose place it takes; itself for another round of the same.
        replaces: NotificationId,
    },
    /// Take it off the screen.
    Withdraw {
        /// Which one.
        id: NotificationId,
    },
    /// Say how many came.
    Summary {
        /// Which ones, with the rounds that are settled by it.
        items: Vec<(NotificationId, u32)>,
    },
    /// Show nothing: it was read, archived or expired before it could be shown.
    Pass {
        /// Which one.
        id: NotificationId,
        /// Which round is settled by it.
        round: u32,
    },
}

/// Decides what to do now, withdrawals first. Candidates that sleep are left for later.
#[must_use]
pub fn decide(now: Timestamp, candidates: &[Candidate], on_screen: &[OnScreen]) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let mut summary = Vec::new();
    let mut shown = Vec::new();
    let awake = candidates.iter().filter(|candidate| !candidate.local.is_snoozed(now));
    let single = |candidate: &Candidate| {
        !candidate.after_absence || candidate.needs_acknowledgement || candidate.priority == Priority::Urgent
    };
    let gathered = awake.clone().filter(|candidate| is_wanted(candidate, now) && !single(candidate)).count();
    for candidate in awake {
        let (id, round) = (candidate.id.clone(), candidate.local.round);
        if !is_wanted(candidate, now) {
            decisions.push(Decision::Pass { id, round });
        } else if !single(candidate) && gathered > SHOWN_AFTER_ABSENCE_MAX {
            summary.push((id, round));
        } else {
            shown.push(candidate);
        }
    }
    shown.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut replaced = Vec::new();
    let updates: Vec<Decision> =
        shown.into_iter().map(|candidate| show(candidate, on_screen, &mut replaced)).collect();
    let mut withdrawn: Vec<Decision> = on_screen
        .iter()
        .filter(|shown| !replaced.contains(&&shown.id) && !may_stay(shown, now))
        .map(|shown| Decision::Withdraw { id: shown.id.clone() })
        .collect();
    withdrawn.append(&mut decisions);
    withdrawn.extend(updates);
    if !summary.is_empty() {
        withdrawn.push(Decision::Summary { items: summary });
    }
    withdrawn
}

/// When the passing of time alone changes a decision: a snooze ends or something on the screen expires.
#[must_use]
pub fn next_wake(now: Timestamp, candidates: &[Candidate], on_screen: &[OnScreen]) -> Option<Timestamp> {
    let wakes = candidates.iter().filter_map(|candidate| candidate.local.view.snoozed_until);
    let ends = on_screen.iter().filter_map(|shown| shown.state.as_ref()).map(|state| state.expires_at);
    wakes.chain(ends).filter(|at| *at > now).min()
}

fn show<'a>(
    candidate: &'a Candidate,
    on_screen: &'a [OnScreen],
    replaced: &mut Vec<&'a NotificationId>,
) -> Decision {
    let (id, round) = (candidate.id.clone(), candidate.local.round);
    let same_place = |shown: &&OnScreen| {
        shown.id == candidate.id
            || (shown.collapse.is_some()
                && shown.collapse == candidate.collapse
                && shown.category == candidate.category)
    };
    let older = on_screen.iter().filter(same_place).find(|shown| !replaced.contains(&&shown.id));
    match older {
        Some(older) => {
            replaced.push(&older.id);
            Decision::Update { id, round, replaces: older.id.clone() }
        }
        None => Decision::Show { id, round },
    }
}

/// Something that waits for an acknowledgement is wanted although it was read: reading is not confirming.
fn is_wanted(candidate: &Candidate, now: Timestamp) -> bool {
    let local = &candidate.local;
    let settled =
        if candidate.needs_acknowledgement { local.view.acknowledged_at.is_some() } else { local.is_read() };
    !settled && !local.is_archived() && now < candidate.expires_at
}

fn may_stay(shown: &OnScreen, now: Timestamp) -> bool {
    shown.state.as_ref().is_some_and(|state| is_wanted(state, now) && !state.local.is_snoozed(now))
}

#[cfg(test)]
#[path = "present/tests.rs"]
mod tests;
