//! `tidings demo` plays through its own `kill -9`, and its comparison of the three books is one that can fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tidings_end_to_end::binary;

/// What has to be in flight when the power fails.
const IN_FLIGHT_MIN: u64 = 50;

fn demo(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(binary());
    command.arg("demo").args(arguments).arg(folder);
    command.env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY");
    command.output().expect("the binary runs")
}

/// What it wrote for people and for programs.
fn said(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{error}")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}

/// The books of one run, copied for whoever spoils them.
fn spoilt(kept: &Path, name: &str) -> PathBuf {
    let copy = kept.with_file_name(name);
    let copied = Command::new("cp").arg("-a").args([kept, &copy]).status();
    assert!(copied.expect("cp runs").success(), "the books are copied");
    copy
}

/// Takes one notification out of one client's file: whose, and which.
async fn take_a_row_out(folder: &Path) -> (String, String) {
    let file = folder.join("inboxes/tunnel-1.tidings");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut file = options.connect().await.expect("the file opens");
    let id: String = sqlx::query_scalar("SELECT id FROM items ORDER BY id LIMIT 1")
        .fetch_one(&mut file)
        .await
        .expect("it has rows");
    let gone = sqlx::query("DELETE FROM items WHERE id = ?").bind(&id).execute(&mut file).await;
    assert_eq!(gone.expect("it can be deleted").rows_affected(), 1);
    file.close().await.expect("it closes");
    ("tunnel-1".to_owned(), id)
}

/// Takes one 202 out of the publisher's file; answers the notification that it promised.
fn take_a_line_out(folder: &Path) -> String {
    let path = folder.join("publisher.ndjson");
    let text = fs::read_to_string(&path).expect("it was kept");
    let taken = text.lines().next().expect("it has lines").to_owned();
    let rest: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(&path, rest).expect("it can be written");
    let line: Value = serde_json::from_str(&taken).expect("lines are JSON");
    line["event"].as_str().expect("it has its event").to_owned()
}

#[tokio::test]
async fn the_demo_survives_its_power_failure_and_its_books_are_really_compared() {
    let root = tempfile::tempdir().expect("there is room");
    let kept = root.path().join("kept");
    let played = demo(&["--json", "--keep"], &kept);
    assert_eq!(played.status.code(), Some(0), "{}", said(&played));

    // For programs: the books, then the fall with what was in flight.
    let told = lines(&played);
    let fall = &told.last().expect("it says something")["kill"];
    for number in ["publishes", "deliveries"] {
        assert!(fall[number].as_u64().is_some_and(|count| count >= IN_FLIGHT_MIN), "{number}: {fall}");
    }
    assert!(fall["back_after_ms"].as_u64().is_some_and(|millis| millis > 0), "{fall}");
    let books = told.iter().find(|line| line["publisher"].is_object()).expect("the books are told");
    assert_eq!(books["disagreements"], Value::Array(Vec::new()), "{books}");
    assert_eq!(books["relay"]["residue"], 0, "{books}");
    assert_eq!(books["publisher"]["events"], books["relay"]["events"], "{books}");

    let whole = demo(&["--compare"], &kept);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    assert!(said(&whole).contains("They agree."), "{}", said(&whole));

    let folder = spoilt(&kept, "a-row-less");
    let (whose, which) = take_a_row_out(&folder).await;
    let noticed = demo(&["--compare"], &folder);
    assert_eq!(noticed.status.code(), Some(1), "{}", said(&noticed));
    let sentence = format!("{whose}'s file lacks {which}");
    assert!(said(&noticed).contains(&sentence), "{sentence}: {}", said(&noticed));
    let for_programs = demo(&["--json", "--compare"], &folder);
    assert_eq!(for_programs.status.code(), Some(1));
    let disagreements = lines(&for_programs)[0]["disagreements"].clone();
    assert!(disagreements[0].as_str().is_some_and(|line| line.contains(&which)), "{disagreements}");

    let folder = spoilt(&kept, "a-promise-less");
    let event = take_a_line_out(&folder);
    let noticed = demo(&["--compare"], &folder);
    assert_eq!(noticed.status.code(), Some(1), "{}", said(&noticed));
    assert!(said(&noticed).contains(&event), "{event}: {}", said(&noticed));
}

#[test]
fn the_demo_tells_people_the_story_with_both_numbers_and_what_to_try_next() {
    let root = tempfile::tempdir().expect("there is room");
    let kept = root.path().join("kept");
    let played = demo(&["--keep"], &kept);
    let text = said(&played);
    assert_eq!(played.status.code(), Some(0), "{text}");
    let fall = text.lines().find(|line| line.starts_with("kill -9 fell with")).expect("it tells of the fall");
    let numbers: Vec<u64> = fall.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [publishes, deliveries, back_after_ms] = numbers[..] else { panic!("three numbers: {fall}") };
    assert!(publishes >= IN_FLIGHT_MIN && deliveries >= IN_FLIGHT_MIN && back_after_ms > 0, "{fall}");
    for word in ["alice", "bob", "chen", "quiet_hours", "consent", "They agree.", "tidings plan"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // A folder that exists is not written into.
    let again = demo(&["--keep"], &kept);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
}
