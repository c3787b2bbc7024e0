//! The scalars of the grammar: durations, times, zones, numbers, ids, expressions, references.

use std::str::FromStr;

use tidings_protocol::limits::HOLD_MILLIS_MAX;
use tidings_protocol::{Channel, Priority, Span};

use super::mistake::Found;
use super::model::SecretName;
use super::node::{Node, Scalar, Value};
use super::reader::{NAMES_SHOWN_MAX, Reader, one_of};
use crate::calendar::{ClockError, ClockFault, Zone};
use crate::expression::{Expression, ExpressionError, ExpressionErrorKind};
use crate::selection::Percent;
use crate::template::Locale;

/// Roots of an expression.
const ROOTS: [&str; 3] = ["data", "event", "recipient"];

impl<'d> Reader<'d> {
    /// Reads a duration longer than nothing.
    pub(super) fn span(&mut self, node: &'d Node<'d>) -> Option<Span> {
        const EXPECTED: &str = "a duration: a whole number and one of ms s m h d w, like 90s, 5m, 24h, 30d";
        let (text, detail) = match node.scalar() {
            Some(Scalar::Text(text)) => (text, format!("`{text}` is not a duration")),
            _ => ("", format!("{} is not a duration", node.what())),
        };
        match text.parse::<Span>() {
            Ok(span) if span > Span::ZERO => Some(span),
            Ok(_) | Err(_) => {
                let hint = match node.scalar() {
                    Some(Scalar::Integer(value)) => Some(format!("give it a unit: {value}s or {value}m")),
                    _ => None,
                };
                self.report(Found::new("bad_duration", node.place, detail).hint_if(hint).expected(EXPECTED));
                None
            }
        }
    }

    /// Reads a duration that something is held for.
    pub(super) fn hold(&mut self, node: &'d Node<'d>) -> Option<Span> {
        let span = self.span(node)?;
        if span.as_millis() > HOLD_MILLIS_MAX {
            let detail = format!("{span} is longer than a notification is ever held");
            self.report(Found::new("limit", node.place, detail).expected("at most 90d"));
            return None;
        }
        Some(span)
    }

    /// Reads what names times on a clock.
    pub(super) fn clock<T>(
        &mut self,
        node: &'d Node<'d>,
        read: impl FnOnce(&str) -> Result<T, ClockError>,
    ) -> Option<T> {
        let Some(Scalar::Text(text)) = node.scalar() else {
            let found = Found::new("bad_time", node.place, format!("{} is not a time", node.what()));
            let hint = match node.scalar() {
                Some(Scalar::Integer(minutes @ 0..=1_440)) => Some(format!(
                    "a tool for YAML 1.1 turns {:02}:{:02} into {minutes}: quote the time (\"{:02}:{:02}\") for that tool",
                    minutes / 60,
                    minutes % 60,
                    minutes / 60,
                    minutes % 60,
                )),
                _ => None,
            };
            self.report(found.hint_if(hint).expected("a quoted time like \"22:00\""));
            return None;
        };
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let place = self.part(node, error.range);
                let detail = format!("`{text}` does not say when");
                self.report(Found::new("bad_time", place, detail).expected(expected_time(error.fault)));
                None
            }
        }
    }

    /// Reads an IANA zone.
    pub(super) fn zone(&mut self, node: &'d Node<'d>) -> Option<Zone> {
        let text = self.text(node)?;
        match Zone::from_str(text) {
            Ok(zone) => Some(zone),
            Err(error) => {
                let hint = error.nearest.map(|name| format!("did you mean `{name}`?"));
                let found = Found::new("bad_zone", node.place, format!("there is no time zone `{text}`"));
                self.report(found.hint_if(hint).expected("an IANA name like Europe/Berlin"));
                None
            }
        }
    }

    /// Reads a BCP 47 locale.
    pub(super) fn locale(&mut self, node: &'d Node<'d>) -> Option<Locale> {
        let text = self.text(node)?;
        self.locale_of(text, node.place)
    }

    pub(super) fn locale_of(&mut self, text: &str, place: super::node::Place) -> Option<Locale> {
        let locale = text.parse().ok();
        if locale.is_none() {
            let found = Found::new("bad_locale", place, format!("`{text}` is not a locale"));
            self.report(found.expected("language, script and region, like en, de-AT or zh-Hans-CN"));
        }
        locale
    }

    /// Reads an ISO 4217 code.
    pub(super) fn currency(&mut self, node: &'d Node<'d>) -> Option<String> {
        let text = self.text(node)?;
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some(text.to_owned());
        }
        let upper = text.to_ascii_uppercase();
        let hint = (text != upper && upper.len() == 3).then(|| format!("write {upper}"));
        let found = Found::new("bad_currency", node.place, format!("`{text}` is not a currency"));
        self.report(found.hint_if(hint).expected("three capital letters of ISO 4217, like EUR"));
        None
    }

    /// Reads an address that the relay or a person opens.
    pub(super) fn url(&mut self, node: &'d Node<'d>) -> Option<String> {
        let text = self.text(node)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
        let spaces = text.chars().any(|c| c.is_whitespace() || c.is_control());
        match host {
            Some(host) if !spaces && !host.is_empty() && !host.starts_with(':') => Some(text.to_owned()),
            _ => {
                let found = Found::new("bad_url", node.place, format!("`{text}` is not a URL"));
                self.report(
                    found.expected("http:// or https:// and a host, like https://shop.example/hooks"),
                );
                None
            }
        }
    }

    /// Reads a share from 0 to 100.
    pub(super) fn percent(&mut self, node: &'d Node<'d>) -> Option<Percent> {
        let text = match (node.scalar(), &node.value) {
            (Some(Scalar::Integer(_) | Scalar::Number(_)), Value::Scalar { text, .. }) => Some(text),
            _ => None,
        };
        let percent = text.and_then(|text| text.parse().ok());
        if percent.is_none() {
            let detail = format!("{} is not a share", node.what());
            let expected = "a number from 0 to 100 with at most four decimals, like 5 or 0.5";
            self.report(Found::new("bad_percent", node.place, detail).expected(expected));
        }
        percent
    }

    /// Reads a whole number within bounds.
    pub(super) fn integer(&mut self, node: &'d Node<'d>, min: u32, max: u32) -> Option<u32> {
        let value = match node.scalar() {
            Some(Scalar::Integer(value)) => u32::try_from(value).ok(),
            _ => {
                self.wrong_type(node, &format!("a whole number from {min} to {max}"));
                return None;
            }
        };
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            let found = Found::new("bad_number", node.place, format!("{} is out of range", node.what()));
            self.report(found.expected(format!("a whole number from {min} to {max}")));
        }
        value
    }

    /// Reads an amount of money that is not negative.
    pub(super) fn amount(&mut self, node: &'d Node<'d>) -> Option<f64> {
        self.number(node, 0.0, 1e12, "an amount in the project's currency, like 0.07")
    }

    /// Reads a number within bounds.
    pub(super) fn number(&mut self, node: &'d Node<'d>, min: f64, max: f64, expected: &str) -> Option<f64> {
        let value = match node.scalar() {
            #[expect(clippy::cast_precision_loss, reason = "amounts and shares are far below 2^53")]
            Some(Scalar::Integer(value)) => value as f64,
            Some(Scalar::Number(value)) => value,
            _ => {
                self.wrong_type(node, expected);
                return None;
            }
        };
        if (min..=max).contains(&value) {
            return Some(value);
        }
        let found = Found::new("bad_number", node.place, format!("{} is out of range", node.what()));
        self.report(found.expected(expected));
        None
    }

    /// Reads an id or name.
    pub(super) fn id<T: FromStr>(&mut self, node: &'d Node<'d>) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(node)?;
        self.id_of(text, node.place)
    }

    pub(super) fn id_of<T: FromStr>(&mut self, text: &str, place: super::node::Place) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.report(Found::new("bad_id", place, error.to_string()));
                None
            }
        }
    }

    /// Reads an event type.
    pub(super) fn event_type(&mut self, node: &'d Node<'d>) -> Option<String> {
        self.id::<tidings_protocol::CategoryId>(node).map(|id| id.as_str().to_owned())
    }

    /// Reads a channel.
    pub(super) fn channel(&mut self, node: &'d Node<'d>) -> Option<Channel> {
        let words: Vec<_> = Channel::ALL.iter().map(|channel| (channel.as_str(), *channel)).collect();
        self.word(node, "unknown_channel", &words)
    }

    /// Reads a priority.
    pub(super) fn priority(&mut self, node: &'d Node<'d>) -> Option<Priority> {
        let words: Vec<_> = Priority::ALL.iter().map(|priority| (priority.as_str(), *priority)).collect();
        self.word(node, "unknown_word", &words)
    }

    /// Reads a list of channels: at least one, none twice.
    pub(super) fn channels(&mut self, node: &'d Node<'d>) -> Option<Vec<Channel>> {
        let items = self.list(node, "channels")?;
        if items.is_empty() {
            let found = Found::new("bad_plan", node.place, "no channel is named, so nothing could be sent");
            let words: Vec<_> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
            self.report(found.expected(one_of(&words)));
            return None;
        }
        let mut channels = Vec::new();
        for item in items {
            let Some(channel) = self.channel(item) else { continue };
            if channels.contains(&channel) {
                self.report(Found::new("bad_plan", item.place, format!("{channel} is named twice")));
            } else {
                channels.push(channel);
            }
        }
        (!channels.is_empty()).then_some(channels)
    }

    /// Reads a name of something that the document itself must define.
    pub(super) fn reference(&mut self, node: &'d Node<'d>, kind: Reference) -> Option<String> {
        let text = self.text(node)?;
        let names = &self.names;
        let known = match kind {
            Reference::Category => &names.categories,
            Reference::Template => &names.templates,
            Reference::Segment => &names.segments,
            Reference::Provider => &names.provider_names,
        };
        if known.contains(text) {
            return Some(text.to_owned());
        }
        let shown: Vec<&str> = known.iter().copied().take(NAMES_SHOWN_MAX + 1).collect();
        let (code, noun, section) = kind.words();
        let hint = self.nearest(text, known.iter().copied());
        let found = Found::new(code, node.place, format!("there is no {noun} `{text}`")).hint_if(hint);
        let expected = if shown.is_empty() {
            format!("a name that `{section}` defines; it defines none")
        } else {
            one_of(&shown)
        };
        self.report(found.expected(expected));
        None
    }

    /// Reads `{secret: NAME}`.
    pub(super) fn secret(&mut self, node: &'d Node<'d>) -> Option<SecretName> {
        const EXPECTED: &str = "{secret: NAME}, with the value given by `tidings secret set NAME`";
        if let Value::Scalar { .. } | Value::List(_) = node.value {
            let detail = "a secret never stands in the document";
            self.report(Found::new("bad_secret", node.place, detail).expected(EXPECTED));
            return None;
        }
        let fields = self.fields(node, node.place, "a secret's reference", &["secret"])?;
        fields.required(self, "secret", secret_name)
    }

    /// Reads a CEL expression. A truth value or a number is one, too.
    pub(super) fn expression(&mut self, node: &'d Node<'d>) -> Option<Expression> {
        let Value::Scalar { text, .. } = &node.value else {
            let found = Found::new("wrong_type", node.place, format!("{} stands here", node.what()));
            let hint = "in `{…}` and `[…]`, quote CEL that has `[ ] { } ,`";
            self.report(found.hint(hint).expected("a CEL expression, like data.customer"));
            return None;
        };
        match Expression::compile(text) {
            Ok(expression) => {
                self.check_histories(node, &expression);
                self.check_paths(node, expression.source(), &expression.uses().fields, true);
                Some(expression)
            }
            Err(error) => {
                let found = self.expression_mistake(node, error);
                self.report(found);
                None
            }
        }
    }

    /// As `expression`, where it has to be true or false.
    pub(super) fn condition(&mut self, node: &'d Node<'d>) -> Option<Expression> {
        let expression = self.expression(node)?;
        self.check_condition(node, &expression);
        Some(expression)
    }

    /// What is never true or false lets nothing through, which nobody means.
    pub(super) fn check_condition(&mut self, node: &Node<'_>, expression: &Expression) {
        if !expression.can_be_condition() {
            let detail = format!("`{}` is never true or false", expression.source());
            let found = Found::new("bad_plan", node.place, detail);
            self.report(found.expected("a condition, like data.total > 0"));
        }
    }

    /// As `expression`, where only some of the roots exist.
    pub(super) fn expression_over(
        &mut self,
        node: &'d Node<'d>,
        roots: &[&str],
        why: &str,
    ) -> Option<Expression> {
        let expression = self.expression(node)?;
        let fields = &expression.uses().fields;
        let root_of = |field: &String| field.split(['.', '[']).next().unwrap_or("").to_owned();
        let absent = fields.iter().map(root_of).find(|root| !roots.contains(&root.as_str()));
        let Some(root) = absent else { return Some(expression) };
        let at = expression.source().find(&root).unwrap_or(0);
        let found = Found::new(
            "unknown_variable",
            self.part(node, at..at + root.len()),
            format!("`{root}` is not there: {why}"),
        );
        self.report(found.expected(one_of(roots)));
        None
    }

    /// A history that is not collected is always empty, which nobody means.
    fn check_histories(&mut self, node: &Node<'_>, expression: &Expression) {
        for (event, _) in &expression.uses().histories {
            if self.names.collected.contains(event.as_str()) {
                continue;
            }
            let at = expression.source().find(event.as_str()).unwrap_or(0);
            let known: Vec<&str> = self.names.collected.iter().copied().collect();
            let hint = self.nearest(event, known.iter().copied());
            let detail = format!("the history of `{event}` is not kept");
            let expected = format!("an event type that `collect` names ({})", known.join(", "));
            let place = self.part(node, at..at + event.len());
            self.report(Found::new("unknown_event", place, detail).hint_if(hint).expected(expected));
        }
    }

    fn expression_mistake(&self, node: &Node<'_>, error: ExpressionError) -> Found {
        let place = self.part(node, error.range);
        let detail = error.kind.to_string();
        if let ExpressionErrorKind::UnknownName { name } = &error.kind {
            let found = Found::new("unknown_variable", place, format!("nothing is called `{name}`"));
            return found.hint_if(self.nearest(name, ROOTS)).expected(one_of(&ROOTS));
        }
        if let ExpressionErrorKind::TemplateName { name } = &error.kind {
            let detail = format!("`{name}` is there in templates only");
            return Found::new("unknown_variable", place, detail).expected(one_of(&ROOTS));
        }
        let is_long = matches!(error.kind, ExpressionErrorKind::TooLong { .. });
        Found::new(if is_long { "limit" } else { "bad_cel" }, place, detail).hint_if(error.hint)
    }
}

/// Reads the name of a secret.
pub(super) fn secret_name<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<SecretName> {
    let name: tidings_protocol::CategoryId = reader.id(node)?;
    Some(SecretName(name.as_str().into()))
}

/// What a name refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reference {
    Category,
    Template,
    Segment,
    Provider,
}

impl Reference {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Category => ("unknown_category", "category", "categories"),
            Self::Template => ("unknown_template", "template", "templates"),
            Self::Segment => ("unknown_segment", "segment", "segments"),
            Self::Provider => ("unknown_provider", "provider", "providers"),
        }
    }
}

fn expected_time(fault: ClockFault) -> &'static str {
    let phrase = fault.as_str();
    phrase.strip_prefix("expected ").unwrap_or(phrase)
}
