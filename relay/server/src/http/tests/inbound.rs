//! What providers tell, and who is believed.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::json;

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
