use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use reqwest::header::HeaderMap;
use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::configuration::{Account, PushContent};
use tidings_core::delivery::{Form, PushForm};

use super::super::vendor_server::{Seen, Told, Vendor, open as open_provider, outside, push};
use super::payload::PLAINTEXT_BYTES_MAX;
use super::*;
use crate::settings::OutsideOptions;

/// The body of RFC 8188 around one record: salt, record size, length of the key, key, then the mark of the last record
/// and the cipher's tag.
const AROUND_BYTES: usize = 16 + 4 + 1 + 65 + 1 + 16;

fn secret() -> String {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    URL_SAFE_NO_PAD.encode(der.as_ref())
}

fn subscription(endpoint: &str) -> String {
    let browser = PrivateKey::generate(&ECDH_P256).unwrap();
    let p256dh = URL_SAFE_NO_PAD.encode(browser.compute_public_key().unwrap().as_ref());
    json!({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": URL_SAFE_NO_PAD.encode([7; 16])}})
        .to_string()
}

fn account() -> Account {
    Account::Webpush(WebpushAccount { contact: Some("mailto:ops@shop.example".into()) })
}

/// A push service that refuses what the standards tell it to refuse.
fn push_service(seen: &Seen) -> Told {
    let no = |status| (status, vec![], String::new());
    if seen.method != "POST" {
        return no(405);
    }
    let Ok(ttl) = seen.header("ttl").parse::<u32>() else { return no(400) };
    let is_url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let topic = seen.header("topic");
    let urgency = seen.header("urgency");
    if topic.len() > 32
        || !topic.chars().all(is_url_safe)
        || !["very-low", "low", "normal", "high"].contains(&urgency)
        || seen.header("content-encoding") != "aes128gcm"
    {
        return no(400);
    }
    if seen.body.len() > 4_096 {
        return no(413);
    }
    if vapid(seen).is_none() {
        return no(403);
    }
    (201, vec![("location", format!("https://push.example/m/m{ttl}"))], String::new())
}

/// The claims of the signature, if it is one for this service.
fn vapid(seen: &Seen) -> Option<Value> {
    let (token, key) = seen.header("authorization").strip_prefix("vapid t=")?.split_once(", k=")?;
    let point = URL_SAFE_NO_PAD.decode(key).ok()?;
    let (x, y) = point.strip_prefix(&[4])?.split_at(32);
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
    let key = DecodingKey::from_ec_components(&x, &y).ok()?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_required_spec_claims(&["aud", "exp"]);
    validation.validate_aud = false;
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).ok()?.claims;
    let left = claims["exp"].as_i64()? - vendor::now().as_millis() / 1_000;
    (left <= 86_400).then_some(claims)
}

async fn service() -> (Vendor, Arc<dyn Provider>, String) {
    let vendor = Vendor::start(push_service).await;
    let provider = open_provider(&vendor.outside(), account(), &secret()).unwrap();
    let address = subscription(&format!("{}/wpush/v2/abc", vendor.url));
    (vendor, provider, address)
}

#[tokio::test]
async fn a_push_is_signed_sealed_and_taken() {
    let (vendor, provider, address) = service().await;
    let outcome = provider.hand_over(&push(&address, PushContent::Full), &Links::default()).await;
    assert_eq!(outcome, Outcome::accepted(Some("m3600")));
    let seen = &vendor.seen()[0];
    assert_eq!(
        (seen.path.as_str(), seen.header("urgency"), seen.header("topic").len()),
        ("/wpush/v2/abc", "high", 32)
    );
    assert!(!seen.body.windows(4).any(|part| part == b"1001"), "the words are sealed");
    let claims = vapid(seen).unwrap();
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&vendor.url.as_str().into(), &"mailto:ops@shop.example".into())
    );
}

#[tokio::test]
async fn one_signature_serves_a_push_service_and_another_one_the_next() {
    let (vendor, provider, address) = service().await;
    let other = Vendor::start(push_service).await;
    for address in [&address, &subscription(&format!("{}/another", vendor.url))] {
        provider.hand_over(&push(address, PushContent::None), &Links::default()).await;
    }
    let seen = vendor.seen();
    assert_eq!(seen[0].header("authorization"), seen[1].header("authorization"));
    let elsewhere = subscription(&other.url);
    // Nobody trusts the other's authority here: the call fails, and the delivery only.
    let outcome = provider.hand_over(&push(&elsewhere, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::transient("certificate_not_trusted"));
}

#[rstest]
#[case(PushContent::None, json!({"tidings": 1, "notification": "n1", "collapse": "order/1001"}))]
#[case(PushContent::Title, json!({
    "tidings": 1, "notification": "n1", "collapse": "order/1001", "title": "Order 1001", "more": true,
    "category": "orders", "priority": "high", "expires_at": "2026-11-23T12:00:00.000Z", "round": "2",
}))]
#[case(PushContent::Full, json!({
    "tidings": 1, "notification": "n1", "collapse": "order/1001", "title": "Order 1001", "body": "It is on its way",
    "link": "https://shop.example/o/1001",
    "category": "orders", "priority": "high", "expires_at": "2026-11-23T12:00:00.000Z", "round": "2",
}))]
fn a_payload_says_as_much_as_the_project_allows(#[case] content: PushContent, #[case] expected: Value) {
    let expires_at = "2026-11-23T12:00:00Z".parse().unwrap();
    let handover = Handover { expires_at, round: 2, ..push("", content) };
    assert_eq!(serde_json::from_str::<Value>(&Payload::of(&handover).text()).unwrap(), expected);
}

#[rstest]
#[case(0, true)]
#[case(1, false)]
#[tokio::test]
async fn a_payload_has_at_most_3052_bytes(#[case] over: usize, #[case] fits: bool) {
    let (vendor, provider, address) = service().await;
    let mut handover = push(&address, PushContent::Full);
    let others = Payload::of(&handover).text().len() - "It is on its way".len();
    let Form::Push(form) = &mut handover.form else { panic!("it is a push") };
    form.body = "x".repeat(PLAINTEXT_BYTES_MAX - others + over).into();
    assert_eq!(provider.hand_over(&handover, &Links::default()).await.kind(), "accepted");
    let bytes = vendor.seen()[0].body.len() - AROUND_BYTES;
    assert_eq!(bytes == PLAINTEXT_BYTES_MAX, fits, "{bytes}");
    assert!(bytes <= PLAINTEXT_BYTES_MAX);
}

#[tokio::test]
async fn a_service_that_takes_less_gets_the_word_to_look_in_the_same_attempt() {
    let (vendor, provider, address) = service().await;
    vendor.tell(413, &[], "");
    let outcome = provider.hand_over(&push(&address, PushContent::Full), &Links::default()).await;
    assert_eq!(outcome.kind(), "accepted");
    let handover = push(&address, PushContent::Full);
    let seen = vendor.seen();
    assert_eq!(seen[1].body.len() - AROUND_BYTES, Payload::content_free(&handover).text().len());
    vendor.tell(413, &[], "");
    let outcome = provider.hand_over(&push(&address, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::Permanent { code: "too_large".into() });
}

#[rstest]
#[case(201, "accepted")]
#[case(202, "accepted")]
#[case(400, "permanent")]
#[case(401, "permanent")]
#[case(403, "permanent")]
#[case(404, "address_gone")]
#[case(410, "address_gone")]
#[case(413, "permanent")]
#[case(301, "permanent")]
#[case(408, "transient")]
#[case(429, "address_busy")]
#[case(500, "transient")]
#[case(503, "transient")]
fn each_status_has_its_meaning(#[case] status: u16, #[case] kind: &str) {
    let headers = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, "9".parse().unwrap())]);
    let answer = Answer { status: status.try_into().unwrap(), headers, body: Vec::new() };
    let outcome = outcome(&answer);
    assert_eq!(outcome.kind(), kind);
    if let Outcome::Transient { retry_after, .. } | Outcome::AddressBusy { retry_after, .. } = outcome {
        assert_eq!(retry_after.unwrap().as_millis(), 9_000);
    }
}

#[rstest]
#[case::no_json("fcm-token")]
#[case::a_key_that_is_none(r#"{"endpoint":"https://127.0.0.1:9/x","keys":{"p256dh":"AAAA","auth":"AAAA"}}"#)]
#[tokio::test]
async fn what_is_no_subscription_is_not_called_again(#[case] address: &str) {
    let (vendor, provider, _) = service().await;
    let outcome = provider.hand_over(&push(address, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::AddressGone { code: "bad_subscription".into() });
    assert!(vendor.seen().is_empty());
}

#[rstest]
#[case("https://127.0.0.1:9/x")]
#[case("https://169.254.169.254/latest")]
#[case("https://[::1]/x")]
#[case::by_name("https://localhost:9/x")]
#[tokio::test]
async fn an_internal_address_is_not_called(#[case] endpoint: &str) {
    let outside = outside(&OutsideOptions::default());
    let provider = open_provider(&outside, account(), &secret()).unwrap();
    let outcome =
        provider.hand_over(&push(&subscription(endpoint), PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::Permanent { code: "address_not_public".into() });
}

#[tokio::test]
async fn nobody_there_is_not_now() {
    let (_vendor, provider, _) = service().await;
    let gone = subscription("https://127.0.0.1:9/x");
    let outcome = provider.hand_over(&push(&gone, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::transient("connect"));
    let nowhere = subscription("https://nobody.invalid/x");
    let outcome = provider.hand_over(&push(&nowhere, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::transient("dns"));
}

#[rstest]
#[case(Priority::Low, "low")]
#[case(Priority::Normal, "normal")]
#[case(Priority::High, "high")]
#[case(Priority::Urgent, "high")]
fn urgency_is_the_priority(#[case] priority: Priority, #[case] word: &str) {
    assert_eq!(urgency(priority).to_string(), word);
}

#[test]
fn a_topic_tells_nothing_and_is_the_recipients_own() {
    let topic = |recipient: &str, collapse: Option<&str>| {
        let handover = Handover {
            recipient: recipient.parse().unwrap(),
            collapse: collapse.map(Into::into),
            ..push("", PushContent::None)
        };
        vendor::collapse_token(&handover)
    };
    let one = topic("alice", Some("1001")).unwrap();
    assert_eq!(one.len(), 32);
    assert!(!one.contains("1001"));
    assert_eq!(topic("alice", Some("1001")), Some(one.clone()));
    assert_ne!(topic("bob", Some("1001")), Some(one.clone()));
    assert_ne!(topic("alice", Some("1002")), Some(one));
    assert_eq!(topic("alice", None), None);
}

#[test]
fn a_push_of_other_words_says_to_look() {
    let handover = Handover { form: Form::Sms("hello".into()), ..push("", PushContent::None) };
    assert!(Payload::of(&handover).is_content_free());
    let form =
        PushForm { content: PushContent::Full, title: "x".repeat(4_000).into(), body: "".into(), link: None };
    let handover = Handover { form: Form::Push(form), ..handover };
    assert!(Payload::of(&handover).is_content_free(), "a title that does not fit is left out");
}

#[test]
fn a_key_that_cannot_sign_is_told_at_once() {
    let outside = outside(&OutsideOptions::default());
    assert_eq!(open_provider(&outside, account(), "hush").err(), Some("bad_vapid_key"));
}
