//! What a wall clock shows: times of day and days of the week, as people write them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A time on the wall, in whole minutes since 00:00. `24:00` is the end of a day and ends a span only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

/// A day of the week, from Monday (ISO 8601), written `mon` to `sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// `mon`
    Monday,
    /// `tue`
    Tuesday,
    /// `wed`
    Wednesday,
    /// `thu`
    Thursday,
    /// `fri`
    Friday,
    /// `sat`
    Saturday,
    /// `sun`
    Sunday,
}

/// A set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weekdays(u8);

/// A text is no time, day or span of hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ClockError {
    /// The part of the text that is wrong, in bytes; may be empty at its end.
    pub range: Range<usize>,
    /// What is wrong with it.
    pub fault: ClockFault,
}

/// What is wrong with a text that should name times or days. Each says what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// Not `HH:MM` from 00:00 to 24:00.
    Time,
    /// A span begins at `24:00`.
    StartTime,
    /// Not a date like `2026-11-23`.
    Date,
    /// Not one of `mon` to `sun`.
    Weekday,
    /// A span has no `-` between its times.
    Dash,
    /// A span ends when it begins.
    EqualEnds,
    /// More spans than may be named.
    TooManySpans,
    /// Spans that leave no minute of the week free.
    NothingFree,
}

impl ClockFault {
    /// What was expected, as a phrase for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "expected a time like 22:00",
            Self::StartTime => "a span begins between 00:00 and 23:59; 24:00 can only end one",
            Self::Date => "expected a date like 2026-11-23",
            Self::Weekday => "expected a day: mon, tue, wed, thu, fri, sat or sun",
            Self::Dash => "expected two times with a dash between them, like 22:00-08:00",
            Self::EqualEnds => "a span cannot end when it begins; a whole day is 00:00-24:00",
            Self::TooManySpans => "expected at most 16 spans",
            Self::NothingFree => "these spans cover the whole week; leave some time free",
        }
    }
}

impl fmt::Display for ClockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ClockError {
    pub(crate) fn new(range: Range<usize>, fault: ClockFault) -> Self {
        Self { range, fault }
    }

    /// The same error in a longer text in which the one that was read begins at byte `offset`.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        Self { range: self.range.start + offset..self.range.end + offset, fault: self.fault }
    }
}

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self(0);
    /// 24:00, the end of a day.
    pub const END: Self = Self(24 * 60);

    /// From minutes since 00:00; none beyond 1,440.
    #[must_use]
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes <= Self::END.0 { Some(Self(minutes)) } else { None }
    }

    /// Minutes since 00:00, at most 1,440.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// The hour, 0 to 24.
    #[must_use]
    pub const fn hour(self) -> u16 {
        self.0 / 60
    }
}

impl FromStr for TimeOfDay {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<Self, ClockError> {
        let refuse = || ClockError::new(0..text.len(), ClockFault::Time);
        let two_digits = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = text.split_once(':').ok_or_else(refuse)?;
        let (hour, minute) = two_digits(hour).zip(two_digits(minute)).ok_or_else(refuse)?;
        if minute > 59 {
            return Err(refuse());
        }
        Self::from_minutes(hour * 60 + minute).ok_or_else(refuse)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Weekday {
    /// Every day, from Monday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// Days since Monday, 0 to 6.
    #[must_use]
    pub const fn since_monday(self) -> u8 {
        match self {
            Self::Monday => 0,
            Self::Tuesday => 1,
            Self::Wednesday => 2,
            Self::Thursday => 3,
            Self::Friday => 4,
            Self::Saturday => 5,
            Self::Sunday => 6,
        }
    }
}

impl FromStr for Weekday {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<Self, ClockError> {
        let found = Self::ALL.into_iter().find(|day| day.as_str() == text);
        found.ok_or_else(|| ClockError::new(0..text.len(), ClockFault::Weekday))
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Weekdays {
    /// Every day of the week.
    pub const ALL: Self = Self(0b111_1111);

    /// Whether `day` is in the set.
    #[must_use]
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.since_monday()) != 0
    }

    /// Whether the set has no day.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The days of the set, from Monday.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::ALL.into_iter().filter(move |day| self.contains(*day))
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Self(days.into_iter().fold(0, |set, day| set | 1 << day.since_monday()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("00:00", 0)]
    #[case("22:00", 1_320)]
    #[case("23:59", 1_439)]
    #[case("24:00", 1_440)]
    fn a_time_reads_what_it_prints(#[case] text: &str, #[case] minutes: u16) {
        let time: TimeOfDay = text.parse().unwrap();
        assert_eq!((time.minutes(), time.to_string().as_str()), (minutes, text));
    }

    #[rstest]
    #[case("")]
    #[case("24:01")]
    #[case("22:60")]
    #[case("8:00")]
    #[case("22")]
    #[case("22:00:00")]
    #[case("+2:00")]
    #[case("２２:00")]
    fn what_is_no_time_is_refused_whole(#[case] text: &str) {
        let error = text.parse::<TimeOfDay>().unwrap_err();
        assert_eq!(error, ClockError::new(0..text.len(), ClockFault::Time));
    }

    #[test]
    fn a_day_reads_what_it_prints_and_nothing_else() {
        for day in Weekday::ALL {
            assert_eq!(day.as_str().parse(), Ok(day));
        }
        for text in ["", "monday", "Mon", "Mo"] {
            assert_eq!(text.parse::<Weekday>().unwrap_err().fault, ClockFault::Weekday);
        }
    }

    #[test]
    fn a_set_of_days_holds_what_it_was_given() {
        let days: Weekdays = [Weekday::Sunday, Weekday::Monday, Weekday::Sunday].into_iter().collect();
        assert_eq!(days.iter().collect::<Vec<_>>(), [Weekday::Monday, Weekday::Sunday]);
        assert!(!days.contains(Weekday::Tuesday) && !days.is_empty() && Weekdays::default().is_empty());
        assert_eq!(Weekdays::ALL.iter().count(), 7);
    }
}
