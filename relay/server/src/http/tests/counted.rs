//! Links of mails that are counted.

use axum::body::Body;
use serde_json::json;
use tidings_protocol::Channel;

use super::bench::Reply;
use super::mail_reports::Mailed;
use crate::channels::Links;
use crate::channels::links::LinkMaker;

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

impl Mailed {
    async fn links(&self) -> Links {
        let app = &self.bench.app;
        let ports = &app.ports;
        let maker =
            LinkMaker::new(app.vault.clone(), ports.inbox.clone(), ports.public.clone(), "https://t.example");
        let configuration = app.live(&self.handover.project).await.unwrap();
        assert_eq!(self.handover.channel, Channel::Email);
        maker.make(&configuration, &[&self.handover], self.bench.now()).await.unwrap().remove(0)
    }

    async fn follow(&self, method: &str, link: &str, agent: &str) -> Reply {
        let path = link.trim_start_matches("https://t.example");
        self.bench.call_as("", method, path, &[("user-agent", agent)], Body::empty()).await
    }

    async fn receipts(&self, receipt: &str) -> usize {
        let story = self.story().await;
        let lines = story["timeline"].as_array().unwrap().clone();
        lines.iter().filter(|line| line["receipt"] == receipt).count()
    }

    async fn uncounted(&self) -> usize {
        self.story().await["timeline"].to_string().matches("not counted").count()
    }
}

#[tokio::test]
async fn a_link_leads_on_and_counts_once() {
    let mailed = Mailed::new("offers").await;
    let links = mailed.links().await;
    mailed.bench.advance(60_000);
    for _ in 0..2 {
        let reply = mailed.follow("GET", &links.counted[0].1, BROWSER).await;
        assert_eq!((reply.status, reply.header("location")), (302, "https://s.example/1"));
        assert_eq!(
            (reply.header("cache-control"), reply.header("referrer-policy")),
            ("no-store", "no-referrer")
        );
    }
    assert_eq!((mailed.receipts("clicked").await, mailed.uncounted().await), (1, 0));
    let feed = mailed.bench.get("/v1/changes").await.body.to_string();
    assert!(feed.contains("receipt.clicked"), "{feed}");
}

#[tokio::test]
async fn a_picture_that_is_loaded_tells_that_the_mail_was_opened() {
    let mailed = Mailed::new("offers").await;
    let opened = mailed.links().await.opened.unwrap();
    mailed.bench.advance(60_000);
    let reply = mailed.follow("GET", &opened, BROWSER).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/gif"));
    assert_eq!(mailed.receipts("displayed").await, 1);
}

#[tokio::test]
async fn what_programs_do_is_told_once_and_counts_for_nothing() {
    let mailed = Mailed::new("offers").await;
    let links = mailed.links().await;
    let link = &links.counted[0].1;
    let at_once = mailed.follow("GET", link, BROWSER).await;
    assert_eq!(at_once.header("location"), "https://s.example/1", "whoever follows a link gets there");
    mailed.bench.advance(60_000);
    for _ in 0..3 {
        assert_eq!(mailed.follow("HEAD", link, BROWSER).await.status, 302);
        mailed.follow("GET", link, "Barracuda Sentinel").await;
        mailed.follow("GET", &links.opened.clone().unwrap(), "Mozilla/5.0").await;
    }
    assert_eq!((mailed.receipts("clicked").await, mailed.receipts("displayed").await), (0, 0));
    assert_eq!(mailed.uncounted().await, 4);
    for by in ["channel", "category"] {
        let answer = mailed.bench.get(&format!("/v1/statistics?by={by}")).await.body;
        let mut items = answer["items"].as_array().unwrap().iter();
        let of = items.rfind(|item| item["value"] == "email" || item["value"] == "offers").unwrap();
        let told =
            ["displayed", "clicked", "opened_by_program", "followed_by_program"].map(|name| of[name].clone());
        assert_eq!(told, [0, 0, 1, 1].map(|count| json!(count)), "{answer}");
    }
    mailed.follow("GET", link, BROWSER).await;
    assert_eq!(mailed.receipts("clicked").await, 1);
}

#[tokio::test]
async fn nothing_of_the_request_decides_where_a_link_leads() {
    let mailed = Mailed::new("offers").await;
    let link = mailed.links().await.counted[0].1.clone();
    let reply = mailed
        .follow("GET", &format!("{link}?url=https://evil.example&u=https://evil.example"), BROWSER)
        .await;
    assert_eq!(reply.header("location"), "https://s.example/1");
    let unknown = mailed.follow("GET", "/c/https:%2F%2Fevil.example", BROWSER).await;
    assert_eq!((unknown.status, unknown.header("location")), (200, ""));
    let unsubscribe = mailed.links().await.unsubscribe.unwrap().replace("/u/", "/c/");
    assert_eq!(mailed.follow("GET", &unsubscribe, BROWSER).await.header("location"), "");
}

#[tokio::test]
async fn a_link_ends_with_its_year_and_with_its_recipient() {
    let mailed = Mailed::new("offers").await;
    let link = mailed.links().await.counted[0].1.clone();
    mailed.bench.advance(365 * 24 * 3_600_000 + 1);
    assert_eq!(mailed.follow("GET", &link, BROWSER).await.header("location"), "");
    let mailed = Mailed::new("offers").await;
    let link = mailed.links().await.counted[0].1.clone();
    assert_eq!(mailed.bench.delete("/v1/recipients/alice").await.status, 204);
    assert_eq!(mailed.follow("GET", &link, BROWSER).await.header("location"), "");
}

#[tokio::test]
async fn a_category_that_does_not_ask_counts_nothing() {
    let mailed = Mailed::new("general").await;
    let links = mailed.links().await;
    assert_eq!((links.counted, links.opened), (Vec::new(), None));
    assert_eq!(mailed.bench.get("/v1/accounting").await.body["residue"], json!(0));
}
