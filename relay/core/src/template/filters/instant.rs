//! Instants on the recipient's wall clock, written as the locale writes dates and times.

use icu_calendar::Date;
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::{T, YMD};
use icu_datetime::input::Time;
use minijinja::Value;

use super::super::locale::Locale;

/// How much a date or time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Short,
    Medium,
    Long,
}

impl Style {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "short" => Some(Self::Short),
            "medium" => Some(Self::Medium),
            "long" => Some(Self::Long),
            _ => None,
        }
    }
}

/// RFC 3339 with an offset, or milliseconds since 1970.
pub(super) fn parsed(value: &Value) -> Option<jiff::Timestamp> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None => jiff::Timestamp::from_millisecond(value.as_i64()?).ok(),
    }
}

/// 22/11/2026, 22 Nov 2026, 22 November 2026.
pub(super) fn date_written(local: &jiff::Zoned, style: Style, locale: &Locale) -> Option<String> {
    let fields = match style {
        Style::Short => YMD::short(),
        Style::Medium => YMD::medium(),
        Style::Long => YMD::long(),
    };
    let (month, day) = (u8::try_from(local.month()).ok()?, u8::try_from(local.day()).ok()?);
    let date = Date::try_new_iso(i32::from(local.year()), month, day).ok()?;
    let formatter = DateTimeFormatter::try_new(locale.identifier().into(), fields).ok()?;
    Some(formatter.format(&date).to_string())
}

/// Hours and minutes; with seconds for medium and long.
pub(super) fn time_written(local: &jiff::Zoned, style: Style, locale: &Locale) -> Option<String> {
    let fields = match style {
        Style::Short => T::hm(),
        Style::Medium | Style::Long => T::hms(),
    };
    let part = |number: i8| u8::try_from(number).ok();
    let time = Time::try_new(part(local.hour())?, part(local.minute())?, part(local.second())?, 0).ok()?;
    let formatter = icu_datetime::NoCalendarFormatter::try_new(locale.identifier().into(), fields).ok()?;
    Some(formatter.format(&time).to_string())
}
