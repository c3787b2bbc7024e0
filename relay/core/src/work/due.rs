//! Work that waits, and digests that are open.

use tidings_protocol::Timestamp;

use super::{DigestCopy, Standing, Work};
use crate::model::{DigestScope, DueKey, DueRow, OpenDigest, PersonKey};

impl Work<'_> {
    /// Sets work that waits; replaces a row of the same key.
    pub(crate) fn set_due(&mut self, person: &PersonKey, key: DueKey, at: Timestamp) {
        self.after.due_sooner = Some(self.after.due_sooner.map_or(at, |sooner| sooner.min(at)));
        self.due_touched.insert(key.clone(), person.project.clone());
        self.due.insert(key.clone(), DueRow { key, person: person.clone(), at });
    }

    /// Work that is due at this very instant is done in the same transaction.
    pub(crate) fn at_once(&mut self, row: DueRow) {
        self.at_once.insert(row.key.clone(), row);
    }

    /// The next work that is to be done in the same transaction.
    pub(crate) fn next_at_once(&mut self) -> Option<DueRow> {
        self.at_once.pop_first().map(|(_, row)| row)
    }

    /// Takes work away, whether or not there is any.
    pub(crate) fn clear_due(&mut self, person: &PersonKey, key: DueKey) {
        self.due.remove(&key);
        let made_here = key.notification().and_then(|id| self.notifications.get(id));
        if made_here.is_some_and(|copy| copy.standing == Standing::New) {
            // Nothing of it is stored yet.
            self.due_touched.remove(&key);
            return;
        }
        self.due_touched.insert(key, person.project.clone());
    }

    /// Opens or changes a digest.
    pub(crate) fn set_digest(&mut self, digest: OpenDigest) {
        self.set_due(&digest.person.clone(), DueKey::Digest(digest.id.clone()), digest.due);
        let key = (digest.person.clone(), digest.scope.clone(), digest.key.clone());
        let copy = DigestCopy { digest, standing: Standing::Changed, closed: false };
        self.digests.insert(key, copy);
    }

    /// Closes a digest: the next member opens a new one.
    pub(crate) fn close_digest(&mut self, person: &PersonKey, scope: &DigestScope, key: &str) {
        if let Some(copy) = self.digests.get_mut(&(person.clone(), scope.clone(), key.into())) {
            copy.closed = true;
            let id = copy.digest.id.clone();
            self.clear_due(person, DueKey::Digest(id));
        }
    }
}
