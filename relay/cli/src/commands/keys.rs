//! `tidings keys`: who may call.

use serde_json::json;
use tidings_protocol::http::{KeyRequest, KeyResponse, Page, SigningKeysResponse};

use crate::context::Context;
use crate::error::CommandError;

/// List, make and revoke the project's keys, and exchange the relay's own
#[derive(Debug, clap::Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the keys, without their secrets
    List,
    /// Make a key, which is shown once
    Add {
        /// What to call it
        #[arg(default_value = "")]
        label: String,
        /// What it may do: send, read, recipients, consent, erase, tokens, configure; all that yours may if nothing is said
        #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<String>,
        /// It does everything but hand over
        #[arg(long)]
        sandbox: bool,
    },
    /// Take a key back at once
    Revoke {
        /// Its id, as `tidings keys` lists it
        id: String,
    },
    /// Make a new key that the relay signs access tokens with; those of the one before stay good until they end
    RotateSigning,
}

pub(crate) async fn run(context: &Context, keys: &Keys) -> Result<(), CommandError> {
    match keys.verb.as_ref().unwrap_or(&Verb::List) {
        Verb::List => list(context).await,
        Verb::Add { label, scopes, sandbox } => {
            let scopes = (!scopes.is_empty()).then(|| scopes.clone());
            let request = KeyRequest { label: label.clone(), scopes, sandbox: *sandbox };
            let answer = context.calls()?.post(&["v1", "keys"], &json!(request)).await?;
            let made: KeyResponse = answer.read()?;
            context.output.answer(&answer.value, || {
                let key = made.key.as_deref().unwrap_or("(none)");
                format!(
                    "id      {}\nkey     {key}\nmay     {}\nThe key is shown this once.",
                    made.id,
                    made.scopes.join(", ")
                )
            })
        }
        Verb::Revoke { id } => {
            let answer = context.calls()?.delete(&["v1", "keys", id]).await?;
            let value =
                if answer.value.is_null() { json!({"id": id, "revoked": true}) } else { answer.value };
            context.output.answer(&value, || format!("{id} is revoked"))
        }
        Verb::RotateSigning => {
            let answer = context.calls()?.post(&["v1", "signing-keys"], &json!({})).await?;
            let SigningKeysResponse { kid, previous } = answer.read()?;
            context.output.answer(&answer.value, || {
                format!("signs     {kid}\nstays     {previous}, for what it signed\nCopy relay.keys into your backup.")
            })
        }
    }
}

/// All pages: a project has few keys.
async fn list(context: &Context) -> Result<(), CommandError> {
    let calls = context.calls()?;
    let (mut items, mut keys) = (Vec::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", "500")];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let answer = calls.get(&["v1", "keys"], &query).await?;
        let page: Page<KeyResponse> = answer.read()?;
        items.extend(answer.value["items"].as_array().into_iter().flatten().cloned());
        keys.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    context.output.answer(&json!({"items": items, "next": null}), || {
        let lines: Vec<String> = keys.iter().map(line).collect();
        lines.join("\n")
    })
}

fn line(key: &KeyResponse) -> String {
    let sandbox = if key.sandbox { "  sandbox" } else { "" };
    let label = if key.label.is_empty() { String::new() } else { format!("  {}", key.label) };
    format!("{}  {}  {}{sandbox}{label}", key.id, key.created_at, key.scopes.join(","))
}
