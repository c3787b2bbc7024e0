//! Three people with a client each: one who agreed, one who did not, one in quiet hours.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tidings_protocol::RecipientId;
use tidings_protocol::http::ConnectCodeResponse;
use tidings_sdk::{Access, Client, Connection, Query};
use url::Url;

use crate::calls::Calls;
use crate::commands::connect;
use crate::error::CommandError;

/// Who plays, and what is to be seen of them.
const PEOPLE: [(&str, &str); 3] = [
    ("alice", "agreed to be reminded of her cart"),
    ("bob", "was never asked, so reminders of a cart are not for him"),
    ("chen", "is in quiet hours for the next hour"),
];
/// How long the relay may take to hear from the devices what they stored.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// More rows than any of the demo's inboxes has.
const ROWS: u32 = 500;

/// The three, connected.
pub(super) struct Cast {
    calls: Calls,
    members: Vec<Member>,
}

/// One person's client.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) client: Client,
}

impl Member {
    /// Connects with a code, as an app does that was handed one.
    pub(super) async fn connect(
        calls: &Calls,
        relay: &Url,
        folder: &Path,
        name: &str,
    ) -> Result<Self, CommandError> {
        let recipient = RecipientId::new(name).expect("the demo's names are ids");
        let code: ConnectCodeResponse = connect::mint(calls, &recipient).await?.read()?;
        let client = Client::builder(relay.as_str(), folder)
            .account(name)
            .access(Access::code(code.code))
            .platform("demo")
            .device(format!("{name}-phone"))
            .build()
            .await?;
        let live = async { client.connection().wait_for(|state| *state == Connection::Live).await };
        let late = || CommandError::Found { detail: format!("{name} could not connect in time") };
        tokio::time::timeout(SETTLE_TIMEOUT, live).await.ok().flatten().ok_or_else(late)?;
        Ok(Self { name: name.to_owned(), client })
    }

    /// How many rows its own file has.
    pub(super) async fn rows(&self) -> Result<usize, CommandError> {
        Ok(self.client.inbox().page(Query::default(), None, ROWS).await?.items.len())
    }
}

impl Cast {
    pub(super) async fn connect(calls: &Calls, relay: &Url, folder: &Path) -> Result<Self, CommandError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| CommandError::File { path: folder.into(), source })?;
        let mut members = Vec::new();
        for (name, _) in PEOPLE {
            calls.put(&["v1", "recipients", name], &json!({"time_zone": "Etc/UTC", "locale": "en"})).await?;
            let spans = if name == "chen" { json!([quiet_now()]) } else { json!([]) };
            let quiet = json!({"quiet_hours": {"spans": spans}});
            calls.put(&["v1", "recipients", name, "preferences"], &quiet).await?;
            members.push(Member::connect(calls, relay, folder, name).await?);
        }
        let consent = json!({"decision": "granted", "category": "cart", "channels": ["inapp"],
            "policy_version": "2026-11", "text_shown": "A reminder when something waits in your cart"});
        calls.post(&["v1", "recipients", "alice", "consent"], &consent).await?;
        Ok(Self { calls: calls.clone(), members })
    }

    pub(super) fn introduction(&self) -> String {
        let lines = PEOPLE.iter().map(|(name, what)| format!("  {name} {what}"));
        format!("Three people are connected:\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Waits until nothing that was handed over is without a device that holds it.
    pub(super) async fn settle(&self) -> Result<(), CommandError> {
        for member in &self.members {
            settled(&self.calls, &member.name, SETTLE_TIMEOUT).await?;
        }
        Ok(())
    }

    /// Everybody reads the newest thing; whoever can follow a parcel does.
    pub(super) async fn read_and_acknowledge(&self) -> Result<(), CommandError> {
        for member in &self.members {
            let page = member.client.inbox().page(Query::default(), None, ROWS).await?;
            for item in &page.items {
                member.client.mark_read(&item.id).await?;
                if let Some(action) = item.content.actions.first() {
                    member.client.act(&item.id, &action.id).await?;
                }
            }
            flushed(&member.client).await?;
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        for member in &self.members {
            member.client.close().await;
        }
    }
}

/// Waits until the relay heard everything that a client has to say.
pub(super) async fn flushed(client: &Client) -> Result<(), CommandError> {
    let sent = async {
        while !client.pending().await?.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    let late =
        || CommandError::Found { detail: "a client could not hand over what it has to say".to_owned() };
    tokio::time::timeout(SETTLE_TIMEOUT, sent).await.unwrap_or_else(|_| Err(late()))
}

/// Waits until a recipient has no notification that was handed over and is not received.
pub(super) async fn settled(calls: &Calls, name: &str, limit: Duration) -> Result<(), CommandError> {
    let query = [("recipient", name), ("state", "active"), ("limit", "1")];
    let none = async {
        loop {
            let answer = calls.get(&["v1", "notifications"], &query).await?;
            if answer.value["items"].as_array().is_some_and(Vec::is_empty) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let late = || CommandError::Found { detail: format!("{name} did not receive everything in time") };
    tokio::time::timeout(limit, none).await.unwrap_or_else(|_| Err(late()))
}

/// A span around this hour, by the wall clock of UTC.
fn quiet_now() -> serde_json::Value {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let minute = since.as_secs() / 60 % 1_440;
    let clock = |minute: u64| format!("{:02}:{:02}", minute % 1_440 / 60, minute % 60);
    json!({"from": clock(minute + 1_430), "to": clock(minute + 60)})
}
