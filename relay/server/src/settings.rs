//! How one relay node is started.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use tidings_protocol::Span;
use tidings_protocol::http::AppOffer;

use crate::access::ACCESS_TOKEN_MILLIS_MAX;

/// Requests a second that one key may make on average; a burst may be as large.
pub const REQUESTS_PER_SECOND_DEFAULT: u32 = 20_000;
/// A device needs a while to renew its token; one that is good for less would keep it busy with that.
pub const ACCESS_TOKEN_MIN: Span = Span::from_millis(5_000);
/// A device that was removed or whose owner was erased is refused at once; a leaked token is good for this long.
pub const ACCESS_TOKEN_MAX: Span = Span::from_millis(ACCESS_TOKEN_MILLIS_MAX);

/// Where a node listens and where its data are.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of its database and keys; made if it is missing.
    pub data: PathBuf,
    /// `sqlite:PATH`, or `memory:` for tests; none is a database in the data folder.
    pub store_url: Option<String>,
    /// The address that devices reach it by; none is the one that it listens on.
    pub public_url: Option<String>,
    /// Browsers' origins that may call it.
    pub origins: Vec<String>,
    /// Metrics on a listener of their own, without a key.
    pub metrics_listen: Option<SocketAddr>,
    /// Requests a second that one key may make.
    pub requests_per_second: u32,
    /// How long the access tokens of devices are good, [`ACCESS_TOKEN_MIN`] to [`ACCESS_TOKEN_MAX`].
    pub access_token: Span,
    /// The desktop app that devices are told of.
    pub app: Option<AppOffer>,
    /// How it reaches providers.
    pub outside: OutsideOptions,
    /// What each of the relay's own threads does before it sleeps: whoever chose the allocator gives memory back here.
    pub before_sleep: fn(),
}

/// What only the node's own settings may say of the world outside: a project's document cannot.
#[derive(Clone, Debug)]
pub struct OutsideOptions {
    /// Networks that are not public and may be called all the same, such as the one of the operator's mail server.
    pub networks: Vec<IpNet>,
    /// A PEM file of authorities that are trusted beside the system's.
    pub authorities: Option<PathBuf>,
    /// Google's push service.
    pub fcm_url: String,
    /// Apple's push service.
    pub apns_url: String,
}

impl Default for OutsideOptions {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            authorities: None,
            fcm_url: "https://fcm.googleapis.com".to_owned(),
            apns_url: "https://api.push.apple.com".to_owned(),
        }
    }
}

impl ServeOptions {
    /// The default address and limits, with data in a folder.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7420)),
            data,
            store_url: None,
            public_url: None,
            origins: Vec::new(),
            metrics_listen: None,
            requests_per_second: REQUESTS_PER_SECOND_DEFAULT,
            outside: OutsideOptions::default(),
            access_token: ACCESS_TOKEN_MAX,
            app: None,
            before_sleep: || {},
        }
    }
}
