//! `providers`: accounts behind channels, each kind with keys of its own.

mod http;
mod push;
mod smtp;
mod webhook;

use std::collections::BTreeMap;

use tidings_protocol::Channel;

use crate::configuration::mistake::Found;
use crate::configuration::model::{Account, Provider};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::{Fields, Reader};

/// The most hand-overs a second that a document may allow a provider.
const RATE_MAX: u32 = 100_000;

/// The keys that every kind of provider has.
const OF_EVERY_KIND: [&str; 6] = ["channel", "kind", "password", "inbound", "cost", "rate"];

/// One kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    /// For people: `a provider of kind smtp`.
    what: &'static str,
    /// What it can serve.
    serves: &'static [Channel],
    /// Its own keys.
    keys: &'static [&'static str],
    read: Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Smtp,
    Http,
    Webhook,
    Webpush,
    Fcm,
    Apns,
}

const fn kind(
    what: &'static str,
    serves: &'static [Channel],
    keys: &'static [&'static str],
    read: Read,
) -> Kind {
    Kind { what, serves, keys, read }
}

const KINDS: [(&str, Kind); 6] = [
    ("smtp", kind("a provider of kind smtp", &[Channel::Email], &smtp::KEYS, Read::Smtp)),
    ("http", kind("a provider of kind http", http::SERVES, &http::KEYS, Read::Http)),
    ("webhook", kind("a provider of kind webhook", &[Channel::Webhook], &webhook::KEYS, Read::Webhook)),
    ("webpush", kind("a provider of kind webpush", &[Channel::Push], &push::WEBPUSH_KEYS, Read::Webpush)),
    ("fcm", kind("a provider of kind fcm", &[Channel::Push], &push::FCM_KEYS, Read::Fcm)),
    ("apns", kind("a provider of kind apns", &[Channel::Push], &push::APNS_KEYS, Read::Apns)),
];

pub(in crate::configuration) fn providers<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<String, Provider>> {
    let mut providers = BTreeMap::new();
    for entry in reader.entries(node, "`providers`")? {
        let name: Option<tidings_protocol::CategoryId> = reader.id_of(&entry.key, entry.key_place);
        let provider = provider(reader, &entry.node, entry.key_place);
        if let (Some(name), Some(provider)) = (name, provider) {
            providers.insert(name.as_str().to_owned(), provider);
        }
    }
    Some(providers)
}

fn provider<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Provider> {
    let Some(kind) = kind_of(reader, node, owner) else {
        // Its keys cannot be told right from wrong, but its channel can.
        if let Some(entry) = node.get("channel") {
            reader.channel(&entry.node);
        }
        return None;
    };
    let keys: Vec<&str> = OF_EVERY_KIND.iter().chain(kind.keys).copied().collect();
    let fields = reader.fields(node, owner, kind.what, &keys)?;
    let channel = fields.required(reader, "channel", Reader::channel);
    check_channel(reader, &fields, channel, kind);
    let cost = fields.optional(reader, "cost", Reader::amount);
    let rate = fields.optional(reader, "rate", |reader, node| reader.integer(node, 1, RATE_MAX));
    let password = fields.optional(reader, "password", Reader::secret);
    let mut inbound = None;
    if kind.read != Read::Http {
        inbound = fields.optional(reader, "inbound", Reader::secret);
    }
    let account = match kind.read {
        Read::Smtp => smtp::account(reader, &fields).map(Account::Smtp),
        Read::Http => {
            let (account, secret) = http::account(reader, &fields);
            inbound = secret;
            Some(Account::Http(Box::new(account)))
        }
        Read::Webhook => webhook::account(reader, &fields).map(Account::Webhook),
        Read::Webpush => Some(Account::Webpush(push::webpush(reader, &fields))),
        Read::Fcm => push::fcm(reader, &fields).map(Account::Fcm),
        Read::Apns => push::apns(reader, &fields).map(Account::Apns),
    };
    Some(Provider { channel: channel?, cost, rate, password, inbound, account: account? })
}

/// Which kind it is; what it may say besides depends on that.
fn kind_of<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Kind> {
    reader.entries(node, "a provider")?;
    let Some(entry) = node.get("kind") else {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let found = Found::new("missing_key", owner, "a provider needs the key `kind`");
        reader.report(found.expected(crate::configuration::reader::one_of(&names)));
        return None;
    };
    reader.word(&entry.node, "unknown_word", &KINDS)
}

fn check_channel(reader: &mut Reader<'_>, fields: &Fields<'_>, channel: Option<Channel>, kind: Kind) {
    if let (Some(channel), Some(entry)) = (channel, fields.get("kind"))
        && !kind.serves.contains(&channel)
    {
        let names: Vec<&str> = kind.serves.iter().map(|channel| channel.as_str()).collect();
        let detail = format!("a provider of this kind does not serve {channel}");
        let found = Found::new("wrong_channel", entry.node.place, detail);
        reader.report(found.expected(format!("with this kind, the channel {}", names.join(" or "))));
    }
}

/// Reads text that must not be empty.
fn text<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    reader.words(node).map(str::to_owned)
}
