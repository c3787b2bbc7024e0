//! One table in memory, which can take back what was written since the last commit.

use std::collections::BTreeMap;
use std::collections::btree_map::{Iter, Range};
use std::ops::RangeBounds;

use tidings_core::model::PersonKey;

/// Rows by key, and what they were before.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        self.rows.iter()
    }

    pub(crate) fn range(&self, keys: impl RangeBounds<K>) -> Range<'_, K, V> {
        self.rows.range(keys)
    }

    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        self.rows.first_key_value()
    }

    pub(crate) fn last(&self) -> Option<(&K, &V)> {
        self.rows.last_key_value()
    }

    pub(crate) fn set(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.undo.push((key, before));
    }

    /// Writes a row that must not be there yet; answers whether it could.
    pub(crate) fn add(&mut self, key: K, row: V) -> bool {
        let free = !self.has(&key);
        if free {
            self.set(key, row);
        }
        free
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let before = self.rows.remove(key)?;
        self.undo.push((key.clone(), Some(before.clone())));
        Some(before)
    }

    /// Deletes the rows that match; answers how many.
    pub(crate) fn remove_where(&mut self, mut gone: impl FnMut(&K, &V) -> bool, limit: usize) -> usize {
        let keys: Vec<K> = self
            .rows
            .iter()
            .filter(|(key, row)| gone(key, row))
            .map(|(key, _)| key.clone())
            .take(limit)
            .collect();
        for key in &keys {
            self.remove(key);
        }
        keys.len()
    }

    pub(crate) fn commit(&mut self) {
        self.undo.clear();
    }

    pub(crate) fn roll_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

impl<V: Clone> Table<(PersonKey, String), V> {
    /// The rows of one recipient.
    pub(crate) fn of(&self, person: &PersonKey) -> impl Iterator<Item = &V> {
        let person = person.clone();
        self.rows
            .range((person.clone(), String::new())..)
            .take_while(move |((of, _), _)| *of == person)
            .map(|(_, row)| row)
    }
}
