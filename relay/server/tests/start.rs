//! A whole node: real files, real sockets, a first and a second start, an orderly end.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tidings_server::{Relay, ServeOptions, StartError};
use tokio_util::sync::CancellationToken;

/// A client of plain HTTP. It asks for a TLS provider all the same where another crate of the build turned TLS on.
fn client() -> reqwest::Client {
    // Another test of this process may have been first.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    reqwest::Client::new()
}

fn options(folder: &Path) -> ServeOptions {
    ServeOptions { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServeOptions::new(folder.to_owned()) }
}

async fn start(folder: &Path) -> (Relay, CancellationToken) {
    let shutdown = CancellationToken::new();
    (Relay::start(options(folder), shutdown.clone()).await.unwrap(), shutdown)
}

async fn stop(relay: Relay, shutdown: CancellationToken) {
    shutdown.cancel();
    relay.finished().await;
}

async fn get(relay: &Relay, key: &str, path: &str) -> (u16, Value) {
    let request = client().get(format!("{}{path}", relay.url())).bearer_auth(key);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn say(relay: &Relay, key: &str, text: &str) -> Value {
    let url = format!("{}/v1/to/alice", relay.url());
    let request = client().post(url).basic_auth("", Some(key)).body(text.to_owned());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_makes_a_project_and_a_key_and_a_second_finds_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, shutdown) = start(folder.path()).await;
    let first = relay.first().unwrap().clone();
    assert_eq!(first.project, "default");
    assert!(first.key.starts_with("tdk_live_"));
    let said = say(&relay, &first.key, "Backup finished").await;
    assert_eq!(said["state"], "active");
    stop(relay, shutdown).await;

    let (relay, shutdown) = start(folder.path()).await;
    assert!(relay.first().is_none());
    let (status, story) = get(&relay, &first.key, said["story"].as_str().unwrap()).await;
    assert_eq!((status, &story["content"]["title"]), (200, &json!("Backup finished")));
    let (_, books) = get(&relay, &first.key, "/v1/accounting").await;
    assert_eq!((&books["residue"], &books["notifications"]["made"]), (&json!(0), &json!(1)));
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_relay_on_one_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, shutdown) = start(folder.path()).await;
    let second = Relay::start(options(folder.path()), CancellationToken::new()).await;
    assert!(matches!(second.unwrap_err(), StartError::Open(tidings_store::OpenError::InUse { .. })));
    let key = relay.first().unwrap().key.clone();
    say(&relay, &key, "still here").await;
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, shutdown) = start(folder.path()).await;
    let other = tempfile::tempdir().unwrap();
    let taken = ServeOptions { listen: relay.address(), ..ServeOptions::new(other.path().to_owned()) };
    let error = Relay::start(taken, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(error.to_string().contains("--listen"));
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_answered_while_the_node_stops_is_there_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (relay, shutdown) = start(folder.path()).await;
    let (url, key) = (relay.url(), relay.first().unwrap().key.clone());
    let client = client();
    let mut answered = Vec::new();
    let mut publishing = tokio::task::JoinSet::new();
    for number in 0..200 {
        let request =
            client.post(format!("{url}/v1/to/alice")).bearer_auth(&key).body(format!("number {number}"));
        publishing.spawn(async move {
            let response = request.send().await.ok()?;
            let accepted = response.status() == 202;
            let body: Value = response.json().await.ok()?;
            accepted.then(|| body["id"].as_str().unwrap().to_owned())
        });
    }
    while let Some(done) = publishing.join_next().await {
        answered.extend(done.unwrap());
        if answered.len() == 20 {
            shutdown.cancel();
            break;
        }
    }
    let (finished, rest) = tokio::join!(relay.finished(), publishing.join_all());
    let () = finished;
    answered.extend(rest.into_iter().flatten());
    let (relay, shutdown) = start(folder.path()).await;
    for id in &answered {
        assert_eq!(get(&relay, &key, &format!("/v1/notifications/{id}")).await.0, 200, "{id} is lost");
    }
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_and_the_database_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let (relay, shutdown) = start(&folder).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("relay.keys")), 0o600);
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metrics_listener_of_its_own_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = probe.local_addr().unwrap();
    drop(probe);
    let shutdown = CancellationToken::new();
    let with_metrics = ServeOptions { metrics_listen: Some(metrics), ..options(folder.path()) };
    let relay = Relay::start(with_metrics, shutdown.clone()).await.unwrap();
    let key = relay.first().unwrap().key.clone();
    say(&relay, &key, "counted").await;
    let text = client().get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("tidings_http_requests_total"), "{text}");
    assert!(text.contains("tidings_decided_total"), "{text}");
    assert!(!text.contains("alice"), "no person in metrics");
    stop(relay, shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_calls_too_often_waits_as_it_is_told_while_another_key_works() {
    const PER_SECOND: u32 = 20;
    let folder = tempfile::tempdir().unwrap();
    let shutdown = CancellationToken::new();
    let slow = ServeOptions { requests_per_second: PER_SECOND, ..options(folder.path()) };
    let relay = Relay::start(slow, shutdown.clone()).await.unwrap();
    let (first, client) = (relay.first().unwrap().key.clone(), client());
    let made =
        client.post(format!("{}/v1/keys", relay.url())).bearer_auth(&first).json(&json!({"label": "other"}));
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let other = made["key"].as_str().unwrap();
    let call = async |key: &str| {
        let request = client.get(format!("{}/v1/accounting", relay.url())).bearer_auth(key);
        request.send().await.unwrap()
    };
    // One call made the other key; what is refilled meanwhile comes on top of the burst.
    let (mut let_in, since) = (1, std::time::Instant::now());
    let refused = loop {
        let response = call(&first).await;
        if response.status() != 200 {
            break response;
        }
        let_in += 1;
    };
    let refilled = since.elapsed().as_secs_f64() * f64::from(PER_SECOND);
    assert!(let_in >= PER_SECOND, "the burst is let in: {let_in}");
    assert!(f64::from(let_in) <= f64::from(PER_SECOND) + refilled + 2.0, "and no more: {let_in}, {refilled}");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["limit"]),
        (&json!("rate_limited"), &json!(PER_SECOND)),
        "{problem}"
    );
    assert_eq!(call(other).await.status(), 200, "the other key is not held up");
    // Who waits is let in again; asking meanwhile does not make it longer.
    let again = async { while call(&first).await.status() != 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.unwrap();
    stop(relay, shutdown).await;
}
