//! Repetitions of calls that are not acts of the core: connect codes, keys, roll-back, the stop list, checks, plans …
//! Acts keep their answers in the transaction that accepts them ([`super::answer`]); so do these, in the transaction of
//! what they do, or in one of their own if they change nothing.
//!
//! An answer that holds a secret (a key, a code, a token) or an address is sealed under the relay's own key, as the secrets of a
//! document are: who has the database alone learns nothing, and a repetition after a restart still gets it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tidings_core::model::{Changes, StoredAnswer};
use tidings_core::ports::{BatchId, CommitError, Need, StoreError};
use tidings_protocol::ProjectId;

use super::answer::Answered;
use super::body::{Repeat, Sent};
use super::problem::Problem;
use crate::app::App;
use crate::writer::WriterError;

/// How long an answer is kept, in milliseconds: as long as those of acts.
const KEPT_MILLIS: i64 = 48 * 3_600_000;
/// Stands before a body that is sealed. No body in the clear begins like this: they are JSON or empty.
const SEALED: &str = "sealed:";

type Key = (ProjectId, Box<str>, Box<str>);

/// The calls with a key that are being worked on.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    in_flight: Mutex<BTreeSet<Key>>,
}

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Ids, codes and counts.
    Ids,
    /// Something that opens something, or an address.
    Secrets,
}

/// Whether a call came before.
pub(crate) enum Begun<'r> {
    /// It did, and this was the answer.
    Before(Answered),
    /// It did not, or has no key.
    First(Keeping<'r>),
}

/// Keeps the answer to a call that may come again. While it is there, the same call is refused as in flight.
pub(crate) struct Keeping<'r> {
    app: &'r App,
    asked: Option<Asked>,
}

struct Asked {
    project: ProjectId,
    repeat: Repeat,
    holds: Holds,
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        if let Some(asked) = &self.asked {
            let mut in_flight = self.app.repeats.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            in_flight.remove(&asked.key());
        }
    }
}

/// Begins a call that is no act: answers it if it came before.
pub(crate) async fn begin<'r>(
    app: &'r App,
    project: &ProjectId,
    sent: &Sent,
    holds: Holds,
) -> Result<Begun<'r>, Box<Problem>> {
    let Some(repeat) = sent.repeat()? else { return Ok(Begun::First(Keeping { app, asked: None })) };
    let asked = Asked { project: project.clone(), repeat, holds };
    {
        let mut in_flight = app.repeats.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(asked.key()) {
            return Err(WriterError::InFlight.into());
        }
    }
    let keeping = Keeping { app, asked: Some(asked) };
    let asked = keeping.asked.as_ref().expect("it was put there a line ago");
    let Some(kept) = kept(app, asked).await? else { return Ok(Begun::First(keeping)) };
    if kept.fingerprint != asked.repeat.fingerprint {
        return Err(mismatch());
    }
    let body = asked.opened(app, &kept.body)?;
    Ok(Begun::Before(Answered::kept(kept.status, &body)))
}

async fn kept(app: &App, asked: &Asked) -> Result<Option<StoredAnswer>, StoreError> {
    let (project, route, key) = asked.key();
    let mut transaction = app.ports.store.begin().await?;
    let found = transaction.read(&[Need::Answer(project, route, key)]).await?;
    let now = app.now();
    Ok(found.answers.into_iter().find(|row| row.until > now))
}

impl Keeping<'_> {
    /// The row that keeps an answer, to be written with what the call does; none if it has no key.
    pub(crate) fn row(&self, answered: &Answered) -> Option<StoredAnswer> {
        let asked = self.asked.as_ref()?;
        Some(StoredAnswer {
            project: asked.project.clone(),
            route: asked.repeat.route.clone(),
            key: asked.repeat.key.clone(),
            fingerprint: asked.repeat.fingerprint,
            status: answered.status().as_u16(),
            body: asked.closed(self.app, answered.body()),
            until: self.app.now().plus_millis(KEPT_MILLIS),
        })
    }

    /// Keeps the answer of a call that wrote nothing itself. Without room on the disk it is answered all the same:
    /// reading goes on, and its repetition is a reading too.
    pub(crate) async fn keep(&self, answered: &Answered) -> Result<(), Box<Problem>> {
        let Some(row) = self.row(answered) else { return Ok(()) };
        match self.write(row).await {
            Ok(()) | Err(CommitError::RolledBack(StoreError::Full)) => Ok(()),
            Err(CommitError::RolledBack(error)) => Err(error.into()),
            Err(CommitError::Unknown) => {
                let lost = "the answer to the commit was lost".into();
                Err(StoreError::Unavailable(lost).into())
            }
        }
    }

    async fn write(&self, row: StoredAnswer) -> Result<(), CommitError> {
        let transaction = self.app.ports.store.begin().await.map_err(CommitError::RolledBack)?;
        let batch = BatchId(self.app.node.ids.next(self.app.now()));
        transaction.finish(batch, &Changes { answers: vec![row], ..Changes::default() }).await
    }
}

impl Asked {
    fn key(&self) -> Key {
        (self.project.clone(), self.repeat.route.clone(), self.repeat.key.clone())
    }

    fn seal_name(&self) -> String {
        format!("answer/{}/{}/{}", self.project, self.repeat.route, self.repeat.key)
    }

    fn closed(&self, app: &App, body: &str) -> Box<str> {
        match self.holds {
            Holds::Ids => body.into(),
            Holds::Secrets => {
                let sealed = app.vault.seal(&self.seal_name(), body.as_bytes());
                format!("{SEALED}{}", STANDARD_NO_PAD.encode(sealed)).into()
            }
        }
    }

    fn opened(&self, app: &App, stored: &str) -> Result<String, StoreError> {
        let Some(sealed) = stored.strip_prefix(SEALED) else { return Ok(stored.to_owned()) };
        let opened = STANDARD_NO_PAD.decode(sealed).ok();
        let opened = opened.and_then(|bytes| app.vault.open_sealed(&self.seal_name(), &bytes).ok());
        let damaged = || StoreError::Damaged { detail: "an answer that is kept cannot be opened".to_owned() };
        opened.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(damaged)
    }
}

fn mismatch() -> Box<Problem> {
    let detail = "This Idempotency-Key was used with another body: use a new key.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", detail)
}
