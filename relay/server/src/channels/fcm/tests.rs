use std::sync::atomic::{AtomicU32, Ordering};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::header::HeaderMap;
use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::configuration::{Account, PushContent};
use tidings_core::delivery::Form;
use tidings_protocol::Priority;

use super::super::vendor_server::{Seen, Told, Vendor, open, push};
use super::*;

const PHONE: &str = "fcm:dGhpcyBpcyBhIHRva2Vu:APA91b";

/// Google, as its documentation describes it: gives tokens for signed assertions, and takes pushes with them.
struct Google {
    public: String,
    /// Tokens given.
    given: AtomicU32,
    /// What a token lasts, in seconds.
    lasts: u32,
}

impl Google {
    fn answer(&self, seen: &Seen) -> Told {
        let told = if seen.path == "/token" { self.grant(seen) } else { self.take(seen) };
        match told {
            Ok(body) => (200, vec![("content-type", "application/json".into())], body.to_string()),
            Err((status, body)) => (status, vec![], body.to_string()),
        }
    }

    #[expect(
        clippy::unwrap_in_result,
        reason = "only what Google refuses is an answer; the rest is a broken test"
    )]
    fn grant(&self, seen: &Seen) -> Result<Value, (u16, Value)> {
        let refuse = |word: &str| (400, json!({"error": word, "error_description": "no"}));
        let form: std::collections::BTreeMap<_, _> =
            url::form_urlencoded::parse(&seen.body).into_owned().collect();
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
            return Err(refuse("unsupported_grant_type"));
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        validation.set_issuer(&["tidings@shop.iam.example"]);
        validation.validate_aud = false;
        let public = DecodingKey::from_rsa_pem(self.public.as_bytes()).unwrap();
        let claims = jsonwebtoken::decode::<Value>(&form["assertion"], &public, &validation)
            .map_err(|_| refuse("invalid_grant"))?
            .claims;
        let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        let is_ours = claims["aud"].as_str().unwrap().ends_with("/token");
        if lasts > 3_600
            || !is_ours
            || claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging"
        {
            return Err(refuse("invalid_scope"));
        }
        let token = format!("ya29.{}", self.given.fetch_add(1, Ordering::SeqCst));
        Ok(json!({"access_token": token, "expires_in": self.lasts, "token_type": "Bearer"}))
    }

    fn take(&self, seen: &Seen) -> Result<Value, (u16, Value)> {
        let newest = format!("Bearer ya29.{}", self.given.load(Ordering::SeqCst).wrapping_sub(1));
        if seen.header("authorization") != newest {
            return Err((401, json!({"error": {"code": 401, "status": "UNAUTHENTICATED"}})));
        }
        let invalid = |field: &str| (400, fcm_error("INVALID_ARGUMENT", &[field]));
        if seen.path != "/v1/projects/shop-1/messages:send" || seen.method != "POST" {
            return Err((404, json!({"error": {"code": 404, "status": "NOT_FOUND"}})));
        }
        let sent = seen.json();
        let given = &sent["message"];
        let data = given["data"].as_object().ok_or_else(|| invalid("message.data"))?;
        let bytes: usize =
            data.iter().map(|(name, value)| name.len() + value.as_str().map_or(9_999, str::len)).sum();
        let android = &given["android"];
        let ttl = android["ttl"].as_str().and_then(|ttl| ttl.strip_suffix('s')?.parse::<u32>().ok());
        if bytes > 4_096 {
            return Err(invalid("message.data"));
        }
        if ttl.is_none_or(|ttl| ttl > 2_419_200)
            || !["normal", "high"].map(Value::from).contains(&android["priority"])
        {
            return Err(invalid("message.android"));
        }
        Ok(json!({"name": "projects/shop-1/messages/0:1500415314455276%31bd1c9631bd1c96"}))
    }
}

fn fcm_error(code: &str, fields: &[&str]) -> Value {
    let fields: Vec<_> = fields.iter().map(|field| json!({"field": field, "description": "no"})).collect();
    json!({"error": {"code": 400, "message": "no", "status": "SOMETHING", "details": [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields},
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code},
    ]}})
}

/// The file of a service account whose tokens are had here.
fn file(key: &rcgen::KeyPair, url: &str) -> String {
    json!({
        "type": "service_account", "project_id": "shop-1", "private_key_id": "k1", "private_key": key.serialize_pem(),
        "client_email": "tidings@shop.iam.example", "client_id": "1", "token_uri": format!("{url}/token"),
    })
    .to_string()
}

async fn google_that_lasts(lasts: u32) -> (Vendor, Arc<dyn Provider>) {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let rules = Google { public: key.public_key_pem(), given: AtomicU32::new(0), lasts };
    let vendor = Vendor::start(move |seen| rules.answer(seen)).await;
    let provider = open(&vendor.outside(), Account::Fcm(FcmAccount {}), &file(&key, &vendor.url)).unwrap();
    (vendor, provider)
}

async fn google() -> (Vendor, Arc<dyn Provider>) {
    google_that_lasts(3_599).await
}

async fn send(provider: &Arc<dyn Provider>, content: PushContent) -> Outcome {
    provider.hand_over(&push(PHONE, content), &Links::default()).await
}

fn taken() -> Outcome {
    Outcome::accepted(Some("0:1500415314455276%31bd1c9631bd1c96"))
}

#[tokio::test]
async fn a_push_is_data_only_with_one_token_for_many() {
    let (vendor, provider) = google().await;
    for content in [PushContent::None, PushContent::Title, PushContent::Full] {
        assert_eq!(send(&provider, content).await, taken());
    }
    let seen = vendor.seen();
    let paths: Vec<_> = seen.iter().map(|one| one.path.as_str()).collect();
    let pushed = "/v1/projects/shop-1/messages:send";
    assert_eq!(paths, ["/token", pushed, pushed, pushed]);
    assert!(seen.iter().all(|one| one.version == axum::http::Version::HTTP_2 && one.connection == 0));
    let free = String::from_utf8(seen[1].body.to_vec()).unwrap();
    assert!(!free.contains("1001") && !free.contains("order"), "{free}");
    let sent = seen[1].json();
    assert!(sent["message"].get("notification").is_none(), "the SDK shows it, not the system");
    assert_eq!(sent["message"]["token"], "dGhpcyBpcyBhIHRva2Vu:APA91b");
    assert_eq!(sent["message"]["data"], json!({"tidings": "1", "notification": "n1"}));
    let android = &sent["message"]["android"];
    assert_eq!((&android["priority"], &android["ttl"]), (&"high".into(), &"3600s".into()));
    assert_eq!(android["collapse_key"].as_str().unwrap().len(), 32);
    assert_eq!(sent["message"]["apns"]["payload"]["aps"]["alert"]["title"], "您有新通知");
    assert_eq!(seen[2].json()["message"]["data"]["title"], "Order 1001");
    let full = &seen[3].json()["message"]["data"];
    assert_eq!((&full["category"], &full["priority"]), (&"orders".into(), &"high".into()));
    assert!(full["expires_at"].as_str().unwrap().ends_with('Z'), "{full}");
    assert_eq!(
        (&full["body"], &full["link"]),
        (&"It is on its way".into(), &"https://shop.example/o/1001".into())
    );
}

#[rstest]
#[case::five_minutes_left(300, 2)]
#[case::more_than_that(360, 1)]
#[tokio::test]
async fn a_token_is_used_until_five_minutes_before_its_end(#[case] lasts: u32, #[case] fetched: usize) {
    let (vendor, provider) = google_that_lasts(lasts).await;
    for _ in 0..2 {
        assert_eq!(send(&provider, PushContent::None).await, taken());
    }
    assert_eq!(vendor.seen().iter().filter(|one| one.path == "/token").count(), fetched);
}

#[tokio::test]
async fn many_at_once_wait_for_one_token() {
    let (vendor, provider) = google().await;
    let sends = (0..8).map(|_| send(&provider, PushContent::None));
    for outcome in futures_util::future::join_all(sends).await {
        assert_eq!(outcome, taken());
    }
    assert_eq!(vendor.seen().iter().filter(|one| one.path == "/token").count(), 1);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_exchanged_once_in_the_attempt() {
    let (vendor, provider) = google().await;
    assert_eq!(send(&provider, PushContent::None).await, taken());
    vendor.tell(401, &[], r#"{"error":{"code":401,"status":"UNAUTHENTICATED"}}"#);
    assert_eq!(send(&provider, PushContent::None).await, taken());
    assert_eq!(vendor.seen().iter().filter(|one| one.path == "/token").count(), 2);
}

#[tokio::test]
async fn words_that_do_not_fit_stay_at_home() {
    let (vendor, provider) = google().await;
    let mut long = push(PHONE, PushContent::Full);
    let Form::Push(form) = &mut long.form else { panic!("it is a push") };
    form.body = "x".repeat(4_000).into();
    assert_eq!(provider.hand_over(&long, &Links::default()).await, taken());
    let data = &vendor.seen()[1].json()["message"]["data"];
    assert_eq!((&data["title"], &data["body"]), (&json!("Order 1001"), &Value::Null));
}

#[rstest]
#[case(Priority::Low, "normal")]
#[case(Priority::Normal, "normal")]
#[case(Priority::High, "high")]
#[case(Priority::Urgent, "high")]
fn what_wakes_a_phone_is_urgent(#[case] priority: Priority, #[case] word: &str) {
    let handover = Handover { priority, ..push(PHONE, PushContent::None) };
    let sent: Value = serde_json::from_str(&body::body("t", &handover, vendor::now())).unwrap();
    assert_eq!(sent["message"]["android"]["priority"], word);
}

#[rstest]
#[case(0, true)]
#[case(1, false)]
fn data_have_at_most_3700_bytes(#[case] over: usize, #[case] fits: bool) {
    let mut handover = push(PHONE, PushContent::Title);
    let Form::Push(form) = &mut handover.form else { panic!("it is a push") };
    let until = handover.expires_at.to_string().len();
    let others = "tidings1notificationn1titlecategoryorderspriorityhighexpires_atround0".len() + until;
    form.title = "x".repeat(body::DATA_BYTES_MAX - others + over).into();
    let sent: Value = serde_json::from_str(&body::body("t", &handover, vendor::now())).unwrap();
    assert_eq!(sent["message"]["data"].get("title").is_some(), fits);
}

#[rstest]
#[case(404, "UNREGISTERED", &[], "address_gone")]
#[case(400, "INVALID_ARGUMENT", &[], "permanent")]
#[case(400, "INVALID_ARGUMENT", &["message.android.ttl"], "permanent")]
#[case(400, "INVALID_ARGUMENT", &["message.token"], "address_gone")]
#[case(403, "SENDER_ID_MISMATCH", &[], "permanent")]
#[case(429, "QUOTA_EXCEEDED", &[], "address_busy")]
#[case(503, "UNAVAILABLE", &[], "transient")]
#[case(500, "INTERNAL", &[], "transient")]
#[case(500, "UNSPECIFIED_ERROR", &[], "transient")]
#[case(401, "THIRD_PARTY_AUTH_ERROR", &[], "misconfigured")]
#[case::a_word_of_tomorrow(503, "TEA", &[], "transient")]
#[case::a_word_of_tomorrow(400, "TEA", &[], "permanent")]
fn each_word_of_fcm_has_its_meaning(
    #[case] status: u16,
    #[case] code: &str,
    #[case] fields: &[&str],
    #[case] kind: &str,
) {
    let answer = answer(status, &fcm_error(code, fields).to_string());
    assert_eq!(error::outcome(&answer).kind(), kind);
}

#[rstest]
#[case(401, r#"{"error":{"status":"UNAUTHENTICATED"}}"#, "misconfigured", "unauthenticated")]
#[case(403, r#"{"error":{"status":"PERMISSION_DENIED"}}"#, "misconfigured", "permission_denied")]
#[case(404, r#"{"error":{"status":"NOT_FOUND"}}"#, "misconfigured", "project_not_found")]
#[case(429, r#"{"error":{"status":"RESOURCE_EXHAUSTED"}}"#, "transient", "quota_exceeded")]
#[case(404, "<html>", "transient", "not_json")]
#[case(502, "<html>", "transient", "http_502")]
#[case(403, "<html>", "misconfigured", "http_403")]
#[case(413, "", "permanent", "http_413")]
fn an_answer_without_fcms_own_word_is_read_all_the_same(
    #[case] status: u16,
    #[case] body: &str,
    #[case] kind: &str,
    #[case] code: &str,
) {
    let outcome = error::outcome(&answer(status, body));
    assert_eq!((outcome.kind(), outcome.code()), (kind, Some(code)));
}

/// FCM has one word for too many to a device and too many of the project: the details tell which.
#[rstest]
#[case::a_device(json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"subject": "token:abc", "description": "too many for this device"}]}), "address_busy")]
#[case::a_project(json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"subject": "project:shop", "description": "too many"}]}), "transient")]
#[case::a_rate_of_the_project(json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com"}), "transient")]
fn whose_quota_is_used_up_is_told_by_the_details(#[case] detail: Value, #[case] kind: &str) {
    let mut error = fcm_error("QUOTA_EXCEEDED", &[]);
    error["error"]["details"].as_array_mut().unwrap().push(detail);
    let outcome = error::outcome(&answer(429, &error.to_string()));
    assert_eq!((outcome.kind(), outcome.code()), (kind, Some("quota_exceeded")));
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status: status.try_into().unwrap(), headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
}

#[tokio::test]
async fn too_many_wait_a_minute_or_as_long_as_google_says() {
    let (vendor, provider) = google().await;
    assert_eq!(send(&provider, PushContent::None).await, taken());
    for (headers, millis) in [(vec![], 60_000), (vec![("retry-after", "7")], 7_000)] {
        vendor.tell(429, &headers, &fcm_error("QUOTA_EXCEEDED", &[]).to_string());
        let Outcome::AddressBusy { retry_after, .. } = send(&provider, PushContent::None).await else {
            panic!("it is not now, to this device")
        };
        assert_eq!(retry_after.unwrap().as_millis(), millis);
    }
}

#[tokio::test]
async fn a_page_in_place_of_json_is_no_acceptance() {
    let (vendor, provider) = google().await;
    assert_eq!(send(&provider, PushContent::None).await, taken());
    vendor.tell(200, &[], "<html>welcome to the hotel</html>");
    assert_eq!(send(&provider, PushContent::None).await, Outcome::transient("not_json"));
}

#[rstest]
#[case(400, r#"{"error":"invalid_grant"}"#, "misconfigured", "invalid_grant")]
#[case(401, r#"{"error":"invalid_client"}"#, "misconfigured", "invalid_client")]
#[case(400, r#"{"error":"<script>"}"#, "misconfigured", "token_refused")]
#[case(503, "", "transient", "token_http_503")]
#[case(200, "<html>", "transient", "token_not_json")]
#[tokio::test]
async fn without_a_token_nothing_is_pushed(
    #[case] status: u16,
    #[case] body: &str,
    #[case] kind: &str,
    #[case] code: &str,
) {
    let (vendor, provider) = google().await;
    vendor.tell(status, &[], body);
    let outcome = send(&provider, PushContent::None).await;
    assert_eq!((outcome.kind(), outcome.code()), (kind, Some(code)));
    assert_eq!(vendor.seen().len(), 1);
}

#[rstest]
#[case("hush", "bad_service_account")]
#[case(
    r#"{"project_id":"../x","private_key":"","client_email":"","token_uri":"https://a"}"#,
    "bad_service_account"
)]
#[tokio::test]
async fn an_account_that_cannot_work_is_told_at_once(#[case] file: &str, #[case] code: &str) {
    let (vendor, _) = google().await;
    assert_eq!(open(&vendor.outside(), Account::Fcm(FcmAccount {}), file).err(), Some(code));
}

#[tokio::test]
async fn tokens_are_not_asked_for_at_an_internal_address() {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let outside = super::super::vendor_server::outside(&crate::settings::OutsideOptions::default());
    let file = file(&key, "https://169.254.169.254");
    assert_eq!(open(&outside, Account::Fcm(FcmAccount {}), &file).err(), Some("bad_token_uri"));
}
