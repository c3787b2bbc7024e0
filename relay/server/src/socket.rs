//! `GET /v1/socket`: one task a connection, around the machine of `tidings_core::session`.
//!
//! The buffers are small on purpose: tungstenite fills its whole read buffer with zeros at every poll, so that its
//! default of 128 KiB costs that much memory a connection and most of the time of a fan-out. What a connection needs
//! only while something is under way is allocated then, and a frame that many get is never copied.

mod connection;
mod hellos;
mod incoming;
mod line;
mod pages;
mod upgrade;
pub mod verify;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use tidings_core::ports::{Clock, Ids};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
pub use self::hellos::Hellos;
use self::line::Line;
pub use self::pages::{LiveConfiguration, PageReader};
use self::verify::TokenVerifier;
use crate::hub::Hub;
use crate::submit::Submit;

/// A connection's read buffer, in bytes: most frames of a device fit. It is held for as long as the connection is open.
pub const READ_BUFFER_BYTES: usize = 256;

/// What an operator decides about sockets.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// How often a device is pinged, in seconds. One that says nothing for two and a half of these is gone.
    pub ping_seconds: u32,
    /// Sessions of this node; more are answered 503.
    pub sessions_max: usize,
    /// Origins of browser pages that may connect. A request without `Origin` is no browser's and always may.
    pub origins: Vec<Box<str>>,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self { ping_seconds: 30, sessions_max: 200_000, origins: Vec::new() }
    }
}

/// What all sockets of a node share.
#[derive(Clone)]
pub struct Sockets {
    /// Hints.
    pub hub: Arc<Hub>,
    /// Whose a token is.
    pub verifier: Arc<dyn TokenVerifier>,
    /// The writer.
    pub submit: Arc<dyn Submit>,
    /// Pages of changes.
    pub pages: PageReader,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Session ids and jitter.
    pub ids: Arc<dyn Ids>,
    /// How often each device said hello.
    pub hellos: Arc<Hellos>,
    /// What an operator decides.
    pub settings: Arc<SocketSettings>,
    /// Every connection's task belongs to it.
    pub tracker: TaskTracker,
    /// When it is cancelled, every device is told to come back later.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Sockets {
    /// Answers the handshake. The token, in the header or in `hello`, is verified after it: only a frame can say why
    /// it is refused.
    #[must_use]
    pub fn accept(self: &Arc<Self>, mut request: Request) -> Response {
        let headers = request.headers();
        if !self.origin_may(headers) {
            return (StatusCode::FORBIDDEN, "this origin is not listed in the relay's settings")
                .into_response();
        }
        if self.tracker.len() >= self.settings.sessions_max || self.stop.is_cancelled() {
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response();
        }
        let response = upgrade::answer(headers);
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return response;
        }
        let token = bearer(headers);
        let Some(upgrading) = request.extensions_mut().remove::<OnUpgrade>() else {
            return (StatusCode::UPGRADE_REQUIRED, "this connection cannot become a WebSocket")
                .into_response();
        };
        self.tracker.spawn(serve(Arc::clone(self), upgrading, token));
        response
    }

    fn origin_may(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).is_none_or(|origin| {
            self.settings.origins.iter().any(|listed| origin.as_bytes() == listed.as_bytes())
        })
    }
}

/// A task has room for everything that it ever waits for, for as long as it lives: what only the beginning needs stands on the
/// heap by itself, and so does the connection.
fn serve(
    sockets: Arc<Sockets>,
    upgrading: OnUpgrade,
    token: Option<String>,
) -> impl Future<Output = ()> + Send {
    let beginning = Box::pin(begin(sockets, upgrading, token));
    async move {
        if let Some(connection) = beginning.await {
            connection.run().await;
        }
    }
}

async fn begin(
    sockets: Arc<Sockets>,
    upgrading: OnUpgrade,
    token: Option<String>,
) -> Option<Box<Connection>> {
    match upgrading.await {
        Ok(upgraded) => {
            let line = Line::new(upgraded).await;
            Some(Box::new(Connection::new(sockets, line, token)))
        }
        Err(error) => {
            tracing::debug!(%error, "a connection ended within its handshake");
            None
        }
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

#[cfg(test)]
mod tests;
