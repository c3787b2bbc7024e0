//! What the push vendors' HTTP interfaces share: one call, its answer up to a limit, and what a failure means.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use sha2::{Digest as _, Sha256};
use tidings_core::delivery::{Handover, Outcome};
use tidings_protocol::{Span, Timestamp};

use super::DialerError;

/// Bytes of an answer that are read: vendors answer with some hundred.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// The longest wish to come again later that is passed on.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

/// What a vendor answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Not now, with the vendor's wish to come again.
    pub(super) fn transient(&self, code: impl Into<Box<str>>) -> Outcome {
        Outcome::Transient { code: code.into(), retry_after: self.retry_after() }
    }

    /// Not now to this device, with the vendor's wish to come again.
    pub(super) fn address_busy(&self, code: impl Into<Box<str>>) -> Outcome {
        Outcome::AddressBusy { code: code.into(), retry_after: self.retry_after() }
    }

    /// When the vendor asks to come again.
    pub(super) fn retry_after(&self) -> Option<Span> {
        retry_after(&self.headers, now())
    }

    /// `http_503`.
    pub(super) fn status_code(&self) -> Box<str> {
        format!("http_{}", self.status.as_u16()).into()
    }
}

/// The machine's time, which vendors compare with theirs.
pub(super) fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Seconds until an instant; none are left once it has passed.
pub(super) fn seconds_left(until: Timestamp, now: Timestamp) -> u32 {
    u32::try_from(until.millis_since(now).max(0) / 1_000).unwrap_or(u32::MAX)
}

/// What stands for a collapse key at a vendor: 32 url-safe characters that tell nothing about it, and differ for each
/// recipient.
pub(super) fn collapse_token(handover: &Handover) -> Option<String> {
    let key = handover.collapse.as_deref()?;
    let mut hash = Sha256::new();
    for part in [handover.project.as_str(), handover.recipient.as_str(), key] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    Some(URL_SAFE_NO_PAD.encode(&hash[..24]))
}

/// Makes one call and reads its answer. The client's deadline holds for both.
///
/// # Errors
/// What it means that there is no answer.
pub(super) async fn call(request: RequestBuilder) -> Result<Answer, Outcome> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())])
            }
            Ok(None) => break,
            // The status says what became of it; the rest is words.
            Err(_) if !status.is_success() => break,
            Err(_) => return Err(Outcome::Unknown { code: "answer_broken".into() }),
        }
    }
    Ok(Answer { status, headers, body })
}

/// Why there is no answer, and whether the call may have arrived.
fn failed(error: &reqwest::Error) -> Outcome {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<DialerError>() {
            return match error {
                DialerError::Unknown { .. } => Outcome::transient("dns"),
                DialerError::NotPublic { .. } => Outcome::Permanent { code: "address_not_public".into() },
                DialerError::NoHost => Outcome::Permanent { code: "address_no_url".into() },
            };
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            return Outcome::Misconfigured { code: "certificate_not_trusted".into() };
        }
        source = inner(cause);
    }
    if error.is_builder() {
        return Outcome::Permanent { code: "address_no_url".into() };
    }
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => Outcome::transient("connect_timeout"),
        (true, false) => Outcome::transient("connect"),
        (false, true) => Outcome::Unknown { code: "timeout".into() },
        (false, false) => Outcome::Unknown { code: "connection_broken".into() },
    }
}

/// What is behind an error. One of the system passes over what it was made of.
fn inner<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(made_of) => Some(made_of),
        None => error.source(),
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3), within bounds.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let millis = match text.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * 1_000,
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
            i64::try_from(at.as_millis()).ok()?.saturating_sub(now.as_millis())
        }
    };
    let most = i64::try_from(RETRY_AFTER_MAX.as_millis()).unwrap_or(i64::MAX);
    Some(Span::from_millis(millis.min(most)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", Some(0))]
    #[case("120", Some(120_000))]
    #[case("86400", Some(86_400_000))]
    #[case::longer_than_a_day("86401", Some(86_400_000))]
    #[case::a_date("Thu, 26 Nov 2026 00:01:00 GMT", Some(60_000))]
    #[case::a_date_that_passed("Wed, 25 Nov 2026 23:59:00 GMT", Some(0))]
    #[case("soon", None)]
    #[case("-1", None)]
    fn a_wish_to_come_again_is_read_in_seconds_or_as_a_date(
        #[case] text: &'static str,
        #[case] millis: Option<i64>,
    ) {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        let now = Timestamp::from_millis(1_795_651_200_000);
        assert_eq!(retry_after(&headers, now).map(Span::as_millis), millis);
    }
}
