//! The dialer with the system's real resolver and real sockets.

use std::process::Command;
use std::time::Duration;

use url::Url;

use crate::channels::testing::{Reply, Server, outside};

const SOON: Duration = Duration::from_secs(10);
/// Set in the process that runs one of these tests under a proxy.
const INNER: &str = "TIDINGS_TEST_UNDER_PROXY";

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_and_called_only_if_its_network_is_allowed() {
    let server = Server::new(Reply::status(200, "", "")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let strict = outside(false, SOON).dialer;
    // The name itself passes: what it leads to is found when it is dialed.
    strict.check(&Url::parse(&url).unwrap()).unwrap();
    assert!(strict.http().get(&url).send().await.is_err());
    assert!(strict.resolve("localhost", 25).await.unwrap_err().to_string().contains("--allow-network"));
    assert!(server.asked().is_empty());
    let open = outside(true, SOON).dialer;
    assert_eq!(open.http().get(&url).send().await.unwrap().status(), 200);
    let addresses = open.resolve("localhost", 25).await.unwrap();
    assert!(
        addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 25),
        "{addresses:?}"
    );
}

/// What is connected to is what was resolved and found public: there is no second look-up that could answer otherwise.
#[tokio::test]
async fn the_connection_goes_to_an_address_that_was_checked() {
    let server = Server::new(Reply::status(200, "", "")).await;
    let dialer = outside(true, SOON).dialer;
    let url = format!("http://localhost:{}/", server.address.port());
    let response = dialer.http().get(&url).send().await.unwrap();
    assert_eq!(response.remote_addr(), Some(server.address));
    assert_eq!(server.only().header("host"), format!("localhost:{}", server.address.port()));
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed() {
    let inner = Server::new(Reply::status(200, "", "")).await;
    let location = format!("location: http://{}/\r\n", inner.address);
    let outer = Server::new(Reply::status(302, &location, "")).await;
    let dialer = outside(true, SOON).dialer;
    let response = dialer.http().get(format!("http://{}/", outer.address)).send().await.unwrap();
    assert_eq!(response.status(), 302);
    assert!(inner.asked().is_empty());
}

#[test]
fn the_environments_proxy_is_not_asked() {
    // Nothing listens there: whoever asked it would fail.
    let proxy = "http://127.0.0.1:9";
    let name = "channels::dialer::tests::under_a_proxy_the_server_itself_is_called";
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .envs(
            ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
                .map(|v| (v, proxy)),
        )
        .env(INNER, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn under_a_proxy_the_server_itself_is_called() {
    if std::env::var_os(INNER).is_none() {
        return;
    }
    let server = Server::new(Reply::status(200, "", "")).await;
    let dialer = outside(true, SOON).dialer;
    let response = dialer.http().get(format!("http://{}/", server.address)).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.asked().len()), (200, 1));
}
