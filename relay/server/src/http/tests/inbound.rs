//! What providers tell, and who is believed.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, Unit};
use tidings_core::delivery::Outcome;

use super::bench::Bench;

const DOCUMENT: &str = "
tidings: 1
project: {name: shop, unknown_recipient: create}
providers:
  sms: {channel: sms, kind: http, preset: vendor_a, inbound: {secret: sms_in}}
  bare: {channel: sms, kind: http, preset: vendor_a}
channels: {sms: {providers: [sms, bare]}}
categories: {general: {legal: service, channels: [inapp, sms]}}
templates: {hello: {en: {title: Hello}}}
";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.apply(DOCUMENT).await;
    bench.put("/v1/secrets/sms_in", &json!({"value": "open sesame"})).await;
    bench
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("vendor:{password}")))
}

#[rstest]
#[case::bearer("sms", "Bearer open sesame", 200)]
#[case::basic("sms", &basic("open sesame"), 200)]
#[case::another("sms", "Bearer open sesam", 401)]
#[case::nothing("sms", "", 401)]
#[case::no_secret_named("bare", "Bearer open sesame", 401)]
#[case::no_such_provider("smss", "Bearer open sesame", 401)]
#[tokio::test]
async fn a_provider_is_believed_by_the_secret_that_the_document_names(
    #[case] provider: &str,
    #[case] authorization: &str,
    #[case] status: u16,
) {
    let bench = bench().await;
    let path = format!("/v1/inbound/{provider}");
    let headers = [("authorization", authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &headers };
    let body = json!({"from": "+491701234567", "text": "hello"}).to_string();
    let reply = bench.call_as("", "POST", &path, headers, body).await;
    assert_eq!(reply.status, status, "{}", reply.body);
}

#[tokio::test]
async fn an_api_key_proves_who_calls_if_it_may_send() {
    let bench = bench().await;
    let body = json!({"from": "+491701234567", "text": "hello"});
    assert_eq!(bench.post("/v1/inbound/bare", &body).await.status, 200);
    let unknown = bench.post("/v1/inbound/nobody", &body).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    let made = bench.post("/v1/keys", &json!({"scopes": ["read"]})).await;
    let key = made.body["key"].as_str().unwrap();
    let refused = bench.call_as(key, "POST", "/v1/inbound/bare", &[], body.to_string()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN.as_u16());
}

#[tokio::test]
async fn with_more_than_one_project_the_caller_names_one() {
    let bench = bench().await;
    bench.post("/v1/projects", &json!({"name": "other"})).await;
    let body = json!({"from": "+491701234567", "text": "hello"}).to_string();
    let call = async |path: &str| bench.call_as("open sesame", "POST", path, &[], body.clone()).await.status;
    assert_eq!(call("/v1/inbound/sms").await, 401);
    assert_eq!(call("/v1/inbound/sms?project=other").await, 401);
    assert_eq!(call("/v1/inbound/sms?project=shop").await, 200);
}

async fn alice(bench: &Bench) {
    for recipient in ["alice", "bob"] {
        let address = json!({"address": "+491701234567", "verified": true});
        bench.put(&format!("/v1/recipients/{recipient}/endpoints/sms"), &address).await;
    }
}

async fn decided(bench: &Bench, recipient: &str) -> Vec<(String, String)> {
    let ledger = bench.get(&format!("/v1/recipients/{recipient}/consent")).await;
    let entry = |entry: &serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&entry["decision"]), text(&entry["collected"]["how"]))
    };
    ledger.body["items"].as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn a_call_of_a_provider_with_a_key_is_heard_once() {
    let bench = bench().await;
    alice(&bench).await;
    let key = [("idempotency-key", "k")];
    let say = async |text: &str| {
        let body = json!({"from": "491701234567", "text": text}).to_string();
        bench.call_as(&bench.key, "POST", "/v1/inbound/sms", &key, body).await
    };
    let (first, again) = (say("Stop.").await, say("Stop.").await);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other = say("Start.").await;
    assert_eq!((other.status, other.code()), (422, "idempotency_mismatch"));
}

#[tokio::test]
async fn stop_and_start_are_written_into_the_ledger_of_all_who_have_the_number() {
    let bench = bench().await;
    alice(&bench).await;
    let say = async |id: &str, text: &str| {
        let body = json!({"from": "491701234567", "text": text, "id": id});
        bench.post("/v1/inbound/sms", &body).await.body
    };
    let stopped = json!({"heard": "stop", "recipients": 2, "decisions": 4, "too_late": []});
    assert_eq!(say("in-1", "Stop.").await, stopped);
    let withdrawn = ("withdrawn".to_owned(), "sms_keyword".to_owned());
    let twice = |entry: &(String, String)| [entry.clone(), entry.clone()];
    assert_eq!(decided(&bench, "alice").await, twice(&withdrawn), "what there is, and what there will be");
    assert_eq!(decided(&bench, "bob").await, twice(&withdrawn));
    let started = say("in-2", "start").await;
    assert_eq!(started, json!({"heard": "start", "recipients": 2, "decisions": 4, "too_late": []}));
    assert_eq!(
        say("in-1", "Stop.").await,
        stopped,
        "a vendor that repeats itself gets the answer of the first time"
    );
    let granted = ("granted".to_owned(), "sms_keyword".to_owned());
    assert_eq!(decided(&bench, "alice").await, [twice(&granted), twice(&withdrawn)].concat());
    assert_eq!(say("in-3", "Thanks!").await, json!({"heard": null, "recipients": 0}));
    assert_eq!(decided(&bench, "alice").await.len(), 4);
}

#[tokio::test]
async fn a_form_signed_by_twilio_is_believed_and_answered_with_nothing() {
    let bench = Bench::new().await;
    bench.apply(&DOCUMENT.replace("sms: {channel: sms, kind: http, preset: vendor_a, inbound: {secret: sms_in}}",
        "sms: {channel: sms, kind: http, preset: twilio, user: AC1, from: '+1500', password: {secret: token}}")).await;
    bench.put("/v1/secrets/token", &json!({"value": "12345"})).await;
    alice(&bench).await;
    let body = "MessageSid=SM1&From=%2B491701234567&To=%2B1500&Body=STOP&SmsStatus=received";
    let sign = |body: &str| {
        let mut fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        fields.sort();
        let fields: String = fields.into_iter().map(|(name, value)| name + &value).collect();
        let signed = format!("http://127.0.0.1:7420/v1/inbound/sms?project=shop{fields}");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        STANDARD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()))
    };
    let call = async |body: &str, signature: &str| {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [form, ("x-twilio-signature", signature)];
        bench.call_as("", "POST", "/v1/inbound/sms?project=shop", &headers, body.to_owned()).await.status
    };
    assert_eq!(call(body, &sign("Body=START")).await, 401);
    assert_eq!(decided(&bench, "alice").await, []);
    assert_eq!(call(body, &sign(body)).await, 204);
    assert_eq!(decided(&bench, "alice").await.len(), 2);
}

#[rstest]
#[case::no_sender(r#"{"text": "STOP"}"#, 422)]
#[case::no_json("from=1", 400)]
#[case::short_code(r#"{"from": "12345", "text": "STOP"}"#, 200)]
#[case::nobody(r#"{"from": "+491709999999", "text": "STOP"}"#, 200)]
#[tokio::test]
async fn what_says_nothing_changes_nothing(#[case] body: &'static str, #[case] status: u16) {
    let bench = bench().await;
    alice(&bench).await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/inbound/sms", &[], body).await;
    assert_eq!(reply.status, status, "{}", reply.body);
    assert_eq!(decided(&bench, "alice").await, []);
}

/// A text to Alice that the provider `sms` took and gave an id.
async fn taken(bench: &Bench, id: &str) -> String {
    let body = json!({"recipients": ["alice"], "category": "general", "content": {"title": "Hi"}});
    let sent = bench.post("/v1/notifications", &body).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let listed = bench.get("/v1/deliveries?state=waiting").await.body;
    let delivery: Box<str> = listed["items"][0]["id"].as_str().unwrap().into();
    let submit = async |act: Act| {
        let unit = Unit { project: bench.project(), sandbox: false, repeat: None, act };
        bench.app.writer.write(unit).await.unwrap().answer.unwrap();
    };
    submit(Act::HandOver {
        delivery: delivery.clone(),
        owner: 1,
        present_until: None,
        rests_until: None,
        address_rests_until: None,
    })
    .await;
    let outcome = Outcome::accepted(Some(id));
    submit(Act::Conclude { delivery: delivery.clone(), attempt: 1, outcome }).await;
    delivery.into()
}

#[rstest]
#[case::arrived(json!({"id": "v-1", "status": "delivered"}), json!("received"))]
#[case::in_capitals(json!({"id": "v-1", "status": "DELIVERED"}), json!("received"))]
#[case::never(json!({"id": "v-1", "status": "undelivered", "error": "busy"}), json!("dead"))]
#[case::on_its_way(json!({"id": "v-1", "status": "queued"}), json!(null))]
#[case::another(json!({"id": "v-2", "status": "delivered"}), json!(null))]
#[tokio::test]
async fn a_report_moves_the_delivery_that_it_names(
    #[case] report: serde_json::Value,
    #[case] state: serde_json::Value,
) {
    let bench = bench().await;
    alice(&bench).await;
    let delivery = taken(&bench, "v-1").await;
    for _ in 0..2 {
        let reply = bench.post("/v1/inbound/sms", &report).await;
        assert_eq!(reply.body, json!({"heard": "report", "state": state}));
    }
    let by_another = bench.post("/v1/inbound/bare", &report).await;
    assert_eq!(by_another.body["state"], json!(null), "a provider reports on what it was given");
    let expected = state.as_str().unwrap_or("sent");
    let listed = bench.get(&format!("/v1/deliveries?state={expected}")).await.body;
    assert_eq!(listed["items"][0]["id"], json!(delivery), "{listed}");
}
