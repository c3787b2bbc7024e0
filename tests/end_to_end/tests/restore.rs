//! Yesterday's backup comes back: devices are ahead of it. Every one resyncs, none is left with a silent gap.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Site};

fn run(program: &str, arguments: &[&std::ffi::OsStr]) {
    let done = Command::new(program).args(arguments).status();
    assert!(done.expect("it runs").success(), "{program} {arguments:?}");
}

/// How a backup is put back.
#[derive(Clone, Copy, Debug)]
enum Restore {
    /// The folder is removed, the copy takes its place.
    Replaced,
    /// The files of the copy are written over the newer ones.
    WrittenOver,
    /// Only the database.
    DatabaseAlone,
}

fn back_up(site: &Site) {
    run("cp", &["-a".as_ref(), site.data().as_os_str(), site.beside("yesterday").as_os_str()]);
}

fn restore(site: &Site, how: Restore) {
    let (data, yesterday) = (site.data(), site.beside("yesterday"));
    match how {
        Restore::Replaced => {
            std::fs::remove_dir_all(&data).expect("it can be removed");
            run("cp", &["-a".as_ref(), yesterday.as_os_str(), data.as_os_str()]);
        }
        Restore::WrittenOver => {
            remove_log(&data);
            run("cp", &["-rT".as_ref(), yesterday.as_os_str(), data.as_os_str()]);
        }
        Restore::DatabaseAlone => {
            remove_log(&data);
            for name in ["tidings.sqlite3", "tidings.sqlite3-wal"] {
                if yesterday.join(name).exists() {
                    std::fs::copy(yesterday.join(name), data.join(name)).expect("it can be copied");
                }
            }
        }
    }
}

/// A log of the newer database would be played over the older one.
fn remove_log(data: &Path) {
    for name in ["tidings.sqlite3-wal", "tidings.sqlite3-shm"] {
        drop(std::fs::remove_file(data.join(name)));
    }
}

fn send(relay: &Relay, recipient: &str, text: &str) -> String {
    let sent = relay.caller().call("POST", &format!("/v1/to/{recipient}"), &[], text.as_bytes()).ok(202);
    sent["id"].as_str().expect("an id").to_owned()
}

/// Says hello at a cursor and reads until nothing more follows: whether it was a reset, and every id.
fn catch_up(
    relay: &Relay,
    recipient: &str,
    device: &str,
    cursor: Option<&str>,
) -> (bool, Vec<String>, String) {
    let mut socket = tidings_end_to_end::Device::open(relay.address(), Some(&relay.token(recipient, device)));
    socket.send(&json!({"t": "hello", "device": device, "nonce": device, "cursor": cursor}));
    let welcome = socket.expect("welcome");
    let (mut ids, mut cursor) = (Vec::new(), cursor.unwrap_or_default().to_owned());
    loop {
        if !welcome["reset"].as_bool().expect("it says so") && welcome["head"] == cursor.as_str() {
            break;
        }
        let changes = socket.until("changes");
        let items = changes["items"].as_array().expect("items");
        ids.extend(items.iter().filter(|item| item["kind"] == "notification").filter_map(id));
        cursor = changes["to"].as_str().expect("a cursor").to_owned();
        if changes["more"] == false && (changes["to"] == welcome["head"] || ids.len() > 500) {
            break;
        }
    }
    socket.send(&json!({"t": "held", "cursor": cursor}));
    (welcome["reset"] == true, ids, cursor)
}

fn id(item: &Value) -> Option<String> {
    item["id"].as_str().map(str::to_owned)
}

fn every_device_resyncs(how: Restore) {
    let relay = Relay::start();
    let kept: Vec<_> = (0..5).map(|index| send(&relay, "alice", &format!("before {index}"))).collect();
    let (reset, ids, _) = catch_up(&relay, "alice", "laptop", None);
    assert!(reset && ids == kept, "{ids:?}");
    let (_, _, at_backup) = catch_up(&relay, "alice", "phone", None);
    let (site, ended) = relay.terminate();
    assert!(ended.success(), "{ended}");
    back_up(&site);
    // The day goes on: the laptop sees it, the phone does not.
    let relay = Relay::start_on(site);
    let lost = send(&relay, "alice", "of the day that is lost");
    let (_, _, ahead) = catch_up(&relay, "alice", "laptop", Some(&at_backup));
    let (site, _) = relay.terminate();
    restore(&site, how);
    // More happens than the lost day had, so that the head is past every cursor before a device comes.
    let relay = Relay::start_on(site);
    let after: Vec<_> = (0..5).map(|index| send(&relay, "alice", &format!("after {index}"))).collect();
    for (device, cursor) in [("laptop", &ahead), ("phone", &at_backup)] {
        let (reset, ids, now) = catch_up(&relay, "alice", device, Some(cursor));
        assert!(reset, "{how:?}: {device} starts again");
        assert_eq!(ids, [&kept[..], &after[..]].concat(), "{how:?}: {device} has all and nothing twice");
        assert!(!ids.contains(&lost));
        // Once is enough: from here on it is a cursor like any other.
        let (again, none, _) = catch_up(&relay, "alice", device, Some(&now));
        assert_eq!((again, none.len()), (false, 0), "{how:?}: {device}");
    }
    assert_eq!(relay.caller().get("/v1/accounting").ok(200)["residue"], 0);
}

#[test]
fn a_folder_that_took_the_place_of_the_newer_one_resets_every_device() {
    every_device_resyncs(Restore::Replaced);
}

#[test]
fn files_that_were_written_over_the_newer_ones_reset_every_device() {
    every_device_resyncs(Restore::WrittenOver);
}

#[test]
fn a_database_that_was_restored_alone_resets_every_device() {
    every_device_resyncs(Restore::DatabaseAlone);
}

#[test]
fn a_plain_restart_resets_no_device() {
    let relay = Relay::start();
    let first = send(&relay, "alice", "one");
    let (_, ids, cursor) = catch_up(&relay, "alice", "laptop", None);
    assert_eq!(ids, [first]);
    let site = relay.kill();
    let relay = Relay::start_on(site);
    let (reset, ids, cursor) = catch_up(&relay, "alice", "laptop", Some(&cursor));
    assert_eq!((reset, ids.len()), (false, 0));
    let (site, _) = relay.terminate();
    let relay = Relay::start_on(site);
    let second = send(&relay, "alice", "two");
    let (reset, ids, _) = catch_up(&relay, "alice", "laptop", Some(&cursor));
    assert_eq!((reset, ids), (false, vec![second]));
}
