//! What a backend hears by its hooks, from a real server on the loopback.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bench::Bench;
use crate::channels::SigningKeys;
use crate::channels::testing::{Asked, Reply, Server, outside};
use crate::hooks::{Hooks, Schedule};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const SOON: Schedule = Schedule(&[Duration::from_millis(20)]);

/// The hooks of a bench while they run.
struct Running {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    fn start(bench: &Bench) -> Self {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let hooks = Hooks {
            app: Arc::clone(&bench.app),
            dialer: outside(true, Duration::from_secs(10)).dialer,
            schedule: SOON,
        };
        tracker.spawn(hooks.run(stop.clone()));
        tracker.close();
        Self { stop, tracker }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}

async fn apply(bench: &Bench, hooks: &str) {
    bench
        .apply(&format!(
            "tidings: 1\nproject: {{name: shop, unknown_recipient: create}}\n\
             categories: {{general: {{legal: service, channels: [inapp]}}}}\n\
             templates: {{hello: {{en: {{title: Hello}}}}}}\nhooks: {{{hooks}}}\n"
        ))
        .await;
    bench.put("/v1/secrets/hook", &json!({"value": SECRET})).await;
}

fn hook(name: &str, server: &Server, on: &str) -> String {
    format!("{name}: {{url: 'http://{}/{name}', on: [{on}], signing: {{secret: hook}}}}", server.address)
}

/// Somebody decides, which is an entry of the feed.
async fn decide(bench: &Bench, recipient: &str) {
    let body = json!({"decision": "refused", "category": "general", "channels": ["inapp"]});
    let reply = bench.post(&format!("/v1/recipients/{recipient}/consent"), &body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

async fn feed(bench: &Bench) -> Vec<Value> {
    bench.get("/v1/changes?limit=500").await.body["items"].as_array().unwrap().clone()
}

fn told(asked: &[Asked]) -> Vec<Value> {
    asked.iter().map(Asked::json).collect()
}

/// Waits until the one hook is in a state.
async fn reaches(bench: &Bench, state: &str) -> Value {
    let wait = async {
        loop {
            let hook = bench.get("/v1/hooks").await.body["items"][0].clone();
            if hook["state"] == state {
                return hook;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the hook reaches the state")
}

#[tokio::test]
async fn a_backend_hears_the_entries_of_the_feed_in_order_and_signed() {
    let (bench, server) = (Bench::new().await, Server::new(Reply::status(204, "", "")).await);
    apply(&bench, &hook("backend", &server, "consent.changed")).await;
    assert_eq!(bench.get("/v1/hooks").await.body["items"][0]["state"], "new");
    let running = Running::start(&bench);
    for recipient in ["alice", "bob", "carol"] {
        decide(&bench, recipient).await;
    }
    let asked = server.asked_times(3).await;
    assert_eq!(told(&asked), feed(&bench).await, "the same items as the feed's");
    let keys = SigningKeys::of(&SECRET.into()).unwrap();
    for (number, asked) in asked.iter().enumerate() {
        let id = format!("{}.{}", bench.project(), number + 1);
        assert_eq!(
            (asked.line.as_str(), asked.header("webhook-id")),
            ("POST /backend HTTP/1.1", id.as_str())
        );
        let seconds = asked.header("webhook-timestamp").parse().unwrap();
        assert_eq!(asked.header("webhook-signature"), keys.sign(&id, seconds, asked.body.as_bytes()));
    }
    running.end().await;
    assert_eq!(bench.get("/v1/hooks").await.body["items"][0]["state"], "up");
}

#[tokio::test]
async fn a_hook_hears_what_it_asked_for_and_nothing_from_before_it_was_there() {
    let (bench, server) = (Bench::new().await, Server::new(Reply::status(200, "", "")).await);
    let choice = json!({"categories": {"general": {"inapp": false}}});
    let early = bench.put("/v1/recipients/early/preferences", &choice).await;
    assert!(early.status < 300, "{}", early.body);
    bench.advance(1);
    let on = "notification.suppressed, preference.changed";
    apply(&bench, &hook("backend", &server, on)).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let changed = bench.put("/v1/recipients/bob/preferences", &choice).await;
    assert!(changed.status < 300, "{}", changed.body);
    let told = told(&server.asked_times(2).await);
    assert_eq!(
        (&told[0]["kind"], &told[0]["detail"]["state"]),
        (&json!("notification.final"), &json!("suppressed"))
    );
    assert_eq!((&told[1]["kind"], &told[1]["recipient"]), (&json!("preference.changed"), &json!("bob")));
    running.end().await;
}

#[tokio::test]
async fn an_entry_that_was_not_taken_comes_again_before_the_next_one() {
    let bench = Bench::new().await;
    let no = Reply::status(503, "", "");
    let server = Server::in_turn(vec![no.clone(), Reply::Hangs, no, Reply::status(200, "", "")]).await;
    apply(&bench, &hook("backend", &server, "consent.changed")).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    decide(&bench, "bob").await;
    let asked = server.asked_times(5).await;
    let ids: Vec<&str> = asked.iter().map(|asked| asked.header("webhook-id")).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]), "the same entry has the same id: {ids:?}");
    let recipients: Vec<Value> = told(&asked).into_iter().map(|item| item["recipient"].clone()).collect();
    assert_eq!(recipients, ["alice", "alice", "alice", "alice", "bob"]);
    running.end().await;
    assert_eq!(reaches(&bench, "up").await["failed"], 0);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_row_stands() {
    let (bench, server) = (Bench::new().await, Server::new(Reply::status(200, "", "")).await);
    apply(&bench, &hook("backend", &server, "consent.changed")).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    server.asked_times(1).await;
    running.end().await;
    decide(&bench, "bob").await;
    let running = Running::start(&bench);
    let asked = server.asked_times(2).await;
    running.end().await;
    assert_eq!(told(&asked), feed(&bench).await, "nothing twice, nothing left out");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_the_document_changes() {
    let bench = Bench::new().await;
    let server = Server::in_turn(vec![Reply::status(410, "", ""), Reply::status(200, "", "")]).await;
    apply(&bench, &hook("backend", &server, "consent.changed")).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    assert_eq!(reaches(&bench, "gone").await["code"], "http_410");
    decide(&bench, "bob").await;
    assert_eq!(server.asked().len(), 1);
    running.end().await;
    let running = Running::start(&bench);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.asked().len(), 1, "a restart is no change of the document");
    apply(&bench, &hook("backend", &server, "consent.changed, feedback")).await;
    let asked = server.asked_times(3).await;
    running.end().await;
    let recipients: Vec<Value> = told(&asked).into_iter().map(|item| item["recipient"].clone()).collect();
    assert_eq!(recipients, ["alice", "alice", "bob"], "what it missed comes then");
}

#[tokio::test]
async fn a_receiver_that_says_nothing_keeps_no_other_hook_waiting() {
    let bench = Bench::new().await;
    let (silent, quick) = (Server::new(Reply::Silent).await, Server::new(Reply::status(200, "", "")).await);
    let on = "consent.changed";
    apply(&bench, &format!("{}, {}", hook("a", &silent, on), hook("b", &quick, on))).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    silent.asked_times(1).await;
    decide(&bench, "bob").await;
    assert_eq!(told(&quick.asked_times(2).await), feed(&bench).await);
    running.stop.cancel();
}

#[tokio::test]
async fn without_its_secret_nothing_is_told_and_a_new_one_needs_no_new_document() {
    let (bench, server) = (Bench::new().await, Server::new(Reply::status(200, "", "")).await);
    apply(&bench, &hook("backend", &server, "consent.changed")).await;
    bench.put("/v1/secrets/hook", &json!({"value": "hunter2"})).await;
    let running = Running::start(&bench);
    decide(&bench, "alice").await;
    assert_eq!(reaches(&bench, "failing").await["code"], "bad_signing_secret");
    assert!(server.asked().is_empty());
    let old = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    bench.put("/v1/secrets/hook", &json!({"value": format!("{SECRET} {old}")})).await;
    let asked = server.asked_times(1).await;
    assert_eq!(asked[0].header("webhook-signature").split(' ').count(), 2, "both keys sign");
    running.end().await;
}
