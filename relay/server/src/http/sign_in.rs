//! How devices sign in: connect codes, refresh tokens, tokens for development.

mod refresh;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tidings_core::act::{Act, DeviceGreeting, Unit};
use tidings_core::model::PersonKey;
use tidings_core::ports::ConnectCode;
use tidings_core::refresh::REPEAT_MILLIS;
use tidings_protocol::http::{
    ConnectCodeRequest, ConnectCodeResponse, ConnectRequest, ConnectResponse, TokenRefreshRequest,
    TokenRefreshResponse, TokenRequest, TokenResponse,
};
use tidings_protocol::{ProjectId, Timestamp};

use self::refresh::{begin_family, refresh};
use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use super::repeats::{Begun, Holds, Keeping, begin};
use super::route::{Routes, Who};
use super::send::at_most;
use crate::access::{ACCESS_TOKEN_MILLIS_MAX, KeyCaller, Scope};
use crate::app::App;
use crate::vault::Purpose;

/// How long a connect code can be used, in milliseconds: ten minutes, time to find the phone.
const CODE_MILLIS: i64 = 600_000;
const CODE_CHARS: usize = 8;
/// Letters and digits that are not mistaken for one another: 32 of them, 5 bits each.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

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
                        same pair; later use of any old one revokes the device.")
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
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let code = new_code();
    let expires_at = app.now().plus_millis(CODE_MILLIS);
    let person = PersonKey { project: caller.project.clone(), recipient: request.recipient };
    let hash = app.vault.hash(Purpose::ConnectCode, &code);
    let relay: String = url::form_urlencoded::byte_serialize(app.public_url.as_bytes()).collect();
    let link = format!("tidings://connect?relay={relay}&code={code}");
    let answered = Answered::new(StatusCode::CREATED, &ConnectCodeResponse { code, link, expires_at });
    let row = keeping.row(&answered);
    app.ports.sign_in.put_connect_code(&ConnectCode { hash, person, expires_at }, row.as_ref()).await?;
    Ok(answered.response())
}

async fn connect(State(app): State<Arc<App>>, sent: Sent) -> Result<Response, Box<Problem>> {
    let request: ConnectRequest = sent.json()?;
    at_most("/platform", "Bytes of platform", 64, request.platform.len())?;
    at_most("/nonce", "Bytes of nonce", 128, request.nonce.len())?;
    // A code signs in once; only a repetition that names itself gets the same tokens again.
    let keeping = match begin(&app, &nobody(), &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let now = app.now();
    let code = request.code.trim().to_ascii_uppercase().replace('-', "");
    let code = take_code(&app, &code, &request, now).await?;
    if let Err(problem) = greet(&app, &code.person, &request, now).await {
        // A device whose id is taken or was removed asks again under another one.
        app.ports.sign_in.put_connect_code(&code, None).await?;
        return Err(problem);
    }
    Ok(signed_in(&app, code.person, request, now, &keeping).await?.response())
}

/// Begins the family of the device's tokens.
async fn signed_in(
    app: &App,
    person: PersonKey,
    request: ConnectRequest,
    now: Timestamp,
    keeping: &Keeping<'_>,
) -> Result<Answered, Box<Problem>> {
    let (token, pair) = begin_family(app, &person, &request.device, now);
    let project = app.directory.project(&person.project);
    let answered = Answered::ok(&ConnectResponse {
        project: project.map(|row| row.name.to_string()).unwrap_or_default(),
        recipient: person.recipient,
        device: request.device,
        access_token: pair.access_token,
        refresh_token: pair.refresh_token,
        expires_at: pair.expires_at,
    });
    app.ports.sign_in.put_device_token(&token, None, keeping.row(&answered).as_ref()).await?;
    Ok(answered)
}

/// Whose the keys of calls are that come before it is known whose they are.
fn nobody() -> ProjectId {
    ProjectId::new("-").expect("a dash is an id")
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
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let person = PersonKey { project: caller.project.clone(), recipient: request.recipient };
    let (token, expires_at) = app.tokens.issue(&person, request.device.as_ref(), app.now(), lasts);
    let answered = Answered::new(StatusCode::CREATED, &TokenResponse { token, expires_at });
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

fn new_code() -> String {
    let mut bytes = [0_u8; CODE_CHARS];
    rand::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).collect()
}
