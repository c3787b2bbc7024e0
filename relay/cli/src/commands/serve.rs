//! `tidings serve`: a relay, until it is asked to end.

use std::fs::DirBuilder;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Serialize;
use tidings_protocol::http::AppOffer;
use tidings_protocol::{Span, SpanError};
use tidings_server::{ACCESS_TOKEN_MAX, ACCESS_TOKEN_MIN, OutsideOptions, Relay, ServeOptions};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::credentials::Credentials;
use crate::error::CommandError;
use crate::shutdown::Shutdown;

/// The file that a relay's database is in.
pub(super) const DATABASE: &str = "tidings.sqlite3";

/// An address with a port; `localhost` is this machine, whatever its resolver says.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match local {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text
            .parse()
            .map_err(|_| "an address is IP:PORT, like 127.0.0.1:7420, or localhost:PORT".to_owned()),
    }
}

/// Start a relay
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where it listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7420", value_parser = address)]
    listen: SocketAddr,
    /// Where its rows are: sqlite:FOLDER, or memory: for tests; the data folder if nothing is said
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// What joins it to other nodes; one node needs none
    #[arg(long, value_name = "URL")]
    bus: Option<String>,
    /// The address by which devices reach it, if it is another one
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A browser's origin that may call it; may be repeated
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Metrics on an address of their own, without a key
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// How long a device's access token is good, 5s to 1h; devices renew it by themselves
    #[arg(long, value_name = "SPAN", value_parser = access_token, default_value = "1h")]
    access_token: Span,
    /// The newest desktop app that you offer, like 0.2.0: apps that are older say so, and install nothing by themselves
    #[arg(long, value_name = "VERSION", value_parser = app_version, requires = "app_url")]
    app_version: Option<String>,
    /// The page to get it from
    #[arg(long, value_name = "URL", value_parser = app_url, requires = "app_version")]
    app_url: Option<String>,
    #[command(flatten)]
    outside: Outside,
}

/// How a relay reaches providers
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Providers")]
pub(crate) struct Outside {
    /// A network that is not public and may be called, such as 10.1.0.0/16; may be repeated
    #[arg(long = "allow-network", value_name = "CIDR")]
    networks: Vec<IpNet>,
    /// A PEM file of authorities that are trusted beside the system's
    #[arg(long = "trust", value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Google's push service, if it is reached by another address
    #[arg(long, value_name = "URL", default_value = "https://fcm.googleapis.com")]
    fcm_url: String,
    /// Apple's push service; <https://api.sandbox.push.apple.com> for development
    #[arg(long, value_name = "URL", default_value = "https://api.push.apple.com")]
    apns_url: String,
}

impl From<Outside> for OutsideOptions {
    fn from(Outside { networks, authorities, fcm_url, apns_url }: Outside) -> Self {
        Self { networks, authorities, fcm_url, apns_url }
    }
}

fn access_token(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: SpanError| error.to_string())?;
    let allowed = ACCESS_TOKEN_MIN..=ACCESS_TOKEN_MAX;
    if allowed.contains(&span) { Ok(span) } else { Err("say 5s to 1h".to_owned()) }
}

fn app_version(text: &str) -> Result<String, String> {
    let numbers: Vec<&str> = text.split('.').collect();
    let is_one = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
    if is_one { Ok(text.to_owned()) } else { Err("a version is three numbers, like 0.2.0".to_owned()) }
}

fn app_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_page { Ok(url.into()) } else { Err("the page is https://… or http://…".to_owned()) }
}

pub(crate) async fn run(context: &Context, serve: Serve) -> Result<(), CommandError> {
    if let Some(bus) = &serve.bus {
        let kind = bus.split(':').next().unwrap_or_default();
        return Err(CommandError::usage(format!("this relay runs as one node: leave --bus {kind}:… out")));
    }
    let keeps_credentials = keeps_credentials(&context.data, serve.store.as_deref());
    let shutdown = CancellationToken::new();
    let mut signals = Shutdown::new()?;
    let relay = Relay::start(options(context, serve), shutdown.clone()).await?;
    let told = tell(context, &relay, keeps_credentials);
    let finished = relay.finished();
    // Whoever started it and does not read its first line cannot use it.
    if told.is_ok() {
        signals.asked().await;
    }
    shutdown.cancel();
    tokio::select! {
        biased;
        () = finished => told,
        // Asked a second time: what was answered is on disk.
        () = signals.asked() => told,
    }
}

/// A store in memory is another relay each time: it must not take the place of the key of the one on this folder.
fn keeps_credentials(folder: &Path, store: Option<&str>) -> bool {
    store != Some("memory:") || !folder.join(DATABASE).exists()
}

fn options(context: &Context, serve: Serve) -> ServeOptions {
    let Serve {
        listen,
        store,
        public_url,
        origins,
        metrics,
        access_token,
        app_version,
        app_url,
        outside,
        ..
    } = serve;
    ServeOptions {
        access_token,
        app: app_version.zip(app_url).map(|(version, url)| AppOffer::new(version, url)),
        listen,
        store_url: store,
        public_url,
        origins,
        metrics_listen: metrics,
        outside: outside.into(),
        before_sleep: crate::allocator::before_sleep,
        ..ServeOptions::new(context.data.clone())
    }
}

/// The first line on standard output, for programs.
#[derive(Debug, Serialize)]
struct Started<'a> {
    address: &'a str,
    project: &'a str,
    /// On the first start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// Writes the credentials and says how to use the relay.
fn tell(context: &Context, relay: &Relay, keeps_credentials: bool) -> Result<(), CommandError> {
    let address = format!("http://{}", reachable(relay.address()));
    let stored = Credentials::read(&context.data).ok().flatten();
    let (project, key) = match (relay.first(), stored) {
        (Some(first), _) => (first.project.clone(), Some(SecretString::from(first.key.as_str()))),
        (None, Some(stored)) => (project(relay, &stored), stored.key),
        (None, None) => (relay.projects().into_iter().next().unwrap_or_default(), None),
    };
    let has_key = key.is_some();
    let credentials = Credentials { relay: address.clone(), project: project.clone(), key };
    let file = if keeps_credentials { keep(&credentials, &context.data) } else { None };
    let key = relay.first().map(|first| first.key.as_str());
    let answer = Started { address: &address, project: &project, key };
    context.output.answer(&answer, || words(&address, &project, key, file.filter(|_| has_key).as_deref()))
}

/// Stores the credentials; the relay runs without the file all the same.
fn keep(credentials: &Credentials, folder: &Path) -> Option<String> {
    // The store made the folder, unless it is in memory.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let made = made.map_err(|source| CommandError::File { path: folder.to_owned(), source });
    match made.and_then(|()| credentials.write(folder)) {
        Ok(path) => Some(path.display().to_string()),
        Err(error) => {
            tracing::warn!(%error, "credentials.json was not written: give relay and key to commands by hand");
            None
        }
    }
}

/// The name that a project has now, if the stored one is not among them any more.
fn project(relay: &Relay, stored: &Credentials) -> String {
    let projects = relay.projects();
    if projects.contains(&stored.project) {
        return stored.project.clone();
    }
    projects.into_iter().next().unwrap_or_else(|| stored.project.clone())
}

/// "Every address" is no address to call; the same port on this machine is.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn words(address: &str, project: &str, first_key: Option<&str>, file: Option<&str>) -> String {
    let key_line = match (first_key, file) {
        (Some(key), Some(file)) => format!("KEY={key}      # shown this once; {file} keeps it"),
        (Some(key), None) => format!("KEY={key}      # shown this once: keep it"),
        (None, Some(file)) => format!("KEY=…      # in {file}"),
        (None, None) => "KEY=…      # the one that the first start printed".to_owned(),
    };
    format!(
        "Tidings listens at {address}, project {project}. Ctrl-C ends it.\n\n  T={address}\n  {key_line}\n\n\
         Try it in another terminal:\n  curl -u :$KEY -d \"Backup finished\" $T/v1/to/alice\n  \
         tidings listen --as alice\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_called_on_this_machine() {
        let reach = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reach("0.0.0.0:7420"), "127.0.0.1:7420");
        assert_eq!(reach("[::]:7420"), "[::1]:7420");
        assert_eq!(reach("10.0.0.1:7420"), "10.0.0.1:7420");
    }

    #[test]
    fn it_listens_at_localhost_too() {
        assert_eq!(address("localhost:0"), Ok("127.0.0.1:0".parse().unwrap()));
        assert_eq!(address("[::1]:7420"), Ok("[::1]:7420".parse().unwrap()));
        for wrong in ["localhost", "localhost:x", "localhost:65536", "shop.example:1", "7420"] {
            assert!(address(wrong).unwrap_err().contains("localhost:PORT"), "{wrong}");
        }
    }

    #[test]
    fn settings_that_mean_nothing_are_refused_with_what_to_write() {
        for (text, good) in [("5s", true), ("1h", true), ("4s", false), ("61m", false), ("soon", false)] {
            assert_eq!(access_token(text).is_ok(), good, "{text}");
        }
        for (text, good) in [("0.2.0", true), ("1.2", false), ("1.2.x", false), ("1.2.3-beta", false)] {
            assert_eq!(app_version(text).is_ok(), good, "{text}");
        }
        for (text, good) in
            [("https://shop.example/app", true), ("javascript:alert(1)", false), ("app", false)]
        {
            assert_eq!(app_url(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_relay_in_memory_leaves_the_credentials_of_one_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        assert!(keeps_credentials(folder.path(), Some("memory:")));
        std::fs::write(folder.path().join(DATABASE), "").unwrap();
        assert!(!keeps_credentials(folder.path(), Some("memory:")));
        assert!(keeps_credentials(folder.path(), None));
    }

    #[test]
    fn a_first_start_prints_a_ready_curl_line_and_its_key() {
        let words = words("http://127.0.0.1:7420", "default", Some("tdk_live_1"), Some("x/credentials.json"));
        assert!(words.contains("KEY=tdk_live_1 "), "{words}");
        assert!(words.contains("curl -u :$KEY -d \"Backup finished\" $T/v1/to/alice"), "{words}");
    }
}
