//! Deliveries handed over to real servers on the loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tidings_store::{Fault, Faults, PortCall};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bench::Bench;
use crate::channels::testing::{Reply, Server};
use crate::relay::handovers;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SHOP: &str = "tidings: 1
project: {name: shop, unknown_recipient: create}
providers: {hook: {channel: webhook, kind: webhook, password: {secret: hook}}}
categories: {general: {legal: service, channels: [webhook]}}
";

/// Handing over while it runs.
struct Running {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    fn start(bench: &Bench, lost_after: Duration) -> Self {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let handovers = handovers(&bench.app, Arc::new(bench.app.writer.clone())).losing_after(lost_after);
        tracker.spawn(handovers.run(stop.clone()));
        tracker.close();
        Self { stop, tracker }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}

async fn bench(faults: Option<Arc<dyn Faults>>) -> Bench {
    let here = |options: &mut crate::settings::ServeOptions| {
        options.outside.networks = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let bench = Bench::seen_through(here, |store| match faults {
        Some(faults) => store.with_faults(faults),
        None => store,
    });
    let bench = bench.await;
    bench.apply(SHOP).await;
    bench.put("/v1/secrets/hook", &json!({"value": SECRET})).await;
    bench
}

async fn lives_at(bench: &Bench, recipient: &str, server: &Server) {
    let body = json!({"address": format!("http://{}/{recipient}", server.address)});
    let reply = bench.put(&format!("/v1/recipients/{recipient}/endpoints/webhook"), &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

async fn tell(bench: &Bench, recipient: &str) {
    let body = json!({"recipients": [recipient], "category": "general", "content": {"title": "Hello"}});
    let reply = bench.post("/v1/notifications", &body).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
}

async fn deliveries(bench: &Bench, state: &str) -> Vec<Value> {
    let reply = bench.get(&format!("/v1/deliveries?state={state}&limit=200")).await;
    reply.body["items"].as_array().unwrap_or_else(|| panic!("{}", reply.body)).clone()
}

/// Waits until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("not {what}"));
}

#[tokio::test]
async fn a_url_that_answers_nothing_keeps_no_other_waiting() {
    let bench = bench(None).await;
    let (slow, quick) = (Server::new(Reply::Silent).await, Server::new(Reply::status(200, "", "")).await);
    for n in 0..60 {
        let recipient = format!("slow{n}");
        lives_at(&bench, &recipient, &slow).await;
        tell(&bench, &recipient).await;
    }
    lives_at(&bench, "quick", &quick).await;
    tell(&bench, "quick").await;
    let running = Running::start(&bench, Duration::from_secs(60));
    until("the quick one has it", async || quick.asked().len() == 1).await;
    until("the slow one is asked as well", async || !slow.asked().is_empty()).await;
    assert_eq!(deliveries(&bench, "sent").await.len(), 1);
    assert_eq!(deliveries(&bench, "handing_over").await.len(), 4, "a few are with the slow one");
    assert_eq!(deliveries(&bench, "waiting").await.len(), 56);
    running.stop.cancel();
}

/// The answer to the next commit is lost, and whether it was committed cannot be asked.
#[derive(Default)]
struct LosesAnAnswer {
    armed: AtomicBool,
    lost: AtomicBool,
}

#[async_trait]
impl Faults for LosesAnAnswer {
    async fn at(&self, call: PortCall) -> Fault {
        if call == PortCall::Commit && self.armed.swap(false, Ordering::SeqCst) {
            self.lost.store(true, Ordering::SeqCst);
            return Fault::AnswerLost;
        }
        let is_asked = call == PortCall::Committed && self.lost.swap(false, Ordering::SeqCst);
        if is_asked { Fault::Fail } else { Fault::None }
    }
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_taken_up_again_while_the_relay_runs() {
    let faults = Arc::new(LosesAnAnswer::default());
    let bench = bench(Some(Arc::clone(&faults) as Arc<dyn Faults>)).await;
    let server = Server::new(Reply::status(200, "", "")).await;
    lives_at(&bench, "dora", &server).await;
    tell(&bench, "dora").await;
    faults.armed.store(true, Ordering::SeqCst);
    let running = Running::start(&bench, Duration::from_millis(60));
    until("it is begun", async || deliveries(&bench, "handing_over").await.len() == 1).await;
    assert!(server.asked().is_empty(), "nobody was told of the claim");
    until("it waits again", async || deliveries(&bench, "waiting").await.len() == 1).await;
    let code = deliveries(&bench, "waiting").await[0]["code"].clone();
    assert_eq!(code, "claim_lost");
    bench.advance(60_000);
    until("it is sent", async || deliveries(&bench, "sent").await.len() == 1).await;
    assert_eq!(server.asked().len(), 1, "once");
    running.end().await;
}

#[tokio::test]
async fn a_url_that_asks_to_be_left_alone_is_left_alone_by_all_that_waits_for_it() {
    let bench = bench(None).await;
    let replies = vec![Reply::status(429, "retry-after: 60\r\n", ""), Reply::status(200, "", "")];
    let server = Server::in_turn(replies).await;
    let other = Server::new(Reply::status(200, "", "")).await;
    lives_at(&bench, "dora", &server).await;
    lives_at(&bench, "emil", &other).await;
    let running = Running::start(&bench, Duration::from_secs(60));
    let put_off = async |count: usize| {
        let rows = deliveries(&bench, "waiting").await;
        rows.len() == count && rows.iter().all(|row| row["reason"] == "retry")
    };
    tell(&bench, "dora").await;
    until("the first waits", async || put_off(1).await).await;
    tell(&bench, "dora").await;
    tell(&bench, "emil").await;
    until("the second waits, too", async || put_off(2).await).await;
    until("another one's goes", async || deliveries(&bench, "sent").await.len() == 1).await;
    assert_eq!(server.asked().len(), 1, "it was left alone");
    bench.advance(120_000);
    until("both are sent", async || deliveries(&bench, "sent").await.len() == 3).await;
    running.end().await;
}
