//! The gate before each call: who calls, may they, and not too often.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use super::Who;
use crate::access::{KeyCaller, Scope, is_key};
use crate::app::App;
use crate::http::limit::Caller;
use crate::http::problem::Problem;

/// How long a call may take, its body included. A waiting call has its own wait besides.
const CALL_TIME_MAX: Duration = Duration::from_secs(30);
const WAITING_CALL_TIME_MAX: Duration = Duration::from_secs(90);

/// How long the answer to one bad request too many waits.
const HELD_BACK: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: Arc<App>,
    pub(crate) who: Who,
    pub(crate) waits: bool,
}

/// Lets a call in, with who calls among its extensions.
pub(crate) async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = check(&gate, &mut request).await {
        return problem.into_response();
    }
    let key = request.extensions().get::<KeyCaller>().map(|caller| caller.id.clone());
    let time = if gate.waits { WAITING_CALL_TIME_MAX } else { CALL_TIME_MAX };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) if is_fault(response.status()) => hold_back(&gate.app, key, response).await,
        Ok(response) => response,
        Err(_) => {
            let detail = "The call took too long. If it had a body, repeat it with the same Idempotency-Key or event id.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).into_response()
        }
    }
}

/// Whether the request itself was wrong.
fn is_fault(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// Whoever sends nothing but mistakes at full speed hears of it late, so that the others do not notice. Good requests of
/// the same key are not counted.
async fn hold_back(app: &App, key: Option<Box<str>>, response: Response) -> Response {
    let Some(key) = key else { return response };
    match app.limits.count(Caller::Faulty(key)) {
        Ok(()) => response,
        Err(problem) => {
            tokio::time::sleep(HELD_BACK).await;
            problem.into_response()
        }
    }
}

async fn check(gate: &Gate, request: &mut Request) -> Result<(), Box<Problem>> {
    let app = &gate.app;
    match gate.who {
        Who::Anyone => app.limits.count(Caller::Stranger(peer(request))),
        Who::Key(scope) => {
            let secret = presented(request.headers())?;
            let given = secret.as_deref().is_some_and(is_key);
            let caller = secret.filter(|_| given).and_then(|text| app.directory.caller(&text));
            let Some(caller) = caller else {
                // Guessing is counted too.
                app.limits.count(Caller::Stranger(peer(request)))?;
                let detail = if given {
                    "This API key is not known here, or was revoked."
                } else {
                    "This call needs an API key: Authorization: Bearer KEY, or Basic with the key as password."
                };
                return Err(Problem::unauthorized(detail));
            };
            app.limits.count(Caller::Key(caller.id.clone()))?;
            if !caller.may(scope) {
                return Err(forbidden(scope));
            }
            request.extensions_mut().insert(caller);
            Ok(())
        }
        Who::Device => {
            let Some(token) = presented(request.headers())? else {
                app.limits.count(Caller::Stranger(peer(request)))?;
                return Err(Problem::unauthorized(
                    "This call needs a device's access token: Authorization: Bearer TOKEN.",
                ));
            };
            let checked = app.tokens.check(&token).await;
            if checked.is_err() {
                app.limits.count(Caller::Stranger(peer(request)))?;
            }
            let caller = checked?;
            let person = &caller.verified.person;
            app.limits.count(Caller::Device(format!("{}/{}", person.project, person.recipient).into()))?;
            if caller.read_only && request.method() != Method::GET {
                let detail = "This token may only read.";
                return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
            }
            request.extensions_mut().insert(caller);
            Ok(())
        }
    }
}

pub(crate) fn forbidden(scope: Scope) -> Box<Problem> {
    let detail = format!("This key lacks the scope {scope}: make one that has it.");
    let mut problem = Problem::new(StatusCode::FORBIDDEN, "forbidden", detail);
    problem.more.insert("scope".into(), scope.as_str().into());
    problem
}

/// The key, token or password of `Authorization`.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<String>, Box<Problem>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let unreadable = || Problem::unauthorized("Authorization is neither Bearer nor Basic.");
    let text = value.to_str().map_err(|_| unreadable())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(unreadable)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (_, password) = decoded.as_deref().and_then(|pair| pair.split_once(':')).ok_or_else(unreadable)?;
    Ok(Some(password.to_owned()))
}

fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// The parts of a path, with our own words for what is wrong with them.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Box<Problem>> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::invalid("", format!("The path: {}.", rejection.body_text()))),
        }
    }
}
