//! One TLS set-up for the socket and for HTTP: rustls on aws-lc-rs with the system's certificates.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The set-up for a relay. A relay on plain HTTP needs no certificates, so none are read for it.
pub(crate) fn set_up(encrypted: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if encrypted {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate of the system cannot be read");
        }
        let (_, ignored) = roots.add_parsable_certificates(found.certs);
        if ignored > 0 {
            tracing::debug!(ignored, "certificates of the system that are not understood were left out");
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
