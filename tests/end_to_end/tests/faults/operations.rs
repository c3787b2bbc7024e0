//! Operations that are wrong, someone else's, or come twice.

use serde_json::json;
use tidings_end_to_end::Relay;

fn send(relay: &Relay, recipient: &str) -> String {
    let sent = relay.caller().call("POST", &format!("/v1/to/{recipient}"), &[], b"hi").ok(202);
    sent["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_cannot_be_done_is_refused_for_good_and_the_rest_is_done() {
    let relay = Relay::start();
    let (mine, theirs) = (send(&relay, "alice"), send(&relay, "bob"));
    let mut device = relay.device("alice", "laptop");
    let _there = device.until_item(&mine);
    device.send(&json!({"t": "ops", "ops": [
        {"id": "1", "op": "receipt", "notification": theirs, "receipt": "read"},
        {"id": "2", "op": "dance"},
        {"id": "3", "op": "receipt", "notification": mine, "receipt": "danced"},
        {"id": "4", "op": "receipt", "notification": "nope", "receipt": "read"},
        {"id": "5", "op": "preference", "category": "nope", "chosen": false},
        {"id": "6", "op": "profile", "time_zone": "Mars/Olympus"},
        {"id": "7", "op": "mark", "notification": mine, "read": "yes"},
        {"id": "8", "op": "receipt", "notification": mine, "receipt": "acted", "action": "nope"},
        {"id": "9", "op": "receipt", "notification": mine, "receipt": "read", "at": "2999-01-01T00:00:00.000Z"},
        {"id": "10", "op": "pause", "until": null, "more": 1},
        {"id": "11", "op": "mark", "notification": mine, "archived": true},
    ]}));
    let answer = device.until("done");
    let refused: Vec<_> = answer["refused"].as_array().expect("refusals").iter().collect();
    assert!(
        refused.iter().all(|refusal| refusal["permanent"] == true && refusal["detail"].is_string()),
        "{answer}"
    );
    let ids: Vec<_> = refused.iter().filter_map(|refusal| refusal["id"].as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8", "10"], "{answer}");
    assert_eq!(answer["done"], json!(["9", "11"]), "{answer}");
    assert_eq!(
        (&refused[0]["code"], &refused[3]["code"]),
        (&json!("not_found"), &json!("not_found")),
        "{answer}"
    );
    // A time from the future counts as the time it came.
    let story = relay.caller().get(&format!("/v1/notifications/{mine}")).ok(200).to_string();
    assert!(!story.contains("2999"), "{story}");
    let other = relay.caller().get(&format!("/v1/notifications/{theirs}")).ok(200).to_string();
    assert!(!other.contains("\"receipt\":\"read\""), "{other}");
}

#[test]
fn an_operation_that_is_repeated_after_a_reconnect_has_one_effect_and_the_same_answer() {
    let relay = Relay::start();
    let mine = send(&relay, "alice");
    let ops = json!({"t": "ops", "ops": [
        {"id": "op-1", "op": "receipt", "notification": mine, "receipt": "acknowledged"},
        {"id": "op-2", "op": "mark", "notification": mine, "snoozed_until": "2099-01-01T00:00:00.000Z"},
        {"id": "op-3", "op": "receipt", "notification": "nope", "receipt": "read"},
    ]});
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut device = relay.device("alice", "laptop");
        device.send(&ops);
        let mut answer = device.until("done");
        // The words are for people; what counts is the code.
        answer["refused"][0].as_object_mut().expect("a refusal").remove("detail");
        answers.push(answer);
        device.cut();
    }
    assert_eq!(answers[0]["done"], json!(["op-1", "op-2"]), "{}", answers[0]);
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let story = relay.caller().get(&format!("/v1/notifications/{mine}")).ok(200).to_string();
    assert_eq!(
        story.matches("acknowledged").count(),
        story.matches("\"receipt\":\"acknowledged\"").count().max(1),
        "{story}"
    );
    assert_eq!(story.matches("\"receipt\":\"acknowledged\"").count(), 1, "{story}");
    let caller = relay.caller_with(&relay.token("alice", "laptop"));
    let body = json!({"ops": ops["ops"]});
    let http = caller.post("/v1/me/operations", &body).ok(200);
    assert_eq!(http["done"], answers[0]["done"], "over HTTP as well");
}

#[test]
fn five_hundred_operations_are_taken_at_a_time_and_no_more() {
    let relay = Relay::start();
    let caller = relay.caller_with(&relay.token("alice", "laptop"));
    let ops = |count: usize| {
        let ops: Vec<_> = (0..count)
            .map(|index| json!({"id": format!("{count}-{index}"), "op": "pause", "until": null}))
            .collect();
        json!({ "ops": ops })
    };
    let fits = caller.post("/v1/me/operations", &ops(500)).ok(200);
    assert_eq!(fits["done"].as_array().map(Vec::len), Some(500));
    let problem = caller.post("/v1/me/operations", &ops(501));
    assert!([413, 422].contains(&problem.status), "{}", problem.text());
    let problem = problem.json();
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(500), &json!(501)), "{problem}");
}
