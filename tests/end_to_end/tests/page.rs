//! A recipient's page in a real browser: its forms, its keyboard, its accessibility, and pushes to it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Script, Site};

const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: What we send you and why, zh: 我们发送什么以及原因}}
categories:
  general: {name: {en: General, zh: 一般}, legal: service, priority: normal, channels: [inapp]}
  orders:  {name: {en: Orders, zh: 订单}, legal: service, priority: high, channels: [inapp, push]}
  offers:  {name: {en: Offers, zh: 优惠}, legal: marketing, priority: low, channels: [inapp, push, email]}
  recalls: {name: {en: Recalls, zh: 召回}, legal: essential, priority: urgent, channels: [inapp, push]}
"#;

/// A relay that may call this machine, with the document and the link to alice's page.
fn opened() -> (Relay, String) {
    let site = Site::new();
    let mut command = site.serve("127.0.0.1:0");
    command.args(["--allow-network", "127.0.0.0/8"]);
    let relay =
        Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
    let yaml = [("content-type", "application/yaml")];
    let _ = relay.caller().call("PUT", "/v1/configuration", &yaml, DOCUMENT.as_bytes()).ok(200);
    let made = relay.caller().post("/v1/recipients/alice/page", &Value::Null).ok(201);
    let link = made["link"].as_str().expect("a link is a text").to_owned();
    (relay, link)
}

fn addresses(relay: &Relay) -> Vec<Value> {
    let exported = relay.caller().get("/v1/recipients/alice/export").ok(200);
    exported["endpoints"].as_array().expect("an export has endpoints").clone()
}

/// What checks accessibility: a package of the desktop app's tests, because it ships with nothing.
fn axe() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("desktop-app/node_modules/axe-core/axe.min.js");
    assert!(file.exists(), "this test needs axe-core: npm --prefix desktop-app ci");
    file.canonicalize().expect("it exists")
}

#[test]
fn the_page_is_used_by_mouse_keyboard_and_screen_reader() {
    let (relay, link) = opened();
    let mut browser = Script::start("browser.py");
    let opened = browser.ask(&format!("open {link}"), "opened");
    assert_eq!(opened["title"], "Your notifications – shop");
    let focused = browser.ask("keys", "keys")["focused"].to_string();
    for reached in [
        "a Skip to the settings",
        "button Notify me in this browser",
        "input Push",
        "button Save",
        "button Allow",
    ] {
        assert!(focused.contains(reached), "{reached}: {focused}");
    }
    for language in ["en", "zh"] {
        for scheme in ["light", "dark"] {
            browser.ask(&format!("open {link}?lang={language}&done=saved"), "opened");
            let found = browser.ask(&format!("axe {} {scheme}", axe().display()), "axe");
            assert_eq!(found["violations"], json!([]), "{language}, {scheme}");
        }
    }
    browser.ask(&format!("open {link}"), "opened");
    browser.ask("tick push/orders", "ticked");
    browser.ask("press Save", "opened");
    let likes = relay.caller().get("/v1/recipients/alice/preferences").ok(200);
    assert_eq!(likes["categories"], json!({"orders": {"push": false}}));
    browser.ask("press Allow", "opened");
    browser.ask("press Do not allow", "opened");
    browser.ask("press Unsubscribe from everything", "opened");
    let ledger = relay.caller().get("/v1/recipients/alice/consent").ok(200);
    let decisions: Vec<_> =
        ledger["items"].as_array().expect("a list").iter().map(|one| &one["decision"]).collect();
    assert_eq!(decisions, ["withdrawn", "granted"]);
}

#[test]
fn a_browser_subscribes_and_leaves() {
    let (relay, link) = opened();
    let mut browser = Script::start("browser.py");
    browser.ask(&format!("open {link}"), "opened");
    assert_eq!(browser.ask("browser", "browser")["state"], "on");
    assert_eq!(addresses(&relay).len(), 1);
    assert_eq!(browser.ask("browser", "browser")["state"], "off");
    assert_eq!(addresses(&relay), Vec::<Value>::new());
}
