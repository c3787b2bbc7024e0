//! Accounts behind channels.

use tidings_protocol::Channel;

pub mod http;

pub use self::http::HttpAccount;
use super::SecretName;

/// One account behind a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// The channel that it serves.
    pub channel: Channel,
    /// What one hand-over costs, in the project's currency; none is free.
    pub cost: Option<f64>,
    /// Hand-overs a second that it allows; none is without a limit of ours.
    pub rate: Option<u32>,
    /// The secret that opens the account: a password, key or token.
    pub password: Option<SecretName>,
    /// The secret by which the provider's own calls to `POST /v1/inbound/{provider}` are believed.
    pub inbound: Option<SecretName>,
    /// How it is spoken to.
    pub account: Account,
}

/// How a provider is spoken to, with what its kind needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Account {
    /// Mail submission.
    Smtp(SmtpAccount),
    /// An HTTP call, by preset or URL.
    Http(Box<HttpAccount>),
    /// A call to the recipient's own URL.
    Webhook(WebhookAccount),
    /// The push services of browsers and UnifiedPush.
    Webpush(WebpushAccount),
    /// Google's push service; the password is the service account's JSON file.
    Fcm(FcmAccount),
    /// Apple's push service; the password is the `.p8` key.
    Apns(ApnsAccount),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpAccount {
    /// Where it is.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// The account; none sends without one. With an account there is a password, and it is encrypted.
    pub user: Option<String>,
    /// The sender that people see: `Name <address>`.
    pub from: String,
    /// Where bounces go, the sender of the envelope; none is the address of `from`.
    pub bounces: Option<String>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// It begins in plain text, and nothing is said before it is encrypted (RFC 3207).
    StartTls,
    /// From the first byte on (RFC 8314).
    Implicit,
    /// Not at all.
    None,
}

impl SmtpTls {
    /// The usual port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// Calls to recipients' own URLs; the password signs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookAccount {}

/// The push services of browsers and UnifiedPush. Its keys are made by the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebpushAccount {
    /// Whom a push service may ask about our calls: `mailto:` or `https:` (RFC 8292); none is the relay's own URL.
    pub contact: Option<String>,
}

/// Google's push service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FcmAccount {}

/// Apple's push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApnsAccount {
    /// The key's id, ten characters.
    pub key_id: String,
    /// The team's id, ten characters.
    pub team_id: String,
    /// The app's bundle id.
    pub topic: String,
}

impl Provider {
    /// The built-in provider of browsers' push services, for a project whose document names none.
    #[must_use]
    pub fn webpush() -> Self {
        Self {
            channel: Channel::Push,
            cost: None,
            rate: None,
            password: None,
            inbound: None,
            account: Account::Webpush(WebpushAccount::default()),
        }
    }

    /// Whether it can deliver to an address of its channel. A push address belongs to one kind of service.
    #[must_use]
    pub fn serves(&self, address: &str) -> bool {
        let service = PushService::of(address);
        match self.account {
            Account::Webpush(_) => service == PushService::Web,
            Account::Fcm(_) => service == PushService::Fcm,
            Account::Apns(_) => service == PushService::Apns,
            Account::Smtp(_) | Account::Http(_) | Account::Webhook(_) => true,
        }
    }
}

/// Whose push service an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushService {
    /// A browser's or a UnifiedPush distributor's: a subscription as JSON text.
    Web,
    /// Google's: `fcm:TOKEN`.
    Fcm,
    /// Apple's: `apns:TOKEN`.
    Apns,
}

impl PushService {
    /// The service of a push address.
    #[must_use]
    pub fn of(address: &str) -> Self {
        if address.starts_with("fcm:") {
            Self::Fcm
        } else if address.starts_with("apns:") {
            Self::Apns
        } else {
            Self::Web
        }
    }
}
