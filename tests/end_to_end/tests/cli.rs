//! The real `tidings` against a real relay: two processes, a socket between them, and files on disk.

#[path = "cli/rig.rs"]
mod rig;

use std::fs;

use serde_json::{Value, json};

use crate::rig::{Ended, Relay, Running};

const SHOP: &str = "\
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
categories:
  general: {name: {en: General}, legal: service, channels: [inapp]}
  orders: {name: {en: Orders}, legal: service, priority: high, channels: [inapp]}
  promotions: {name: {en: Offers}, legal: marketing, channels: [inapp]}
rules:
  order_placed: {on: order.placed, when: data.total > 0, notify: data.customer, category: orders, template: order_placed}
  offer: {on: offer.published, notify: data.customer, category: promotions, template: offer}
templates:
  order_placed: {en: {title: \"Order {{ data.order_id }} confirmed\"}}
  offer: {en: {title: \"{{ data.headline }}\"}}
";

fn shop() -> Relay {
    let relay = Relay::start();
    fs::write(relay.folder().join("shop.yaml"), SHOP).expect("the folder takes a file");
    let applied = relay.tidings(&["apply", "shop.yaml", "--json"]);
    assert_eq!((applied.code, applied.json()["project"].clone()), (0, json!("shop")), "{applied:?}");
    relay
}

/// A notification that `listen` prints as JSON.
fn shown(listen: &mut Running) -> Value {
    let shown = listen.json_line();
    assert_eq!(shown["presentation"], "show", "{shown}");
    shown
}

#[test]
fn what_curl_sends_appears_in_a_terminal_that_listens() {
    let relay = Relay::start();
    let mut listen = relay.spawn(&["listen", "--as", "alice", "--json"]);
    let (status, sent) = relay.post("/v1/to/alice", "application/x-www-form-urlencoded", "hi");
    assert_eq!((status, &sent["state"]), (202, &json!("active")), "{sent}");
    let first = shown(&mut listen);
    assert_eq!((&first["id"], &first["title"]), (&sent["id"], &json!("hi")));
    assert_eq!(relay.tidings(&["send", "alice", "Backup", "finished"]).code, 0);
    assert_eq!(shown(&mut listen)["title"], "Backup finished");
    assert_eq!(listen.terminate().code, 0);
}

#[test]
fn what_was_sent_before_anybody_listened_is_there_and_is_shown_once() {
    let relay = Relay::start();
    assert_eq!(relay.tidings(&["send", "alice", "first"]).code, 0);
    let once = relay.tidings(&["listen", "--as", "alice", "--once"]);
    assert_eq!(once.code, 0, "{once:?}");
    assert!(once.out.contains("general  first"), "{once:?}");
    assert_eq!(relay.tidings(&["send", "alice", "second"]).code, 0);
    let again = relay.tidings(&["listen", "--as", "alice", "--once"]);
    assert!(again.out.contains("second") && !again.out.contains("first"), "{again:?}");
}

#[test]
fn a_pile_that_came_while_nobody_listened_is_summed_up_and_listed() {
    let relay = Relay::start();
    for number in 1..=8 {
        assert_eq!(relay.tidings(&["send", "alice", &format!("number {number}")]).code, 0);
    }
    let once = relay.tidings(&["listen", "--as", "alice", "--once", "--json"]);
    let lines: Vec<Value> = once.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"presentation": "summary", "count": 8}));
    let titles: Vec<&str> = lines[1..].iter().map(|line| line["title"].as_str().unwrap()).collect();
    assert_eq!(titles, (1..=8).map(|number| format!("number {number}")).collect::<Vec<_>>());
}

#[test]
fn a_relay_is_found_by_its_folder_and_by_the_environment_from_anywhere() {
    let relay = Relay::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = relay.folder().join("tidings-data");
    let by_folder =
        rig::tidings_in(elsewhere.path(), &["send", "alice", "hi", "--data", folder.to_str().unwrap()]);
    assert_eq!(by_folder.code, 0, "{by_folder:?}");
    let environment = [("TIDINGS_RELAY", relay.address()), ("TIDINGS_KEY", relay.key())];
    let by_environment =
        rig::tidings_with_environment(elsewhere.path(), &["send", "alice", "hi"], &environment);
    assert_eq!(by_environment.code, 0, "{by_environment:?}");
    assert_eq!(rig::tidings_in(elsewhere.path(), &["send", "alice", "hi"]).code, 1);
}

#[test]
fn the_first_line_of_serve_is_address_project_and_key() {
    let relay = Relay::start();
    let (address, key) = (relay.address(), relay.key());
    let expected = format!("{{\"address\":\"{address}\",\"project\":\"default\",\"key\":\"{key}\"}}");
    assert_eq!(relay.first_line(), expected);
    assert!(key.starts_with("tdk_live_"));
}

#[test]
fn a_second_start_shows_no_key_and_commands_still_find_it() {
    let relay = Relay::start();
    assert_eq!(relay.tidings(&["send", "alice", "before"]).code, 0);
    let (folder, ended) = relay.terminate();
    assert_eq!(ended.code, 0, "{ended:?}");
    let relay = Relay::start_in(folder);
    let first: Value = serde_json::from_str(relay.first_line()).unwrap();
    assert_eq!(first, json!({"address": relay.address(), "project": "default"}));
    assert_eq!(relay.tidings(&["send", "alice", "after"]).code, 0);
    let why = relay.tidings(&["why", "alice"]);
    assert!(why.out.contains("“before”") && why.out.contains("“after”"), "{why:?}");
}

#[test]
fn a_second_relay_on_the_folder_is_refused_and_the_first_goes_on() {
    let relay = Relay::start();
    let second = relay.tidings(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1);
    assert!(second.err.contains("another relay uses the data folder"), "{second:?}");
    assert_eq!(relay.tidings(&["send", "alice", "hi"]).code, 0);
}

#[test]
fn an_event_becomes_a_notification_whose_story_and_why_can_be_read() {
    let relay = shop();
    let event = json!({"type": "order.placed", "id": "evt-1", "source": "shop",
        "data": {"order_id": 1001, "customer": "alice", "total": 30}});
    fs::write(relay.folder().join("order.json"), serde_json::to_string_pretty(&event).unwrap()).unwrap();
    let stated = relay.tidings(&["event", "order.json", "--json"]);
    assert_eq!(stated.code, 0, "{stated:?}");
    let stated = stated.json();
    assert_eq!((&stated["accepted"], &stated["rejected"]), (&json!(1), &json!(0)));
    let id = stated["results"][0]["notifications"][0]["id"].as_str().unwrap().to_owned();
    let listened = relay.tidings(&["listen", "--as", "alice", "--once", "--ack"]);
    assert!(listened.out.contains("Order 1001 confirmed"), "{listened:?}");
    let story = relay.tidings(&["story", &id]);
    for words in
        ["Order 1001 confirmed", "rule order_placed, on order.placed evt-1 from shop", "receipt acknowledged"]
    {
        assert!(story.out.contains(words), "{words}: {story:?}");
    }
    let why = relay.tidings(&["why", "alice", "evt-1"]);
    for words in
        ["Rule order_placed fired for 1 recipient.", "It reached alice.", "Received on inapp by terminal-"]
    {
        assert!(why.out.contains(words), "{words}: {why:?}");
    }
    assert_eq!(relay.tidings(&["why", "alice", "evt-1", "--source", "shop"]).out, why.out);
    let unknown = relay.tidings(&["why", "alice", "evt-2"]);
    assert!(unknown.code == 1 && unknown.err.contains("--source"), "{unknown:?}");
    let again = relay.tidings(&["event", "order.json", "--json"]).json();
    assert_eq!((&again["accepted"], &again["duplicate"]), (&json!(0), &json!(1)));
}

#[test]
fn why_not_is_answered_too() {
    let relay = shop();
    let lines = [
        json!({"type": "order.placed", "id": "free", "data": {"order_id": 1, "customer": "alice", "total": 0}}),
        json!({"type": "offer.published", "id": "offer", "data": {"customer": "alice", "headline": "Shoes"}}),
    ];
    let stated = relay.tidings_with(&["event", "-"], &lines.map(|line| line.to_string()).join("\n"));
    assert_eq!(stated.code, 0, "{stated:?}");
    let free = relay.tidings(&["why", "alice", "free"]);
    for words in ["Rule order_placed did not fire", "So alice was not told."] {
        assert!(free.out.contains(words), "{words}: {free:?}");
    }
    let offer = relay.tidings(&["why", "alice", "offer"]);
    assert!(offer.out.contains("alice was not told, by the consent gate"), "{offer:?}");
}

#[test]
fn rejected_lines_are_told_by_their_place_and_the_others_go_on() {
    let relay = shop();
    let mut lines = vec![json!({"type": "nobody.listens"}).to_string(); 1_100];
    lines[1_050] = json!({"typ": "order.placed"}).to_string();
    let stated = relay.tidings_with(&["event", "-"], &lines.join("\n"));
    assert_eq!(stated.code, 1);
    assert!(stated.out.contains("1099 accepted, 0 duplicate, 1 rejected"), "{}", stated.out);
    assert!(stated.err.contains("line 1051: rejected (unknown_field at /typ)"), "{}", stated.err);
}

#[test]
fn a_single_event_that_is_rejected_says_what_was_meant() {
    let relay = Relay::start();
    let stated = relay.tidings_with(&["event", "-"], "{\"typ\": \"order.placed\"}");
    assert_eq!(stated.code, 1);
    assert!(stated.err.contains("/typ: unknown (did you mean type?)"), "{stated:?}");
}

#[test]
fn a_retracted_notification_is_withdrawn_from_the_terminal() {
    let relay = Relay::start();
    let mut listen = relay.spawn(&["listen", "--as", "alice", "--json"]);
    assert_eq!(relay.tidings(&["send", "alice", "oops"]).code, 0);
    let id = shown(&mut listen)["id"].as_str().unwrap().to_owned();
    assert_eq!(relay.tidings(&["retract", &id]).code, 0);
    assert_eq!(listen.json_line(), json!({"presentation": "withdraw", "id": id}));
}

#[test]
fn a_listener_comes_back_after_the_relay_was_killed() {
    let relay = Relay::start();
    let mut listen = relay.spawn(&["listen", "--as", "alice", "--json"]);
    assert_eq!(relay.tidings(&["send", "alice", "before"]).code, 0);
    assert_eq!(shown(&mut listen)["title"], "before");
    let relay = relay.kill_and_start_again();
    assert_eq!(relay.tidings(&["send", "alice", "after"]).code, 0);
    assert_eq!(shown(&mut listen)["title"], "after");
}

#[test]
fn keys_projects_secrets_tokens_and_codes_are_made() {
    let relay = Relay::start();
    let made = relay.tidings(&["keys", "add", "shop backend", "--scopes", "send,read", "--json"]).json();
    assert_eq!(made["scopes"], json!(["read", "send"]));
    let listed = relay.tidings(&["keys", "--json"]).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let key = made["key"].as_str().unwrap();
    assert_eq!(relay.tidings_as(key, &["send", "alice", "hi"]).code, 0);
    let narrow = relay.tidings_as(key, &["token", "alice"]);
    assert_eq!(narrow.code, 1);
    assert!(narrow.err.contains("a key with that scope"), "{narrow:?}");
    assert_eq!(relay.tidings(&["keys", "revoke", made["id"].as_str().unwrap()]).code, 0);
    let revoked = relay.tidings_as(key, &["send", "alice", "hi"]);
    assert_eq!(revoked.code, 1);
    assert!(revoked.err.contains("TIDINGS_KEY") && !revoked.err.contains(key), "{revoked:?}");

    let project = relay.tidings(&["project", "add", "second", "--json"]).json();
    assert_eq!(relay.tidings_as(project["key"].as_str().unwrap(), &["send", "bob", "hi"]).code, 0);
    let elsewhere = relay.tidings(&["why", "bob"]);
    assert!(elsewhere.out.contains("Nothing was ever made for bob"), "{elsewhere:?}");

    let set = relay.tidings_with(&["secret", "set", "smtp", "--json"], "hush\n");
    assert_eq!((set.code, set.json()), (0, json!({"name": "smtp", "set": true})));
    let token = relay.tidings(&["token", "alice"]);
    assert_eq!(token.out.trim().split('.').count(), 3, "{token:?}");
    let connect = relay.tidings(&["connect", "alice", "--qr"]);
    assert!(
        connect.out.contains("link  tidings://connect?relay=") && connect.out.contains('█'),
        "{connect:?}"
    );
}

#[test]
fn what_the_relay_refuses_ends_with_1_and_what_is_over_a_limit_with_3() {
    let relay = Relay::start();
    let unknown = relay.tidings(&["send", "alice", "hi", "--category", "generall"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("did you mean general?"), "{unknown:?}");
    let long = relay.tidings(&["send", "alice", "--title", "t", &"a".repeat(4_001)]);
    assert_eq!(long.code, 3, "{long:?}");
    let fits = relay.tidings(&["send", "alice", "--title", "t", &"a".repeat(4_000)]);
    assert_eq!(fits.code, 0, "{fits:?}");
    let none = relay.tidings(&["story", "none", "--json"]);
    assert_eq!((none.code, none.json()["error"]["code"].clone()), (1, json!("not_found")));
    assert_eq!(relay.tidings(&["replay", "none"]).code, 1);
    assert_eq!(relay.tidings(&["replay", "--dead", "--json"]).json(), json!({"replayed": 0}));
}

const SHOWN: &str = "Offers by e-mail, at most two a week";

fn grant(relay: &Relay) {
    let consent = json!({"decision": "granted", "category": "promotions", "channels": ["inapp"],
        "text_shown": SHOWN, "collected": {"how": "signup_form"}});
    let (status, answer) =
        relay.post("/v1/recipients/alice/consent", "application/json", &consent.to_string());
    assert_eq!(status, 201, "{answer}");
}

fn finding<'a>(doctor: &'a Value, check: &str) -> &'a Value {
    let findings = doctor["findings"].as_array().expect("a report has findings");
    findings
        .iter()
        .find(|finding| finding["check"] == check)
        .unwrap_or_else(|| panic!("no {check}: {doctor}"))
}

#[test]
fn doctor_recounts_the_books_while_the_relay_runs_and_after() {
    let relay = shop();
    assert_eq!(relay.tidings(&["send", "alice", "hi"]).code, 0);
    grant(&relay);
    let running = relay.tidings(&["doctor", "--json"]).json();
    assert_eq!(finding(&running, "books")["state"], "ok", "{running}");
    assert_eq!(finding(&running, "clock")["state"], "ok", "{running}");
    assert!(
        finding(&running, "ledger")["detail"].as_str().unwrap().starts_with("1 entries of 1 recipients"),
        "{running}"
    );
    let left: Vec<_> =
        fs::read_dir(relay.folder().join("tidings-data")).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(!left.iter().any(|entry| entry.file_name().to_string_lossy().starts_with("doctor-")), "{left:?}");
    let (folder, _) = relay.terminate();
    let stopped = rig::tidings_in(folder.path(), &["doctor", "--json"]).json();
    assert_eq!(finding(&stopped, "books")["state"], "ok", "{stopped}");
    assert!(
        finding(&stopped, "ledger")["detail"].as_str().unwrap().starts_with("1 entries of 1 recipients"),
        "{stopped}"
    );
}

#[test]
fn doctor_sees_a_consent_that_was_changed_beside_the_relay() {
    let relay = shop();
    grant(&relay);
    let changed = "UPDATE consent_entries SET personal = replace(personal, 'two a week', 'ten a week')";
    assert_eq!(rig::sql(relay.folder(), changed), 1);
    let running = relay.tidings(&["doctor", "--json"]);
    let (folder, _) = relay.terminate();
    let stopped = rig::tidings_in(folder.path(), &["doctor", "--json"]);
    for doctor in [running, stopped] {
        assert_eq!(doctor.code, 1, "{doctor:?}");
        let report = doctor.json();
        let ledger = finding(&report, "ledger");
        assert_eq!(ledger["state"], "wrong", "{report}");
        let detail = ledger["detail"].as_str().unwrap();
        assert!(detail.contains("alice: the personal fields of entry 1 were changed"), "{report}");
    }
}

#[test]
fn doctor_sees_a_row_that_was_deleted_behind_the_relay_s_back() {
    let relay = Relay::start();
    assert_eq!(relay.tidings(&["send", "alice", "hi"]).code, 0);
    assert_eq!(rig::sql(relay.folder(), "DELETE FROM notifications"), 1);
    let running = relay.tidings(&["doctor", "--json"]);
    assert_eq!(
        (running.code, &finding(&running.json(), "books")["state"]),
        (1, &json!("wrong")),
        "{running:?}"
    );
    let (folder, _) = relay.terminate();
    let stopped = rig::tidings_in(folder.path(), &["doctor"]);
    assert_eq!(stopped.code, 1);
    assert!(stopped.out.contains("WRONG  books") && stopped.out.contains(" left over"), "{stopped:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tidings-data"), "this is a file").unwrap();
    let Ended { code, err, .. } = rig::tidings_in(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(err.contains("the data folder ./tidings-data cannot be made"), "{err}");
}

#[test]
fn a_plan_says_who_would_hear_more_and_ends_with_3_over_the_limit() {
    let relay = shop();
    let order = |total: u32, id: &str| {
        json!({"type": "order.placed", "id": id, "source": "shop",
            "data": {"order_id": id, "customer": "alice", "total": total}})
        .to_string()
    };
    for (total, id) in [(1, "a"), (0, "b")] {
        assert_eq!(relay.tidings_with(&["event", "-"], &order(total, id)).code, 0);
    }
    fs::write(relay.folder().join("wider.yaml"), SHOP.replace("data.total > 0", "data.total >= 0")).unwrap();

    let same = relay.tidings(&["plan", "shop.yaml", "--max-more", "0%", "--json"]);
    assert_eq!((same.code, &same.json()["total"]["after"]), (0, &json!(1)), "{same:?}");
    let wider = relay.tidings(&["plan", "wider.yaml", "--max-more", "100%", "--json"]);
    assert_eq!((wider.code, &wider.json()["rules"]["order_placed"]["more"]), (0, &json!(1)), "{wider:?}");
    assert_eq!(relay.tidings(&["plan", "wider.yaml", "--max-more", "99%"]).code, 3);
    let live = relay.tidings(&["apply", "shop.yaml", "--json"]);
    assert_eq!(live.json()["changed"], false, "a plan writes nothing");
}

#[test]
fn a_scenario_needs_no_relay_and_answers_in_lines() {
    let relay = shop();
    let line = json!({"at": "2026-11-23T12:00:00.000Z", "event": {"type": "order.placed", "id": "evt-1",
        "data": {"order_id": 7, "customer": "alice", "total": 1}}});
    fs::write(relay.folder().join("day.ndjson"), line.to_string()).unwrap();
    let (folder, _) = relay.terminate();
    let played = rig::tidings_in(folder.path(), &["simulate", "shop.yaml", "day.ndjson"]);
    assert_eq!(
        (played.code, played.json()),
        (
            0,
            json!({"at": "2026-11-23T12:00:00.000Z", "event": "evt-1",
        "recipient": "alice", "rule": "order_placed", "channel": "inapp", "verdict": "pass",
        "gate": "channel_plan", "reason": "planned", "due": null})
        ),
        "{played:?}"
    );
    let bad = rig::tidings_in(folder.path(), &["simulate", "shop.yaml", "nothing.ndjson"]);
    assert_eq!(bad.code, 1, "{bad:?}");
}
