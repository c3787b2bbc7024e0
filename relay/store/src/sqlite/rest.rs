//! What is remembered gives its memory back once the store is quiet: what a burst read and wrote is not asked for again soon,
//! and the system keeps the same pages of the file.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::kept::Kept;
use super::readers::Readers;
use super::{Writer, run};

/// Looks at the log after which it is known whether the store was quiet: 5 s.
const LOOKS: u32 = 50;
/// Quiet stretches after which memory is given back once more, for what was asked now and then: a minute.
const AGAIN: u32 = 12;
/// Looks that find something written and still are quiet: a node writes now and then that it lives.
const WRITTEN_MAX: u32 = 5;

/// Knows whether the store is quiet.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    looks: u32,
    written: u32,
    /// Quiet stretches since the store was busy.
    stretches: u32,
}

impl Quiet {
    /// Counts a look at the log. Answers whether memory is to be given back: the store has just become quiet, or is quiet for
    /// another minute.
    pub(super) fn is_due(&mut self, wrote: bool) -> bool {
        self.looks += 1;
        self.written += u32::from(wrote);
        if self.looks < LOOKS {
            return false;
        }
        let is_quiet = self.written <= WRITTEN_MAX;
        let is_due = is_quiet && self.stretches.is_multiple_of(AGAIN);
        *self = Self { stretches: if is_quiet { self.stretches + 1 } else { 0 }, ..Self::default() };
        is_due
    }
}

/// Forgets recipients, and empties the caches of the connections that nobody uses; answers of how many.
pub(super) async fn give_back(writer: &Mutex<Writer>, readers: &Arc<Readers>) -> usize {
    let mut emptied = readers.empty_caches().await;
    if let Ok(mut writer) = writer.try_lock() {
        // With the room of the tables, which forgetting alone would keep.
        writer.kept = Kept::default();
        match run(&mut writer.connection, EMPTY_CACHE).await {
            Ok(()) => emptied += 1,
            Err(error) => tracing::debug!(%error, "the writer's cache could not be emptied"),
        }
    }
    emptied
}

/// Frees the pages that a connection remembers.
pub(super) const EMPTY_CACHE: &str = "PRAGMA shrink_memory";

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tidings_core::model::{Person, PersonKey};

    use super::super::{SqliteOptions, SqliteStore};
    use super::*;
    use crate::erasure::ErasureKey;

    #[tokio::test]
    async fn what_nobody_uses_is_given_back_and_what_somebody_uses_stays() {
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(ErasureKey::new([0; 32]), 1);
        let store = SqliteStore::open(folder.path(), options).await.unwrap();
        let (writer, readers) = (&store.shared.writer, &store.shared.readers);
        let key = PersonKey { project: "shop".parse().unwrap(), recipient: "alice".parse().unwrap() };
        let mut held = writer.lock().await;
        held.kept.remember(Person::unknown(key.clone()));
        drop(readers.acquire().await.unwrap());
        assert_eq!(give_back(writer, readers).await, 1, "only the reader: somebody writes");
        assert!(held.kept.get(&key).is_some());
        drop(held);
        assert_eq!(give_back(writer, readers).await, 2);
        assert!(writer.lock().await.kept.get(&key).is_none());
    }

    fn is_due(quiet: &mut Quiet, written: u32) -> bool {
        let looks: Vec<bool> = (0..LOOKS).map(|look| quiet.is_due(look < written)).collect();
        assert!(looks[..looks.len() - 1].iter().all(|is_due| !is_due), "it is known at the last look only");
        looks.last() == Some(&true)
    }

    #[test]
    fn memory_is_given_back_when_a_store_becomes_quiet_and_each_minute_that_it_stays_so() {
        let mut quiet = Quiet::default();
        assert!(!is_due(&mut quiet, WRITTEN_MAX + 1));
        for _ in 0..2 {
            assert!(is_due(&mut quiet, WRITTEN_MAX));
            assert!((1..AGAIN).all(|_| !is_due(&mut quiet, 0)), "it is quiet already");
        }
        assert!(!is_due(&mut quiet, LOOKS));
        assert!(is_due(&mut quiet, 0));
    }
}
