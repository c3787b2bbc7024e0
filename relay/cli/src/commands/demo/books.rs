//! Three books that are kept apart: what the publisher was answered, what the relay counts, and what stands in each client's
//! own file. They are compared by a process that knows nothing but the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tidings_protocol::http::ConnectCodeResponse;

use super::crowd::Crowd;
use super::people::{Cast, flushed, settled};
use crate::calls::Calls;
use crate::commands::connect;
use crate::context::Context;
use crate::error::CommandError;

const ACCOUNTING: &str = "relay-accounting.json";
const NOTIFICATIONS: &str = "relay-notifications.ndjson";
const INBOXES: &str = "relay-inboxes.json";
const PUBLISHER: &str = "publisher.ndjson";
/// Disagreements that are told one by one.
const TOLD_MAX: usize = 20;

/// Waits until every device holds what is its recipient's and the relay heard of it.
pub(super) async fn rest(
    calls: &Calls,
    cast: &Cast,
    crowd: &Crowd,
    limit: Duration,
) -> Result<(), CommandError> {
    for member in cast.members().iter().chain(crowd.members()) {
        settled(calls, &member.name, limit).await?;
        flushed(&member.client).await?;
    }
    Ok(())
}

/// Writes the relay's book down: its accounting, its notifications, and each inbox as it shows it to a new device.
pub(super) async fn keep_relays(calls: &Calls, folder: &Path) -> Result<(), CommandError> {
    let accounting = calls.get(&["v1", "accounting"], &[]).await?.value;
    write(&folder.join(ACCOUNTING), &accounting.to_string())?;
    let mut lines = String::new();
    let mut recipients = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", "500")];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page = calls.get(&["v1", "notifications"], &query).await?.value;
        for item in page["items"].as_array().into_iter().flatten() {
            lines.push_str(&item.to_string());
            lines.push('\n');
            recipients.extend(item["recipient"].as_str().map(str::to_owned));
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    write(&folder.join(NOTIFICATIONS), &lines)?;
    let mut inboxes = BTreeMap::new();
    for recipient in recipients.iter().filter(|recipient| super::publisher::has_device(recipient)) {
        inboxes.insert(recipient.clone(), inbox(calls, recipient).await?);
    }
    write(&folder.join(INBOXES), &json!(inboxes).to_string())
}

/// An inbox as a device sees it that begins from nothing.
async fn inbox(calls: &Calls, recipient: &str) -> Result<Vec<String>, CommandError> {
    let id = tidings_protocol::RecipientId::new(recipient).expect("the relay's recipients are ids");
    let code: ConnectCodeResponse = connect::mint(calls, &id).await?.read()?;
    let body = json!({"code": code.code, "device": "auditor", "platform": "demo"});
    let signed_in = calls.post(&["v1", "connect"], &body).await?.value;
    let token = signed_in["access_token"].as_str().unwrap_or_default().to_owned();
    let device = Calls::new(calls.relay().clone(), Some(token.into()))?;
    let page = device.get(&["v1", "me", "changes"], &[("limit", "500")]).await?.value;
    let items = page["items"].as_array().into_iter().flatten();
    let ids = items.filter(|item| item["kind"] == "notification").filter_map(|item| item["id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(path, text).map_err(|source| CommandError::File { path: path.into(), source })
}

fn read(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path).map_err(|source| CommandError::File { path: path.into(), source })
}

fn read_json(path: &Path) -> Result<Value, CommandError> {
    parse(path, &read(path)?)
}

fn read_lines(path: &Path) -> Result<Vec<Value>, CommandError> {
    read(path)?.lines().map(|line| parse(path, line)).collect()
}

fn parse(path: &Path, text: &str) -> Result<Value, CommandError> {
    serde_json::from_str(text)
        .map_err(|error| CommandError::Input { place: path.display().to_string(), detail: error.to_string() })
}

/// Compares the three books of a folder.
pub(super) async fn compare(context: &Context, folder: &Path) -> Result<(), CommandError> {
    let publisher = Publisher::read(folder)?;
    let relay = Relay::read(folder)?;
    let files = files(&folder.join("inboxes")).await?;
    let mut wrong = relay.against_itself();
    wrong.extend(relay.against_publisher(&publisher));
    wrong.extend(relay.against_files(&files));
    let rows: usize = files.values().map(BTreeSet::len).sum();
    let books = json!({
        "publisher": {"events": publisher.events.len(), "notifications": publisher.notifications.len()},
        "relay": {"events": relay.accepted, "notifications": relay.events.len(), "residue": relay.residue},
        "clients": {"files": files.len(), "rows": rows},
        "disagreements": wrong,
    });
    context.output.answer(&books, || {
        let verdict = if wrong.is_empty() { "They agree." } else { "They DISAGREE." };
        format!(
            "Three books:\n  the publisher's file of 202s   {} events, {} notifications it was told of\n  \
             the relay's accounting         {} events, {} notifications, residue {}\n  \
             the clients' own files         {} files, {rows} rows, each as in the relay's inbox\n{verdict}",
            publisher.events.len(),
            publisher.notifications.len(),
            relay.accepted,
            relay.events.len(),
            relay.residue,
            files.len(),
        )
    })?;
    for line in wrong.iter().take(TOLD_MAX) {
        context.output.remark(format_args!("  {line}"));
    }
    match wrong.len() {
        0 => Ok(()),
        count => Err(CommandError::Found { detail: format!("{count} disagreements between the books") }),
    }
}

/// What the publisher was answered.
struct Publisher {
    events: BTreeSet<String>,
    notifications: BTreeSet<String>,
}

impl Publisher {
    fn read(folder: &Path) -> Result<Self, CommandError> {
        let (mut events, mut notifications) = (BTreeSet::new(), BTreeSet::new());
        for line in read_lines(&folder.join(PUBLISHER))? {
            events.extend(line["event"].as_str().map(str::to_owned));
            let made = line["notifications"].as_array().into_iter().flatten();
            notifications.extend(made.filter_map(|made| made["id"].as_str()).map(str::to_owned));
        }
        Ok(Self { events, notifications })
    }
}

/// What the relay says.
struct Relay {
    accepted: u64,
    made: u64,
    residue: i64,
    /// The event of each notification.
    events: BTreeMap<String, String>,
    inboxes: BTreeMap<String, BTreeSet<String>>,
}

impl Relay {
    fn read(folder: &Path) -> Result<Self, CommandError> {
        let accounting = read_json(&folder.join(ACCOUNTING))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed = read_lines(&folder.join(NOTIFICATIONS))?;
        let inboxes = read_json(&folder.join(INBOXES))?;
        let ids = |ids: &Value| ids.as_array().into_iter().flatten().map(text).collect();
        Ok(Self {
            accepted: accounting["events"]["accepted"].as_u64().unwrap_or_default(),
            made: accounting["notifications"]["made"].as_u64().unwrap_or_default(),
            // An answer without a residue is no answer: it counts as wrong.
            residue: accounting["residue"].as_i64().unwrap_or(i64::MAX),
            events: listed.iter().map(|row| (text(&row["id"]), text(&row["event"]))).collect(),
            inboxes: inboxes
                .as_object()
                .into_iter()
                .flatten()
                .map(|(recipient, list)| (recipient.clone(), ids(list)))
                .collect(),
        })
    }

    fn against_itself(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.residue != 0 {
            wrong.push(format!("the relay's own equations leave a residue of {}", self.residue));
        }
        if self.made != self.events.len() as u64 {
            wrong.push(format!(
                "the relay counts {} notifications and lists {}",
                self.made,
                self.events.len()
            ));
        }
        wrong
    }

    fn against_publisher(&self, publisher: &Publisher) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.accepted != publisher.events.len() as u64 {
            let answered = publisher.events.len();
            wrong.push(format!("{answered} events got a 202, the relay counts {}", self.accepted));
        }
        let lost = publisher.notifications.iter().filter(|id| !self.events.contains_key(*id));
        wrong.extend(lost.map(|id| format!("notification {id} was promised and is not in the relay")));
        let strange = self.events.iter().filter(|(_, event)| !publisher.events.contains(*event));
        wrong.extend(
            strange.map(|(id, event)| format!("notification {id} is of event {event}, which got no 202")),
        );
        wrong
    }

    fn against_files(&self, files: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        let none = BTreeSet::new();
        let names: BTreeSet<&String> = files.keys().chain(self.inboxes.keys()).collect();
        let mut wrong = Vec::new();
        for name in names {
            let (file, inbox) = (files.get(name).unwrap_or(&none), self.inboxes.get(name).unwrap_or(&none));
            let lost = inbox.difference(file);
            wrong.extend(lost.map(|id| format!("{name}'s file lacks {id}, which is in the relay's inbox")));
            let strange = file.difference(inbox);
            wrong.extend(
                strange.map(|id| format!("{name}'s file has {id}, which is not in the relay's inbox")),
            );
        }
        wrong
    }
}

/// The rows of each client's file, by the name of the account.
async fn files(folder: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, CommandError> {
    let failed = |path: &Path, source| CommandError::File { path: path.into(), source };
    let entries = std::fs::read_dir(folder).map_err(|source| failed(folder, source))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "tidings") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let rows = rows(&path).await.map_err(|error| failed(&path, std::io::Error::other(error)))?;
            files.insert(name, rows);
        }
    }
    Ok(files)
}

async fn rows(path: &PathBuf) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut file: SqliteConnection = SqliteConnectOptions::new().filename(path).connect().await?;
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM items").fetch_all(&mut file).await?;
    file.close().await?;
    Ok(ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay() -> Relay {
        let set = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        Relay {
            accepted: 1,
            made: 1,
            residue: 0,
            events: BTreeMap::from([("n1".to_owned(), "e1".to_owned())]),
            inboxes: BTreeMap::from([("alice".to_owned(), set(&["n1"]))]),
        }
    }

    fn publisher() -> Publisher {
        Publisher {
            events: BTreeSet::from(["e1".to_owned()]),
            notifications: BTreeSet::from(["n1".to_owned()]),
        }
    }

    fn files(ids: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        BTreeMap::from([("alice".to_owned(), ids.iter().map(ToString::to_string).collect())])
    }

    #[test]
    fn books_that_agree_have_nothing_to_tell() {
        assert!(relay().against_itself().is_empty());
        assert!(relay().against_publisher(&publisher()).is_empty());
        assert!(relay().against_files(&files(&["n1"])).is_empty());
    }

    #[test]
    fn each_kind_of_disagreement_is_seen() {
        assert_eq!(Relay { residue: 1, ..relay() }.against_itself().len(), 1);
        assert_eq!(Relay { made: 2, ..relay() }.against_itself().len(), 1);
        assert_eq!(Relay { accepted: 2, ..relay() }.against_publisher(&publisher()).len(), 1);
        let lost = Relay { events: BTreeMap::new(), ..relay() };
        assert_eq!(lost.against_publisher(&publisher()).len(), 1);
        let nobody = Publisher { events: BTreeSet::new(), notifications: BTreeSet::new() };
        assert_eq!(relay().against_publisher(&nobody).len(), 2);
        assert_eq!(relay().against_files(&files(&[])).len(), 1);
        assert_eq!(relay().against_files(&files(&["n1", "n2"])).len(), 1);
        assert_eq!(relay().against_files(&BTreeMap::new()).len(), 1);
    }
}
