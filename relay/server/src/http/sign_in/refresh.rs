//! Refresh tokens: `tdr_FAMILY.SECRET`. The family lasts as long as the sign-in of the device, the secret until the next
//! exchange; both are stored hashed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tidings_core::model::PersonKey;
use tidings_core::ports::{DeviceToken, KnownToken, PresentedToken, TokenExchange};
use tidings_core::refresh::{RefreshVerdict, judge};
use tidings_protocol::frame::Bye;
use tidings_protocol::http::{TokenRefreshRequest, TokenRefreshResponse};
use tidings_protocol::{DeviceId, Timestamp};

use crate::app::App;
use crate::http::answer::Answered;
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::repeats::{Begun, Holds, Keeping, begin};
use crate::vault::{Purpose, Vault, random_text};

const PREFIX: &str = "tdr_";
/// Ends the family. It is in no text of [`random_text`].
const FAMILY_END: char = '.';

/// An access token with the refresh token for the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pair {
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) expires_at: Timestamp,
}

impl Pair {
    fn new(app: &App, person: &PersonKey, device: &DeviceId, family: &str, now: Timestamp) -> Self {
        let (access_token, expires_at) =
            app.tokens.issue(person, Some(device), now, app.options.access_token.as_millis());
        let refresh_token = format!("{PREFIX}{family}{FAMILY_END}{}", random_text());
        Self { access_token, refresh_token, expires_at }
    }

    fn answered(&self) -> Answered {
        let Self { access_token, refresh_token, expires_at } = self.clone();
        Answered::ok(&TokenRefreshResponse { access_token, refresh_token, expires_at })
    }
}

/// The first pair of a sign-in. Whatever family the device had before is not known any more.
pub(super) fn begin_family(
    app: &App,
    person: &PersonKey,
    device: &DeviceId,
    now: Timestamp,
) -> (DeviceToken, Pair) {
    let family = random_text();
    let pair = Pair::new(app, person, device, &family, now);
    let token = DeviceToken {
        person: person.clone(),
        device: device.clone(),
        family: Some(app.vault.hash(Purpose::RefreshFamily, &family)),
        current: app.vault.hash(Purpose::RefreshToken, &pair.refresh_token),
        previous: None,
        last_answer: None,
        used_at: now,
    };
    (token, pair)
}

pub(super) async fn refresh(State(app): State<Arc<App>>, sent: Sent) -> Result<Response, Box<Problem>> {
    let request: TokenRefreshRequest = sent.json()?;
    let keeping = match begin(&app, &super::nobody(), &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    // A race between two exchanges is lost at most once: the second look finds the first one's answer.
    for _ in 0..2 {
        if let Some(pair) = exchange(&app, &request.refresh_token, &keeping).await? {
            return Ok(pair.answered().response());
        }
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "raced",
        "Another exchange of this token is under way: try again.",
    ))
}

/// The family that a token names. Those that were given out before there were families name none.
fn family_of(token: &str) -> Option<&str> {
    token.strip_prefix(PREFIX)?.split_once(FAMILY_END).map(|(family, _)| family)
}

fn presented(vault: &Vault, token: &str) -> PresentedToken {
    PresentedToken {
        hash: vault.hash(Purpose::RefreshToken, token),
        family: family_of(token).map(|family| vault.hash(Purpose::RefreshFamily, family)),
    }
}

/// The next pair, or none if another exchange came first.
async fn exchange(app: &App, token: &str, keeping: &Keeping<'_>) -> Result<Option<Pair>, Box<Problem>> {
    let now = app.now();
    let presented = presented(&app.vault, token);
    let row = match app.ports.sign_in.device_token(&presented).await? {
        Some(KnownToken::Device(row)) => row,
        Some(KnownToken::Erased) => return Err(erased()),
        None => return Err(invalid("This refresh token is not valid: sign in again.")),
    };
    let standing =
        app.ports.sign_in.standing(&row.person.project, &row.person.recipient, Some(&row.device)).await?;
    match judge(&row, &presented, standing.0, now) {
        RefreshVerdict::Rotate => rotate(app, row, token, now, keeping).await,
        RefreshVerdict::Repeat => match last_answer(app, &row) {
            Some(pair) => Ok(Some(pair)),
            None => Err(revoke(app, &row, now).await?),
        },
        RefreshVerdict::Reused => Err(revoke(app, &row, now).await?),
        RefreshVerdict::RanOut => Err(invalid("This refresh token was not used for 90 days: sign in again.")),
        RefreshVerdict::Erased => Err(erased()),
    }
}

async fn rotate(
    app: &App,
    row: DeviceToken,
    token: &str,
    now: Timestamp,
    keeping: &Keeping<'_>,
) -> Result<Option<Pair>, Box<Problem>> {
    let family = family_of(token).map_or_else(random_text, str::to_owned);
    let pair = Pair::new(app, &row.person, &row.device, &family, now);
    let text = serde_json::to_vec(&pair).expect("texts and times are JSON");
    let expected = row.current;
    let next = DeviceToken {
        family: Some(app.vault.hash(Purpose::RefreshFamily, &family)),
        current: app.vault.hash(Purpose::RefreshToken, &pair.refresh_token),
        previous: Some((expected, now)),
        last_answer: Some(app.vault.seal(&seal_name(&row), &text)),
        used_at: now,
        ..row
    };
    let answer = keeping.row(&pair.answered());
    match app.ports.sign_in.put_device_token(&next, Some(&expected), answer.as_ref()).await? {
        TokenExchange::Rotated => Ok(Some(pair)),
        TokenExchange::Raced => Ok(None),
    }
}

fn last_answer(app: &App, row: &DeviceToken) -> Option<Pair> {
    let text = app.vault.open_sealed(&seal_name(row), row.last_answer.as_ref()?).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Whoever has an exchanged token has a copy, and nobody can tell which of the two is the device: neither goes on.
async fn revoke(app: &App, row: &DeviceToken, now: Timestamp) -> Result<Box<Problem>, Box<Problem>> {
    app.ports.sign_in.revoke_device(&row.person, &row.device, now).await?;
    app.listeners.hub.close(&row.person, Some(&row.device), Bye::Revoked);
    tracing::warn!("a refresh token was used again after its exchange: its device is revoked");
    let detail = "This refresh token was exchanged before: the device is signed out. Sign in again.";
    Ok(Problem::new(StatusCode::UNAUTHORIZED, "revoked", detail))
}

fn seal_name(row: &DeviceToken) -> String {
    format!("token/{}/{}/{}", row.person.project, row.person.recipient, row.device)
}

fn erased() -> Box<Problem> {
    Problem::new(StatusCode::UNAUTHORIZED, "erased", "This account was erased.")
}

fn invalid(detail: &str) -> Box<Problem> {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_refresh_token", detail)
}
