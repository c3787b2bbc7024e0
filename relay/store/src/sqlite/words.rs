//! Where the words of a notification stand: in its own row, or once for all rows of a write that say the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tidings_core::model::Notification;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{NotificationId, ProjectId};

use super::cells::to_json;
use crate::erasure::hex;

/// The words of notifications as a transaction read them. A row that still has the very same ones keeps them where they
/// stand, and they are not written again.
#[derive(Debug, Default)]
pub(super) struct ReadWords(HashMap<NotificationId, Option<Arc<ContentItem>>>);

impl ReadWords {
    /// Remembers what was read; the first reading counts.
    pub(super) fn remember(&mut self, rows: &[Notification]) {
        for row in rows {
            self.0.entry(row.id.clone()).or_insert_with(|| row.content.clone());
        }
    }

    /// Whether the stored words are those of the row.
    pub(super) fn are_those_of(&self, row: &Notification) -> bool {
        match (self.0.get(&row.id), &row.content) {
            (Some(None), None) => true,
            (Some(Some(read)), Some(words)) => Arc::ptr_eq(read, words),
            (None, _) | (Some(Some(_)), None) | (Some(None), Some(_)) => false,
        }
    }
}

/// Words that go into rows.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// For each row in order: the hash of shared words, or the words themselves.
    pub(super) cells: Vec<(Value, Value)>,
    /// Rows of `contents`: hash and words.
    pub(super) shared: Vec<Value>,
}

/// Places the words of new rows. What at least two of them say is stored once.
pub(super) fn place(rows: &[Cow<'_, Notification>]) -> Placed {
    let texts: Vec<Option<(&ProjectId, String)>> =
        rows.iter().map(|row| Some((&row.person.project, to_json(&**row.content.as_ref()?)))).collect();
    let mut said: BTreeMap<&(&ProjectId, String), (usize, Option<String>)> = BTreeMap::new();
    for text in texts.iter().flatten() {
        said.entry(text).or_default().0 += 1;
    }
    let mut placed = Placed::default();
    for (text, (times, hash)) in &mut said {
        if *times > 1 {
            let name = hash_of(text.0, &text.1);
            placed.shared.push(json!([name, text.1]));
            *hash = Some(name);
        }
    }
    placed.cells = texts
        .iter()
        .map(|text| match text.as_ref().map(|text| (text, &said[text].1)) {
            None => (Value::Null, Value::Null),
            Some((_, Some(hash))) => (Value::from(hash.as_str()), Value::Null),
            Some((text, None)) => (Value::Null, Value::from(text.1.as_str())),
        })
        .collect();
    placed
}

/// The project is part of the hash, so that nothing is shared between tenants.
fn hash_of(project: &ProjectId, words: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(project.as_str().as_bytes());
    hash.update([0]);
    hash.update(words.as_bytes());
    hex(&hash.finalize())
}
