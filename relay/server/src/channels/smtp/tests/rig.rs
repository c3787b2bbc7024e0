//! A provider on a server of the test, and a certificate that it trusts.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tidings_core::configuration::{Account, Provider as Settings, SmtpAccount, SmtpTls};
use tidings_core::delivery::Handover;
use tidings_core::template::EmailContent;
use tidings_protocol::{Channel, ProjectId};

use super::super::Smtp;
use crate::channels::{ATTEMPT_DEADLINE, Dialer, Links, Opening, Outside, Provider, open, testing};
use crate::settings::OutsideOptions;

/// An authority of the test's own and a certificate for `localhost`.
pub(super) struct Authority {
    _folder: TempDir,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) authorities: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let certificate = write("leaf.pem", leaf.pem());
        let key = write("leaf.key", key.serialize_pem());
        let authorities = write("authority.pem", issuer.pem());
        Self { _folder: folder, certificate, key, authorities }
    }

    /// The server's side of TLS.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_file(&self.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&self.key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

/// What a test wants of the provider.
pub(super) struct Wanted {
    pub(super) port: u16,
    pub(super) tls: SmtpTls,
    pub(super) login: bool,
    pub(super) password: &'static str,
    pub(super) trusted: Option<PathBuf>,
    pub(super) allowed: bool,
    pub(super) deadline: Duration,
}

impl Wanted {
    pub(super) fn plain(port: u16) -> Self {
        Self {
            port,
            tls: SmtpTls::None,
            login: false,
            password: "hush",
            trusted: None,
            allowed: true,
            deadline: ATTEMPT_DEADLINE,
        }
    }

    pub(super) fn provider(self) -> Arc<dyn Provider> {
        let networks = if self.allowed {
            vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]
        } else {
            Vec::new()
        };
        let options = OutsideOptions { networks, authorities: self.trusted, ..OutsideOptions::default() };
        let outside = Outside {
            dialer: Arc::new(Dialer::new(&options).unwrap()),
            public_url: "https://tidings.example".into(),
            fcm_url: "".into(),
            apns_url: "".into(),
        };
        let account = SmtpAccount {
            host: "localhost".to_owned(),
            port: self.port,
            tls: self.tls,
            user: self.login.then(|| "shop".to_owned()),
            from: "Shop <hi@shop.example>".to_owned(),
            bounces: None,
        };
        let settings = Settings {
            channel: Channel::Email,
            account: Account::Smtp(account.clone()),
            ..Settings::webpush()
        };
        let project: ProjectId = "shop".parse().unwrap();
        let password = self.login.then(|| self.password.to_owned().into());
        let opening =
            Opening { project: &project, name: "mail", settings: &settings, password, outside: &outside };
        if self.deadline == ATTEMPT_DEADLINE {
            return open(&opening).unwrap();
        }
        Arc::new(Smtp::new(&opening, &account, self.deadline).unwrap())
    }
}

/// A mail to somebody.
pub(super) fn handover(address: &str, delivery: &str) -> Handover {
    let content = EmailContent {
        subject: "您好 Alice".to_owned(),
        text: "Order 1001\n.\nis confirmed.".to_owned(),
        html: Some("<p>Order <b>1001</b></p>".to_owned()),
    };
    Handover {
        delivery: delivery.into(),
        key: delivery.into(),
        address: address.into(),
        ..testing::mail(content)
    }
}

pub(super) fn links() -> Links {
    Links { unsubscribe: Some("https://tidings.example/u/TOKEN".to_owned()), ..Links::default() }
}
