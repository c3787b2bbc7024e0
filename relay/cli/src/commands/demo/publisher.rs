//! The shop's backend: it states facts, and keeps a file of its own of everything that got a 202.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::calls::{Answer, Calls};
use crate::error::CommandError;

/// The backend. Clones share file and counters.
#[derive(Clone)]
pub(super) struct Publisher(Arc<Shared>);

struct Shared {
    calls: Mutex<Calls>,
    file: Mutex<File>,
    path: std::path::PathBuf,
    in_flight: AtomicUsize,
    /// Notifications that were promised to recipients with a device, by the 202s so far.
    promised: AtomicU64,
    /// Those of them that are for people whose device is not connected: nobody can have received them.
    promised_in_tunnel: AtomicU64,
    unanswered: Mutex<Vec<Value>>,
    /// Notifications of the day, in order.
    told: Mutex<Vec<String>>,
}

impl Publisher {
    pub(super) fn new(calls: &Calls, path: &Path) -> Result<Self, CommandError> {
        let file = File::create(path).map_err(|source| CommandError::File { path: path.into(), source })?;
        Ok(Self(Arc::new(Shared {
            calls: Mutex::new(calls.asking_once()),
            file: Mutex::new(file),
            path: path.into(),
            in_flight: AtomicUsize::new(0),
            promised: AtomicU64::new(0),
            promised_in_tunnel: AtomicU64::new(0),
            unanswered: Mutex::new(Vec::new()),
            told: Mutex::new(Vec::new()),
        })))
    }

    /// The relay is elsewhere, or there again.
    pub(super) fn move_to(&self, calls: &Calls) {
        *lock(&self.0.calls) = calls.asking_once();
    }

    /// States a fact. Without an answer it is kept for later; with one it is written into the file.
    pub(super) async fn state(&self, event: Value) -> Result<bool, CommandError> {
        let calls = lock(&self.0.calls).clone();
        self.0.in_flight.fetch_add(1, Ordering::AcqRel);
        let answer = calls.post(&["v1", "events"], &event).await;
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        match answer {
            Ok(answer) => {
                self.keep(&event, &answer)?;
                Ok(true)
            }
            Err(CommandError::Refused { problem }) if problem.status < 500 => {
                Err(CommandError::Refused { problem })
            }
            Err(_) => {
                lock(&self.0.unanswered).push(event);
                Ok(false)
            }
        }
    }

    fn keep(&self, event: &Value, answer: &Answer) -> Result<(), CommandError> {
        let result = &answer.value["results"][0];
        let notifications = result["notifications"].as_array().cloned().unwrap_or_default();
        let line = json!({
            "id": event["id"],
            "event": result["event"],
            "status": result["status"],
            "notifications": notifications,
        });
        let promised = |whom: fn(&str) -> bool| {
            let reach =
                |made: &&Value| made["state"] == "active" && made["recipient"].as_str().is_some_and(whom);
            notifications.iter().filter(reach).count() as u64
        };
        self.0.promised_in_tunnel.fetch_add(promised(is_in_tunnel), Ordering::AcqRel);
        self.0.promised.fetch_add(promised(has_device), Ordering::AcqRel);
        let ids = notifications.iter().filter_map(|made| made["id"].as_str().map(str::to_owned));
        lock(&self.0.told).extend(ids);
        self.write(&line)
    }

    /// Asks for a notification without a rule, and writes the 202 into the file. Answers what the relay said.
    pub(super) async fn send(&self, send: &Value) -> Result<Value, CommandError> {
        let calls = lock(&self.0.calls).clone();
        let answer = calls.post(&["v1", "notifications"], send).await?.value;
        self.write(&json!({"event": answer["send"]["id"], "notifications": answer["notifications"]}))?;
        Ok(answer)
    }

    fn write(&self, line: &Value) -> Result<(), CommandError> {
        let written = writeln!(lock(&self.0.file), "{line}");
        written.map_err(|source| CommandError::File { path: self.0.path.clone(), source })
    }

    /// Facts that are stated again with the same ids until each has its answer. Answers how many there were.
    pub(super) async fn repeat_unanswered(&self) -> Result<usize, CommandError> {
        let mut repeated = 0;
        loop {
            let again = std::mem::take(&mut *lock(&self.0.unanswered));
            if again.is_empty() {
                return Ok(repeated);
            }
            repeated += again.len();
            for event in again {
                self.state(event).await?;
            }
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn promised(&self) -> u64 {
        self.0.promised.load(Ordering::Acquire)
    }

    pub(super) fn promised_in_tunnel(&self) -> u64 {
        self.0.promised_in_tunnel.load(Ordering::Acquire)
    }

    /// Ids of the notifications that were answered so far, in order.
    pub(super) fn told(&self) -> Vec<String> {
        lock(&self.0.told).clone()
    }
}

/// Whether a recipient of the demo has a device: visitors have none.
pub(super) fn has_device(recipient: &str) -> bool {
    !recipient.starts_with("visitor-")
}

/// Whether a recipient of the demo is out of reach until the relay is back.
pub(super) fn is_in_tunnel(recipient: &str) -> bool {
    recipient.starts_with("tunnel-")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
