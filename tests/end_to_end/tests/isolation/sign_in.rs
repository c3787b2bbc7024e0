//! Connect codes and refresh tokens.

use std::process::Command;

use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Site, binary};

fn code(relay: &Relay, recipient: &str) -> String {
    let made = relay.caller().post("/v1/connect-codes", &json!({"recipient": recipient})).ok(201);
    made["code"].as_str().expect("a code").to_owned()
}

fn refresh(relay: &Relay, token: &Value) -> tidings_end_to_end::Reply {
    relay.stranger().post("/v1/me/token", &json!({"refresh_token": token}))
}

#[test]
fn a_connect_code_signs_one_device_in_once() {
    let relay = Relay::start();
    let code = code(&relay, "alice");
    let ask = json!({"code": code, "device": "laptop", "platform": "shell"});
    let signed_in = relay.stranger().post("/v1/connect", &ask).ok(200);
    assert_eq!((&signed_in["recipient"], &signed_in["device"]), (&json!("alice"), &json!("laptop")));
    let _me = relay.caller_with(signed_in["access_token"].as_str().expect("a token")).get("/v1/me").ok(200);
    let again =
        relay.stranger().post("/v1/connect", &json!({"code": code, "device": "thief", "platform": "shell"}));
    let _again = again.problem(401, "invalid_code");
    let wrong = json!({"code": "AAAAAAAA", "device": "thief", "platform": "shell"});
    let _wrong = relay.stranger().post("/v1/connect", &wrong).problem(401, "invalid_code");
}

#[test]
fn a_code_is_raced_for_and_one_wins() {
    let relay = Relay::start();
    let code = code(&relay, "alice");
    let signed_in: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|index| {
                let ask = json!({"code": code, "device": format!("d{index}"), "platform": "shell", "nonce": format!("n{index}")});
                let stranger = relay.stranger();
                scope.spawn(move || usize::from(stranger.post("/v1/connect", &ask).status == 200))
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().expect("it does not panic")).sum()
    });
    assert_eq!(signed_in, 1);
}

#[test]
fn a_refresh_token_rotates_its_last_exchange_can_be_repeated_and_an_older_one_revokes_the_device() {
    let relay = Relay::start();
    let ask = json!({"code": code(&relay, "alice"), "device": "laptop", "platform": "shell"});
    let first = relay.stranger().post("/v1/connect", &ask).ok(200);
    let second = refresh(&relay, &first["refresh_token"]).ok(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(refresh(&relay, &first["refresh_token"]).ok(200), second, "its answer was lost");
    let third = refresh(&relay, &second["refresh_token"]).ok(200);
    // Two exchanges old: somebody has a copy, and neither of the two goes on.
    let _stolen = refresh(&relay, &first["refresh_token"]).problem(401, "revoked");
    let newest = relay.caller_with(third["access_token"].as_str().expect("a token"));
    let _newest = newest.get("/v1/me").problem(401, "revoked");
    assert_eq!(refresh(&relay, &third["refresh_token"]).status, 401);
    let _unknown = refresh(&relay, &json!("tdr_nope")).problem(401, "invalid_refresh_token");
}

/// The relay under a clock that is `offset` from the machine's; none if there is no libfaketime.
fn at(site: Site, offset: &str) -> Option<Relay> {
    let there =
        Command::new("faketime").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        return None;
    }
    let mut command = Command::new("faketime");
    command.args(["-f", offset]).arg(binary()).args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(site.data()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Some(Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said)))
}

#[test]
fn a_code_and_a_repetition_run_out_with_time() {
    let relay = Relay::start();
    let (used, unused) = (code(&relay, "alice"), code(&relay, "alice"));
    let ask = |code: &str, device: &str| json!({"code": code, "device": device, "platform": "shell"});
    let first = relay.stranger().post("/v1/connect", &ask(&used, "laptop")).ok(200);
    let second = refresh(&relay, &first["refresh_token"]).ok(200);
    let (site, _) = relay.terminate();
    let Some(relay) = at(site, "+20m") else {
        let console: &mut dyn std::io::Write = &mut std::io::stderr();
        return writeln!(console, "not run: there is no faketime here").expect("standard error is open");
    };
    let _late = relay.stranger().post("/v1/connect", &ask(&unused, "phone")).problem(401, "invalid_code");
    let _late = refresh(&relay, &first["refresh_token"]).problem(401, "revoked");
    assert_eq!(refresh(&relay, &second["refresh_token"]).status, 401);
}
