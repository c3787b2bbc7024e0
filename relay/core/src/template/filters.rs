//! The filters and tests of templates: minijinja's own that cannot grow a text, and ours for people's languages.
//!
//! Ours take the locale and the time zone from the rendering, so that a template says `money` and not how.

use minijinja::value::Rest;
use minijinja::{Environment, Error, State, Value};
use tidings_protocol::Timestamp;

use super::error::RenderError;
use super::scope::{Rendering, path_of, raise};
use crate::calendar::{self, Zone};

mod decimal;
mod instant;
mod money;
mod plural;

use instant::Style;

/// Characters that `truncate` keeps unless told.
const TRUNCATE_CHARS_DEFAULT: usize = 80;
/// Bytes that `join` may make, so that a long separator between many short items is refused.
const JOINED_BYTES_MAX: usize = 64 << 10;

/// A filter that no template can name: it fails if its value is missing.
pub(super) const GIVEN: &str = "_given";

pub(super) fn install(environment: &mut Environment<'static>) {
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("upper", minijinja::filters::upper);
    environment.add_filter("lower", minijinja::filters::lower);
    environment.add_filter("title", minijinja::filters::title);
    environment.add_filter("capitalize", minijinja::filters::capitalize);
    environment.add_filter("trim", minijinja::filters::trim);
    environment.add_filter("first", minijinja::filters::first);
    environment.add_filter("last", minijinja::filters::last);
    environment.add_filter("round", minijinja::filters::round);
    environment.add_filter("abs", minijinja::filters::abs);
    environment.add_filter("int", minijinja::filters::int);
    environment.add_filter("float", minijinja::filters::float);
    environment.add_filter("tojson", minijinja::filters::tojson);
    environment.add_filter(GIVEN, |value: &Value| present(value).cloned());
    environment.add_filter("join", join);
    environment.add_filter("truncate", truncate);
    environment.add_filter("number", number);
    environment.add_filter("money", money);
    environment.add_filter("date", date);
    environment.add_filter("time", time);
    environment.add_filter("plural", plural::plural);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("string", minijinja::tests::is_string);
    environment.add_test("number", minijinja::tests::is_number);
    environment.add_test("boolean", minijinja::tests::is_boolean);
    environment.add_test("sequence", minijinja::tests::is_sequence);
    environment.add_test("mapping", minijinja::tests::is_mapping);
    environment.add_test("odd", minijinja::tests::is_odd);
    environment.add_test("even", minijinja::tests::is_even);
    environment.add_test("true", minijinja::tests::is_true);
    environment.add_test("false", minijinja::tests::is_false);
    environment.add_test("divisibleby", minijinja::tests::is_divisibleby);
    environment.add_test("startingwith", minijinja::tests::is_startingwith);
    environment.add_test("endingwith", minijinja::tests::is_endingwith);
}

/// Stops the rendering: the filter cannot work with this value.
fn refuse(state: &State<'_, '_>, name: &'static str, problem: impl Into<String>) -> Error {
    raise(state, RenderError::Filter { name, problem: problem.into() })
}

/// A missing field is reported as missing, whatever the filter would say about it.
fn present(value: &Value) -> Result<&Value, Error> {
    if value.is_undefined() { Err(Error::from(minijinja::ErrorKind::UndefinedError)) } else { Ok(value) }
}

/// A value as it would be shown in an error: short, and never a whole list.
fn shown(value: &Value) -> String {
    match value.as_str() {
        Some(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        None if value.as_object().is_some() => "a list or an object".to_owned(),
        None => value.to_string(),
    }
}

fn join(state: &State<'_, '_>, value: &Value, separator: Option<&str>) -> Result<Value, Error> {
    let items = present(value)?
        .try_iter()
        .map_err(|_| refuse(state, "join", format!("{} is no list", shown(value))))?;
    let mut joined = String::new();
    for (index, item) in items.enumerate() {
        if index > 0 {
            joined.push_str(separator.unwrap_or_default());
        }
        if item.as_object().is_some() {
            let field = path_of(&item).unwrap_or_else(|| "an item".to_owned());
            return Err(raise(state, RenderError::NotText { field }));
        }
        if !item.is_none() {
            joined.push_str(&item.to_str().unwrap_or_else(|| item.to_string().into()));
        }
        if joined.len() > JOINED_BYTES_MAX {
            return Err(refuse(
                state,
                "join",
                format!("makes more than {JOINED_BYTES_MAX} bytes; join fewer items"),
            ));
        }
        state.consume_fuel(1)?;
    }
    Ok(Value::from(joined))
}

fn truncate(state: &State<'_, '_>, value: &Value, chars_max: Option<usize>) -> Result<Value, Error> {
    if present(value)?.as_object().is_some() {
        return Err(refuse(state, "truncate", "a list or an object is no text"));
    }
    let text = value.to_str().unwrap_or_else(|| value.to_string().into());
    let chars_max = chars_max.unwrap_or(TRUNCATE_CHARS_DEFAULT).max(1);
    if text.chars().nth(chars_max).is_none() {
        return Ok(Value::from(text));
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    Ok(Value::from(format!("{}…", kept.trim_end())))
}

fn number(state: &State<'_, '_>, value: &Value, decimals: Option<u32>) -> Result<String, Error> {
    let locale = &Rendering::of(state).reader;
    let amount = decimal::parsed(present(value)?).ok_or_else(|| not_a_number(state, "number", value))?;
    if decimals.is_some_and(|decimals| decimals > decimal::DECIMALS_MAX) {
        let problem = format!("at most {} decimals can be shown", decimal::DECIMALS_MAX);
        return Err(refuse(state, "number", problem));
    }
    Ok(decimal::written(&decimal::with_decimals(amount, decimals), locale))
}

/// The currency is taken as it comes: an `Option` would read a missing field as no argument.
#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]
fn money(state: &State<'_, '_>, value: &Value, currency: Rest<Value>) -> Result<String, Error> {
    let rendering = Rendering::of(state);
    let amount = decimal::parsed(present(value)?).ok_or_else(|| not_a_number(state, "money", value))?;
    let code = match currency.first() {
        Some(currency) => present(currency)?.clone(),
        None => state
            .lookup("project")
            .map(|project| project.get_attr("currency"))
            .transpose()?
            .unwrap_or_default(),
    };
    let code = present(&code)?;
    let Some(currency) = code.as_str().and_then(money::Currency::parse) else {
        let problem = format!("{} is no currency; write three letters, like EUR", shown(code));
        return Err(refuse(state, "money", problem));
    };
    Ok(money::written(amount, &currency, &rendering.reader))
}

fn not_a_number(state: &State<'_, '_>, name: &'static str, value: &Value) -> Error {
    refuse(state, name, format!("{} is no number; send 12.5 or \"12.5\"", shown(value)))
}

fn date(state: &State<'_, '_>, value: &Value, style: Option<&str>) -> Result<String, Error> {
    let style = match style {
        None => Style::Medium,
        Some(text) => Style::parse(text).ok_or_else(|| {
            refuse(
                state,
                "date",
                format!("{} is no style; write short, medium or long", shown(&Value::from(text))),
            )
        })?,
    };
    let (day, _, _) = calendar::local(instant(state, "date", value)?, &zone(state, "date")?);
    let written = instant::date_written(day, style, &Rendering::of(state).reader);
    written.ok_or_else(|| refuse(state, "date", format!("{} cannot be shown", shown(value))))
}

fn time(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let (_, _, time) = calendar::local(instant(state, "time", value)?, &zone(state, "time")?);
    let written = instant::time_written(time, &Rendering::of(state).reader);
    written.ok_or_else(|| refuse(state, "time", format!("{} cannot be shown", shown(value))))
}

fn instant(state: &State<'_, '_>, name: &'static str, value: &Value) -> Result<Timestamp, Error> {
    instant::parsed(present(value)?).ok_or_else(|| {
        let takes = "send RFC 3339 like 2026-11-22T09:00:00Z, or milliseconds since 1970";
        refuse(state, name, format!("{} is no instant; {takes}", shown(value)))
    })
}

fn zone(state: &State<'_, '_>, name: &'static str) -> Result<Zone, Error> {
    let rendering = Rendering::of(state);
    let zone = rendering.zone();
    zone.ok_or_else(|| {
        refuse(state, name, format!("{:?} is no time zone of the recipient", rendering.zone_name))
    })
}
