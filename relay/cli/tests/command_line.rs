//! The built binary from outside: exit codes, words and forms, without a relay.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, io::Write as _};

use rstest::rstest;
use serde_json::Value;

fn tidings(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.current_dir(folder).env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    tidings(folder).args(arguments).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it writes UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it writes UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("one JSON value: {}", out(output)))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/shop.yaml")
}

#[test]
fn without_arguments_it_explains_itself_in_ten_lines() {
    let output = run(folder().path(), &[]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).lines().count() <= 10);
    assert!(out(&output).contains("tidings serve"));
}

#[rstest]
#[case::an_unknown_verb(&["tell", "alice"])]
#[case::an_unknown_option(&["send", "alice", "hi", "--loud"])]
#[case::no_recipient(&["send"])]
#[case::no_text(&["send", "alice"])]
#[case::an_unknown_priority(&["send", "alice", "hi", "--priority", "shouting"])]
#[case::an_id_with_a_slash(&["connect", "a/b"])]
#[case::nobody_to_be(&["listen"])]
#[case::nothing_to_replay(&["replay"])]
#[case::two_things_to_replay(&["replay", "d1", "--dead"])]
#[case::an_address_without_a_port(&["serve", "--listen", "127.0.0.1"])]
#[case::another_bus(&["serve", "--bus", "nats://127.0.0.1"])]
#[case::a_relay_that_is_no_address(&["--relay", "localhost:7420", "story", "n1"])]
#[case::data_without_a_template(&["send", "alice", "hi", "--data", "{}"])]
#[case::data_that_is_no_json(&["send", "alice", "--template", "t", "--data", "{n}"])]
fn wrong_usage_ends_with_2(#[case] arguments: &[&str]) {
    let output = run(folder().path(), arguments);
    assert_eq!(code(&output), 2, "{}", err(&output));
    assert!(out(&output).is_empty());
    assert!(!err(&output).is_empty());
}

#[test]
fn help_is_no_error() {
    let output = run(folder().path(), &["send", "--help"]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).contains("--template"));
}

#[test]
fn without_a_relay_it_says_how_to_start_one() {
    let output = run(folder().path(), &["send", "alice", "hi"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("tidings serve"), "{}", err(&output));
    assert!(out(&output).is_empty());
}

#[test]
fn without_a_relay_programs_get_one_json_value() {
    let output = run(folder().path(), &["send", "alice", "hi", "--json"]);
    assert_eq!(code(&output), 1);
    assert_eq!(json(&output)["error"]["code"], "no_relay");
    assert!(err(&output).is_empty());
}

#[test]
fn a_relay_that_does_not_run_is_told_with_its_start() {
    // Nobody listens on the port of a listener that was closed.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = format!("http://{address}");
    let output = tidings(folder().path())
        .args(["why", "alice", "--relay", &relay])
        .env("TIDINGS_KEY", "tdk_live_1")
        .output();
    let output = output.unwrap();
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("start it with `tidings serve`"), "{}", err(&output));
    assert!(!err(&output).contains("tdk_live_1"));
}

#[test]
fn a_key_is_not_sent_to_a_relay_that_it_does_not_belong_to() {
    let folder = folder();
    fs::create_dir(folder.path().join("tidings-data")).unwrap();
    let stored = r#"{"relay": "http://127.0.0.1:7420", "project": "default", "key": "tdk_live_1"}"#;
    fs::write(folder.path().join("tidings-data/credentials.json"), stored).unwrap();
    let output = run(folder.path(), &["why", "alice", "--relay", "http://127.0.0.1:1", "--json"]);
    assert_eq!(json(&output)["error"]["code"], "no_key");
}

#[test]
fn help_never_shows_the_key_of_the_environment() {
    let output =
        tidings(folder().path()).arg("--help").env("TIDINGS_KEY", "tdk_live_secret").output().unwrap();
    assert!(!out(&output).contains("tdk_live_secret"));
}

#[test]
fn the_shop_is_right() {
    let output = run(folder().path(), &["check", shop().to_str().unwrap(), "--json"]);
    let answer = json(&output);
    assert_eq!(code(&output), 0, "{answer}");
    assert_eq!((&answer["ok"], &answer["project"]), (&Value::from(true), &Value::from("shop")));
    assert!(answer["rules"].as_u64().unwrap() >= 7, "{answer}");
}

const WRONG: &str = "\
tidings: 1
project: {name: shop, locale: en}
categories:
  orders: {name: {en: Orders}, legal: service, chanels: [inapp]}
rules:
  placed: {on: order.placed, notify: data.customer, category: order, template: placed}
templates:
  placed: {en: {title: \"Order {{ data.order_id }}\"}}
";

#[test]
fn mistakes_are_shown_with_line_caret_and_nearest_name() {
    let folder = folder();
    fs::write(folder.path().join("shop.yaml"), WRONG).unwrap();
    let output = run(folder.path(), &["check", "shop.yaml"]);
    let expected = "\
error[unknown_key]: there is no key `chanels` in a category
 --> line 4, column 48
  |
4 |   orders: {name: {en: Orders}, legal: service, chanels: [inapp]}
  |                                                ^^^^^^^
  = at /categories/orders/chanels
  = expected one of name, legal, basis, priority, channels, cap, digest, count
  = did you mean `channels`?

error[unknown_category]: there is no category `order`
 --> line 6, column 63
  |
6 |   placed: {on: order.placed, notify: data.customer, category: order, template: placed}
  |                                                               ^^^^^
  = at /rules/placed/category
  = expected `orders`
  = did you mean `orders`?

2 mistakes
";
    assert_eq!(code(&output), 1);
    assert_eq!(out(&output), expected);
}

#[test]
fn mistakes_for_programs_have_their_place() {
    let folder = folder();
    fs::write(folder.path().join("shop.yaml"), WRONG).unwrap();
    let output = run(folder.path(), &["check", "shop.yaml", "--json"]);
    assert_eq!(code(&output), 1);
    let errors = json(&output)["errors"].clone();
    let places: Vec<(u64, u64, &str)> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["column"].as_u64().unwrap(),
                error["hint"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [(4, 48, "channels"), (6, 63, "orders")]);
}

#[test]
fn a_document_comes_from_standard_input_too() {
    let mut child = tidings(folder().path())
        .args(["check", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"tidings: 1\nproject: {name: shop}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), json(&output)["ok"].clone()), (0, Value::from(true)), "{}", out(&output));
}

#[test]
fn a_file_that_a_document_names_is_read_beside_it() {
    let folder = folder();
    let document = "tidings: 1\nproject: {name: shop}\ntemplates: {hi: {en: {title: {file: hi.txt}}}}\n";
    fs::write(folder.path().join("shop.yaml"), document).unwrap();
    let missing = run(folder.path(), &["check", "shop.yaml"]);
    assert_eq!(code(&missing), 1);
    assert!(out(&missing).contains("hi.txt"), "{}", out(&missing));
    fs::write(folder.path().join("hi.txt"), "Hello").unwrap();
    let there = run(folder.path(), &["check", "shop.yaml"]);
    assert_eq!(code(&there), 0, "{}", err(&there));
}

#[test]
fn a_document_that_is_not_there_is_told_by_name() {
    let output = run(folder().path(), &["check", "none.yaml"]);
    assert_eq!(code(&output), 1);
    let words =
        "error: none.yaml: No such file or directory (os error 2)\n  next: see that the path is right";
    assert!(err(&output).starts_with(words), "{}", err(&output));
}

#[test]
fn a_folder_in_the_place_of_a_document_is_told_with_what_to_do() {
    let folder = folder();
    fs::create_dir(folder.path().join("there")).unwrap();
    let output = run(folder.path(), &["check", "there"]);
    assert_eq!(code(&output), 1);
    let said = err(&output);
    assert!(
        said.starts_with("error: there: Is a directory") && said.contains("next: name the file"),
        "{said}"
    );
}

#[test]
fn a_key_that_is_none_is_told_with_where_keys_come_from() {
    let folder = folder();
    let asked = ["send", "alice", "hi", "--relay", "http://127.0.0.1:9"];
    let output = tidings(folder.path()).args(asked).env("TIDINGS_KEY", "tdk\nlive").output().unwrap();
    assert_eq!(code(&output), 2);
    let said = err(&output);
    assert!(said.contains("it begins with tdk_live_") && said.contains("next: give the whole key"), "{said}");
    assert!(!said.contains("tdk\n"), "{said}");
}

/// A relay that cannot start says so in one sentence, with what to do.
#[rstest]
#[case::another_database(&["--store", "postgres://127.0.0.1:9/tidings"], "write sqlite:FOLDER")]
#[case::no_key(&["--data", "d"], "d/relay.keys has no keys of a relay: restore it from a backup")]
fn a_bad_start_is_one_sentence(#[case] options: &[&str], #[case] words: &str) {
    let folder = folder();
    fs::create_dir(folder.path().join("d")).unwrap();
    let keys = folder.path().join("d/relay.keys");
    fs::write(&keys, "no keys").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&keys, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let output = run(folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], options].concat());
    assert_eq!(code(&output), 1);
    let said = err(&output);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("error:")).collect();
    assert!(lines.len() == 1 && lines[0].contains(words), "{said}");
    assert_eq!(out(&output), "");
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder();
    let output = run(folder.path(), &["serve", "--listen", &address, "--data", "d"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("--listen 127.0.0.1:0"), "{}", err(&output));
    assert!(!folder.path().join("d/credentials.json").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = tidings(folder().path())
        .args(["help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
}
