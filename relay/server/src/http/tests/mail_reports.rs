//! Bounces and complaints, as mail servers, vendors and backends tell them.

use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, Unit};
use tidings_core::delivery::{Handover, Outcome};
use tidings_core::ports::DeliveryFilter;

use super::bench::{Bench, Reply};
use super::links::DOCUMENT;

/// A mail of a category that its provider took: the notification's id and the hand-over.
pub(super) struct Mailed {
    pub(super) bench: Bench,
    pub(super) notification: String,
    pub(super) handover: Handover,
}

impl Mailed {
    pub(super) async fn new(category: &str) -> Self {
        let bench = Bench::new().await;
        bench.apply(DOCUMENT).await;
        bench.put("/v1/secrets/bounces", &json!({"value": "open sesame"})).await;
        let address = json!({"address": "alice@example.org", "verified": true});
        bench.put("/v1/recipients/alice", &json!({})).await;
        bench.put("/v1/recipients/alice/endpoints/email", &address).await;
        let grant = json!({"decision": "granted", "category": "offers", "channels": ["email"], "policy_version": "1"});
        bench.post("/v1/recipients/alice/consent", &grant).await;
        let send = json!({"recipients": ["alice"], "category": category, "template": "hello", "data": {}});
        let sent = bench.post("/v1/notifications", &send).await;
        let notification =
            sent.body["notifications"][0]["id"].as_str().unwrap_or_else(|| panic!("{}", sent.body));
        let filter = DeliveryFilter { limit: 1, ..DeliveryFilter::default() };
        let rows = bench.app.ports.stories.deliveries(&bench.project(), &filter).await.unwrap();
        let delivery = rows[0].id.clone();
        let claim = Act::HandOver {
            delivery: delivery.clone(),
            owner: 1,
            present_until: None,
            rests_until: None,
            address_rests_until: None,
        };
        let Answer::Handover(Some(handover)) = act(&bench, claim).await else {
            panic!("it is not handed over")
        };
        let outcome = Outcome::accepted(Some("4F2C1A"));
        act(&bench, Act::Conclude { delivery, attempt: handover.attempt, outcome }).await;
        let notification = notification.to_owned();
        Self { bench, notification, handover: *handover }
    }

    pub(super) async fn story(&self) -> Value {
        self.bench.get(&format!("/v1/notifications/{}", self.notification)).await.body
    }

    async fn stop_list(&self) -> Vec<Value> {
        self.bench.get("/v1/stop-list").await.body["items"].as_array().unwrap().clone()
    }

    async fn tell(&self, media: &str, body: String) -> Reply {
        let headers = [("content-type", media), ("authorization", "Bearer open sesame")];
        self.bench.call_as("", "POST", "/v1/inbound/mail", &headers, body).await
    }

    fn mail_id(&self) -> String {
        format!("<{}@shop.example>", self.handover.delivery)
    }

    fn dsn(&self, action: &str, status: &str, address: &str) -> String {
        format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; {address}\r\n\
             Action: {action}\r\nStatus: {status}\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {}\r\n\r\nHi\r\n--b--\r\n",
            self.mail_id()
        )
    }
}

async fn act(bench: &Bench, act: Act) -> Answer {
    let unit = Unit { project: bench.project(), sandbox: false, repeat: None, act };
    bench.app.writer.write(unit).await.unwrap().answer.unwrap()
}

#[tokio::test]
async fn a_hard_bounce_ends_the_delivery_fails_the_notification_and_stops_the_address() {
    let mailed = Mailed::new("general").await;
    assert_eq!(mailed.story().await["state"], "reached");
    for _ in 0..2 {
        let reply = mailed.tell("message/rfc822", mailed.dsn("failed", "5.1.1", "alice@example.org")).await;
        let expected = json!({"heard": "bounce", "delivery": &*mailed.handover.delivery});
        assert_eq!((reply.status, reply.body), (200, expected));
    }
    let story = mailed.story().await;
    assert_eq!(story["state"], "failed", "{story}");
    let stopped = mailed.stop_list().await;
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    assert_eq!(
        (&stopped[0]["address"], &stopped[0]["reason"]),
        (&json!("alice@example.org"), &json!("mail came back: dsn_5_1_1"))
    );
    let dead = mailed.bench.get("/v1/deliveries?state=dead").await.body;
    assert_eq!(dead["items"][0]["id"], json!(&*mailed.handover.delivery), "{dead}");
    let books = mailed.bench.get("/v1/accounting").await.body;
    assert_eq!(books["residue"], 0, "{books}");
}

#[tokio::test]
async fn a_report_stops_the_address_that_was_written_to_and_no_other() {
    let mailed = Mailed::new("general").await;
    mailed.tell("message/rfc822", mailed.dsn("failed", "5.1.1", "victim@example.org")).await;
    let stopped = mailed.stop_list().await;
    assert_eq!(stopped[0]["address"], "alice@example.org", "{stopped:?}");
    let forged =
        mailed.dsn("failed", "5.1.1", "victim@example.org").replace(&*mailed.handover.delivery, "unknown");
    let reply = mailed.tell("message/rfc822", forged).await;
    assert_eq!((reply.status, &reply.body["heard"]), (200, &json!(null)));
    assert_eq!(mailed.stop_list().await.len(), 1);
}

#[tokio::test]
async fn a_soft_one_is_in_the_story_and_nothing_else() {
    let mailed = Mailed::new("general").await;
    mailed.tell("message/rfc822", mailed.dsn("delayed", "4.2.2", "alice@example.org")).await;
    let story = mailed.story().await;
    assert_eq!(story["state"], "reached");
    assert!(story["timeline"].to_string().contains("dsn_4_2_2"), "{story}");
    assert_eq!(mailed.stop_list().await.len(), 0);
}

#[tokio::test]
async fn a_full_mailbox_ends_the_delivery_and_not_the_address() {
    let mailed = Mailed::new("general").await;
    mailed.tell("message/rfc822", mailed.dsn("failed", "5.2.2", "alice@example.org")).await;
    assert_eq!(mailed.story().await["state"], "failed");
    assert_eq!(mailed.stop_list().await.len(), 0);
}

#[rstest]
#[case("offers", 2)]
#[case("general", 1)]
#[tokio::test]
async fn a_complaint_stops_the_address_and_takes_a_consent_back(
    #[case] category: &str,
    #[case] entries: usize,
) {
    let mailed = Mailed::new(category).await;
    let arf = format!(
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n\
         Feedback-Type: abuse\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {}\n--b--\n",
        mailed.mail_id()
    );
    for _ in 0..2 {
        let reply = mailed.tell("message/rfc822", arf.clone()).await;
        assert_eq!(reply.body["heard"], "complaint", "{}", reply.body);
    }
    assert_eq!(mailed.stop_list().await[0]["reason"], "its owner called a mail of ours spam");
    let ledger = mailed.bench.get("/v1/recipients/alice/consent").await.body["items"].clone();
    assert_eq!(ledger.as_array().unwrap().len(), entries, "{ledger}");
    if entries == 2 {
        assert_eq!(
            (&ledger[0]["decision"], &ledger[0]["collected"]["how"]),
            (&json!("withdrawn"), &json!("complaint"))
        );
    }
    assert!(mailed.story().await["timeline"].to_string().contains("complaint_abuse"));
}

#[rstest]
#[case::hard(json!({"kind": "bounce", "hard": true}), "failed", 1)]
#[case::soft(json!({"kind": "bounce", "hard": false}), "reached", 0)]
#[case::complaint(json!({"kind": "complaint"}), "reached", 1)]
#[case::delivered(json!({"kind": "delivered"}), "reached", 0)]
#[tokio::test]
async fn the_plain_form_says_the_same(#[case] body: Value, #[case] state: &str, #[case] stopped: usize) {
    for by in ["message_id", "delivery"] {
        let mailed = Mailed::new("general").await;
        let mut body = body.clone();
        body[by] = if by == "delivery" { json!(&*mailed.handover.delivery) } else { json!(mailed.mail_id()) };
        let reply = mailed.tell("application/json", body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(
            (&mailed.story().await["state"], mailed.stop_list().await.len()),
            (&json!(state), stopped)
        );
    }
}

#[tokio::test]
async fn whoever_has_proven_who_they_are_may_name_an_address_alone() {
    let mailed = Mailed::new("general").await;
    let body = json!({"kind": "bounce", "address": "bob@example.org", "hard": true}).to_string();
    assert_eq!(mailed.tell("application/json", body.clone()).await.status, 200);
    assert_eq!(mailed.stop_list().await[0]["address"], "bob@example.org");
    let stranger = mailed.bench.call_as("", "POST", "/v1/inbound/mail", &[], body).await;
    assert_eq!(stranger.status, 401);
}

#[rstest]
#[case(json!({"kind": "bounce"}), "")]
#[case(json!({"kind": "bounced", "delivery": "x"}), "/kind")]
#[case(json!({"kind": "bounce", "message_id": "x"}), "/message_id")]
#[case(json!({"kind": "bounce", "address": "a, b"}), "/address")]
#[case(json!({"kind": "bounce", "adress": "a@b.example"}), "/adress")]
#[tokio::test]
async fn a_plain_form_that_cannot_be_read_says_where(#[case] body: Value, #[case] pointer: &str) {
    let mailed = Mailed::new("general").await;
    let reply = mailed.tell("application/json", body.to_string()).await;
    assert_eq!(
        (reply.status, reply.body["errors"][0]["pointer"].as_str()),
        (422, Some(pointer)),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn a_notice_of_holidays_is_taken_and_means_nothing() {
    let mailed = Mailed::new("general").await;
    let reply = mailed.tell("message/rfc822", "Subject: Re: Hello\r\n\r\nI am away.\r\n".to_owned()).await;
    assert_eq!((reply.status, &reply.body["heard"]), (200, &json!(null)));
}
