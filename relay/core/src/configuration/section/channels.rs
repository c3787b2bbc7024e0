//! `providers` and `channels`.

use std::collections::BTreeMap;

use tidings_protocol::Channel;

use super::categories::cap_rule;
use crate::configuration::mistake::Found;
use crate::configuration::model::{Budget, ChannelSettings, Provider, ProviderKind, PushContent};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::{Fields, Reader};
use crate::configuration::values::Reference;

const KINDS: [(&str, ProviderKind); 5] = [
    ("smtp", ProviderKind::Smtp),
    ("http", ProviderKind::Http),
    ("webpush", ProviderKind::Webpush),
    ("fcm", ProviderKind::Fcm),
    ("apns", ProviderKind::Apns),
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
    const KEYS: [&str; 10] =
        ["channel", "kind", "preset", "host", "port", "url", "user", "password", "from", "cost"];
    let fields = reader.fields(node, owner, "a provider", &KEYS)?;
    let text = |reader: &mut Reader<'d>, node| reader.words(node).map(str::to_owned);
    let channel = fields.required(reader, "channel", Reader::channel);
    let kind = fields.required(reader, "kind", |reader, node| reader.word(node, "unknown_word", &KINDS));
    check_kind(reader, &fields, channel, kind);
    let preset = fields.optional(reader, "preset", text);
    let host = fields.optional(reader, "host", text);
    let port = fields.optional(reader, "port", |reader, node| reader.integer(node, 1, u32::from(u16::MAX)));
    let url = fields.optional(reader, "url", Reader::url);
    let user = fields.optional(reader, "user", text);
    let password = fields.optional(reader, "password", Reader::secret);
    let from = fields.optional(reader, "from", text);
    let cost = fields.optional(reader, "cost", Reader::amount);
    Some(Provider {
        channel: channel?,
        kind: kind?,
        preset,
        host,
        port: port.and_then(|port| u16::try_from(port).ok()),
        url,
        user,
        password,
        from,
        cost,
    })
}

/// What a kind of provider can serve, and what it cannot be without.
fn check_kind(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    channel: Option<Channel>,
    kind: Option<ProviderKind>,
) {
    let Some(kind) = kind else { return };
    let serves: &[Channel] = match kind {
        ProviderKind::Smtp => &[Channel::Email],
        ProviderKind::Http => &[Channel::Push, Channel::Email, Channel::Sms, Channel::Webhook],
        ProviderKind::Webpush | ProviderKind::Fcm | ProviderKind::Apns => &[Channel::Push],
    };
    if let (Some(channel), Some(entry)) = (channel, fields.get("kind"))
        && !serves.contains(&channel)
    {
        let names: Vec<&str> = serves.iter().map(|channel| channel.as_str()).collect();
        let detail = format!("a provider of this kind does not serve {channel}");
        let found = Found::new("wrong_channel", entry.node.place, detail);
        reader.report(found.expected(format!("with this kind, the channel {}", names.join(" or "))));
    }
    let needed: &[&str] = match kind {
        ProviderKind::Smtp => &["host", "from"],
        ProviderKind::Http if fields.get("preset").is_some() => &[],
        ProviderKind::Http => &["url"],
        ProviderKind::Webpush | ProviderKind::Fcm | ProviderKind::Apns => &[],
    };
    for key in needed {
        if fields.get(key).is_none() {
            let what = if *key == "url" {
                "a provider of kind http needs `preset` or `url`".to_owned()
            } else {
                format!("a provider of this kind needs the key `{key}`")
            };
            reader.report(Found::new("missing_key", fields.owner, what));
        }
    }
}

pub(in crate::configuration) fn channels<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<BTreeMap<Channel, ChannelSettings>> {
    let known: Vec<&str> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
    for entry in reader.entries(node, "`channels`")? {
        if !known.contains(&&*entry.key) {
            let hint = reader.nearest(&entry.key, known.iter().copied());
            let found = Found::new(
                "unknown_channel",
                entry.key_place,
                format!("there is no channel `{}`", entry.key),
            );
            reader.report(found.hint_if(hint).expected(crate::configuration::reader::one_of(&known)));
        }
    }
    let mut channels = BTreeMap::new();
    for channel in Channel::ALL {
        let Some(entry) = node.get(channel.as_str()) else { continue };
        if let Some(settings) = settings(reader, *channel, &entry.node, owner) {
            channels.insert(*channel, settings);
        }
    }
    Some(channels)
}

fn settings<'d>(
    reader: &mut Reader<'d>,
    channel: Channel,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<ChannelSettings> {
    let fields = reader.fields(node, owner, "a channel", &["content", "providers", "cap", "budget"])?;
    let contents = [("none", PushContent::None), ("title", PushContent::Title), ("full", PushContent::Full)];
    let content =
        fields.optional(reader, "content", |reader, node| reader.word(node, "unknown_word", &contents));
    if let (Some(entry), true) = (fields.get("content"), channel != Channel::Push) {
        let detail = format!("`content` is for push; {channel} always carries its form");
        reader.report(Found::new("bad_plan", entry.key_place, detail));
    }
    Some(ChannelSettings {
        content: content.unwrap_or_default(),
        providers: fields
            .optional(reader, "providers", |reader, node| provider_names(reader, channel, node))
            .unwrap_or_default(),
        cap: fields.section(reader, "cap", cap_rule),
        budget: fields.section(reader, "budget", budget),
    })
}

fn provider_names<'d>(reader: &mut Reader<'d>, channel: Channel, node: &'d Node<'d>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for item in reader.list(node, "provider names")? {
        let Some(name) = reader.reference(item, Reference::Provider) else { continue };
        let serves = reader.names.providers.get(name.as_str()).copied().flatten();
        if let Some(serves) = serves
            && serves != channel
        {
            let detail = format!("the provider `{name}` serves {serves}, not {channel}");
            reader.report(Found::new("wrong_channel", item.place, detail));
        } else if names.contains(&name) {
            reader.report(Found::new("bad_plan", item.place, format!("`{name}` is named twice")));
        } else {
            names.push(name);
        }
    }
    Some(names)
}

fn budget<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Budget> {
    let fields = reader.fields(node, owner, "a budget", &["day", "week", "month"])?;
    let budget = Budget {
        day: fields.optional(reader, "day", Reader::amount),
        week: fields.optional(reader, "week", Reader::amount),
        month: fields.optional(reader, "month", Reader::amount),
    };
    if ["day", "week", "month"].iter().all(|key| fields.get(key).is_none()) {
        let found = Found::new("missing_key", owner, "a budget needs an amount");
        reader.report(found.expected("at least one of day, week, month"));
    }
    Some(budget)
}
