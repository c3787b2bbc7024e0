//! Against real servers on the loopback: what a receiver gets, and that others can verify it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use tidings_core::delivery::{Form, Handover, Outcome, WebhookForm};
use tidings_protocol::item::ContentItem;
use tidings_protocol::{Channel, Span};

use crate::channels::testing::{Asked, Reply, Server, handover, opened, outside, settings};
use crate::channels::{Links, Outside};

const SOON: Duration = Duration::from_secs(10);
const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn to(address: &str) -> Handover {
    let words = ContentItem { title: "Hello".to_owned(), body: "World".to_owned(), ..ContentItem::default() };
    handover(Channel::Webhook, address, Form::Webhook(WebhookForm::Content(Arc::new(words))))
}

async fn call(handover: &Handover, secret: &str, outside: &Outside) -> Outcome {
    let settings = settings("channel: webhook, kind: webhook, password: {secret: s}");
    opened(&settings, secret, outside).unwrap().hand_over(handover, &Links::default()).await
}

async fn answered(reply: Reply) -> Outcome {
    let server = Server::new(reply).await;
    call(&to(&format!("http://{}/hook", server.address)), NEW, &outside(true, SOON)).await
}

/// What openssl makes of the same request: HMAC-SHA256 in Base64, by somebody else's code.
fn openssl(secret: &str, asked: &Asked) -> String {
    let signed =
        format!("{}.{}.{}", asked.header("webhook-id"), asked.header("webhook-timestamp"), asked.body);
    let script = r#"key=$(printf %s "$KEY" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
        printf %s "$SIGNED" | openssl dgst -sha256 -mac HMAC -macopt hexkey:"$key" -binary | openssl base64 -A"#;
    let key = secret.trim_start_matches("whsec_");
    let made =
        Command::new("sh").args(["-c", script]).env("KEY", key).env("SIGNED", signed).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    format!("v1,{}", String::from_utf8(made.stdout).unwrap())
}

#[tokio::test]
async fn a_receiver_gets_a_signed_notification_that_openssl_verifies() {
    let server = Server::new(Reply::status(204, "", "")).await;
    let handover = to(&format!("http://{}/hook?a=b", server.address));
    assert_eq!(call(&handover, &format!("{NEW} {OLD}"), &outside(true, SOON)).await, Outcome::accepted(None));
    let asked = server.only();
    assert_eq!(asked.line, "POST /hook?a=b HTTP/1.1");
    assert_eq!((asked.header("webhook-id"), asked.header("content-type")), ("d-1", "application/json"));
    let expected = json!({"type": "notification", "timestamp": "2026-11-22T12:00:00.000Z", "data": {
        "id": "n-1", "delivery": "d-1", "recipient": "alice", "category": "orders", "priority": "normal",
        "needs_acknowledgement": false, "expires_at": "2026-11-23T12:00:00.000Z",
        "title": "Hello", "body": "World", "actions": []}});
    assert_eq!(asked.json(), expected);
    let both = format!("{} {}", openssl(NEW, &asked), openssl(OLD, &asked));
    assert_eq!(asked.header("webhook-signature"), both);
}

#[rstest]
#[case::json(r#"{"a": 1}"#, "application/json")]
#[case::text("a: 1", "text/plain; charset=utf-8")]
#[tokio::test]
async fn a_body_of_the_template_goes_as_it_is(#[case] body: &str, #[case] media: &str) {
    let server = Server::new(Reply::status(200, "", "thanks")).await;
    let mut handover = to(&format!("http://{}/", server.address));
    handover.form = Form::Webhook(WebhookForm::Body(body.into()));
    assert_eq!(call(&handover, NEW, &outside(true, SOON)).await, Outcome::accepted(None));
    let asked = server.only();
    assert_eq!((asked.body.as_str(), asked.header("content-type")), (body, media));
}

#[rstest]
#[case(200, "accepted")]
#[case(204, "accepted")]
#[case(301, "address_busy")]
#[case(400, "permanent")]
#[case(401, "address_busy")]
#[case(404, "address_busy")]
#[case(410, "address_gone")]
#[case(413, "permanent")]
#[case(422, "permanent")]
#[case(429, "address_busy")]
#[case(500, "address_busy")]
#[tokio::test]
async fn every_status_has_its_outcome(#[case] status: u16, #[case] kind: &str) {
    assert_eq!(answered(Reply::status(status, "", "")).await.kind(), kind);
}

#[tokio::test]
async fn a_receiver_says_when_to_come_again() {
    let found = answered(Reply::status(503, "retry-after: 7\r\n", "")).await;
    let retry_after = Some(Span::from_millis(7_000));
    assert_eq!(found, Outcome::AddressBusy { code: "http_503".into(), retry_after });
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; 4 << 20]);
    assert_eq!(answered(Reply::Bytes(endless)).await, Outcome::accepted(None));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inner = Server::new(Reply::status(200, "", "")).await;
    let location = format!("location: http://{}/inner\r\n", inner.address);
    let busy = Outcome::AddressBusy { code: "http_307".into(), retry_after: None };
    assert_eq!(answered(Reply::status(307, &location, "")).await, busy);
    assert!(inner.asked().is_empty());
}

#[tokio::test]
async fn a_broken_receiver_is_asked_again_because_it_knows_the_id() {
    assert_eq!(answered(Reply::Hangs).await, Outcome::transient("connection_broken"));
    let server = Server::with_a_strange_certificate().await;
    let handover = to(&format!("https://localhost:{}/", server.address.port()));
    let found = call(&handover, NEW, &outside(true, SOON)).await;
    assert_eq!(found, Outcome::transient("certificate_not_trusted"));
}

#[rstest]
#[case::address("http://127.0.0.1:{port}/")]
#[case::name("http://localhost:{port}/")]
#[case::mapped("http://[::ffff:127.0.0.1]:{port}/")]
#[case::decimal("http://2130706433:{port}/")]
#[case::short("http://127.1:{port}/")]
#[tokio::test]
async fn an_internal_address_is_never_called(#[case] address: &str) {
    let server = Server::new(Reply::status(200, "", "")).await;
    let handover = to(&address.replace("{port}", &server.address.port().to_string()));
    let found = call(&handover, NEW, &outside(false, SOON)).await;
    assert_eq!(found, Outcome::Permanent { code: "not_public".into() });
    assert!(server.asked().is_empty());
}

#[rstest]
#[case(16_000, "accepted")]
#[case(crate::channels::webhook::BODY_BYTES_MAX, "accepted")]
#[case(crate::channels::webhook::BODY_BYTES_MAX + 1, "permanent")]
#[tokio::test]
async fn a_body_has_a_bound(#[case] bytes: usize, #[case] kind: &str) {
    let server = Server::new(Reply::status(200, "", "")).await;
    let mut handover = to(&format!("http://{}/", server.address));
    handover.form = Form::Webhook(WebhookForm::Body("x".repeat(bytes).into()));
    assert_eq!(call(&handover, NEW, &outside(true, SOON)).await.kind(), kind);
}

#[tokio::test]
async fn a_secret_that_cannot_sign_opens_nothing() {
    let settings = settings("channel: webhook, kind: webhook, password: {secret: s}");
    let outside = outside(true, SOON);
    assert_eq!(opened(&settings, "hunter2", &outside).err(), Some("bad_signing_secret"));
}
