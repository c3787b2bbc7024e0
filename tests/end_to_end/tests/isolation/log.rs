//! The log names ids and codes; never content, an address, a token or a key.

use serde_json::json;
use tidings_end_to_end::{Device, Relay, Site};
use tokio_tungstenite::tungstenite::Message;

#[test]
fn the_log_has_no_content_address_token_or_key() {
    let site = Site::new();
    let mut command = site.serve("127.0.0.1:0");
    command.env("TIDINGS_LOG", "debug").env("RUST_LOG", "debug");
    let relay =
        Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
    let caller = relay.caller();
    let document = "tidings: 1\nproject: {name: shop}\n\
        categories: {general: {name: {en: General}, legal: service, channels: [inapp, email]}}\n\
        rules: {r: {on: a, when: data.n > 0, category: general, template: t}}\n\
        templates: {t: {en: {title: \"{{ data.missing.deep }}\", body: zebrabody}}}\n";
    let _applied = caller.apply(document).ok(200);
    let _broken = caller.apply("tidings: 1\nzebrakey: zebravalue\n");
    let _secret = caller.put("/v1/secrets/smtp", &json!({"value": "zebrasecret"}));
    let _person = caller.put("/v1/recipients/zebrarecipient", &json!({"attributes": {"name": "zebraname"}}));
    let address = json!({"address": "zebra@address.example", "verified": true});
    let _endpoint = caller.put("/v1/recipients/zebrarecipient/endpoints/email", &address);
    let event = json!({"type": "a", "recipient": "zebrarecipient", "data": {"n": 1, "x": "zebradata"}});
    let _failed = caller.post("/v1/events", &event).ok(202);
    let _bad = caller.call("POST", "/v1/events", &[], br#"{"type":"zebratype","zebrafield":"zebravalue""#);
    let _bad = caller.post("/v1/events", &json!({"type": "a", "recipient": "zebra/recipient"}));
    let _text = caller.call(
        "POST",
        "/v1/to/zebrarecipient?title=zebratitle",
        &[("idempotency-key", "zebraidempotency")],
        b"zebratext",
    );
    let _stop = caller.post(
        "/v1/stop-list",
        &json!({"channel": "email", "address": "zebrastop@address.example", "reason": "asked"}),
    );
    let _guess = relay.caller_with("tdk_live_zebraguess").get("/v1/accounting");
    let code = caller.post("/v1/connect-codes", &json!({"recipient": "zebrarecipient"})).ok(201);
    let code = code["code"].as_str().expect("a code").to_owned();
    let pair = relay
        .stranger()
        .post("/v1/connect", &json!({"code": code, "device": "laptop", "platform": "zebraplatform"}))
        .ok(200);
    let first = pair["refresh_token"].as_str().expect("a token").to_owned();
    let access = pair["access_token"].as_str().expect("a token").to_owned();
    let second = relay.stranger().post("/v1/me/token", &json!({"refresh_token": first})).ok(200);
    let mut device = Device::open(relay.address(), Some(&access));
    device.send(&json!({"t": "hello", "device": "laptop", "nonce": "zebranonce"}));
    let _welcome = device.expect("welcome");
    device.send(&json!({"t": "ops", "ops": [{"id": "1", "op": "profile", "time_zone": "zebrazone"}, {"id": "2", "op": "zebraop"}]}));
    let _done = device.until("done");
    device.send(&json!({"t": "zebraframe", "x": "zebravalue"}));
    device.say(Message::text("zebra no json"));
    let _bye = device.bye("protocol_error");
    let third =
        relay.stranger().post("/v1/me/token", &json!({"refresh_token": second["refresh_token"]})).ok(200);
    let _reused = relay.stranger().post("/v1/me/token", &json!({"refresh_token": first}));
    let _erased = caller.delete("/v1/recipients/zebrarecipient").ok(204);
    let key = relay.key();
    let (site, ended) = relay.terminate();
    assert!(ended.success());
    let log = site.log();
    assert!(log.contains("configuration"), "the log tells something: {log}");
    let third = third["refresh_token"].as_str().expect("a token");
    for secret in ["zebra", &key, &code, &access, &first, third, "address.example"] {
        let line = log.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(line, None, "{secret}");
    }
}
