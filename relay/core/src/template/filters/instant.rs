//! Instants on the recipient's wall clock, written as the locale writes dates and times.

use icu_calendar::types::RataDie;
use icu_calendar::{Date, Iso};
use icu_datetime::fieldsets::{T, YMD};
use icu_datetime::input::Time;
use icu_datetime::{DateTimeFormatter, NoCalendarFormatter};
use minijinja::Value;
use tidings_protocol::Timestamp;

use super::super::locale::Locale;
use crate::calendar::{Day, TimeOfDay};

/// How much a date says.
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
pub(super) fn parsed(value: &Value) -> Option<Timestamp> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None if value.is_number() => value.as_i64().map(Timestamp::from_millis).filter(|at| is_writable(*at)),
        None => None,
    }
}

/// Years with four digits, as RFC 3339 has them.
fn is_writable(at: Timestamp) -> bool {
    const EARLIEST_MILLIS: i64 = -62_135_596_800_000;
    at.as_millis() >= EARLIEST_MILLIS && at <= Timestamp::MAX
}

/// 11/22/26, Nov 22, 2026, November 22, 2026.
pub(super) fn date_written(day: Day, style: Style, locale: &Locale) -> Option<String> {
    /// Days from the first day of year 1 to 1970-01-01, that day included.
    const EPOCH: i64 = 719_163;
    let fields = match style {
        Style::Short => YMD::short(),
        Style::Medium => YMD::medium(),
        Style::Long => YMD::long(),
    };
    let date = Date::from_rata_die(RataDie::new(EPOCH + i64::from(day.number())), Iso);
    let formatter = DateTimeFormatter::try_new(locale.identifier().into(), fields).ok()?;
    Some(formatter.format(&date).to_string())
}

/// Hours and minutes.
pub(super) fn time_written(time: TimeOfDay, locale: &Locale) -> Option<String> {
    let (hour, minute) = (u8::try_from(time.hour()).ok()?, u8::try_from(time.minutes() % 60).ok()?);
    let time = Time::try_new(hour, minute, 0, 0).ok()?;
    let formatter = NoCalendarFormatter::try_new(locale.identifier().into(), T::hm()).ok()?;
    Some(formatter.format(&time).to_string())
}
