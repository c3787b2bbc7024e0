//! Reads what a vendor answered, as its description says.

use serde_json::Value;
use tidings_core::configuration::http::{Answer, Meaning};
use tidings_core::delivery::Outcome;
use tidings_protocol::Span;

use crate::channels::call::refused;

/// The longest id of a vendor that is kept, in characters.
const ID_CHARS_MAX: usize = 100;
/// The longest code of an outcome, in bytes.
const CODE_BYTES_MAX: usize = 60;

/// What an answer means. `parts` is what the vendor charges for.
pub(super) fn outcome(
    answer: &Answer,
    (status, retry_after): (u16, Option<Span>),
    body: &[u8],
    parts: u32,
) -> Outcome {
    let accepted =
        (200..300).contains(&status) && (answer.accepted.is_empty() || answer.accepted.contains(&status));
    let wants_json = answer.id.is_some() || answer.error.is_some();
    let json: Option<Value> = if wants_json { serde_json::from_slice(body).ok() } else { None };
    if accepted && wants_json && json.is_none() {
        // A page of something that stands before the vendor.
        return Outcome::transient("not_json");
    }
    let at = |pointer: &Option<String>| json.as_ref()?.pointer(pointer.as_deref()?).and_then(text);
    let said = at(&answer.error).filter(|said| !answer.ok.contains(said));
    let meaning = said.as_ref().and_then(|said| answer.errors.get(said));
    match (said, meaning) {
        (Some(said), Some(meaning)) => meant(*meaning, code(&said), retry_after),
        // It says no in a word that nobody told us: another attempt, or another provider, may do better.
        (Some(said), None) if accepted => Outcome::Transient { code: code(&said), retry_after },
        (Some(_) | None, None) if accepted => {
            let id = at(&answer.id).map(|id| id.chars().take(ID_CHARS_MAX).collect::<String>().into());
            Outcome::Accepted { provider_id: id, parts }
        }
        // A success that the description does not name is none.
        (Some(_) | None, _) if (200..300).contains(&status) => Outcome::transient(format!("http_{status}")),
        (Some(_) | None, _) => refused(status, retry_after),
    }
}

fn meant(meaning: Meaning, code: Box<str>, retry_after: Option<Span>) -> Outcome {
    match meaning {
        Meaning::Gone => Outcome::AddressGone { code },
        Meaning::Permanent => Outcome::Permanent { code },
        Meaning::Transient => Outcome::Transient { code, retry_after },
        Meaning::Misconfigured => Outcome::Misconfigured { code },
    }
}

/// A text or number as text; nothing else is a code or an id.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The vendor's word as one of ours: a story keeps codes, never what else an answer says.
pub(crate) fn code(said: &str) -> Box<str> {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let word: String = said.chars().map(letter).collect();
    format!("vendor_{word}").chars().take(CODE_BYTES_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use tidings_core::configuration::{Account, Bundle, check};

    use super::*;

    fn preset(name: &str) -> Answer {
        let document = format!(
            "tidings: 1\nproviders:\n  a: {{channel: sms, kind: http, preset: {name}, user: u, from: f, password: {{secret: s}}}}\n"
        );
        let configuration = check(&document, &Bundle::default(), 1).unwrap();
        let Account::Http(account) = &configuration.providers["a"].account else { panic!("kind http") };
        account.answer.clone()
    }

    #[rstest]
    #[case::taken("twilio", 201, json!({"sid": "SM1", "error_code": null}), "accepted", "SM1")]
    #[case::login("twilio", 401, json!({"code": 20003}), "misconfigured", "vendor_20003")]
    #[case::storm("twilio", 429, json!({"code": 20429}), "transient", "vendor_20429")]
    #[case::number("twilio", 400, json!({"code": 21211}), "address_gone", "vendor_21211")]
    #[case::landline("twilio", 400, json!({"code": 21635}), "address_gone", "vendor_21635")]
    #[case::stopped("twilio", 400, json!({"code": 21610}), "permanent", "vendor_21610")]
    #[case::country("twilio", 400, json!({"code": 21408}), "misconfigured", "vendor_21408")]
    #[case::queue("twilio", 400, json!({"code": 21611}), "transient", "vendor_21611")]
    #[case::other("twilio", 400, json!({"code": 21700}), "permanent", "http_400")]
    #[case::down("twilio", 503, json!(null), "transient", "http_503")]
    #[case::taken("vonage", 202, json!({"message_uuid": "u-1"}), "accepted", "u-1")]
    #[case::credit("vonage", 402, json!({"title": "Low balance"}), "misconfigured", "http_402")]
    #[case::text("vonage", 422, json!({"title": "Invalid params"}), "permanent", "http_422")]
    #[case::storm("vonage", 429, json!({}), "transient", "http_429")]
    #[case::taken("vendor_a", 200, json!({"id": 7}), "accepted", "7")]
    #[case::word("vendor_a", 422, json!({"error": {"code": "unknown_number"}}), "address_gone", "vendor_unknown_number")]
    #[case::yes_but_no("vendor_a", 200, json!({"error": {"code": "Odd one!"}}), "transient", "vendor_odd_one_")]
    #[case::taken("vendor_b", 200, json!({"messages": [{"status": "0", "id": "b-1"}]}), "accepted", "b-1")]
    #[case::throttled("vendor_b", 200, json!({"messages": [{"status": "1"}]}), "transient", "vendor_1")]
    #[case::refused("vendor_b", 200, json!({"messages": [{"status": 6}]}), "address_gone", "vendor_6")]
    #[case::another_yes("vendor_b", 202, json!({}), "transient", "http_202")]
    fn every_documented_answer_has_its_outcome(
        #[case] vendor: &str,
        #[case] status: u16,
        #[case] body: Value,
        #[case] kind: &str,
        #[case] said: &str,
    ) {
        let outcome = outcome(&preset(vendor), (status, None), body.to_string().as_bytes(), 2);
        let found = if let Outcome::Accepted { provider_id, parts: 2 } = &outcome {
            provider_id.as_deref()
        } else {
            outcome.code()
        };
        assert_eq!((outcome.kind(), found), (kind, Some(said)));
    }

    #[test]
    fn a_page_in_place_of_json_is_no_success() {
        let found = outcome(&preset("vendor_a"), (200, None), b"<html>Welcome</html>", 1);
        assert_eq!(found, Outcome::transient("not_json"));
        let found = outcome(&preset("vendor_a"), (502, None), b"<html>Bad gateway</html>", 1);
        assert_eq!(found, Outcome::transient("http_502"));
    }

    #[rstest]
    #[case(301, "misconfigured")]
    #[case(400, "permanent")]
    #[case(401, "misconfigured")]
    #[case(403, "misconfigured")]
    #[case(404, "misconfigured")]
    #[case(408, "transient")]
    #[case(413, "permanent")]
    #[case(429, "transient")]
    #[case(500, "transient")]
    #[case(599, "transient")]
    fn a_status_that_nothing_is_said_of_has_its_outcome(#[case] status: u16, #[case] kind: &str) {
        assert_eq!(outcome(&Answer::default(), (status, None), b"", 1).kind(), kind);
    }
}
