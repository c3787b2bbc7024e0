//! The due loop of a node, and its comparison of heads.

use std::sync::atomic::Ordering;

use tidings_core::act::{Act, Unit};
use tidings_core::model::{DueRow, PersonKey};
use tidings_core::ports::{DueReader, InboxReader};
use tidings_protocol::NotificationId;

use super::{Done, HEADS_EVERY, LANES, LOOK_EVERY, Reply};
use crate::executor::{Owner, at_once};
use crate::run::{Event, Simulation};

impl Simulation {
    /// Every node looks again soon after work may have become due, and compares heads after anything changed.
    pub(crate) fn plan_looks(&mut self) {
        for node in 0..self.nodes.len() {
            self.plan_next_look(node);
            self.plan_next_lanes(node);
            self.plan_heads(node, HEADS_EVERY);
        }
    }

    /// The server looks every second; here, a look that would find nothing is left out.
    fn plan_next_look(&mut self, node: usize) {
        let Ok(Some(at)) = at_once(self.truth.next_due()) else { return };
        let error = self.nodes[node].clock.error_ms.load(Ordering::Relaxed);
        let late = self.world.inside().chance.between(1, LOOK_EVERY);
        let at = (at.as_millis() - error).max(self.world.now()) + late;
        self.plan_look(node, at);
    }

    pub(crate) fn plan_look(&mut self, node: usize, at: i64) {
        let relay = &mut self.nodes[node];
        if relay.up && relay.look_at.is_none_or(|planned| at < planned) {
            relay.look_at = Some(at);
            let life = relay.life;
            self.at(at, Event::Look { node, life, at });
        }
    }

    pub(crate) fn look(&mut self, node: usize, at: i64) {
        let relay = &mut self.nodes[node];
        if relay.look_at != Some(at) {
            return;
        }
        relay.look_at = None;
        if relay.looking || relay.jumped {
            return;
        }
        relay.looking = true;
        let (reader, now) = (relay.reader.clone(), relay.now());
        let stale = std::mem::take(&mut relay.stale_due);
        let owner = Owner { node, life: relay.life };
        let world = self.world.clone();
        self.executor.spawn(owner, async move {
            let (mut rows, mut failed) = (Vec::new(), false);
            for lane in LANES {
                match reader.due(lane, now, 64, 256).await {
                    Ok(found) => rows.extend(found),
                    Err(_) => failed = true,
                }
            }
            let expired = reader.expired(now, 256).await;
            failed |= expired.is_err();
            if !stale.is_empty() && world.fault("stale due rows", 300) {
                rows.extend(stale);
            }
            Done::Due { rows, expired: expired.unwrap_or_default(), failed }
        });
    }

    pub(super) fn hand_in(
        &mut self,
        node: usize,
        rows: Vec<DueRow>,
        expired: Vec<(PersonKey, NotificationId)>,
        failed: bool,
    ) {
        self.nodes[node].looking = false;
        self.nodes[node].stale_due.clone_from(&rows);
        let taken = !rows.is_empty() || !expired.is_empty();
        if taken {
            self.world.trace(|| {
                let keys: Vec<_> = rows.iter().map(|row| &row.key).collect();
                format!("node {node} hands in {keys:?}, expired {expired:?}")
            });
        }
        let acts = rows.into_iter().map(Act::Advance);
        let acts = acts.chain(expired.into_iter().map(|(person, id)| Act::Expire(person, id)));
        for act in acts.collect::<Vec<_>>() {
            let unit = Unit { project: self.project.clone(), sandbox: false, repeat: None, act };
            self.submit(node, unit, Reply::Dispatch);
        }
        if taken || failed {
            let again = self.world.now() + LOOK_EVERY;
            self.plan_look(node, again);
        } else {
            self.plan_next_look(node);
        }
    }

    pub(crate) fn plan_heads(&mut self, node: usize, within: i64) {
        let at = self.world.now() + self.world.inside().chance.between(within / 2, within);
        let relay = &mut self.nodes[node];
        if relay.up && relay.heads_at.is_none_or(|planned| at < planned) {
            relay.heads_at = Some(at);
            let life = relay.life;
            self.at(at, Event::Heads { node, life, at });
        }
    }

    pub(crate) fn compare_heads(&mut self, node: usize, at: i64) {
        let relay = &mut self.nodes[node];
        if relay.heads_at != Some(at) {
            return;
        }
        relay.heads_at = None;
        let people: Vec<PersonKey> = relay.registered.keys().cloned().collect();
        let (reader, owner) = (relay.reader.clone(), Owner { node, life: relay.life });
        if people.is_empty() {
            return;
        }
        self.executor
            .spawn(owner, async move { reader.heads(&people).await.map_or(Done::HeadsFailed, Done::Heads) });
    }
}
