//! One TLS set-up for the socket and for HTTP: rustls on aws-lc-rs with the system's certificates.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The stable word for a relay whose certificate is not trusted.
pub(crate) const UNTRUSTED: &str = "untrusted_certificate";

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

/// Whether an error comes from a certificate that is not trusted, and what is wrong with it as a sentence.
pub(crate) fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(format!("the relay's certificate is not trusted by this device: {why}"));
        }
        // An I/O error names the cause of what it wraps, and not what it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_found_under_what_wraps_it_and_nothing_else_is_taken_for_one() {
        let untrusted = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, untrusted));
        assert!(distrust(&wrapped).is_some_and(|why| why.contains("not trusted")), "{wrapped:?}");
        assert_eq!(distrust(&io::Error::other(rustls::Error::DecryptError)), None);
        assert_eq!(distrust(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
