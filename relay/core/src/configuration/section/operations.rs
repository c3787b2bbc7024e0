//! `hooks`, `alerts`, `tokens`: who is told of what happens, and who may sign.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, RecipientId};

use crate::configuration::mistake::Found;
use crate::configuration::model::{
    Alert, Alerts, AlertsTo, Hook, HookEvent, SecretName, TokenAlgorithm, TokenKey, Tokens,
};
use crate::configuration::node::{Node, Place, Value};
use crate::configuration::reader::Reader;
use crate::configuration::values::Reference;
use crate::expression::{Expression, NoLookups, Scope};

/// The kinds of entry in a project's feed that a hook can hear.
const HOOK_EVENTS: [&str; 25] = [
    "receipt.received",
    "receipt.displayed",
    "receipt.read",
    "receipt.clicked",
    "receipt.acted",
    "receipt.acknowledged",
    "receipt.dismissed",
    "delivery.received",
    "delivery.sent",
    "delivery.dead",
    "delivery.suppressed",
    "delivery.cancelled",
    "delivery.expired",
    "notification.reached",
    "notification.failed",
    "notification.expired",
    "notification.suppressed",
    "notification.merged",
    "notification.cancelled",
    "notification.retracted",
    "notification.converted",
    "consent.changed",
    "preference.changed",
    "feedback",
    "recipient.erased",
];
const ALERTS: [(&str, Alert); 6] = [
    ("residue", Alert::Residue),
    ("dead_letters", Alert::DeadLetters),
    ("provider_down", Alert::ProviderDown),
    ("budget", Alert::Budget),
    ("unacknowledged", Alert::Unacknowledged),
    ("click_rate_low", Alert::ClickRateLow),
];

pub(in crate::configuration) fn hooks<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<String, Hook>> {
    let mut hooks = BTreeMap::new();
    for entry in reader.entries(node, "`hooks`")? {
        let name: Option<CategoryId> = reader.id_of(&entry.key, entry.key_place);
        let Some(fields) = reader.fields(&entry.node, entry.key_place, "a hook", &["url", "on", "signing"])
        else {
            continue;
        };
        let url = fields.required(reader, "url", Reader::url);
        let words = HOOK_EVENTS.map(|event| (event, HookEvent(event)));
        let on = fields
            .required(reader, "on", |reader, node| words_of(reader, node, "events of the feed", &words));
        let signing = fields.optional(reader, "signing", secret);
        if let (Some(name), Some(url), Some(on)) = (name, url, on) {
            hooks.insert(name.as_str().to_owned(), Hook { url, on, signing });
        }
    }
    Some(hooks)
}

fn secret<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<SecretName> {
    reader.secret(node)
}

/// Reads a list of words: at least one, in order, none twice.
fn words_of<'d, T: Copy + Ord>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    what: &str,
    words: &[(&'static str, T)],
) -> Option<Vec<T>> {
    let items = reader.list(node, what)?;
    let mut chosen: Vec<T> =
        items.iter().filter_map(|item| reader.word(item, "unknown_word", words)).collect();
    if items.is_empty() {
        let found = Found::new("bad_plan", node.place, "the list is empty, so nothing would ever be told");
        reader.report(found.expected(format!("at least one of the {what}")));
    }
    chosen.sort_unstable();
    chosen.dedup();
    Some(chosen)
}

pub(in crate::configuration) fn alerts<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<Alerts> {
    let fields = reader.fields(node, owner, "`alerts`", &["notify", "on"])?;
    let all = || ALERTS.iter().map(|(_, alert)| *alert).collect();
    let notify = fields.section(reader, "notify", audience);
    if fields.get("notify").is_none() {
        fields.report_missing(reader, "notify");
    }
    let on = fields.optional(reader, "on", |reader, node| words_of(reader, node, "alerts", &ALERTS));
    Some(Alerts { notify: notify?, on: on.unwrap_or_else(all) })
}

/// Who is told: as `notify` of a rule, but that there is no event to name anybody.
fn audience<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<AlertsTo> {
    let Value::Map(_) = &node.value else { return named(reader, node).map(AlertsTo::Recipients) };
    let fields = reader.fields(node, owner, "`notify`", &["topic", "segment"])?;
    let topic = fields.optional(reader, "topic", Reader::id).map(AlertsTo::Topic);
    let segment =
        fields.optional(reader, "segment", |reader, node| reader.reference(node, Reference::Segment));
    if fields.get("topic").is_some() == fields.get("segment").is_some() {
        let found = Found::new("bad_plan", node.place, "`notify` names one audience");
        reader.report(found.expected("{topic: NAME}, {segment: NAME} or CEL, like \"'alice'\""));
    }
    topic.or(segment.map(AlertsTo::Segment))
}

/// The recipients that a value of CEL names. It reads nothing, so they are known when the document is checked.
fn named<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Vec<RecipientId>> {
    const EXPECTED: &str = "ids in quotes: \"'alice'\" or \"['alice', 'bob']\"";
    let source = reader.text(node)?;
    match ids_in(source) {
        Ok(recipients) => Some(recipients),
        Err(detail) => {
            reader.report(Found::new("bad_cel", node.place, detail).expected(EXPECTED));
            None
        }
    }
}

fn ids_in(source: &str) -> Result<Vec<RecipientId>, String> {
    let expression = Expression::compile(source).map_err(|error| error.kind.to_string())?;
    if !expression.uses().fields.is_empty() {
        return Err("an alert has no event and no recipient to look at".to_owned());
    }
    let nothing = serde_json::Value::Null;
    let scope = Scope { data: &nothing, event: &nothing, recipient: None, lookups: &NoLookups };
    let ids = expression.ids(&scope).map_err(|error| error.to_string())?;
    let ids: Result<Vec<_>, _> = ids.into_iter().map(RecipientId::new).collect();
    let ids = ids.map_err(|error| error.to_string())?;
    if ids.is_empty() { Err("it names nobody".to_owned()) } else { Ok(ids) }
}

pub(in crate::configuration) fn tokens<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<Tokens> {
    let fields = reader.fields(node, owner, "`tokens`", &["keys", "development"])?;
    let mut keys: Vec<TokenKey> = Vec::new();
    let items = fields.optional(reader, "keys", |reader, node| reader.list(node, "keys")).unwrap_or_default();
    for item in items {
        let Some(key) = token_key(reader, item) else { continue };
        if keys.iter().any(|other| other.kid == key.kid) {
            let detail = format!("two keys are called `{}`; a kid names one", key.kid);
            reader.report(Found::new("duplicate_key", item.place, detail));
        }
        keys.push(key);
    }
    Some(Tokens { keys, development: fields.optional(reader, "development", secret) })
}

fn token_key<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<TokenKey> {
    let fields = reader.fields(node, node.place, "a key", &["kid", "alg", "public"])?;
    let kid = fields.required(reader, "kid", Reader::id::<CategoryId>);
    let algorithms = [
        ("EdDSA", TokenAlgorithm::EdDsa),
        ("ES256", TokenAlgorithm::Es256),
        ("RS256", TokenAlgorithm::Rs256),
    ];
    let algorithm =
        fields.required(reader, "alg", |reader, node| reader.word(node, "unknown_word", &algorithms));
    let public = fields.required(reader, "public", public_key);
    Some(TokenKey { kid: kid?.as_str().to_owned(), algorithm: algorithm?, public: public? })
}

fn public_key<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    let pem = reader.content(node)?;
    let is_private = pem.contains("PRIVATE KEY");
    if pem.contains("-----BEGIN PUBLIC KEY-----") && !is_private {
        return Some(pem.to_owned());
    }
    let detail = if is_private {
        "this is a private key; it never leaves its owner"
    } else {
        "this is not a public key"
    };
    reader.report(Found::new("bad_key", node.place, detail).expected("PEM with `BEGIN PUBLIC KEY`"));
    None
}
