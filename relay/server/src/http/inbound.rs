//! `POST /v1/inbound/{provider}`: what a provider has to tell: answers of people, reports, bounces, complaints.
//!
//! A call is believed if it has the provider's own signature (where its preset has one), the secret that the document
//! names for it, or an API key. Each kind of provider has a file of its own below, which gets [`Inbound`].

mod mail;
mod sms;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tidings_core::configuration::{Provider, SecretName};
use tidings_protocol::{Channel, ProjectId};

use super::body::Sent;
use super::problem::Problem;
use super::query::Query;
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who, presented};
use crate::access::{Scope, is_key};
use crate::app::App;

/// A call of a provider that was believed.
#[derive(Debug)]
pub(super) struct Inbound<'a> {
    pub(super) app: &'a App,
    /// Whose provider.
    pub(super) project: ProjectId,
    /// Its name in the document.
    pub(super) name: &'a str,
    /// What the document says of it.
    pub(super) settings: &'a Provider,
    /// It came with a key of the sandbox.
    pub(super) sandbox: bool,
    /// What it says.
    pub(super) sent: &'a Sent,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/v1/inbound/{provider}", Who::Anyone, hear, |call| {
        call.about(
            "What a provider has to tell: SMS answers and reports, bounces, complaints. Proven by the provider's \
             signature, the secret that the document names as `inbound`, or an API key with the scope send.",
        )
        .query(&[("project", "Whose provider, by id or name; not needed with an API key, or if there is one project")])
        .body_text(&["application/json", "application/x-www-form-urlencoded", "message/rfc822"])
        .answer_plain(200, "What was understood")
        .answer_plain(204, "It was taken")
    })
}

async fn hear(
    State(app): State<Arc<App>>,
    At(name): At<String>,
    query: Query,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let (project, sandbox, proven) = whose(&app, &query, &sent)?;
    let configuration = app.live(&project).await?;
    let Some(settings) = configuration.providers.get(&name) else {
        // Whoever has proven nothing learns nothing.
        return Err(if proven { Problem::not_found("provider", &name) } else { not_believed() });
    };
    let inbound = Inbound { app: &app, project, name: &name, settings, sandbox, sent: &sent };
    if !proven && !inbound.has_secret().await? && !inbound.is_signed().await? {
        return Err(not_believed());
    }
    let keeping = match begin(&app, &inbound.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let answered = match settings.channel {
        Channel::Sms => sms::hear(&inbound).await,
        Channel::Email => mail::hear(&inbound).await,
        Channel::Inapp | Channel::Push | Channel::Webhook => {
            let detail = format!("A provider of the channel {} has nothing to tell.", settings.channel);
            Err(Problem::invalid("", detail))
        }
    }?;
    // What it did is several acts, each of which has no second effect: a repetition after a crash in between finishes it.
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

/// Which project is meant, whether it is for the sandbox, and whether a key has proven who calls.
fn whose(app: &App, query: &Query, sent: &Sent) -> Result<(ProjectId, bool, bool), Box<Problem>> {
    if let Some(key) = presented(&sent.headers)?.filter(|text| is_key(text)) {
        let caller = app.directory.caller(&key).ok_or_else(not_believed)?;
        if !caller.may(Scope::Send) {
            return Err(super::route::forbidden(Scope::Send));
        }
        return Ok((caller.project, caller.sandbox, true));
    }
    let named = match query.text("project") {
        Some(text) => app.directory.project_named(text),
        None => match app.directory.projects().as_slice() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        },
    };
    Ok((named.ok_or_else(not_believed)?.id.clone(), false, false))
}

fn not_believed() -> Box<Problem> {
    Problem::unauthorized(
        "This call needs a proof: the provider's own signature, the secret that the document names as `inbound` \
         (Authorization: Bearer SECRET, or Basic with it as password), or an API key with the scope send. With more \
         than one project, name yours: ?project=NAME.",
    )
}

impl Inbound<'_> {
    /// Whether it shows the secret that the document names for this.
    async fn has_secret(&self) -> Result<bool, Box<Problem>> {
        let Some(given) = presented(&self.sent.headers)? else { return Ok(false) };
        let Some(expected) = self.secret(self.settings.inbound.as_ref()).await? else { return Ok(false) };
        Ok(expected.expose_secret().as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// Whether it has the signature that the preset's vendor makes.
    async fn is_signed(&self) -> Result<bool, Box<Problem>> {
        sms::is_signed(self).await
    }

    /// The value of a secret of the document; none if none is named or it is not set.
    pub(super) async fn secret(
        &self,
        name: Option<&SecretName>,
    ) -> Result<Option<SecretString>, Box<Problem>> {
        match name {
            Some(name) => Ok(self.app.secret(&self.project, name).await?),
            None => Ok(None),
        }
    }
}
