//! A recipient's page in a real browser: its forms, its keyboard, its accessibility, and pushes to it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidings_end_to_end::Script;

use crate::rig::{Shop, push};

/// What checks accessibility: a package of the desktop app's tests, because it ships with nothing.
fn axe() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("desktop-app/node_modules/axe-core/axe.min.js");
    assert!(file.exists(), "this test needs axe-core: npm --prefix desktop-app ci");
    file.canonicalize().expect("it exists")
}

#[test]
fn the_page_is_used_by_mouse_keyboard_and_screen_reader() {
    let shop = Shop::open();
    let (relay, link) = (&shop.relay, shop.page("alice"));
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
            if let Some(folder) = std::env::var_os("TIDINGS_SCREENSHOTS") {
                let (width, file) = (390, Path::new(&folder).join(format!("page-{scheme}-{language}.png")));
                browser.ask(&format!("width {width}"), "width");
                browser.ask(&format!("shot {}", file.display()), "shot");
            }
        }
        // WCAG 1.4.10: nobody scrolls sideways, on the smallest phone either.
        let width = browser.ask("width 320", "width")["page"].as_u64().expect("a number");
        assert!(width <= 320, "{language}: {width}");
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
    let shop = Shop::open();
    let link = shop.page("alice");
    let mut browser = Script::start("browser.py");
    browser.ask(&format!("open {link}"), "opened");
    assert_eq!(browser.ask("browser", "browser")["state"], "on");
    assert_eq!(shop.addresses("alice").len(), 1);
    assert_eq!(browser.ask("browser", "browser")["state"], "off");
    assert_eq!(shop.addresses("alice"), Vec::<Value>::new());
}

#[test]
fn a_push_without_words_is_shown_with_them() {
    let shop = Shop::open();
    let mut browser = Script::start("browser.py");
    browser.ask(&format!("open {}", shop.page("alice")), "opened");
    assert_eq!(browser.ask("browser", "browser")["state"], "on");
    let id = shop.send("alice", &push("Order 1001 is on its way"));
    let came = browser.until("push");
    assert_eq!(came["headers"]["content-encoding"], "aes128gcm");
    let popups = browser.ask("popups 1", "popups");
    assert_eq!(popups["popups"], json!([{"title": "Order 1001 is on its way", "body": "", "tag": id}]));
    shop.told(&id, &["displayed"]);
    shop.taken(&id);
    shop.books_balance();
}

#[test]
fn what_the_browser_shows_and_what_is_clicked_stands_in_the_story() {
    let shop = Shop::open();
    let mut browser = Script::start("browser.py");
    let page = shop.page("alice");
    browser.ask(&format!("open {page}"), "opened");
    assert_eq!(browser.ask("browser", "browser")["state"], "on");
    let id = shop.send("alice", &push("Order 1001 is on its way"));
    browser.ask("popups 1", "popups");
    shop.told(&id, &["displayed"]);
    let opened = browser.ask("click Order 1001 is on its way", "clicked");
    assert_eq!(opened["address"], page, "without a link of its own a notification opens the page");
    shop.told(&id, &["displayed", "clicked"]);
    shop.books_balance();
}

/// Both sides of the limit: what fits travels with the push, and one byte more is fetched by the worker. Firefox opens both.
#[test]
fn the_longest_words_travel_with_the_push_and_longer_ones_are_fetched() {
    const WORDS_BYTES_MAX: usize = 3_052;
    /// Salt, record size, key and its length before the words, a mark and a tag behind them (RFC 8188, 8291).
    const AROUND_BYTES: usize = 16 + 4 + 1 + 65 + 1 + 16;
    let shop = Shop::open_with(&[], &[], "channels: {push: {content: full}}\n");
    let mut browser = Script::start("browser.py");
    browser.ask(&format!("open {}", shop.page("alice")), "opened");
    assert_eq!(browser.ask("browser", "browser")["state"], "on");
    let long =
        |bytes: usize| json!({"category": "orders", "content": {"title": "Long", "body": "x".repeat(bytes)}});
    let id = shop.send("alice", &long(1));
    let beside = browser.until("push")["bytes"].as_u64().expect("a number") - 1;
    let fits = WORDS_BYTES_MAX + AROUND_BYTES - usize::try_from(beside).expect("it is small");
    for (body, carried) in [(fits, WORDS_BYTES_MAX + AROUND_BYTES), (fits + 1, 0)] {
        let sent = shop.send("alice", &long(body));
        assert_eq!(sent.len(), id.len(), "ids have one length");
        let bytes = browser.until("push")["bytes"].as_u64().expect("a number");
        assert!(if carried > 0 { bytes == carried as u64 } else { bytes < beside + 20 }, "{body}: {bytes}");
        shop.taken(&sent);
    }
    let popups = browser.ask("popups 3", "popups")["popups"].clone();
    let mut lengths: Vec<_> =
        popups.as_array().expect("a list").iter().map(|one| one["body"].as_str().map(str::len)).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [Some(1), Some(fits), Some(fits + 1)]);
}
