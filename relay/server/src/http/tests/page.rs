//! The page of a recipient, as a browser gets it.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tidings_core::model::PersonKey;
use tidings_core::ports::{Opens, PublicToken};
use tidings_protocol::Channel;

use super::bench::{Bench, Reply};
use crate::vault::Purpose;

const DOCUMENT: &str = r#"
tidings: 1
project: {name: "Shop <&> Co", locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: "What we <send>", zh: 我们发送的内容}}
categories:
  orders:  {name: {en: Orders, zh: 订单}, legal: service, priority: high, channels: [inapp, push]}
  offers:  {name: {en: Offers, zh: 优惠}, legal: marketing, priority: low, channels: [inapp, push, email]}
  recalls: {name: {en: Recalls, zh: 召回}, legal: essential, priority: urgent, channels: [inapp, push]}
"#;
const SUBSCRIPTION: &str = r#"{"endpoint":"https://push.example/abc","expirationTime":null,"keys":{"p256dh":"BKey","auth":"Secret"}}"#;

/// A bench with the document, and the path of alice's page.
async fn opened() -> (Bench, String) {
    let bench = Bench::new().await;
    bench.apply(DOCUMENT).await;
    let made = bench.post("/v1/recipients/alice/page", &json!(null)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let link = made.body["link"].as_str().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:7420").unwrap();
    assert!(path.starts_with("/p/") && path.len() == 25, "{path}");
    (bench, path.to_owned())
}

/// A call as the browser makes it: from the page's own origin, without a key.
async fn browse(bench: &Bench, method: &str, path: &str, body: &str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "relay.example:7420")
        .header("content-type", "application/x-www-form-urlencoded");
    let request =
        if method == "GET" { request } else { request.header("origin", "https://relay.example:7420") };
    bench.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn page(bench: &Bench, path: &str) -> String {
    let reply = browse(bench, "GET", path, "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body.as_str().unwrap().to_owned()
}

async fn preferences(bench: &Bench) -> serde_json::Value {
    bench.get("/v1/recipients/alice/preferences").await.body
}

#[tokio::test]
async fn a_page_is_its_own_and_loads_nothing_from_elsewhere() {
    let (bench, path) = opened().await;
    let reply = browse(&bench, "GET", &path, "").await;
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!((reply.header("referrer-policy"), reply.header("cache-control")), ("same-origin", "no-store"));
    let html = reply.body.as_str().unwrap();
    assert!(html.contains("Shop &lt;&amp;&gt; Co") && html.contains("What we &lt;send&gt;"), "{html}");
    assert!(!html.contains(" style=") && !html.contains("onclick") && !html.contains("<script>"), "{html}");
    for asset in ["/p/page.css", "/p/icon.svg", "/p/page.js", "/p/worker.js"] {
        assert_eq!(browse(&bench, "GET", asset, "").await.status, 200, "{asset}");
    }
}

#[tokio::test]
async fn a_page_speaks_the_language_of_its_recipient() {
    let (bench, path) = opened().await;
    let html = page(&bench, &path).await;
    assert!(html.contains("<html lang=\"en\">") && html.contains("<legend>Orders</legend>"), "{html}");
    bench.put("/v1/recipients/alice", &json!({"locale": "zh-Hans"})).await;
    let html = page(&bench, &path).await;
    assert!(html.contains("<html lang=\"zh\">") && html.contains("<legend>订单</legend>"), "{html}");
    assert!(page(&bench, &format!("{path}?lang=en")).await.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn boxes_change_what_the_recipient_changed_and_nothing_else() {
    let (bench, path) = opened().await;
    let html = page(&bench, &path).await;
    assert!(html.contains("name=\"on\" value=\"push/orders\" checked"), "{html}");
    assert!(!html.contains("value=\"push/recalls\""), "what the law demands has no switch: {html}");
    // Somebody switched offers off elsewhere, after the page was opened.
    bench.put("/v1/recipients/alice/preferences", &json!({"categories": {"offers": {"email": false}}})).await;
    let form = "lang=en&shown=on/inapp/orders&on=inapp/orders&shown=on/push/orders&shown=on/email/offers&on=email/offers";
    let saved = browse(&bench, "POST", &format!("{path}/preferences"), form).await;
    assert_eq!((saved.status, saved.header("location")), (303, &*format!("{path}?lang=en&done=saved")));
    assert_eq!(
        preferences(&bench).await["categories"],
        json!({"offers": {"email": false}, "orders": {"push": false}})
    );
    let html = page(&bench, &format!("{path}?done=saved")).await;
    assert!(html.contains("role=\"status\" tabindex=\"-1\">Your settings are saved."), "{html}");
    assert!(!html.contains("value=\"push/orders\" checked"), "{html}");
}

#[tokio::test]
async fn what_the_law_demands_cannot_be_switched_off_by_a_forged_form() {
    let (bench, path) = opened().await;
    let forged = browse(&bench, "POST", &format!("{path}/preferences"), "shown=on/push/recalls").await;
    assert_eq!(forged.status, 422, "{}", forged.body);
    let form = "category=nothing&decision=granted";
    assert_eq!(browse(&bench, "POST", &format!("{path}/consent"), form).await.status, 422);
    let form = "category=offers&decision=perhaps";
    assert_eq!(browse(&bench, "POST", &format!("{path}/consent"), form).await.status, 422);
}

#[tokio::test]
async fn consent_is_asked_with_equal_buttons_and_kept_with_the_text() {
    let (bench, path) = opened().await;
    let html = page(&bench, &path).await;
    let question = "May we send you “Offers” (Inbox, Push, Email)?";
    assert!(html.contains(question) && html.contains("You have not decided yet."), "{html}");
    let buttons = "<button type=\"submit\" name=\"decision\" value=\"granted\">Allow</button>\n\
                   <button type=\"submit\" name=\"decision\" value=\"no\">Do not allow</button>";
    assert!(html.contains(buttons), "{html}");
    let form = "lang=en&category=offers&policy=2026-11&decision=granted";
    let granted = browse(&bench, "POST", &format!("{path}/consent"), form).await;
    assert_eq!((granted.status, granted.header("location")), (303, &*format!("{path}?lang=en&done=granted")));
    let form = "lang=en&category=offers&policy=2026-11&decision=no";
    assert_eq!(browse(&bench, "POST", &format!("{path}/consent"), form).await.status, 303);
    let ledger = bench.get("/v1/recipients/alice/consent").await.body;
    let entry = |index: usize| &ledger["items"][index];
    assert_eq!((&entry(0)["decision"], &entry(1)["decision"]), (&json!("withdrawn"), &json!("granted")));
    assert_eq!(entry(1)["text_shown"], format!("{question}\n\nWhat we <send>"));
    assert_eq!(
        (&entry(1)["collected"]["how"], &entry(1)["collected"]["locale"]),
        (&json!("page"), &json!("en"))
    );
    assert_eq!(entry(1)["policy_version"], "2026-11");
}

#[tokio::test]
async fn a_grant_to_a_text_that_is_not_current_is_asked_again() {
    let (bench, path) = opened().await;
    let form = "category=offers&policy=2025-01&decision=granted";
    let stale = browse(&bench, "POST", &format!("{path}/consent"), form).await;
    assert_eq!((stale.status, stale.header("location")), (303, &*format!("{path}?lang=en&done=stale")));
    assert_eq!(bench.get("/v1/recipients/alice/consent").await.status, 200);
    assert_eq!(bench.get("/v1/recipients/alice/consent").await.body["items"], json!([]));
}

#[tokio::test]
async fn unsubscribing_switches_everything_off_that_may_be() {
    let (bench, path) = opened().await;
    let form = "lang=en&category=offers&policy=2026-11&decision=granted";
    browse(&bench, "POST", &format!("{path}/consent"), form).await;
    let stopped = browse(&bench, "POST", &format!("{path}/unsubscribe"), "lang=en").await;
    assert_eq!(stopped.status, 303, "{}", stopped.body);
    assert_eq!(
        preferences(&bench).await["categories"],
        json!({"offers": {"email": false, "push": false}, "orders": {"push": false}})
    );
    let ledger = bench.get("/v1/recipients/alice/consent").await.body;
    assert_eq!(ledger["items"][0]["decision"], "withdrawn");
}

#[tokio::test]
async fn a_form_that_comes_again_under_its_key_does_nothing_more() {
    let (bench, path) = opened().await;
    let key = [("idempotency-key", "k"), ("content-type", "application/x-www-form-urlencoded")];
    let send = async |form: &str, body: &str| {
        bench.call_as("", "POST", &format!("{path}/{form}"), &key, body.to_owned()).await
    };
    let forms = [
        ("consent", "lang=en&category=offers&policy=2026-11&decision=granted"),
        ("preferences", "lang=en&shown=on/push/orders"),
        ("unsubscribe", "lang=en"),
    ];
    for (form, body) in forms {
        let first = send(form, body).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (303, ""), "{form}: {}", first.body);
        bench.advance(1_000);
        let chosen = json!({"categories": {"orders": {"push": true}}});
        assert_eq!(bench.put("/v1/recipients/alice/preferences", &chosen).await.status, 200);
        let entries = bench.get("/v1/recipients/alice/consent").await.body["items"].as_array().unwrap().len();
        let again = send(form, body).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (303, "true"), "{form}");
        assert_eq!(again.header("location"), first.header("location"), "{form}");
        assert_eq!(preferences(&bench).await["categories"], chosen["categories"], "{form}");
        let ledger = bench.get("/v1/recipients/alice/consent").await.body;
        assert_eq!(ledger["items"].as_array().unwrap().len(), entries, "{form}");
    }
}

#[tokio::test]
async fn a_browser_is_an_address_until_it_is_taken_away_or_its_owner_goes() {
    let (bench, path) = opened().await;
    let subscription = format!("{path}/subscription");
    assert_eq!(browse(&bench, "PUT", &subscription, SUBSCRIPTION).await.status, 204);
    let other = SUBSCRIPTION.replace("abc", "another");
    assert_eq!(browse(&bench, "PUT", &subscription, &other).await.status, 204);
    let exported = async || bench.get("/v1/recipients/alice/export").await.body["endpoints"].clone();
    assert_eq!(exported().await.as_array().unwrap().len(), 2);
    let reordered = r#"{"keys":{"auth":"Secret","p256dh":"BKey"},"endpoint":"https://push.example/abc"}"#;
    assert_eq!(browse(&bench, "DELETE", &subscription, reordered).await.status, 204);
    let left = exported().await;
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    assert!(left[0]["address"].as_str().unwrap().contains("another"), "{left}");
    bench.call_as(&bench.key, "DELETE", "/v1/recipients/alice", &[], Body::empty()).await;
    assert_eq!(
        browse(&bench, "PUT", &subscription, SUBSCRIPTION).await.status,
        404,
        "the link went with her"
    );
    assert_eq!(browse(&bench, "GET", &path, "").await.status, 404);
}

#[tokio::test]
async fn what_is_no_subscription_is_refused() {
    let (bench, path) = opened().await;
    for body in ["", "{}", r#"{"endpoint":"http://push.example/a","keys":{"p256dh":"B","auth":"A"}}"#] {
        let refused = browse(&bench, "PUT", &format!("{path}/subscription"), body).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid"), "{body}");
    }
}

#[tokio::test]
async fn the_words_of_a_notification_are_its_recipients_only() {
    let (bench, path) = opened().await;
    let content = json!({"title": "Order 1001", "body": "Here"});
    let sent = async |to: &str| {
        let send = json!({"recipients": [to], "category": "orders", "content": content});
        let reply = bench.post("/v1/notifications", &send).await;
        let id = reply.body["notifications"][0]["id"].as_str();
        id.unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
    };
    let (own, others) = (sent("alice").await, sent("bob").await);
    let words = browse(&bench, "GET", &format!("{path}/notifications/{own}"), "").await;
    assert_eq!((words.status, &words.body), (200, &json!({"title": "Order 1001", "body": "Here"})));
    let refused = browse(&bench, "GET", &format!("{path}/notifications/{others}"), "").await;
    assert_eq!((refused.status, refused.code()), (404, "not_found"));
}

#[tokio::test]
async fn where_nothing_can_be_switched_off_nothing_asks_to() {
    let (bench, path) = opened().await;
    let choices = page(&bench, &path).await;
    assert!(choices.contains("Save</button>") && choices.contains("/unsubscribe\""), "{choices}");
    assert!(choices.contains("<h3>Recalls</h3>") && choices.contains("<p>Inbox, Push</p>"), "{choices}");
    let fixed =
        "tidings: 1\nproject: {name: shop}\ncategories: {recalls: {legal: essential, channels: [inapp]}}\n";
    bench.apply(fixed).await;
    let html = page(&bench, &path).await;
    assert!(
        html.contains("There is nothing to choose at present.") && html.contains("<h3>recalls</h3>"),
        "{html}"
    );
    assert!(
        !html.contains("Save") && !html.contains("/unsubscribe\"") && !html.contains("checkbox"),
        "{html}"
    );
}

#[tokio::test]
async fn a_link_ends_after_ninety_days_and_a_guess_opens_nothing() {
    let (bench, path) = opened().await;
    let days = |days: i64| days * 86_400_000;
    bench.advance(days(90) - 1);
    assert_eq!(browse(&bench, "GET", &path, "").await.status, 200);
    bench.advance(1);
    let ended = browse(&bench, "GET", &path, "").await;
    let guess = browse(&bench, "GET", "/p/AAAAAAAAAAAAAAAAAAAAAA", "").await;
    assert_eq!((ended.status, guess.status), (404, 404));
    assert_eq!(ended.body, guess.body, "nobody learns which");
    assert!(ended.body.as_str().unwrap().contains("This link opens nothing"));
    assert_eq!(browse(&bench, "POST", &format!("{path}/unsubscribe"), "").await.status, 404);
}

#[tokio::test]
async fn only_its_own_page_may_call_from_a_browser() {
    let (bench, path) = opened().await;
    for origin in ["https://evil.example", "null"] {
        let request = Request::builder()
            .method("POST")
            .uri(format!("{path}/unsubscribe"))
            .header("host", "relay.example")
            .header("origin", origin);
        let refused = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((refused.status, refused.code()), (403, "origin"), "{origin}");
    }
    let api = Request::builder()
        .uri("/v1/stop")
        .header("host", "relay.example")
        .header("origin", "https://relay.example")
        .header("authorization", format!("Bearer {}", bench.key));
    assert_eq!(bench.send(api.body(Body::empty()).unwrap()).await.status, 403, "the API is no page");
}

#[tokio::test]
async fn the_relays_own_secrets_are_set_by_nobody_else() {
    let (bench, _) = opened().await;
    let refused = bench.put("/v1/secrets/tidings%2Fvapid", &json!({"value": "mine"})).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid"));
}

#[tokio::test]
async fn a_token_of_another_kind_opens_no_page() {
    let (bench, _) = opened().await;
    let token = PublicToken {
        hash: bench.app.vault.hash(Purpose::PublicToken, "unsubscribing"),
        person: PersonKey { project: bench.project(), recipient: "alice".parse().unwrap() },
        opens: Opens::Unsubscribe { category: "orders".parse().unwrap(), channel: Channel::Push },
        made_at: bench.now(),
        expires_at: None,
    };
    bench.app.ports.public.put_public_tokens(&[token], None).await.unwrap();
    assert_eq!(browse(&bench, "GET", "/p/unsubscribing", "").await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_set_is_the_one_that_is_answered() {
    let (bench, _) = opened().await;
    for address in ["apns:00aa", "apns:00bb"] {
        let set = json!({"address": address, "verified": true});
        let answer = bench.put("/v1/recipients/alice/endpoints/push", &set).await;
        assert_eq!(answer.body["address"], address);
    }
}
