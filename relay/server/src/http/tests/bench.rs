//! A node for tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tidings_core::ports::Clock;
use tidings_protocol::{ProjectId, Timestamp};
use tidings_store::{ErasureKey, MemoryStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::access::Scope;
use crate::app::{App, Ports};
use crate::relay::{make_project, new_key_row};
use crate::settings::ServeOptions;
use crate::vault::Vault;
use crate::world::World;
use crate::writer;

/// 2026-11-22, a Sunday, at noon UTC.
const BEGIN: Timestamp = Timestamp::from_millis(1_795_348_800_000);

#[derive(Debug)]
pub(super) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(super) struct Bench {
    pub(super) app: Arc<App>,
    pub(super) key: String,
    clock: Arc<HandClock>,
    router: Router,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        Self::seen_through(change, |store| store).await
    }

    /// A bench whose store is seen through faults.
    pub(super) async fn seen_through(
        change: impl FnOnce(&mut ServeOptions),
        seen: impl FnOnce(MemoryStore) -> MemoryStore,
    ) -> Self {
        let mut options = ServeOptions::new(PathBuf::new());
        change(&mut options);
        let vault = Arc::new(Vault::ephemeral());
        let ports = Ports::of(Arc::new(seen(MemoryStore::new(ErasureKey::new(vault.erasure_key())))));
        let project = make_project(&ports, "default", BEGIN).await.unwrap();
        let (row, key) = new_key_row(&vault, &project.id, &Scope::ALL, false, "test", BEGIN);
        ports.registry.put_key(&row, None).await.unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(BEGIN.as_millis())));
        let world = World { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..World::real() };
        let public = "http://127.0.0.1:7420".to_owned();
        let dialer = crate::channels::Dialer::new(&options.outside).unwrap();
        let (app, queue) =
            App::new(options, public, vault, ports, world, CancellationToken::new(), dialer).await.unwrap();
        let tracker = TaskTracker::new();
        let listeners = Arc::clone(&app.listeners);
        tracker.spawn(writer::run(app.node.clone(), queue, listeners, CancellationToken::new()));
        let router = crate::http::documented_router(&app);
        Self { app, key, clock, router }
    }

    pub(super) fn advance(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// The project that the key belongs to.
    pub(super) fn project(&self) -> ProjectId {
        let projects = self.app.directory.projects();
        projects.first().expect("a bench has one").id.clone()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A call as it stands.
    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// A call with a key or token, headers and a body.
    pub(super) async fn call_as(
        &self,
        secret: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !secret.is_empty() {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call_as(&self.key, "GET", path, &[], Body::empty()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call_as(&self.key, "POST", path, &[], body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call_as(&self.key, "PUT", path, &[], body.to_string()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.call_as(&self.key, "DELETE", path, &[], Body::empty()).await
    }

    /// Makes a document live.
    pub(super) async fn apply(&self, document: &str) {
        let reply = self.call_as(&self.key, "PUT", "/v1/configuration", &[], document.to_owned()).await;
        assert_eq!(reply.status, StatusCode::OK.as_u16(), "{}", reply.body);
    }

    /// Signs a device in; answers its access and refresh tokens.
    pub(super) async fn connect(&self, recipient: &str, device: &str) -> (String, String) {
        let code = self.post("/v1/connect-codes", &serde_json::json!({"recipient": recipient})).await;
        assert_eq!(code.status, 201, "{}", code.body);
        let asked = serde_json::json!({"code": code.body["code"], "device": device, "platform": "shell"});
        let reply = self.call_as("", "POST", "/v1/connect", &[], asked.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let text = |name: &str| reply.body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }
}

/// A shop's document, small.
pub(super) const SHOP: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, currency: EUR, unknown_recipient: create}
policy: {version: "2026-11", text: {en: "What we send you and why"}}
categories:
  general: {name: {en: General}, legal: service, channels: [inapp]}
  orders: {name: {en: Orders}, legal: service, priority: high, channels: [inapp]}
  promotions: {name: {en: Offers}, legal: marketing, priority: low, channels: [inapp, email]}
rules:
  order_placed: {on: order.placed, when: data.total > 0, notify: data.customer, category: orders, template: order_placed}
  promotion: {on: promotion.published, notify: data.customer, category: promotions, template: promotion}
templates:
  order_placed: {en: {title: "Order {{ data.order_id }} confirmed"}, zh: {title: "订单 {{ data.order_id }} 已确认"}}
  promotion: {en: {title: "{{ data.headline }}"}}
"#;
