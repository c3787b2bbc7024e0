//! `deliver`: the steps of a plan, and whether they can work one after the other.

use tidings_protocol::limits::{ROUNDS_MAX, STEPS_MAX};
use tidings_protocol::{Channel, Span};

use crate::configuration::mistake::Found;
use crate::configuration::model::{Repeat, Step, Unless};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::{Fields, Reader};

const UNLESS: [(&str, Unless); 4] = [
    ("received", Unless::Received),
    ("displayed", Unless::Displayed),
    ("read", Unless::Read),
    ("acknowledged", Unless::Acknowledged),
];

pub(super) fn steps<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Vec<Step>> {
    let items = reader.list(node, "steps")?;
    if items.is_empty() {
        let found = Found::new("bad_plan", node.place, "the plan has no step, so nothing could be sent");
        reader.report(
            found.expected("at least `{channels: […]}`; without `deliver` the category's channels are used"),
        );
    }
    if let Some(item) = items.get(STEPS_MAX) {
        let found = Found::new("limit", item.place, format!("the plan has {} steps", items.len()))
            .over(STEPS_MAX, items.len());
        reader.report(found.expected(format!("at most {STEPS_MAX} steps")));
    }
    let mut steps: Vec<Step> = Vec::new();
    for (index, item) in items.iter().enumerate().take(STEPS_MAX) {
        const KEYS: [&str; 5] = ["channels", "after", "unless", "notify", "repeat"];
        let Some(fields) = reader.fields(item, item.place, "a step", &KEYS) else { continue };
        let channels = fields.required(reader, "channels", Reader::channels);
        let after = fields.optional(reader, "after", Reader::hold);
        let unless =
            fields.optional(reader, "unless", |reader, node| reader.word(node, "unknown_word", &UNLESS));
        let notify = fields.optional(reader, "notify", Reader::expression);
        let repeat = fields.section(reader, "repeat", repeat);
        let step = Step { channels: channels.unwrap_or_default(), after, unless, notify, repeat };
        if index == 0 {
            check_first(reader, &fields);
        } else {
            check_later(reader, &fields, &steps, &step);
        }
        check_repeat(reader, &fields, &step);
        steps.push(step);
    }
    // A step without channels has its mistake already; a plan with none has one, too.
    (!steps.is_empty()).then_some(steps)
}

fn repeat<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Repeat> {
    let fields = reader.fields(node, owner, "`repeat`", &["every", "times", "until"])?;
    let every = fields.required(reader, "every", Reader::hold);
    let times = fields.required(reader, "times", |reader, node| reader.integer(node, 1, ROUNDS_MAX));
    let until = fields.optional(reader, "until", |reader, node| reader.word(node, "unknown_word", &UNLESS));
    if fields.get("until").is_none() {
        let found =
            Found::new("bad_plan", owner, "this never stops when somebody answers: `repeat` needs `until`");
        reader.report(found.expected("`until: acknowledged`, or received, displayed, read"));
    }
    Some(Repeat { every: every?, times: times?, until: until? })
}

fn check_first(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let reasons = [
        ("after", "the first step cannot wait: there is nothing before it", Some("use the rule's `delay`")),
        ("unless", "the first step cannot ask for a receipt: nothing has been sent before it", None),
        ("notify", "the first step is for the rule's own recipient", Some("use the rule's `notify`")),
    ];
    for (key, detail, hint) in reasons {
        if let Some(entry) = fields.get(key) {
            let found = Found::new("bad_plan", entry.key_place, detail);
            reader.report(found.hint_if(hint.map(str::to_owned)));
        }
    }
}

fn check_later(reader: &mut Reader<'_>, fields: &Fields<'_>, earlier: &[Step], step: &Step) {
    let latest = earlier.iter().filter_map(|step| step.after).max().unwrap_or(Span::ZERO);
    if let (Some(after), Some(entry)) = (step.after, fields.get("after"))
        && after < latest
    {
        let detail = format!("this step comes after {after}, but the one before it only after {latest}");
        let found = Found::new("bad_plan", entry.node.place, detail);
        reader.report(
            found.hint(
                "`after` counts from the moment the notification left its holds, not from the last step",
            ),
        );
    }
    let Some(entry) = fields.get("unless") else { return };
    if fields.get("after").is_none() {
        let detail = "this step asks for a receipt at once, before one can be there";
        reader.report(Found::new("bad_plan", entry.key_place, detail).expected("`after` beside `unless`"));
    }
    let reached = |step: &Step| step.channels.iter().any(|channel| is_shown(*channel));
    let needs_device = matches!(step.unless, Some(Unless::Displayed | Unless::Read | Unless::Acknowledged));
    if needs_device && !earlier.iter().any(|step| step.channels.is_empty() || reached(step)) {
        let detail = "no earlier step reaches a device or mailbox that could answer this";
        let found = Found::new("bad_plan", entry.node.place, detail);
        reader.report(found.hint("put inapp, push or email into an earlier step"));
    }
}

fn check_repeat(reader: &mut Reader<'_>, fields: &Fields<'_>, step: &Step) {
    let Some(entry) = fields.get("repeat") else { return };
    let shown = step.channels.iter().any(|channel| matches!(channel, Channel::Inapp | Channel::Push));
    if !shown && !step.channels.is_empty() {
        let detail = "`repeat` shows a notification again on its devices; this step reaches none";
        let found = Found::new("bad_plan", entry.key_place, detail);
        reader.report(found.hint("put inapp or push into the step"));
    }
}

/// Whether a person can answer what arrives there with more than silence.
fn is_shown(channel: Channel) -> bool {
    match channel {
        Channel::Inapp | Channel::Push | Channel::Email => true,
        Channel::Sms | Channel::Webhook => false,
    }
}
