//! How vendors sign their own calls.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tidings_protocol::Timestamp;

use crate::http::route::presented;

/// How old a call may be that says when it was signed, in seconds: what a clock may be wrong and a network late.
const AGE_SECONDS_MAX: i64 = 300;

/// Twilio: HMAC-SHA1 over the URL and all fields by name, in Base64.
/// <https://www.twilio.com/docs/usage/security#validating-requests>
pub(super) fn twilio(token: &[u8], url: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let given = headers.get("x-twilio-signature").and_then(|value| STANDARD.decode(value).ok());
    let Some(given) = given else { return false };
    let mut fields: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
    fields.sort();
    let mut signed = url.to_owned();
    for (name, value) in &fields {
        signed.push_str(name);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token);
    hmac::verify(&key, signed.as_bytes(), &given).is_ok()
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    payload_hash: String,
}

/// Vonage: a JWT under HS256 that names the SHA-256 of the body.
/// <https://developer.vonage.com/en/getting-started/concepts/webhooks#signed-webhooks>
pub(super) fn vonage(secret: &[u8], now: Timestamp, headers: &HeaderMap, body: &[u8]) -> bool {
    let Ok(Some(token)) = presented(headers) else { return false };
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims::<&str>(&[]);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let key = DecodingKey::from_secret(secret);
    let Ok(decoded) = jsonwebtoken::decode::<Claims>(&token, &key, &validation) else { return false };
    let is_recent = (now.as_millis() / 1_000 - decoded.claims.iat).abs() <= AGE_SECONDS_MAX;
    let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    let is_this = hash.as_bytes().ct_eq(decoded.claims.payload_hash.to_ascii_lowercase().as_bytes());
    is_recent && bool::from(is_this)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Twilio's page on request validation.
    #[test]
    fn twilios_own_example_is_signed() {
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212";
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-signature", "L/OH5YylLD5NRKLltdqwSvS0BnU=".parse().unwrap());
        let url = "https://example.com/myapp.php?foo=1&bar=2";
        let signed = |token: &[u8], body: &str| twilio(token, url, &headers, body.as_bytes());
        assert!(signed(b"12345", body));
        assert!(!signed(b"12346", body));
        assert!(!signed(b"12345", &body.replace("1234&From", "1235&From")));
        assert!(!twilio(b"12345", url, &HeaderMap::new(), body.as_bytes()));
    }

    #[test]
    fn a_vonage_token_is_for_one_body_and_some_minutes() {
        let body = br#"{"from": "491701234567"}"#;
        let hash: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        let claims = serde_json::json!({"iat": 1_000, "jti": "x", "payload_hash": hash});
        let key = jsonwebtoken::EncodingKey::from_secret(b"sesame");
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        assert!(vonage(b"sesame", at(1_300), &headers, body));
        assert!(!vonage(b"sesame", at(1_301), &headers, body));
        assert!(!vonage(b"another", at(1_000), &headers, body));
        assert!(!vonage(b"sesame", at(1_000), &headers, b"{}"));
    }
}
