//! The one way to an address that a project, a recipient or a device named.
//!
//! It resolves the name, refuses what is not public (except networks that the node's own settings allow), connects to
//! that very address, follows no redirect and asks no proxy of the environment.

mod public;

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::ATTEMPT_DEADLINE;
use crate::settings::OutsideOptions;

/// How long it may take to be connected.
pub(crate) const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection that nobody uses stays open.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// See the module.
#[derive(Debug)]
pub(crate) struct Dialer {
    networks: Arc<[IpNet]>,
    tls: ClientConfig,
    http: reqwest::Client,
}

/// An address cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialerError {
    /// Nobody knows the name, or the resolver does not answer.
    #[error("the name {host} is not known")]
    Unknown {
        /// Which.
        host: String,
    },
    /// It leads to an address that is not public.
    #[error(
        "{host} leads to {address}, which is not a public address: allow its network with --allow-network"
    )]
    NotPublic {
        /// Which.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// It is no URL with a host.
    #[error("it is no http or https URL with a host")]
    NoHost,
}

/// The authorities cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The file cannot be read, or is no PEM.
    #[error("the authorities in {} cannot be read: name a PEM file of certificates", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// HTTP cannot be set up.
    #[error("calls to providers cannot be set up")]
    Client(#[from] reqwest::Error),
}

impl Dialer {
    /// # Errors
    /// [`AuthoritiesError`] if the file of authorities cannot be used.
    pub(crate) fn new(options: &OutsideOptions) -> Result<Self, AuthoritiesError> {
        Self::with_deadline(options, ATTEMPT_DEADLINE)
    }

    /// The same, where a call over HTTP may take so long.
    pub(super) fn with_deadline(
        options: &OutsideOptions,
        deadline: Duration,
    ) -> Result<Self, AuthoritiesError> {
        let networks: Arc<[IpNet]> = options.networks.iter().copied().collect();
        let tls = tls(options)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(Arc::new(Public(Arc::clone(&networks))))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_DEADLINE)
            .timeout(deadline)
            .pool_idle_timeout(IDLE_CONNECTION)
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { networks, tls, http })
    }

    /// For calls over HTTP. Names are resolved as [`Dialer::resolve`] does; a URL must have passed [`Dialer::check`],
    /// because a host that is an address is not resolved.
    pub(crate) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The TLS set-up of this node, for protocols beside HTTP.
    pub(crate) const fn tls(&self) -> &ClientConfig {
        &self.tls
    }

    /// Whether a URL may be called as far as it says itself; a name is checked when it is resolved.
    ///
    /// # Errors
    /// [`DialerError`] if it has no host, or its host is an address that may not be called.
    pub(crate) fn check(&self, url: &Url) -> Result<(), DialerError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(DialerError::NoHost);
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(DialerError::NoHost),
        };
        if public::may_be_called(address, &self.networks) {
            return Ok(());
        }
        Err(DialerError::NotPublic { host: address.to_string(), address })
    }

    /// The addresses behind a name that may be called.
    ///
    /// # Errors
    /// [`DialerError`] if there is none.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialerError> {
        resolve(host, port, &self.networks).await
    }
}

async fn resolve(host: &str, port: u16, networks: &[IpNet]) -> Result<Vec<SocketAddr>, DialerError> {
    let unknown = || DialerError::Unknown { host: host.to_owned() };
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|_| unknown())?.collect();
    let allowed: Vec<SocketAddr> =
        found.iter().copied().filter(|address| public::may_be_called(address.ip(), networks)).collect();
    match (allowed.is_empty(), found.first()) {
        (false, _) => Ok(allowed),
        (true, Some(first)) => Err(DialerError::NotPublic { host: host.to_owned(), address: first.ip() }),
        (true, None) => Err(unknown()),
    }
}

/// Resolves names for the HTTP client.
#[derive(Debug)]
struct Public(Arc<[IpNet]>);

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, &networks).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// rustls on aws-lc-rs with the system's authorities, and those that the node names beside them.
fn tls(options: &OutsideOptions) -> Result<ClientConfig, AuthoritiesError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    if let Some(file) = &options.authorities {
        let failed = |source| AuthoritiesError::File { file: file.clone(), source };
        let text = fs::read(file).map_err(failed)?;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| failed(io::Error::other(error)))?;
            roots.add(certificate).map_err(|error| failed(io::Error::other(error)))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
