//! `channels`: what holds for a channel as a whole.

use std::collections::BTreeMap;

use tidings_protocol::Channel;

use super::categories::cap_rule;
use crate::configuration::mistake::Found;
use crate::configuration::model::{Budget, ChannelSettings, PushContent};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::Reader;
use crate::configuration::values::Reference;

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
