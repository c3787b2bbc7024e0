//! A payment fails and nobody answers: it goes from the app to a text, from one vendor to the next, and from one person to
//! another. Then an offer by mail, and the way out of it.

use std::time::Duration;

use serde_json::json;
use tidings_protocol::http::StoryResponse;
use tidings_sdk::{Client, Query};

use super::outside::Outside;
use super::people::{Cast, flushed};
use super::publisher::Publisher;
use crate::calls::{Calls, tls};
use crate::error::CommandError;

/// How long each part may take; its steps are seconds apart here.
const TIMEOUT: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(50);
/// More rows than any of the demo's inboxes has.
const ROWS: u32 = 500;

/// Gives people phones and mailboxes, and the shop its vendors' secrets.
pub(super) async fn prepare(calls: &Calls) -> Result<(), CommandError> {
    for (name, value) in [("sms_a", "wrong"), ("sms_b", "right")] {
        calls.put(&["v1", "secrets", name], &json!({"value": value})).await?;
    }
    for (name, channel, address) in [
        ("alice", "sms", "+4915550100001"),
        ("bob", "sms", "+4915550100002"),
        ("alice", "email", "alice@example.org"),
    ] {
        let endpoint = json!({"address": address, "verified": true});
        calls.put(&["v1", "recipients", name, "endpoints", channel], &endpoint).await?;
    }
    let consent = json!({"decision": "granted", "category": "promotions", "channels": ["email"],
        "policy_version": "2026-11", "text_shown": "Offers by e-mail, at most two a week"});
    calls.post(&["v1", "recipients", "alice", "consent"], &consent).await?;
    Ok(())
}

/// A payment fails. Alice is on call and sees nothing; bob comes after her.
pub(super) async fn escalate(
    calls: &Calls,
    publisher: &Publisher,
    cast: &Cast,
    outside: &Outside,
) -> Result<Vec<String>, CommandError> {
    let event = json!({"type": "payment.failed", "id": "evt-payment", "source": "shop",
        "data": {"order_id": 1001, "customer": "alice", "on_call": ["alice", "bob"]}});
    publisher.state(event).await?;
    let bob = cast.members().iter().find(|member| member.name == "bob").expect("bob plays");
    let id = appears(&bob.client, "1001").await?;
    bob.client.act(&id, "take").await?;
    flushed(&bob.client).await?;
    let of_alice = [("recipient", "alice"), ("category", "payments"), ("limit", "1")];
    let listed = calls.get(&["v1", "notifications"], &of_alice).await?;
    let first = listed.value["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    let story: StoryResponse = calls.get(&["v1", "notifications", &first], &[]).await?.read()?;
    let mut said = vec!["  the payment of order 1001 fails; alice is on call, and bob after her".to_owned()];
    for entry in story.timeline.iter().filter(|entry| entry.provider.is_some() || entry.step.is_some()) {
        let Some(text) = entry.text.as_deref() else { continue };
        let after = entry.at.millis_since(story.created_at);
        let channel = entry.channel.map(|channel| format!("{channel}: ")).unwrap_or_default();
        said.push(format!("      +{after} ms  {channel}{text}"));
    }
    said.push(format!(
        "  bob takes it; {} texts were sent, and none is sent any more",
        outside.texts.all().len()
    ));
    Ok(said)
}

/// An offer by mail, its one click that ends offers, and the offer that is not sent.
pub(super) async fn offer(publisher: &Publisher, outside: &Outside) -> Result<Vec<String>, CommandError> {
    let send = json!({"recipients": ["alice"], "category": "promotions", "template": "promotion",
        "data": {"headline": "Half the price today", "headline_zh": "今日半价"}});
    publisher.send(&send).await?;
    let mail = until(async || Ok(outside.mails.all().pop())).await?;
    let header = |name: &str| {
        let line = mail.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.trim().to_owned())
    };
    let subject = header("subject:").unwrap_or_default();
    let unfolded = mail.replace("\r\n ", " ");
    let link = unfolded
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("list-unsubscribe:"))
        .and_then(|line| line.split(['<', '>']).nth(1).map(str::to_owned))
        .ok_or_else(|| CommandError::Found { detail: "the mail has no way out".to_owned() })?;
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls(false)).build();
    let client = client.map_err(|_| CommandError::Found { detail: "HTTP cannot be set up".to_owned() })?;
    let answer = client
        .post(&link)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("List-Unsubscribe=One-Click")
        .send()
        .await;
    let status = answer.map(|answer| answer.status().as_u16()).unwrap_or_default();
    let again = publisher.send(&send).await?;
    let stopped = again["notifications"][0]["stopped_by"]["text"].as_str().unwrap_or("nothing").to_owned();
    Ok(vec![
        format!("  alice gets the mail “{subject}”, {} bytes with its way out", mail.len()),
        format!("  one click on it (POST, answered {status}): the next offer is stopped, because {stopped}"),
    ])
}

/// Waits until a notification is in a client's inbox.
async fn appears(client: &Client, what: &str) -> Result<tidings_protocol::NotificationId, CommandError> {
    until(async || {
        let page = client.inbox().page(Query::default(), None, ROWS).await?;
        let asks = |item: &&tidings_sdk::InboxItem| {
            item.content.title.contains(what) && item.content.actions.iter().any(|action| action.id == "take")
        };
        Ok(page.items.iter().find(asks).map(|item| item.id.clone()))
    })
    .await
}

async fn until<T>(mut look: impl AsyncFnMut() -> Result<Option<T>, CommandError>) -> Result<T, CommandError> {
    let found = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let late = || CommandError::Found { detail: "the escalation did not come in time".to_owned() };
    tokio::time::timeout(TIMEOUT, found).await.unwrap_or_else(|_| Err(late()))
}
