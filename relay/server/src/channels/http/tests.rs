//! Against real servers on the loopback: what a vendor is asked, and what each fault comes to.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::json;
use tidings_core::delivery::{Form, Outcome};
use tidings_protocol::{Channel, LegalClass, Span};

use crate::channels::Links;
use crate::channels::testing::{Reply, Server, handover, opened, outside, settings, text};

const SOON: Duration = Duration::from_secs(10);

fn accepted(id: &str, parts: u32) -> Outcome {
    Outcome::Accepted { provider_id: Some(id.into()), parts }
}

#[tokio::test]
async fn twilio_is_asked_as_its_pages_say() {
    let server = Server::new(Reply::json(201, r#"{"sid": "SM1", "error_code": null}"#)).await;
    let keys = format!(
        "channel: sms, kind: http, preset: twilio, user: AC1, from: '+15005550006', password: {{secret: s}}, \
         url: 'http://{}/2010-04-01/Accounts/{{{{ user }}}}/Messages.json'",
        server.address
    );
    assert_eq!(text(&keys, "token", &outside(true, SOON)).await, accepted("SM1", 1));
    let asked = server.only();
    assert_eq!(asked.line, "POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1");
    assert_eq!(asked.header("authorization"), format!("Basic {}", STANDARD.encode("AC1:token")));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<_> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let callback = "https://relay.example/v1/inbound/sms?project=p-1";
    let expected = [
        pair("To", "+491701234567"),
        pair("From", "+15005550006"),
        pair("Body", "Hello & goodbye"),
        pair("StatusCallback", callback),
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn vonage_is_asked_as_its_pages_say() {
    let server = Server::new(Reply::json(202, r#"{"message_uuid": "u-1"}"#)).await;
    let keys = format!(
        "channel: sms, kind: http, preset: vonage, user: key, from: Shop, password: {{secret: s}}, url: 'http://{}/v1/messages'",
        server.address
    );
    assert_eq!(text(&keys, "secret", &outside(true, SOON)).await, accepted("u-1", 1));
    let asked = server.only();
    assert_eq!(asked.header("authorization"), format!("Basic {}", STANDARD.encode("key:secret")));
    let expected = json!({"channel": "sms", "message_type": "text", "to": "491701234567", "from": "Shop",
        "text": "Hello & goodbye", "client_ref": "k-1"});
    assert_eq!(asked.json(), expected);
}

#[tokio::test]
async fn a_description_of_ones_own_is_followed() {
    let server = Server::new(Reply::json(200, r#"{"result": {"code": 0, "ids": [12]}}"#)).await;
    let keys = format!(
        "channel: sms, kind: http, user: shop, from: Shop, password: {{secret: s}}, url: 'http://{}/send', method: PUT, \
         headers: {{X-Request: '{{{{ key }}}}'}}, query: {{parts: '{{{{ segments }}}}', coding: '{{{{ alphabet }}}}'}}, \
         body: {{raw: '<sms user=\"{{{{ user }}}}\" key=\"{{{{ password }}}}\">{{{{ text }}}}</sms>', type: application/xml}}, \
         answer: {{id: /result/ids/0, error: /result/code, ok: [0], errors: {{'7': gone}}}}",
        server.address
    );
    assert_eq!(text(&keys, "p<w", &outside(true, SOON)).await, accepted("12", 1));
    let asked = server.only();
    assert_eq!(asked.line, "PUT /send?parts=1&coding=gsm7 HTTP/1.1");
    assert_eq!((asked.header("x-request"), asked.header("authorization")), ("k-1", ""));
    assert_eq!(asked.body, r#"<sms user="shop" key="p&lt;w">Hello &amp; goodbye</sms>"#);
}

#[tokio::test]
async fn a_text_is_charged_by_its_segments_and_marketing_carries_the_way_out() {
    let server = Server::new(Reply::json(200, r#"{"id": "a-1"}"#)).await;
    let keys = format!(
        "channel: sms, kind: http, preset: vendor_a, password: {{secret: s}}, segments_max: 2, url: 'http://{}/'",
        server.address
    );
    let provider = opened(&settings(&keys), "token", &outside(true, SOON)).unwrap();
    let mut offer = handover(Channel::Sms, "+8613800138000", Form::Sms("优惠".repeat(100).into()));
    (offer.legal, offer.locale) = (LegalClass::Marketing, "zh-Hans".into());
    assert_eq!(provider.hand_over(&offer, &Links::default()).await, accepted("a-1", 2));
    let asked = server.only();
    assert!(asked.json()["text"].as_str().unwrap().ends_with("… 回TD退订"), "{}", asked.body);
    assert_eq!((asked.header("idempotency-key"), asked.header("authorization")), ("k-1", "Bearer token"));
}

#[rstest]
#[case::seconds("retry-after: 90\r\n", Some(90_000))]
#[case::past("retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(0))]
#[case::silent("", None)]
#[tokio::test]
async fn a_storm_says_when_to_come_again(#[case] header: &str, #[case] millis: Option<i64>) {
    let server = Server::new(Reply::status(429, header, "slow down")).await;
    let found = text(&vendor_a(&server), "token", &outside(true, SOON)).await;
    let retry_after = millis.map(Span::from_millis);
    assert_eq!(found, Outcome::Transient { code: "http_429".into(), retry_after });
}

/// An idempotent vendor.
fn vendor_a(server: &Server) -> String {
    format!(
        "channel: sms, kind: http, preset: vendor_a, password: {{secret: s}}, url: 'http://{}/'",
        server.address
    )
}

/// One that sends twice what it is asked twice.
fn vendor_b(server: &Server) -> String {
    vendor_a(server).replace("vendor_a", "vendor_b")
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_known_or_repeated_by_its_key() {
    let server = Server::new(Reply::Silent).await;
    let outside = outside(true, Duration::from_millis(400));
    assert_eq!(text(&vendor_a(&server), "t", &outside).await, Outcome::transient("timeout"));
    assert_eq!(text(&vendor_b(&server), "t", &outside).await, Outcome::Unknown { code: "timeout".into() });
    assert_eq!(server.asked().len(), 2, "a provider never tries again by itself");
}

#[rstest]
#[case::closed(Reply::Hangs)]
#[case::half(Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"messages\"".to_vec()))]
#[case::no_http(Reply::Bytes(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()))]
#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_not_known(#[case] reply: Reply) {
    let server = Server::new(reply).await;
    let outside = outside(true, SOON);
    let unknown = Outcome::Unknown { code: "connection_broken".into() };
    assert_eq!(text(&vendor_b(&server), "t", &outside).await, unknown);
    assert_eq!(text(&vendor_a(&server), "t", &outside).await, Outcome::transient("connection_broken"));
}

#[tokio::test]
async fn a_page_of_html_is_no_answer() {
    let server = Server::new(Reply::status(200, "content-type: text/html\r\n", "<html>Welcome</html>")).await;
    assert_eq!(text(&vendor_b(&server), "t", &outside(true, SOON)).await, Outcome::transient("not_json"));
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_later() {
    let server = Server::new(Reply::Hangs).await;
    let keys = vendor_b(&server);
    drop(server);
    assert_eq!(text(&keys, "t", &outside(true, SOON)).await, Outcome::transient("not_connected"));
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_asked_later() {
    let keys =
        "channel: sms, kind: http, preset: vendor_b, password: {secret: s}, url: 'https://nowhere.invalid/'";
    assert_eq!(text(keys, "t", &outside(true, SOON)).await, Outcome::transient("name_not_known"));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_the_operators_matter() {
    let server = Server::with_a_strange_certificate().await;
    let keys = vendor_b(&server).replace("http://", "https://");
    let misconfigured = Outcome::Misconfigured { code: "certificate_not_trusted".into() };
    assert_eq!(text(&keys, "t", &outside(true, SOON)).await, misconfigured);
    assert!(server.asked().is_empty(), "nothing is told to a stranger");
}

#[tokio::test]
async fn what_cannot_be_said_is_not_asked() {
    let outside = outside(true, SOON);
    let without = settings("channel: sms, kind: http, preset: vendor_a, password: {secret: s}");
    assert_eq!(opened(&without, "t", &outside).err(), Some("no_url"));
    let server = Server::new(Reply::json(200, "{}")).await;
    let provider = opened(&settings(&vendor_a(&server)), "t", &outside).unwrap();
    let empty = handover(Channel::Sms, "+491701234567", Form::Sms(" \n".into()));
    let found = provider.hand_over(&empty, &Links::default()).await;
    assert_eq!(found, Outcome::Permanent { code: "empty_text".into() });
    let nobody = handover(Channel::Sms, "0170 1234567", Form::Sms("x".into()));
    let found = provider.hand_over(&nobody, &Links::default()).await;
    assert_eq!(found, Outcome::AddressGone { code: "no_number".into() });
    assert!(server.asked().is_empty());
}
