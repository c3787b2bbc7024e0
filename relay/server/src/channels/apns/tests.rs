use std::collections::BTreeMap;
use std::sync::Mutex;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::header::HeaderMap;
use rstest::rstest;
use tidings_core::configuration::Account;
use tidings_protocol::{Priority, Span, Timestamp};
use uuid::Uuid;

use super::super::vendor_server::{Seen, Told, Vendor, open, push};
use super::*;

const DEVICE: &str = "apns:00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

fn account() -> ApnsAccount {
    ApnsAccount { key_id: "ABC123DEFG".into(), team_id: "DEF123GHIJ".into(), topic: "example.shop".into() }
}

fn key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate().unwrap()
}

const USED_MILLIS: i64 = 50 * 60_000;
const APART_MILLIS: i64 = 20 * 60_000;

/// Apple, as its documentation describes it: refuses what it refuses, with its own words.
struct Apple {
    public: String,
    /// The key of the first push of each connection.
    keys: Mutex<BTreeMap<usize, String>>,
}

impl Apple {
    fn new(key: &rcgen::KeyPair) -> Self {
        Self { public: key.public_key_pem(), keys: Mutex::default() }
    }

    fn answer(&self, seen: &Seen) -> Told {
        let id = seen.header("apns-id").to_owned();
        match self.check(seen) {
            Ok(()) => (200, vec![("apns-id", id)], String::new()),
            Err((status, reason)) => (status, vec![], format!(r#"{{"reason":"{reason}"}}"#)),
        }
    }

    fn check(&self, seen: &Seen) -> Result<(), (u16, &'static str)> {
        let refuse = |holds: bool, status, reason| if holds { Ok(()) } else { Err((status, reason)) };
        refuse(seen.method == "POST", 405, "MethodNotAllowed")?;
        let device = seen.path.strip_prefix("/3/device/").ok_or((404, "BadPath"))?;
        refuse(!device.is_empty(), 400, "MissingDeviceToken")?;
        refuse(device.bytes().all(|byte| byte.is_ascii_hexdigit()), 400, "BadDeviceToken")?;
        self.check_token(seen)?;
        refuse(!seen.header("apns-topic").is_empty(), 400, "MissingTopic")?;
        refuse(seen.header("apns-topic") == "example.shop", 400, "DeviceTokenNotForTopic")?;
        refuse(["5", "10"].contains(&seen.header("apns-priority")), 400, "BadPriority")?;
        refuse(seen.header("apns-push-type") == "alert", 400, "InvalidPushType")?;
        refuse(seen.header("apns-collapse-id").len() <= 64, 400, "BadCollapseId")?;
        refuse(seen.header("apns-expiration").parse::<u32>().is_ok(), 400, "BadExpirationDate")?;
        refuse(seen.header("apns-id").parse::<Uuid>().is_ok(), 400, "BadMessageId")?;
        refuse(!seen.body.is_empty(), 400, "PayloadEmpty")?;
        refuse(seen.body.len() <= 4_096, 413, "PayloadTooLarge")?;
        refuse(seen.json()["aps"].is_object(), 400, "PayloadEmpty")
    }

    #[expect(
        clippy::unwrap_in_result,
        reason = "only what Apple refuses is an answer; the rest is a broken test"
    )]
    fn check_token(&self, seen: &Seen) -> Result<(), (u16, &'static str)> {
        let token =
            seen.header("authorization").strip_prefix("bearer ").ok_or((403, "MissingProviderToken"))?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims(&["iss"]);
        validation.set_issuer(&["DEF123GHIJ"]);
        let public = DecodingKey::from_ec_pem(self.public.as_bytes()).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(token, &public, &validation)
            .map_err(|_| (403, "InvalidProviderToken"))?;
        let kid = claims.header.kid.ok_or((403, "InvalidProviderToken"))?;
        let first = self.keys.lock().unwrap().entry(seen.connection).or_insert_with(|| kid.clone()).clone();
        if first != kid {
            return Err((403, "UnrelatedKeyIdInToken"));
        }
        let age = vendor::now().as_millis() / 1_000 - claims.claims["iat"].as_i64().unwrap();
        if (-60..3_600).contains(&age) { Ok(()) } else { Err((403, "ExpiredProviderToken")) }
    }
}

async fn apple() -> (Vendor, Arc<dyn Provider>) {
    let key = key();
    let rules = Apple::new(&key);
    let vendor = Vendor::start(move |seen| rules.answer(seen)).await;
    let provider = open(&vendor.outside(), Account::Apns(account()), &key.serialize_pem()).unwrap();
    (vendor, provider)
}

fn accepted() -> Outcome {
    Outcome::accepted(Some("019371f2-7c00-7000-8000-000000000001"))
}

#[tokio::test]
async fn a_push_is_what_apple_asks_for_over_one_connection_with_one_token() {
    let (vendor, provider) = apple().await;
    for content in [PushContent::None, PushContent::Title, PushContent::Full] {
        let outcome = provider.hand_over(&push(DEVICE, content), &Links::default()).await;
        assert_eq!(outcome, accepted());
    }
    let seen = vendor.seen();
    assert_eq!(seen.len(), 3);
    for one in &seen {
        assert_eq!((one.connection, one.version), (0, axum::http::Version::HTTP_2));
        assert_eq!(one.header("authorization"), seen[0].header("authorization"));
        assert_eq!(one.header("apns-collapse-id").len(), 32);
    }
    let free = String::from_utf8(seen[0].body.to_vec()).unwrap();
    assert!(!free.contains("1001") && !free.contains("order") && free.contains("您有新通知"), "{free}");
    let titled = seen[1].json();
    assert_eq!(titled["aps"]["alert"], serde_json::json!({"title": "Order 1001"}));
    assert_eq!((&titled["category"], &titled["priority"]), (&"orders".into(), &"high".into()));
    let full = seen[2].json();
    assert_eq!(full["aps"]["alert"], serde_json::json!({"title": "Order 1001", "body": "It is on its way"}));
    assert_eq!((&full["notification"], &full["link"]), (&"n1".into(), &"https://shop.example/o/1001".into()));
}

#[tokio::test]
async fn two_accounts_share_no_connection() {
    let key = key();
    let rules = Apple::new(&key);
    let vendor = Vendor::start(move |seen| rules.answer(seen)).await;
    let outside = vendor.outside();
    for key_id in ["ABC123DEFG", "XYZ123DEFG"] {
        let account = Account::Apns(ApnsAccount { key_id: key_id.into(), ..account() });
        let provider = open(&outside, account, &key.serialize_pem()).unwrap();
        let outcome = provider.hand_over(&push(DEVICE, PushContent::None), &Links::default()).await;
        assert_eq!(outcome, accepted());
    }
}

#[tokio::test]
async fn words_that_do_not_fit_stay_at_home() {
    let (vendor, provider) = apple().await;
    let mut long = push(DEVICE, PushContent::Full);
    let Form::Push(form) = &mut long.form else { panic!("it is a push") };
    form.body = "x".repeat(4_000).into();
    assert_eq!(provider.hand_over(&long, &Links::default()).await, accepted());
    let sent = vendor.seen()[0].json();
    assert_eq!(sent["aps"]["alert"], serde_json::json!({"title": "Order 1001"}));
}

#[rstest]
#[case(0, true)]
#[case(1, false)]
fn a_payload_has_at_most_4096_bytes(#[case] over: usize, #[case] fits_: bool) {
    let mut full = push(DEVICE, PushContent::Full);
    let spare = {
        let bare = payload(&full, PushContent::Full).to_string().len() - "It is on its way".len();
        4_096 - bare
    };
    let Form::Push(form) = &mut full.form else { panic!("it is a push") };
    form.body = "x".repeat(spare + over).into();
    assert_eq!(fits(&full, PushContent::Full), fits_);
}

#[tokio::test]
async fn apple_may_take_less_than_it_says() {
    let (vendor, provider) = apple().await;
    vendor.tell(413, &[], r#"{"reason":"PayloadTooLarge"}"#);
    let outcome = provider.hand_over(&push(DEVICE, PushContent::Full), &Links::default()).await;
    assert_eq!(outcome, accepted());
    assert_eq!(vendor.seen()[1].json()["aps"]["alert"]["title"], "您有新通知");
}

#[rstest]
#[case(Priority::Low, "5", "passive")]
#[case(Priority::Normal, "5", "active")]
#[case(Priority::High, "10", "active")]
#[case(Priority::Urgent, "10", "time-sensitive")]
fn priority_decides_how_much_it_interrupts(
    #[case] priority: Priority,
    #[case] header: &str,
    #[case] level: &str,
) {
    let handover = Handover { priority, ..push(DEVICE, PushContent::None) };
    assert_eq!(headers(&handover)["apns-priority"], header);
    assert_eq!(payload(&handover, PushContent::None)["aps"]["interruption-level"], level);
}

#[rstest]
#[case("019371f2-7c00-7000-8000-000000000001", "019371f2-7c00-7000-8000-000000000001")]
#[case("d1/1", "")]
fn a_repetition_has_the_same_id(#[case] key: &str, #[case] id: &str) {
    let made = body::apns_id(key);
    assert_eq!(made, body::apns_id(key));
    assert!(made.parse::<Uuid>().is_ok() && (id.is_empty() || made == id), "{made}");
    assert_ne!(made, body::apns_id("d2/1"));
}

#[rstest]
#[case(400, "BadCollapseId", "permanent")]
#[case(400, "BadDeviceToken", "address_gone")]
#[case(400, "BadExpirationDate", "permanent")]
#[case(400, "BadMessageId", "permanent")]
#[case(400, "BadPriority", "permanent")]
#[case(400, "BadTopic", "misconfigured")]
#[case(400, "DeviceTokenNotForTopic", "permanent")]
#[case(400, "DuplicateHeaders", "permanent")]
#[case(400, "IdleTimeout", "transient")]
#[case(400, "InvalidPushType", "permanent")]
#[case(400, "MissingDeviceToken", "permanent")]
#[case(400, "MissingTopic", "misconfigured")]
#[case(400, "PayloadEmpty", "permanent")]
#[case(400, "TopicDisallowed", "misconfigured")]
#[case(403, "BadCertificate", "misconfigured")]
#[case(403, "BadCertificateEnvironment", "misconfigured")]
#[case(403, "BadEnvironmentKeyIdInToken", "misconfigured")]
#[case(403, "ExpiredProviderToken", "misconfigured")]
#[case(403, "Forbidden", "misconfigured")]
#[case(403, "InvalidProviderToken", "misconfigured")]
#[case(403, "MissingProviderToken", "misconfigured")]
#[case(403, "UnrelatedKeyIdInToken", "misconfigured")]
#[case(404, "BadPath", "permanent")]
#[case(405, "MethodNotAllowed", "permanent")]
#[case(410, "ExpiredToken", "address_gone")]
#[case(410, "Unregistered", "address_gone")]
#[case(413, "PayloadTooLarge", "permanent")]
#[case(429, "TooManyProviderTokenUpdates", "transient")]
#[case(429, "TooManyRequests", "address_busy")]
#[case(500, "InternalServerError", "transient")]
#[case(503, "ServiceUnavailable", "transient")]
#[case(503, "Shutdown", "transient")]
#[case::a_word_of_tomorrow(410, "NobodyHome", "address_gone")]
#[case::a_word_of_tomorrow(503, "Tea", "transient")]
#[case::a_word_of_tomorrow(403, "Nope", "misconfigured")]
#[case::a_word_of_tomorrow(400, "BadHair", "permanent")]
fn each_word_of_apple_has_its_meaning(#[case] status: u16, #[case] reason: &str, #[case] kind: &str) {
    let body = format!(r#"{{"reason":"{reason}","timestamp":1795651200000}}"#);
    let answer = answer(status, &body);
    assert_eq!(reason::outcome(&answer).kind(), kind);
}

fn answer(status: u16, body: &str) -> Answer {
    let headers = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, "30".parse().unwrap())]);
    Answer { status: status.try_into().unwrap(), headers, body: body.as_bytes().to_vec() }
}

#[test]
fn a_word_of_apple_is_told_in_ours_with_the_time_to_wait() {
    let told = reason::outcome(&answer(429, r#"{"reason":"TooManyRequests"}"#));
    let retry_after = Some(Span::from_millis(30_000));
    assert_eq!(told, Outcome::AddressBusy { code: "too_many_requests".into(), retry_after });
    assert_eq!(reason::outcome(&answer(502, "<html>")).code(), Some("http_502"));
}

#[tokio::test]
async fn a_token_that_apple_calls_too_old_just_after_it_was_made_is_a_wrong_clock() {
    let (vendor, provider) = apple().await;
    vendor.tell(403, &[], r#"{"reason":"ExpiredProviderToken"}"#);
    let outcome = provider.hand_over(&push(DEVICE, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::Misconfigured { code: "expired_provider_token".into() });
    assert_eq!(vendor.seen().len(), 1, "a new token every time is what Apple blocks");
}

#[test]
fn a_token_lives_fifty_minutes_and_is_renewed_at_most_every_twenty() {
    let tokens = Tokens::new(&key().serialize_pem(), &account()).unwrap();
    let at = |millis: i64| Timestamp::from_millis(1_795_651_200_000 + millis);
    let first = tokens.token(at(0)).unwrap();
    assert_eq!(tokens.token(at(USED_MILLIS - 1)).unwrap(), first);
    let second = tokens.token(at(USED_MILLIS)).unwrap();
    assert_ne!(second, first);
    assert_eq!(tokens.renewed(&first, at(USED_MILLIS)).unwrap(), second, "somebody renewed it already");
    assert!(tokens.renewed(&second, at(USED_MILLIS + APART_MILLIS - 1)).is_err());
    assert_ne!(tokens.renewed(&second, at(USED_MILLIS + APART_MILLIS)).unwrap(), second);
}

#[test]
fn a_clock_that_was_set_back_makes_a_new_token() {
    let tokens = Tokens::new(&key().serialize_pem(), &account()).unwrap();
    let at = |millis: i64| Timestamp::from_millis(1_795_651_200_000 + millis);
    let first = tokens.token(at(0)).unwrap();
    assert_ne!(tokens.token(at(-1_000)).unwrap(), first);
}

#[rstest]
#[case("apns:")]
#[case("apns:../../secret")]
#[case("apns:zz")]
#[case("fcm:00fc")]
#[tokio::test]
async fn what_is_no_device_token_is_not_called(#[case] address: &str) {
    let (vendor, provider) = apple().await;
    let outcome = provider.hand_over(&push(address, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::AddressGone { code: "no_apns_token".into() });
    assert!(vendor.seen().is_empty());
}

#[rstest]
#[case(DEVICE_TOKEN_CHARS_MAX, true)]
#[case(DEVICE_TOKEN_CHARS_MAX + 1, false)]
fn a_device_token_has_at_most_200_characters(#[case] chars: usize, #[case] fits: bool) {
    assert_eq!(is_token(&"a".repeat(chars)), fits);
}

#[tokio::test]
async fn an_account_that_cannot_work_is_told_at_once() {
    let (vendor, _) = apple().await;
    assert_eq!(open(&vendor.outside(), Account::Apns(account()), "hush").err(), Some("bad_p8_key"));
}

#[tokio::test]
async fn nobody_there_and_nobody_trusted_are_told_apart() {
    let (vendor, _) = apple().await;
    let pem = key().serialize_pem();
    let mut outside = vendor.outside();
    outside.apns_url = "https://127.0.0.1:9".into();
    let nobody = open(&outside, Account::Apns(account()), &pem).unwrap();
    let outcome = nobody.hand_over(&push(DEVICE, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::transient("connect"));
    let strangers = crate::settings::OutsideOptions { apns_url: vendor.url.clone(), ..Default::default() };
    let strangers = super::super::vendor_server::outside(&strangers);
    let stranger = open(&strangers, Account::Apns(account()), &pem).unwrap();
    let outcome = stranger.hand_over(&push(DEVICE, PushContent::None), &Links::default()).await;
    assert_eq!(outcome, Outcome::Misconfigured { code: "certificate_not_trusted".into() });
}
