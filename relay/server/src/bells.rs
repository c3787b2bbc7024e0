//! Wakes calls that wait for changes. A bell is a hint: who is woken looks at the store again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// One bell for each key that somebody waits at.
#[derive(Debug)]
pub(crate) struct Bells<K: Ord> {
    waiting: Mutex<BTreeMap<K, Arc<Notify>>>,
}

impl<K: Ord> Default for Bells<K> {
    fn default() -> Self {
        Self { waiting: Mutex::new(BTreeMap::new()) }
    }
}

/// Somebody waits; the bell goes away with the last of them.
#[derive(Debug)]
pub(crate) struct Ear<'b, K: Ord> {
    bells: &'b Bells<K>,
    key: K,
    bell: Arc<Notify>,
}

impl<K: Ord + Clone> Bells<K> {
    /// Begins to listen. Listen first, then look, then wait: a change in between is not missed.
    pub(crate) fn listen(&self, key: &K) -> Ear<'_, K> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = Arc::clone(waiting.entry(key.clone()).or_default());
        Ear { bells: self, key: key.clone(), bell }
    }

    /// Wakes everybody who listens at a key.
    pub(crate) fn ring(&self, key: &K) {
        let bell = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(bell) = bell {
            bell.notify_waiters();
        }
    }
}

impl<K: Ord> Ear<'_, K> {
    /// The next ring after this call; cancel-safe. Make it before looking, await it after.
    pub(crate) fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }
}

impl<K: Ord> Drop for Ear<'_, K> {
    fn drop(&mut self) {
        let mut waiting = self.bells.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own and this one.
        if Arc::strong_count(&self.bell) <= 2 {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_between_looking_and_waiting_is_heard() {
        let bells = Bells::default();
        let ear = bells.listen(&1);
        let rung = ear.rung();
        bells.ring(&1);
        rung.await;
    }

    #[test]
    fn a_bell_goes_away_with_the_last_who_listens() {
        let bells = Bells::<u8>::default();
        let (one, two) = (bells.listen(&1), bells.listen(&1));
        drop(one);
        assert_eq!(bells.waiting.lock().unwrap().len(), 1);
        drop(two);
        assert!(bells.waiting.lock().unwrap().is_empty());
    }
}
