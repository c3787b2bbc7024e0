//! `templates`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_protocol::CategoryId;
use tidings_protocol::limits::{ACTIONS_MAX, BODY_CHARS_MAX, TITLE_CHARS_MAX};

use crate::configuration::mistake::Found;
use crate::configuration::node::{Node, Place, Value};
use crate::configuration::reader::{Fields, Reader, one_of};
use crate::template::{
    ActionForm, EmailForm, Forms, Locale, Markup, ShortForm, Template, TemplateError, TemplateErrorKind,
    TemplateText,
};

/// Roots of a template.
const ROOTS: [&str; 5] = ["data", "event", "recipient", "project", "digest"];

pub(in crate::configuration) fn templates<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<String, Arc<Template>>> {
    let mut templates = BTreeMap::new();
    for entry in reader.entries(node, "`templates`")? {
        let name: Option<CategoryId> = reader.id_of(&entry.key, entry.key_place);
        let Some(locales) = locales(reader, &entry.node, entry.key_place) else { continue };
        if let Some(name) = name {
            let name = name.as_str().to_owned();
            templates.insert(name.clone(), Arc::new(Template { name, locales }));
        }
    }
    Some(templates)
}

fn locales<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<BTreeMap<Locale, Forms>> {
    let mut locales = BTreeMap::new();
    let mut named = Vec::new();
    for entry in reader.entries(node, "a template by locale")? {
        let locale = reader.locale_of(&entry.key, entry.key_place);
        if let Some(locale) = &locale {
            if named.contains(locale) {
                let detail = format!("`{}` and another key are both the locale `{locale}`", entry.key);
                reader.report(Found::new("duplicate_key", entry.key_place, detail));
            }
            named.push(locale.clone());
        }
        let forms = forms(reader, &entry.node, entry.key_place);
        if let (Some(locale), Some(forms)) = (locale, forms) {
            locales.insert(locale, forms);
        }
    }
    let last = reader.project_locale.clone();
    if !last.fallbacks().any(|locale| named.contains(&locale)) {
        let detail = format!(
            "the template says nothing in the project's locale `{last}`, which every other falls back to"
        );
        reader.report(Found::new("missing_locale", owner, detail));
    }
    Some(locales)
}

fn forms<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Forms> {
    const KEYS: [&str; 10] =
        ["title", "body", "link", "icon", "image", "actions", "sms", "email", "push", "webhook"];
    let fields = reader.fields(node, owner, "a template's form", &KEYS)?;
    let title = fields.required(reader, "title", text);
    check_length(reader, &fields, ("title", title.as_ref()), TITLE_CHARS_MAX);
    let body = fields.optional(reader, "body", text);
    check_length(reader, &fields, ("body", body.as_ref()), BODY_CHARS_MAX);
    let forms = Forms {
        title: title.unwrap_or_else(nothing),
        body,
        link: fields.optional(reader, "link", text),
        icon: fields.optional(reader, "icon", text),
        image: fields.optional(reader, "image", text),
        actions: fields.optional(reader, "actions", actions).unwrap_or_default(),
        sms: fields.optional(reader, "sms", text),
        email: fields.section(reader, "email", email),
        push: fields.section(reader, "push", push),
        webhook: fields.optional(reader, "webhook", text),
    };
    Some(forms)
}

/// A text with nothing to fill in is as long as it is written: one that is too long would fail for everybody.
fn check_length(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    (key, text): (&str, Option<&TemplateText>),
    chars_max: usize,
) {
    let (Some(text), Some(entry)) = (text.filter(|text| text.is_literal()), fields.get(key)) else { return };
    let chars = text.source().chars().count();
    if chars > chars_max {
        let detail = format!("the {key} has {chars} characters");
        let found = Found::new("limit", entry.node.place, detail).over(chars_max, chars);
        reader.report(found.expected(format!("at most {chars_max} characters")));
    }
}

/// Stands for a text whose mistake is told; a document with a mistake makes no configuration.
fn nothing() -> TemplateText {
    TemplateText::compile("").expect("an empty text is a template")
}

fn actions<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Vec<ActionForm>> {
    let items = reader.list(node, "actions")?;
    if let Some(item) = items.get(ACTIONS_MAX) {
        let found = Found::new("limit", item.place, format!("the form has {} actions", items.len()))
            .over(ACTIONS_MAX, items.len());
        reader.report(found.expected(format!("at most {ACTIONS_MAX} actions")));
    }
    let mut actions: Vec<ActionForm> = Vec::new();
    for item in items.iter().take(ACTIONS_MAX) {
        let keys = ["id", "label", "link", "acknowledges"];
        let Some(fields) = reader.fields(item, item.place, "an action", &keys) else { continue };
        let id = fields.required(reader, "id", Reader::id::<CategoryId>);
        let label = fields.required(reader, "label", text);
        let link = fields.optional(reader, "link", text);
        let acknowledges = fields.optional(reader, "acknowledges", Reader::boolean).unwrap_or(false);
        let (Some(id), Some(label)) = (id, label) else { continue };
        if actions.iter().any(|action| action.id == id.as_str()) {
            let place = fields.get("id").map_or(item.place, |entry| entry.node.place);
            reader.report(Found::new("duplicate_key", place, format!("the form has two actions `{id}`")));
        }
        actions.push(ActionForm { id: id.as_str().to_owned(), label, link, acknowledges });
    }
    Some(actions)
}

fn email<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<EmailForm> {
    let fields = reader.fields(node, owner, "a mail", &["subject", "text", "html", "mjml"])?;
    let subject = fields.required(reader, "subject", text);
    let plain = fields.optional(reader, "text", text);
    let html = fields.optional(reader, "html", |reader, node| markup(reader, node, Markup::Html));
    let mjml = fields.optional(reader, "mjml", |reader, node| markup(reader, node, Markup::Mjml));
    if let (Some(_), Some(entry)) = (fields.get("html"), fields.get("mjml")) {
        let found = Found::new("bad_plan", entry.key_place, "a mail has one rich form");
        reader.report(found.expected("`html` or `mjml`"));
    }
    Some(EmailForm { subject: subject.unwrap_or_else(nothing), text: plain, html: html.or(mjml) })
}

/// Reads a mail's rich form and lays it out.
fn markup<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, markup: Markup) -> Option<TemplateText> {
    let written = text(reader, node)?;
    match written.compile_markup(markup) {
        Ok(html) => Some(html),
        Err(error) => {
            let found = template_mistake(reader, node, written.source(), error);
            reader.report(found);
            None
        }
    }
}

fn push<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<ShortForm> {
    let fields: Fields<'d> = reader.fields(node, owner, "a push", &["title", "body"])?;
    let title = fields.required(reader, "title", text);
    let body = fields.optional(reader, "body", text);
    Some(ShortForm { title: title?, body })
}

/// Reads a template's source, here or in a file.
fn text<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<TemplateText> {
    let source = reader.content(node)?;
    match TemplateText::compile(source) {
        Ok(text) => {
            let inline = !matches!(node.value, Value::Map(_));
            reader.check_paths(node, text.source(), text.fields(), inline);
            Some(text)
        }
        Err(error) => {
            let found = template_mistake(reader, node, source, error);
            reader.report(found);
            None
        }
    }
}

fn template_mistake(reader: &Reader<'_>, node: &Node<'_>, source: &str, error: TemplateError) -> Found {
    // What is wrong in a file is shown where the document names it, with the place in words.
    let (place, within) = match &node.value {
        Value::Map(_) => {
            let (line, column) = error.position(source);
            (node.place, format!(" (in the file, line {line}, column {column})"))
        }
        Value::Scalar { .. } | Value::List(_) => (reader.part(node, error.range.clone()), String::new()),
    };
    if let TemplateErrorKind::UnknownRoot { name } = &error.kind {
        let found = Found::new("unknown_variable", place, format!("nothing is called `{name}`{within}"));
        return found.hint_if(reader.nearest(name, ROOTS)).expected(one_of(&ROOTS));
    }
    let is_long = matches!(
        error.kind,
        TemplateErrorKind::SourceTooLong { .. } | TemplateErrorKind::MarkupTooLong { .. }
    );
    let code = if is_long { "limit" } else { "bad_template" };
    Found::new(code, place, format!("{}{within}", error.kind)).hint_if(error.hint)
}
