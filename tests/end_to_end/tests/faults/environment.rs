//! A machine that does not cooperate: ports, folders, disks, files, clocks.

use std::process::Command;

use serde_json::json;
use tidings_end_to_end::{Refused, Relay, Site, binary};

pub(super) fn not_run(why: &str) {
    let console: &mut dyn std::io::Write = &mut std::io::stderr();
    writeln!(console, "not run: {why}").expect("standard error is open");
}

fn refused(command: Command, site: Site) -> Refused {
    match Relay::try_start(command, site) {
        Ok(relay) => panic!("it must not start at {}", relay.address()),
        Err(refused) => refused,
    }
}

#[track_caller]
fn says(refused: &Refused, words: &[&str]) {
    assert_eq!(refused.code, Some(1), "{}", refused.said);
    let said = refused.said.to_lowercase();
    assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {}", refused.said);
    assert!(!said.contains("panicked"), "{}", refused.said);
}

fn send(relay: &Relay, text: &str) -> String {
    let sent = relay.caller().call("POST", "/v1/to/alice", &[], text.as_bytes()).ok(202);
    sent["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_port_that_is_taken_is_named() {
    let relay = Relay::start();
    let site = Site::new();
    let refused = refused(site.serve(relay.address()), site);
    says(&refused, &[relay.address()]);
    let _alive = relay.caller().get("/v1/accounting").ok(200);
}

#[test]
fn a_second_relay_on_the_same_folder_is_turned_away() {
    let relay = Relay::start();
    let elsewhere = Site::new();
    let mut command = Command::new(binary());
    command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(relay.site().data());
    let refused = refused(command, elsewhere);
    says(&refused, &["another relay", "data"]);
    let _alive = send(&relay, "hi");
    let relay = Relay::start_on(relay.kill());
    let _alive = send(&relay, "hi");
}

#[test]
fn a_database_that_is_gone_is_named_and_no_empty_one_takes_its_place() {
    let (site, _) = Relay::start().terminate();
    let (database, aside) = (site.data().join("tidings.sqlite3"), site.data().join("aside"));
    std::fs::rename(&database, &aside).expect("it is there");
    let refused = refused(site.serve("127.0.0.1:0"), site);
    says(&refused, &["the database of", "is gone", "from a backup"]);
    let site = refused.site;
    assert!(!database.exists(), "nothing was made in its place");
    std::fs::rename(&aside, &database).expect("it is there");
    let _alive = send(&Relay::start_on(site), "hi");
}

#[test]
fn a_folder_of_a_later_version_is_left_alone() {
    let (site, _) = Relay::start().terminate();
    let database = site.data().join("tidings.sqlite3");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    runtime.block_on(async {
        use sqlx::{ConnectOptions as _, Connection as _};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
        let mut connection = options.connect().await.expect("the database opens");
        sqlx::query("PRAGMA user_version = 9999").execute(&mut connection).await.expect("it is set");
        connection.close().await.expect("it closes");
    });
    let before = std::fs::read(&database).expect("it can be read");
    let refused = refused(site.serve("127.0.0.1:0"), site);
    says(&refused, &["version 9999", "later relay"]);
    assert!(before == std::fs::read(refused.site.data().join("tidings.sqlite3")).expect("it can be read"));
}

#[test]
fn a_damaged_database_is_named_and_not_written_over() {
    let relay = Relay::start();
    let _sent = send(&relay, "hi");
    let (site, _) = relay.terminate();
    let database = site.data().join("tidings.sqlite3");
    let whole = std::fs::read(&database).expect("it can be read");
    let cases = [
        ("no database", b"this is no database, but it is long enough to look like one ".repeat(40)),
        ("its head is gone", [vec![0xff; 100], whole[100..].to_vec()].concat()),
        ("half of it is gone", whole[..whole.len() / 2].to_vec()),
    ];
    let mut site = site;
    for (what, bytes) in cases {
        std::fs::write(&database, &bytes).expect("it can be written");
        let refused = refused(site.serve("127.0.0.1:0"), site);
        assert!(refused.said.to_lowercase().contains("damaged"), "{what}: {}", refused.said);
        says(&refused, &["backup"]);
        assert!(std::fs::read(&database).expect("it can be read") == bytes, "{what}: it is left as it was");
        site = refused.site;
    }
    std::fs::write(&database, &whole).expect("it can be written");
    let relay = Relay::start_on(site);
    assert_eq!(relay.caller().get("/v1/notifications").ok(200)["items"].as_array().map(Vec::len), Some(1));
}

/// Runs the relay in a namespace of its own, after a shell's line of mounts; none where that is refused.
pub(super) fn in_namespace(site: &Site, mounts: &str) -> Option<Command> {
    let may = Command::new("unshare").args(["-Urm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        not_run("unshare -Urm with a mount is refused here");
        return None;
    }
    std::fs::create_dir_all(site.data()).expect("there is room");
    let mut command = Command::new("unshare");
    let line = format!("{mounts} && exec \"$BIN\" serve --json --listen 127.0.0.1:0 --data \"$DATA\"");
    command.args(["-Urm", "sh", "-c", &line]).env("BIN", binary()).env("DATA", site.data());
    Some(command)
}

#[test]
fn a_read_only_folder_is_named() {
    for used_before in [false, true] {
        let site = if used_before { Relay::start().terminate().0 } else { Site::new() };
        let mounts = "mount --bind \"$DATA\" \"$DATA\" && mount -o remount,ro,bind \"$DATA\"";
        let Some(command) = in_namespace(&site, mounts) else { return };
        let refused = refused(command, site);
        says(&refused, &["writ"]);
    }
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_goes_on_when_there_is_room() {
    let site = Site::new();
    let Some(command) = in_namespace(&site, "mount -t tmpfs -o size=6m none \"$DATA\"") else { return };
    let mut relay =
        Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
    let caller = relay.caller();
    let data = json!({"a": "x".repeat(60_000)});
    let (mut accepted, mut full) = (Vec::new(), 0);
    for number in 0..400 {
        let event = json!({"type": "a", "id": format!("e{number}"), "source": "s", "data": data});
        let reply = caller.post("/v1/events", &event);
        match reply.status {
            202 => accepted.push(number),
            507 => {
                let problem = reply.problem(507, "storage_full");
                assert!(
                    problem["detail"].as_str().is_some_and(|detail| detail.contains("disk")),
                    "{problem}"
                );
                full += 1;
                // What has no room says so each time, and reading goes on.
                let _reads = caller.get("/v1/accounting").ok(200);
                if full == 5 {
                    break;
                }
            }
            _ => panic!("accepted or no room: {} {}", reply.status, reply.text()),
        }
        assert!(relay.is_running());
    }
    assert!(!accepted.is_empty() && full == 5, "{} fit", accepted.len());
    let books = caller.get("/v1/accounting").ok(200);
    assert_eq!(
        (&books["events"]["accepted"], &books["residue"]),
        (&json!(accepted.len()), &json!(0)),
        "{books}"
    );
    // Room again, made from inside the namespace.
    let pid = relay.pid().to_string();
    let more = format!("mount -o remount,size=64m none {}", relay.site().data().display());
    let made = Command::new("nsenter")
        .args(["-t", &pid, "-U", "-m", "--preserve-credentials", "sh", "-c", &more])
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return not_run("nsenter is refused here: whether it goes on when there is room");
    }
    let event = json!({"type": "a", "id": "after", "source": "s", "data": data});
    let _accepted = caller.post("/v1/events", &event).ok(202);
    let books = caller.get("/v1/accounting").ok(200);
    assert_eq!(
        (&books["events"]["accepted"], &books["residue"]),
        (&json!(accepted.len() + 1), &json!(0)),
        "{books}"
    );
}

#[test]
fn a_clock_that_steps_an_hour_fires_nothing_early_and_nothing_twice() {
    if !Command::new("faketime").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return not_run("there is no faketime here");
    }
    for step in ["+1h", "-1h"] {
        let site = Site::new();
        let clock = site.beside("clock");
        std::fs::write(&clock, "+0").expect("there is room");
        let library =
            Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().expect("it runs");
        let library = String::from_utf8(library.stdout).expect("a path");
        let mut command = site.serve("127.0.0.1:0");
        command.env("LD_PRELOAD", library.trim()).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let relay =
            Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
        let caller = relay.caller();
        let mut device = relay.device("alice", "laptop");
        let held = json!({"recipients": ["alice"], "delay": "30m", "content": {"title": "later"}});
        let held = caller.post("/v1/notifications", &held).ok(202);
        let held = held["notifications"][0]["id"].as_str().expect("an id").to_owned();
        std::fs::write(&clock, step).expect("there is room");
        // What is not held still arrives, once; the hold stays held.
        let now = send(&relay, "now");
        let _arrives = device.until_item(&now);
        let since = std::time::Instant::now();
        while caller.get("/readyz").status == 200 {
            assert!(since.elapsed() < std::time::Duration::from_secs(30), "{step}: the jump is seen");
            let story = caller.get(&format!("/v1/notifications/{held}")).ok(200);
            assert_eq!(story["state"], "held", "{step}: {story}");
        }
        let books = caller.get("/v1/accounting").ok(200);
        assert_eq!(
            (&books["residue"], &books["notifications"]["made"]),
            (&json!(0), &json!(2)),
            "{step}: {books}"
        );
        std::fs::write(&clock, "+0").expect("there is room");
    }
}
