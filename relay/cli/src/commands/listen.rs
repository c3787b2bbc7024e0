//! `tidings listen`: an inbox in the terminal, on the client that apps use.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_protocol::RecipientId;
use tidings_protocol::http::ConnectCodeResponse;
use tidings_sdk::{Access, Client, Connection, InboxItem, Presentation, Query, SignedOut};

use super::connect;
use crate::calls::Calls;
use crate::context::{Context, Place};
use crate::error::CommandError;
use crate::output::Output;
use crate::shutdown::Shutdown;

/// How long it waits at the end for the relay to hear what was done.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
const FLUSH_LOOK: Duration = Duration::from_millis(20);

/// Be a recipient: receive, print and keep what comes, until Ctrl-C
#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    /// Who to be
    #[arg(long = "as", value_name = "RECIPIENT")]
    recipient: RecipientId,
    /// End after the first notification
    #[arg(long)]
    once: bool,
    /// Acknowledge each notification
    #[arg(long)]
    ack: bool,
    /// Where the inbox is kept; inboxes/ in the data folder if nothing is said
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, listen: Listen) -> Result<(), CommandError> {
    let mut signals = Shutdown::new()?;
    let client = open(context, &listen).await?;
    let result = tokio::select! {
        biased;
        () = signals.asked() => Ok(()),
        result = present(&client, context.output, &listen) => result,
    };
    if result.is_ok() {
        flush(&client).await?;
    }
    client.close().await;
    result
}

/// Opens the inbox and connects it with a new code; without a key, with what an earlier run stored.
async fn open(context: &Context, listen: &Listen) -> Result<Client, CommandError> {
    let place = context.place()?;
    let folder = listen.folder.clone().unwrap_or_else(|| context.data.join("inboxes"));
    // The inbox says what the recipient was told.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|source| CommandError::File { path: folder.clone(), source })?;
    let account = account(place.relay.as_str(), &listen.recipient);
    let known = folder.join(format!("{account}.tidings")).exists();
    let access = match &place {
        Place { relay, key: Some(key) } => {
            let calls = Calls::new(relay.clone(), Some(key.clone()))?;
            let code: ConnectCodeResponse = connect::mint(&calls, &listen.recipient).await?.read()?;
            Access::code(code.code)
        }
        Place { key: None, .. } if known => Access::saved(),
        Place { relay, key: None } => {
            return Err(CommandError::NoKey { relay: relay.clone(), folder: context.data.clone() });
        }
    };
    // It stands in stories, so it says what it is; the end of a UUID is random.
    let device = format!("terminal-{}", &uuid::Uuid::now_v7().simple().to_string()[24..]);
    let client = Client::builder(place.relay.as_str(), folder).account(account).access(access);
    Ok(client.platform("terminal").device(device).build().await?)
}

/// Prints each presentation until the device is signed out, or until the first with `--once`.
async fn present(client: &Client, output: Output, listen: &Listen) -> Result<(), CommandError> {
    let mut connection = client.connection();
    let mut presentations = client.presentations();
    let (mut was_live, mut told_away) = (false, false);
    loop {
        tokio::select! {
            biased;
            next = presentations.next() => match next? {
                None => return Ok(()),
                Some(presentation) => {
                    if print(client, output, listen, presentation).await? && listen.once {
                        return Ok(());
                    }
                }
            },
            state = connection.next() => match state {
                None => return Ok(()),
                Some(Connection::SignedOut { why }) => return Err(CommandError::SignedOut { why: signed_out(why) }),
                Some(Connection::Live) if !was_live => {
                    (was_live, told_away) = (true, false);
                    output.remark(format_args!("listening as {}; Ctrl-C ends it", listen.recipient));
                }
                // Before the first try there is no next one.
                Some(Connection::Offline { next_try: Some(_), .. }) if !told_away => {
                    (was_live, told_away) = (false, true);
                    output.remark("the relay is away; it is tried again");
                }
                Some(Connection::Live | Connection::CatchingUp | Connection::Offline { .. }) => {}
            },
        }
    }
}

/// Prints one presentation; answers whether it was a notification.
async fn print(
    client: &Client,
    output: Output,
    listen: &Listen,
    presentation: Presentation,
) -> Result<bool, CommandError> {
    match presentation {
        Presentation::Show(item) => print_item(client, output, listen, &item, None).await?,
        Presentation::Update { item, replaces } => {
            print_item(client, output, listen, &item, Some(replaces.as_str())).await?;
        }
        Presentation::Summary { count } => {
            output.answer(&json!({"presentation": "summary", "count": count}), || {
                format!("{count} came while nobody listened:")
            })?;
            let limit = u32::try_from(count).unwrap_or(u32::MAX);
            let query = Query { unread: Some(true), ..Query::default() };
            let page = client.inbox().page(query, None, limit).await?;
            for item in page.items.iter().rev() {
                print_item(client, output, listen, item, None).await?;
            }
        }
        Presentation::Withdraw(id) => {
            output.answer(&json!({"presentation": "withdraw", "id": id}), || format!("{id} is settled"))?;
            return Ok(false);
        }
        // A kind of a later client is nothing that this one can print.
        _ => return Ok(false),
    }
    Ok(true)
}

async fn print_item(
    client: &Client,
    output: Output,
    listen: &Listen,
    item: &InboxItem,
    replaces: Option<&str>,
) -> Result<(), CommandError> {
    output.answer(&item_json(item, replaces), || line(item))?;
    client.shown(&item.id).await?;
    if listen.ack {
        client.acknowledge(&item.id).await?;
    }
    Ok(())
}

/// The notification as the socket carries it, and what is done with it.
fn item_json(item: &InboxItem, replaces: Option<&str>) -> Value {
    let mut value = json!(item);
    value["presentation"] = if replaces.is_some() { "update" } else { "show" }.into();
    if let Some(replaces) = replaces {
        value["replaces"] = replaces.into();
    }
    value
}

fn line(item: &InboxItem) -> String {
    let mut text = format!("{}  {}  {}", item.created_at, item.category, one_line(&item.content.title));
    if !item.content.body.is_empty() && item.content.body != item.content.title {
        text.push_str(&format!(" — {}", one_line(&item.content.body)));
    }
    if let Some(link) = &item.content.link {
        text.push_str(&format!("  {}", one_line(link)));
    }
    if item.needs_acknowledgement {
        text.push_str("  (waits for an acknowledgement)");
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits until the relay has heard what was done here, for a while: what it did not hear is sent by the next run.
async fn flush(client: &Client) -> Result<(), CommandError> {
    let sent = async {
        while !client.pending().await?.is_empty() {
            tokio::time::sleep(FLUSH_LOOK).await;
        }
        Ok(())
    };
    tokio::time::timeout(FLUSH_TIMEOUT, sent).await.unwrap_or(Ok(()))
}

const fn signed_out(why: SignedOut) -> &'static str {
    match why {
        SignedOut::NoCredentials => "it has no credentials",
        SignedOut::Unauthorized => "its credentials are not good any more",
        SignedOut::Revoked => "it was removed",
        SignedOut::Erased => "the recipient was erased",
    }
}

/// A file name for this recipient of this relay: readable, and different for each.
fn account(relay: &str, recipient: &RecipientId) -> String {
    const READABLE_MAX: usize = 40;
    let readable: String = recipient
        .as_str()
        .chars()
        .take(READABLE_MAX)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    // FNV-1a, 64 bits: it keeps names apart, it protects nothing.
    let hash = [relay, "\0", recipient.as_str()]
        .iter()
        .flat_map(|text| text.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{readable}-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(id: &str) -> RecipientId {
        RecipientId::new(id).unwrap()
    }

    #[test]
    fn each_recipient_of_each_relay_has_a_file_of_its_own() {
        let names = [
            account("http://a/", &recipient("alice")),
            account("http://b/", &recipient("alice")),
            account("http://a/", &recipient("a.ice")),
            account("http://a/", &recipient("a_ice")),
            account("http://a/", &recipient(&"é".repeat(60))),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 64, "{name}");
            assert!(!names[..index].contains(name), "{name}");
        }
        assert!(names[0].starts_with("alice-"));
    }

    #[test]
    fn a_notification_is_one_line_whatever_it_says() {
        let item: InboxItem = serde_json::from_value(json!({
            "id": "n1", "place": 1, "category": "orders", "priority": "normal", "title": "Order\n1001", "body": "confirmed\r\nnow",
            "link": "https://shop.example/o/1001", "because": {"rule": null, "event_type": null, "text": ""},
            "created_at": "2026-11-22T09:00:00.000Z", "expires_at": "2026-11-23T09:00:00.000Z"
        }))
        .unwrap();
        let expected =
            "2026-11-22T09:00:00.000Z  orders  Order 1001 — confirmed now  https://shop.example/o/1001";
        assert_eq!(line(&item), expected);
    }
}
