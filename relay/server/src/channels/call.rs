//! What the channels over HTTP share: what a failed call means, when to come again, a bounded look at an answer.

use std::error::Error;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tidings_core::delivery::Outcome;
use tidings_protocol::{Span, Timestamp};

use super::DialerError;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The name is not known, or its resolver does not answer. Nothing was sent.
    Name,
    /// It leads to an address that may not be called. Nothing was sent.
    NotPublic,
    /// The certificate is not trusted. Nothing was sent.
    Certificate,
    /// No connection, or TLS did not come about. Nothing was sent.
    NotConnected,
    /// The time ran out after the request was sent.
    TimedOut,
    /// The connection broke after the request was sent, or what came is no HTTP.
    Broken,
}

impl Failure {
    /// What a client's error means.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut source: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = source {
            match error.downcast_ref::<DialerError>() {
                Some(DialerError::NotPublic { .. } | DialerError::NoHost) => return Self::NotPublic,
                Some(DialerError::Unknown { .. }) => return Self::Name,
                None => {}
            }
            if let Some(rustls::Error::InvalidCertificate(_)) = inner::<rustls::Error>(error) {
                return Self::Certificate;
            }
            source = error.source();
        }
        if error.is_connect() {
            Self::NotConnected
        } else if error.is_timeout() {
            Self::TimedOut
        } else {
            Self::Broken
        }
    }

    /// The stable word.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Name => "name_not_known",
            Self::NotPublic => "not_public",
            Self::Certificate => "certificate_not_trusted",
            Self::NotConnected => "not_connected",
            Self::TimedOut => "timeout",
            Self::Broken => "connection_broken",
        }
    }
}

/// An error itself, or the one that an `io::Error` carries, however deep: such a one is no source of it.
fn inner<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut looked_at = error;
    while let Some(carried) = looked_at.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        looked_at = carried;
    }
    looked_at.downcast_ref()
}

/// When an answer asks to come again: seconds, or a date (RFC 9110, 10.2.3). One in the past means at once.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Span::from_millis(i64::from(seconds) * 1_000));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = i64::try_from(at.as_millis()).ok()?;
    Some(Span::from_millis((at - now.as_millis()).max(0)))
}

/// The beginning of an answer's body; what is longer than the bound is not read.
pub(super) async fn body(response: &mut reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut read = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| Failure::of(&error))? {
        let room = bytes_max - read.len();
        read.extend_from_slice(&piece[..piece.len().min(room)]);
        if read.len() == bytes_max {
            break;
        }
    }
    Ok(read)
}

/// What a status means that says no, of an account that the project has.
pub(super) fn refused(status: u16, retry_after: Option<Span>) -> Outcome {
    let code = format!("http_{status}").into_boxed_str();
    match status {
        // A vendor that moved, an account that is not let in or has no credit, a wrong address: nothing would go.
        300..=399 | 401..=405 | 407 => Outcome::Misconfigured { code },
        408 | 421 | 423 | 425 | 429 | 500..=599 => Outcome::Transient { code, retry_after },
        _ => Outcome::Permanent { code },
    }
}

/// Dates of answers are compared with the wall clock, as their writer did.
pub(super) fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    /// Sunday, 6 November 1994, 08:49:07 GMT.
    const NOW: Timestamp = Timestamp::from_millis(784_111_747_000);

    #[rstest]
    #[case("120", Some(120_000))]
    #[case("0", Some(0))]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT", Some(30_000))]
    #[case("Sunday, 06-Nov-94 08:49:37 GMT", Some(30_000))]
    #[case("Sun, 06 Nov 1994 08:00:00 GMT", Some(0))]
    #[case("soon", None)]
    #[case("-5", None)]
    fn a_time_to_come_again_is_seconds_or_a_date(#[case] value: &str, #[case] millis: Option<i64>) {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]);
        assert_eq!(retry_after(&headers, NOW), millis.map(Span::from_millis));
    }
}
