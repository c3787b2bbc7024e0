//! The way out: what asking shows, what a POST does, and what nobody learns.

use axum::body::Body;
use rstest::rstest;
use serde_json::{Value, json};
use tidings_protocol::LegalClass;

use super::bench::Reply;
use super::links::Site;

const CLICK: &str = "List-Unsubscribe=One-Click";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Site {
    async fn path(&self, category: &str, legal: LegalClass) -> String {
        let url = self.make(&self.handover(category, legal, "d-1")).await.unsubscribe.unwrap();
        url.trim_start_matches("https://t.example").to_owned()
    }

    async fn click(&self, path: &str) -> Reply {
        self.bench.call_as("", "POST", path, &[FORM], CLICK).await
    }

    async fn ledger(&self) -> Vec<Value> {
        let page = self.bench.get("/v1/recipients/alice/consent").await;
        page.body["items"].as_array().unwrap().clone()
    }

    async fn preferences(&self) -> Value {
        self.bench.get("/v1/recipients/alice/preferences").await.body["categories"].clone()
    }
}

fn text(reply: &Reply) -> &str {
    reply.body.as_str().unwrap()
}

#[tokio::test]
async fn reading_the_page_changes_nothing_and_one_click_withdraws_the_consent_once() {
    let site = Site::new().await;
    let grant =
        json!({"decision": "granted", "category": "offers", "channels": ["email"], "policy_version": "1"});
    site.bench.post("/v1/recipients/alice/consent", &grant).await;
    let path = site.path("offers", LegalClass::Marketing).await;
    for method in ["GET", "HEAD"] {
        let page = site.bench.call_as("", method, &path, &[], Body::empty()).await;
        assert_eq!(page.status, 200);
    }
    assert_eq!(site.ledger().await.len(), 1, "programs follow links");
    for _ in 0..2 {
        let done = site.click(&path).await;
        assert_eq!(done.status, 200);
        assert!(text(&done).contains("You are unsubscribed"), "{}", text(&done));
    }
    let ledger = site.ledger().await;
    assert_eq!(ledger.len(), 2, "{ledger:?}");
    let entry = &ledger[0];
    assert_eq!((&entry["decision"], &entry["channels"]), (&json!("withdrawn"), &json!(["email"])));
    assert_eq!(entry["collected"]["how"], "unsubscribe_link");
    assert_eq!(entry["text_shown"], "Unsubscribe from “Offers”?");
    assert_eq!(site.preferences().await, json!({}), "what rests on a consent is no matter of liking");
}

#[tokio::test]
async fn a_click_that_comes_again_under_its_key_takes_back_nothing_that_was_chosen_since() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    let headers = [FORM, ("idempotency-key", "k")];
    let first = site.bench.call_as("", "POST", &path, &headers, CLICK).await;
    site.bench.advance(1_000);
    let chosen = json!({"categories": {"general": {"email": true}}});
    assert_eq!(site.bench.put("/v1/recipients/alice/preferences", &chosen).await.status, 200);
    let again = site.bench.call_as("", "POST", &path, &headers, CLICK).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(text(&again), text(&first));
    assert_eq!(site.preferences().await, json!({"general": {"email": true}}));
}

#[tokio::test]
async fn what_rests_on_the_contract_is_switched_off_as_a_preference() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    site.click(&path).await;
    site.click(&path).await;
    assert_eq!(site.preferences().await, json!({"general": {"email": false}}));
    assert_eq!(site.ledger().await.len(), 0);
}

#[tokio::test]
async fn the_same_link_works_after_the_signing_keys_were_exchanged_twice() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    for hours in [1, 2_000] {
        let now = site.bench.now().plus_millis(hours * 3_600_000);
        site.bench.app.vault.rotate(now, 3_600_000).unwrap();
    }
    site.click(&path).await;
    assert_eq!(site.preferences().await, json!({"general": {"email": false}}));
}

#[rstest]
#[case("en", "Unsubscribe from “Offers”?", "By mail: <span lang=\"en\">a•••@e•••.org</span></p>")]
#[case("zh-CN,zh;q=0.9", "确定退订“优惠”吗？", "电子邮件：<span lang=\"en\">a•••@e•••.org</span></p>")]
#[case("de", "„Offers“ abbestellen?", "Per E-Mail: <span lang=\"en\">a•••@e•••.org</span></p>")]
#[tokio::test]
async fn the_page_shows_the_category_and_a_masked_address_in_the_readers_language(
    #[case] language: &str,
    #[case] title: &str,
    #[case] line: &str,
) {
    let site = Site::new().await;
    let address = json!({"address": "alice@example.org", "verified": true});
    site.bench.put("/v1/recipients/alice/endpoints/email", &address).await;
    let path = site.path("offers", LegalClass::Marketing).await;
    let page = site.bench.call_as("", "GET", &path, &[("accept-language", language)], Body::empty()).await;
    let html = text(&page);
    assert!(html.contains(&format!("<h1>{title}</h1>")) && html.contains(line), "{html}");
    assert!(!html.contains("alice") && !html.contains("example.org"), "{html}");
    assert_eq!(html.matches("<button>").count(), 1);
    assert!(!html.contains("<script") && !html.contains("src="), "{html}");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-")
            && policy.contains("frame-ancestors 'none'")
    );
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-store"));
}

#[tokio::test]
async fn a_token_that_opens_nothing_gets_a_page_of_the_same_kind() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    let known = site.bench.call_as("", "GET", &path, &[], Body::empty()).await;
    assert_eq!(site.bench.delete("/v1/recipients/alice").await.status, 204);
    for path in ["/u/AAAAAAAAAAAAAAAAAAAAAA", "/u/x", &path] {
        let asked = site.bench.call_as("", "GET", path, &[], Body::empty()).await;
        assert_eq!((asked.status, asked.headers.len()), (known.status, known.headers.len()));
        assert!(text(&asked).contains("<button>Unsubscribe</button>"));
        let done = site.click(path).await;
        assert_eq!(done.status, 200);
        assert!(text(&done).contains("You are unsubscribed"));
    }
    assert_eq!(site.bench.get("/v1/recipients/alice/preferences").await.status, 404, "nobody was made");
}

#[rstest]
#[case::form("application/x-www-form-urlencoded", CLICK, true)]
#[case::bare("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click\r\n", true)]
#[case::parts(
    "multipart/form-data; boundary=b",
    "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n",
    true
)]
#[case::empty("application/x-www-form-urlencoded", "", false)]
#[case::other("application/x-www-form-urlencoded", "List-Unsubscribe=Maybe", false)]
#[case::other_part(
    "multipart/form-data; boundary=b",
    "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nOne-Click\r\n--b--\r\n",
    false
)]
#[tokio::test]
async fn only_a_post_that_says_so_acts(#[case] media: &str, #[case] body: &str, #[case] acts: bool) {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    let reply = site.bench.call_as("", "POST", &path, &[("content-type", media)], body.to_owned()).await;
    assert_eq!(reply.status, 200);
    let expected = if acts { json!({"general": {"email": false}}) } else { json!({}) };
    assert_eq!(site.preferences().await, expected);
}

#[tokio::test]
async fn the_pages_own_form_comes_back_with_whatever_origin_a_browser_likes() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    let reply = site.bench.call_as("", "POST", &path, &[FORM, ("origin", "null")], CLICK).await;
    assert_eq!(reply.status, 200);
    assert_eq!(site.preferences().await, json!({"general": {"email": false}}));
}

#[tokio::test]
async fn what_became_essential_says_that_it_goes_on() {
    let site = Site::new().await;
    let path = site.path("general", LegalClass::Service).await;
    let document = super::links::DOCUMENT.replace("通用}, legal: service", "通用}, legal: essential");
    site.bench.apply(&document).await;
    let reply = site.click(&path).await;
    assert!(text(&reply).contains("This cannot be switched off"), "{}", text(&reply));
    assert_eq!(site.preferences().await, json!({}));
}

#[tokio::test]
async fn whoever_tries_tokens_is_slowed_down() {
    let site = Site::new().await;
    let mut last = 200;
    for number in 0..300 {
        last = site.bench.call_as("", "GET", &format!("/u/{number}"), &[], Body::empty()).await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}
