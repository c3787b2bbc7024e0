//! How devices sign in: connect codes, refresh tokens, tokens for development.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tidings_core::act::{Act, DeviceGreeting, Unit};
use tidings_core::model::PersonKey;
use tidings_core::ports::{ConnectCode, DeviceToken, TokenExchange};
use tidings_protocol::frame::Bye;
use tidings_protocol::http::{
    ConnectCodeRequest, ConnectCodeResponse, ConnectRequest, ConnectResponse, TokenRefreshRequest,
    TokenRefreshResponse, TokenRequest, TokenResponse,
};
use tidings_protocol::{DeviceId, ProjectId, Timestamp};

use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use super::route::{Routes, Who};
use super::send::at_most;
use crate::access::{ACCESS_TOKEN_MILLIS_MAX, KeyCaller, Scope};
use crate::app::App;
use crate::vault::{Purpose, random_text};

/// How long a connect code can be used, in milliseconds: ten minutes, time to find the phone.
const CODE_MILLIS: i64 = 600_000;
const CODE_CHARS: usize = 8;
/// Letters and digits that are not mistaken for one another: 32 of them, 5 bits each.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// How long the last exchange of a refresh token may be repeated, in milliseconds: an answer that was lost.
const REPEAT_MILLIS: i64 = 60_000;
/// How long a refresh token lasts after its last use, in milliseconds: 90 days.
const REFRESH_MILLIS: i64 = 90 * 86_400_000;
const REFRESH_PREFIX: &str = "tdr_";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/connect-codes", Who::Key(Scope::Tokens), connect_code, |call| {
            call.about("A code that signs one device in, once, within ten minutes.")
                .body::<ConnectCodeRequest>()
                .answer::<ConnectCodeResponse>(201, "The code")
        })
        .post("/v1/connect", Who::Anyone, connect, |call| {
            call.about("Exchanges a connect code for the tokens of a device.")
                .body::<ConnectRequest>()
                .answer::<ConnectResponse>(200, "The tokens")
        })
        .post("/v1/me/token", Who::Anyone, refresh, |call| {
            call.about("Exchanges a refresh token for the next pair. Repeating the last exchange within 60 s answers the \
                        same pair; later use of an old one revokes the device.")
                .body::<TokenRefreshRequest>()
                .answer::<TokenRefreshResponse>(200, "The next pair")
        })
        .post("/v1/tokens", Who::Key(Scope::Tokens), token, |call| {
            call.about("An access token for development.")
                .body::<TokenRequest>()
                .answer::<TokenResponse>(201, "The token")
        })
}

async fn connect_code(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: ConnectCodeRequest = sent.json()?;
    let work = async {
        let code = new_code();
        let expires_at = app.now().plus_millis(CODE_MILLIS);
        let person = PersonKey { project: caller.project.clone(), recipient: request.recipient };
        let hash = app.vault.hash(Purpose::ConnectCode, &code);
        app.ports.sign_in.put_connect_code(&ConnectCode { hash, person, expires_at }).await?;
        let relay: String = url::form_urlencoded::byte_serialize(app.public_url.as_bytes()).collect();
        let link = format!("tidings://connect?relay={relay}&code={code}");
        Ok(Answered::new(StatusCode::CREATED, &ConnectCodeResponse { code, link, expires_at }))
    };
    app.repeats.once(&caller.project, &sent, work).await
}

async fn connect(State(app): State<Arc<App>>, sent: Sent) -> Result<Response, Box<Problem>> {
    let request: ConnectRequest = sent.json()?;
    at_most("/platform", "Bytes of platform", 64, request.platform.len())?;
    at_most("/nonce", "Bytes of nonce", 128, request.nonce.len())?;
    // A code signs in once; only a repetition that names itself gets the same tokens again.
    let nobody = ProjectId::new("-").expect("a dash is an id");
    let work = async {
        let now = app.now();
        let code = request.code.trim().to_ascii_uppercase().replace('-', "");
        let code = take_code(&app, &code, &request, now).await?;
        if let Err(problem) = greet(&app, &code.person, &request, now).await {
            // A device whose id is taken or was removed asks again under another one.
            app.ports.sign_in.put_connect_code(&code).await?;
            return Err(problem);
        }
        let pair = Pair::new(&app, &code.person, &request.device, now);
        let token = DeviceToken {
            person: code.person.clone(),
            device: request.device.clone(),
            current: app.vault.hash(Purpose::RefreshToken, &pair.refresh_token),
            previous: None,
            last_answer: None,
            used_at: now,
        };
        app.ports.sign_in.put_device_token(&token, None).await?;
        let project = app.directory.project(&code.person.project);
        Ok(Answered::ok(&ConnectResponse {
            project: project.map(|row| row.name.to_string()).unwrap_or_default(),
            recipient: code.person.recipient,
            device: request.device.clone(),
            access_token: pair.access_token,
            refresh_token: pair.refresh_token,
            expires_at: pair.expires_at,
        }))
    };
    app.repeats.once(&nobody, &sent, work).await
}

/// Takes a code. The same installation may repeat its exchange for a minute, because a relay that dies between taking
/// the code and answering would leave it with neither; an installation is known by its nonce.
async fn take_code(
    app: &App,
    code: &str,
    request: &ConnectRequest,
    now: Timestamp,
) -> Result<ConnectCode, Box<Problem>> {
    let hash = app.vault.hash(Purpose::ConnectCode, code);
    let again = (!request.nonce.is_empty()).then(|| {
        let text = format!("{code}\n{}\n{}", request.device, request.nonce);
        app.vault.hash(Purpose::ConnectCode, &text)
    });
    let repeat = again.as_ref().map(|again| (again, now.plus_millis(REPEAT_MILLIS)));
    let found = match (app.ports.sign_in.take_connect_code(&hash, repeat, now).await?, repeat) {
        (Some(found), _) => Some(found),
        (None, Some((again, until))) => {
            app.ports.sign_in.take_connect_code(again, Some((again, until)), now).await?
        }
        (None, None) => None,
    };
    found.ok_or_else(|| {
        let detail = "This code is not valid, was used or ran out: ask for a new one.";
        Problem::new(StatusCode::UNAUTHORIZED, "invalid_code", detail)
    })
}

/// Makes the device, and the recipient if the project allows.
async fn greet(
    app: &App,
    person: &PersonKey,
    request: &ConnectRequest,
    now: Timestamp,
) -> Result<(), Box<Problem>> {
    let device = DeviceGreeting {
        id: request.device.clone(),
        platform: request.platform.as_str().into(),
        nonce: request.nonce.as_str().into(),
        understands: Vec::new(),
        cursor: None,
    };
    let act =
        Act::Greet { recipient: person.recipient.clone(), device: Box::new(device), token_issued_at: now };
    let unit = Unit { project: person.project.clone(), sandbox: false, repeat: None, act };
    app.writer.write(unit).await?.answer?;
    Ok(())
}

/// An access token with the refresh token for the next one.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    access_token: String,
    refresh_token: String,
    expires_at: Timestamp,
}

impl Pair {
    fn new(app: &App, person: &PersonKey, device: &DeviceId, now: Timestamp) -> Self {
        let (access_token, expires_at) = app.tokens.issue(person, Some(device), now, ACCESS_TOKEN_MILLIS_MAX);
        Self { access_token, refresh_token: format!("{REFRESH_PREFIX}{}", random_text()), expires_at }
    }

    fn answered(self) -> Answered {
        let Self { access_token, refresh_token, expires_at } = self;
        Answered::ok(&TokenRefreshResponse { access_token, refresh_token, expires_at })
    }
}

async fn refresh(State(app): State<Arc<App>>, sent: Sent) -> Result<Response, Box<Problem>> {
    let request: TokenRefreshRequest = sent.json()?;
    let hash = app.vault.hash(Purpose::RefreshToken, &request.refresh_token);
    // A race between two exchanges is lost at most once: the second look finds the first one's answer.
    for _ in 0..2 {
        if let Some(pair) = exchange(&app, &hash).await? {
            return Ok(pair.answered().response());
        }
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "raced",
        "Another exchange of this token is under way: try again.",
    ))
}

/// The next pair, or none if another exchange came first.
async fn exchange(app: &App, hash: &[u8; 32]) -> Result<Option<Pair>, Box<Problem>> {
    let now = app.now();
    let Some(row) = app.ports.sign_in.device_token(hash).await? else {
        return Err(invalid_refresh("This refresh token is not valid: sign in again."));
    };
    let standing =
        app.ports.sign_in.standing(&row.person.project, &row.person.recipient, Some(&row.device)).await?;
    if standing.0.is_some_and(|erased_at| row.used_at <= erased_at) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "erased", "This account was erased."));
    }
    if now.millis_since(row.used_at) > REFRESH_MILLIS {
        return Err(invalid_refresh("This refresh token was not used for 90 days: sign in again."));
    }
    if row.current != *hash {
        return repeat(app, &row, now).await.map(Some);
    }
    let pair = Pair::new(app, &row.person, &row.device, now);
    let text = serde_json::to_vec(&pair).expect("texts and times are JSON");
    let next = DeviceToken {
        current: app.vault.hash(Purpose::RefreshToken, &pair.refresh_token),
        previous: Some((row.current, now)),
        last_answer: Some(app.vault.seal(&seal_name(&row), &text)),
        used_at: now,
        ..row
    };
    match app.ports.sign_in.put_device_token(&next, Some(hash)).await? {
        TokenExchange::Rotated => Ok(Some(pair)),
        TokenExchange::Raced => Ok(None),
    }
}

/// The token before the current one: within a minute its answer was lost, later it was stolen.
async fn repeat(app: &App, row: &DeviceToken, now: Timestamp) -> Result<Pair, Box<Problem>> {
    let exchanged_at = row.previous.as_ref().map_or(Timestamp::ZERO, |(_, at)| *at);
    if now.millis_since(exchanged_at) <= REPEAT_MILLIS
        && let Some(sealed) = &row.last_answer
        && let Ok(text) = app.vault.open_sealed(&seal_name(row), sealed)
        && let Ok(pair) = serde_json::from_slice(&text)
    {
        return Ok(pair);
    }
    app.ports.sign_in.revoke_device(&row.person, &row.device, now).await?;
    app.listeners.hub.close(&row.person, Some(&row.device), Bye::Revoked);
    tracing::warn!("a refresh token was used again after its exchange: its device is revoked");
    let detail = "This refresh token was exchanged before: the device is signed out. Sign in again.";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "revoked", detail))
}

fn seal_name(row: &DeviceToken) -> String {
    format!("token/{}/{}/{}", row.person.project, row.person.recipient, row.device)
}

fn invalid_refresh(detail: &str) -> Box<Problem> {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_refresh_token", detail)
}

async fn token(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: TokenRequest = sent.json()?;
    let lasts = request.expires.map_or(ACCESS_TOKEN_MILLIS_MAX, |span| span.as_millis());
    if !(1_000..=ACCESS_TOKEN_MILLIS_MAX).contains(&lasts) {
        return Err(Problem::invalid("/expires", "expires: from 1s to 1h."));
    }
    let work = async {
        let person = PersonKey { project: caller.project.clone(), recipient: request.recipient };
        let (token, expires_at) = app.tokens.issue(&person, request.device.as_ref(), app.now(), lasts);
        Ok(Answered::new(StatusCode::CREATED, &TokenResponse { token, expires_at }))
    };
    app.repeats.once(&caller.project, &sent, work).await
}

fn new_code() -> String {
    let mut bytes = [0_u8; CODE_CHARS];
    rand::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).collect()
}
