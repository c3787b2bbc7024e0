//! Quiet hours as a recipient sends them.

use tidings_protocol::item::{QuietHoursItem, QuietSpanItem};

use super::{QuietHours, QuietSpan};
use crate::calendar::{ClockError, UnknownZoneError, Weekday, Weekdays, Zone};

/// Why what a recipient sent are no quiet hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuietItemError {
    /// A time or day.
    #[error("{0}")]
    Clock(&'static str),
    /// The zone.
    #[error("{0}")]
    Zone(#[from] UnknownZoneError),
}

impl QuietHours {
    /// What a recipient sent. No spans means never quiet.
    ///
    /// # Errors
    /// [`QuietItemError`] says what cannot be understood.
    pub fn from_item(item: &QuietHoursItem) -> Result<Self, QuietItemError> {
        let zone: Option<Zone> = item.time_zone.as_deref().map(str::parse).transpose()?;
        let spans: Result<Vec<QuietSpan>, QuietItemError> = item.spans.iter().map(span).collect();
        Self::new(spans?, zone).map_err(|fault| QuietItemError::Clock(fault.as_str()))
    }
}

fn span(item: &QuietSpanItem) -> Result<QuietSpan, QuietItemError> {
    let of_clock = |error: ClockError| QuietItemError::Clock(error.fault.as_str());
    let days = match &item.days {
        None => Weekdays::ALL,
        Some(days) => {
            let days: Result<Vec<Weekday>, ClockError> = days.iter().map(|day| day.parse()).collect();
            days.map_err(of_clock)?.into_iter().collect()
        }
    };
    let (from, to) = (item.from.parse().map_err(of_clock)?, item.to.parse().map_err(of_clock)?);
    QuietSpan::new(from, to, days).map_err(|fault| QuietItemError::Clock(fault.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(from: &str, to: &str, days: Option<&[&str]>) -> QuietHoursItem {
        let days = days.map(|days| days.iter().map(ToString::to_string).collect());
        QuietHoursItem {
            spans: vec![QuietSpanItem { from: from.into(), to: to.into(), days }],
            time_zone: None,
        }
    }

    #[test]
    fn what_a_recipient_sends_is_the_same_as_what_a_document_says() {
        let sent = QuietHours::from_item(&item("22:00", "08:00", None)).unwrap();
        assert_eq!(sent, "22:00-08:00".parse().unwrap());
        let weekend = QuietHours::from_item(&item("00:00", "10:00", Some(&["sat", "sun"]))).unwrap();
        assert_eq!(weekend, "sat sun 00:00-10:00".parse().unwrap());
    }

    #[test]
    fn no_spans_are_never_quiet() {
        let never = QuietHours::from_item(&QuietHoursItem::default()).unwrap();
        let noon = tidings_protocol::Timestamp::from_millis(43_200_000);
        assert_eq!(never.quiet_until(noon, &Zone::utc()), None);
    }

    #[test]
    fn bad_times_days_and_zones_are_refused_with_what_was_expected() {
        assert!(QuietHours::from_item(&item("25:00", "08:00", None)).is_err());
        assert!(QuietHours::from_item(&item("22:00", "08:00", Some(&["funday"]))).is_err());
        let mut nowhere = item("22:00", "08:00", None);
        nowhere.time_zone = Some("Europe/Berlinn".into());
        assert!(QuietHours::from_item(&nowhere).unwrap_err().to_string().contains("Europe/Berlin"));
    }
}
