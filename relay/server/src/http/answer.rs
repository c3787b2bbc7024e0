//! Answers, and how an act of the core becomes one.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidings_core::act::{Act, Answer, Render, RepeatKey, Unit};
use tidings_protocol::ProjectId;

use super::body::Sent;
use super::problem::Problem;
use crate::access::KeyCaller;
use crate::app::App;

/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An answer before it is a response.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    status: StatusCode,
    body: Arc<str>,
    replayed: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answered {
    pub(crate) fn new(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("bodies are made of texts, numbers and times");
        Self { status, body: body.into(), replayed: false, headers: Vec::new() }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(crate) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: "".into(), replayed: false, headers: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// An answer that was given before.
    pub(crate) fn kept(status: u16, body: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self { status, body: body.into(), replayed: true, headers: Vec::new() }
    }

    pub(crate) const fn replayed(mut self) -> Self {
        self.replayed = true;
        self
    }

    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The body as what it was made of.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Box<Problem>> {
        serde_json::from_str(&self.body).map_err(|_| {
            let detail = "A stored answer cannot be read.";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        })
    }

    /// The same answer with another body.
    pub(crate) fn with_body(self, body: &impl Serialize) -> Self {
        Self { body: Self::ok(body).body, ..self }
    }

    pub(crate) fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.as_bytes().to_vec()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        headers.extend(self.headers);
        response
    }
}

/// Hands an act in and makes its answer. `render` is called once, also for the answer that is stored with the act.
pub(crate) async fn act(
    app: &App,
    caller: &KeyCaller,
    sent: Option<&Sent>,
    act: Act,
    render: impl Fn(&Answer) -> Answered + Send + Sync + 'static,
) -> Result<Answered, Box<Problem>> {
    act_in(app, &caller.project, caller.sandbox, sent, act, render).await
}

/// The same for a device.
pub(crate) async fn act_in(
    app: &App,
    project: &ProjectId,
    sandbox: bool,
    sent: Option<&Sent>,
    act: Act,
    render: impl Fn(&Answer) -> Answered + Send + Sync + 'static,
) -> Result<Answered, Box<Problem>> {
    let render = Arc::new(render);
    match settle_in(app, project, sandbox, sent, act, Arc::clone(&render)).await? {
        Outcome::Replayed(answered) => Ok(answered),
        Outcome::Decided(answer) => Ok(render(&answer)),
    }
}

/// What became of an act.
pub(crate) enum Outcome {
    /// It was decided.
    Decided(Answer),
    /// It was decided before, and this is what was answered then.
    Replayed(Answered),
}

/// Hands an act in. `render` makes the answer that is stored with it, if it has a key that may come again.
pub(crate) async fn settle_in(
    app: &App,
    project: &ProjectId,
    sandbox: bool,
    sent: Option<&Sent>,
    act: Act,
    render: Arc<impl Fn(&Answer) -> Answered + Send + Sync + 'static>,
) -> Result<Outcome, Box<Problem>> {
    let rendered = Render(Arc::new(move |answer| {
        let answered = render(answer);
        (answered.status.as_u16(), (*answered.body).into())
    }));
    let repeat = sent.map(Sent::repeat).transpose()?.flatten();
    let repeat = repeat.map(|repeat| RepeatKey {
        // What was tried in the sandbox is not the answer to a live request of the same key.
        route: if sandbox { format!("sandbox {}", repeat.route).into() } else { repeat.route },
        key: repeat.key,
        fingerprint: repeat.fingerprint,
        render: rendered,
    });
    let settled = app.writer.write(Unit { project: project.clone(), sandbox, repeat, act }).await?;
    if let Some((status, body)) = settled.replay {
        return Ok(Outcome::Replayed(Answered::kept(status, &body)));
    }
    Ok(Outcome::Decided(settled.answer?))
}
