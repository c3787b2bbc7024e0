//! What links are made of, and that they are the same each time.

use std::sync::Arc;

use serde_json::json;
use tidings_core::delivery::Handover;
use tidings_core::ports::{Opens, PublicToken};
use tidings_core::template::EmailContent;
use tidings_protocol::LegalClass;

use super::bench::Bench;
use crate::channels::links::{LinkMaker, hash};
use crate::channels::{Links, testing};

pub(super) const DOCUMENT: &str = "
tidings: 1
project: {name: shop, unknown_recipient: create}
policy: {version: '1'}
providers:
  mail: {channel: email, kind: smtp, host: mail.example, from: hi@shop.example, inbound: {secret: bounces}}
categories:
  general: {name: {en: General, zh: 通用}, legal: service, channels: [email]}
  offers: {name: {en: Offers, zh: 优惠}, legal: marketing, channels: [email], count: {links: true, opens: true}}
  codes: {legal: essential, channels: [email]}
templates:
  hello: {en: {title: Hello, email: {subject: Hello, html: '<a href=\"https://s.example/1\">1</a>'}}}
";

pub(super) struct Site {
    pub(super) bench: Bench,
    maker: LinkMaker,
}

impl Site {
    pub(super) async fn new() -> Self {
        let bench = Bench::new().await;
        bench.apply(DOCUMENT).await;
        bench.put("/v1/recipients/alice", &json!({})).await;
        let maker = Self::maker(&bench);
        Self { bench, maker }
    }

    fn maker(bench: &Bench) -> LinkMaker {
        let ports = &bench.app.ports;
        LinkMaker::new(
            Arc::clone(&bench.app.vault),
            Arc::clone(&ports.inbox),
            Arc::clone(&ports.public),
            "https://t.example/",
        )
    }

    pub(super) async fn make(&self, handover: &Handover) -> Links {
        let configuration = self.bench.app.live(&handover.project).await.unwrap();
        self.maker.make(&configuration, &[handover], self.bench.now()).await.unwrap().remove(0)
    }

    pub(super) fn handover(&self, category: &str, legal: LegalClass, delivery: &str) -> Handover {
        let content = EmailContent {
            subject: "s".to_owned(),
            text: "t".to_owned(),
            html: Some(
                "<a href=\"https://s.example/1\">1</a><a href=\"https://s.example/2\">2</a>".to_owned(),
            ),
        };
        Handover {
            project: self.bench.project(),
            delivery: delivery.into(),
            category: category.parse().unwrap(),
            legal,
            created_at: self.bench.now(),
            expires_at: self.bench.now(),
            ..testing::mail(content)
        }
    }

    async fn opens(&self, link: &str) -> Option<PublicToken> {
        let token = link.rsplit('/').next().unwrap();
        assert_eq!(token.len(), 22, "128 bits");
        let app = &self.bench.app;
        app.ports.public.public_token(&hash(&app.vault, token), app.now()).await.unwrap()
    }
}

#[tokio::test]
async fn a_recipient_has_one_way_out_of_a_category_however_many_mails_they_get() {
    let site = Site::new().await;
    let first = site.make(&site.handover("general", LegalClass::Service, "d-1")).await;
    let unsubscribe = first.unsubscribe.clone().unwrap();
    assert!(unsubscribe.starts_with("https://t.example/u/"), "{unsubscribe}");
    let found = site.opens(&unsubscribe).await.unwrap();
    assert_eq!((found.expires_at, &found.person.recipient.to_string()[..]), (None, "alice"));
    let again = site.make(&site.handover("general", LegalClass::Service, "d-2")).await;
    assert_eq!(again.unsubscribe, first.unsubscribe);
    // Another process has the same.
    let other = Site::maker(&site.bench);
    let configuration = site.bench.app.live(&site.bench.project()).await.unwrap();
    let handover = site.handover("general", LegalClass::Service, "d-3");
    let made = other.make(&configuration, &[&handover], site.bench.now()).await.unwrap();
    assert_eq!(made[0].unsubscribe, first.unsubscribe);
    let offers = site.make(&site.handover("offers", LegalClass::Marketing, "d-1")).await;
    assert_ne!(offers.unsubscribe, first.unsubscribe);
}

#[tokio::test]
async fn links_are_counted_only_where_the_category_asks_and_each_knows_where_it_leads() {
    let site = Site::new().await;
    let plain = site.make(&site.handover("general", LegalClass::Service, "d-1")).await;
    assert_eq!((plain.counted, plain.opened), (Vec::new(), None));
    let counted = site.make(&site.handover("offers", LegalClass::Marketing, "d-1")).await;
    assert_eq!(counted.counted.len(), 2);
    let (url, link) = &counted.counted[0];
    let found = site.opens(link).await.unwrap();
    assert!(
        matches!(found.opens, Opens::Link { url: ref kept, .. } if **kept == **url && url == "https://s.example/1")
    );
    assert!(found.expires_at.is_some());
    let opened = site.opens(&counted.opened.unwrap()).await.unwrap();
    assert!(matches!(opened.opens, Opens::Opened { .. }));
    assert_eq!(site.make(&site.handover("offers", LegalClass::Marketing, "d-1")).await.counted[0].1, *link);
}

#[tokio::test]
async fn an_essential_mail_has_no_links_of_ours() {
    let site = Site::new().await;
    let links = site.make(&site.handover("codes", LegalClass::Essential, "d-1")).await;
    assert_eq!(links, Links::default());
}

#[tokio::test]
async fn who_was_erased_and_comes_back_has_new_links_and_the_old_ones_open_nothing() {
    let site = Site::new().await;
    let old = site.make(&site.handover("general", LegalClass::Service, "d-1")).await.unsubscribe.unwrap();
    assert_eq!(site.bench.delete("/v1/recipients/alice").await.status, 204);
    assert_eq!(site.opens(&old).await, None);
    site.bench.put("/v1/recipients/alice", &json!({})).await;
    let new = site.make(&site.handover("general", LegalClass::Service, "d-2")).await.unsubscribe.unwrap();
    assert_ne!(new, old);
    assert!(site.opens(&old).await.is_none() && site.opens(&new).await.is_some());
}
