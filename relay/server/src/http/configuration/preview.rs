//! How a template reads, on every channel that it has words for.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_core::configuration::{Bundle, Configuration};
use tidings_core::flows::load_configuration;
use tidings_core::template::{Content, DigestScope, Forms, Locale, RenderError, RenderScope};
use tidings_protocol::http::PreviewRequest;
use tidings_protocol::limits::JSON_DEPTH_MAX;

use super::{checked, live_version};
use crate::access::KeyCaller;
use crate::app::App;
use crate::http::answer::Answered;
use crate::http::body::SentDocument;
use crate::http::json::depth;
use crate::http::problem::Problem;
use crate::http::repeats::{Begun, Holds, begin};
use crate::http::send::at_most;
use crate::http::strict::nearest;

pub(super) async fn preview(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    SentDocument(sent): SentDocument,
) -> Result<Response, Box<Problem>> {
    match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        // What is kept is the version and no words: under the same document the same request reads the same.
        Begun::Before(kept) => {
            let RenderedBy { version } = kept.read()?;
            Ok(read_as(&app, &caller, sent.json()?, version).await?.replayed().response())
        }
        Begun::First(keeping) => {
            let version = live_version(&app, &caller.project);
            let answered = read_as(&app, &caller, sent.json()?, version).await?;
            keeping.keep(&Answered::ok(&RenderedBy { version })).await?;
            Ok(answered.response())
        }
    }
}

/// By which document something was rendered.
#[derive(Serialize, Deserialize)]
struct RenderedBy {
    version: u64,
}

async fn read_as(
    app: &App,
    caller: &KeyCaller,
    request: PreviewRequest,
    version: u64,
) -> Result<Answered, Box<Problem>> {
    let configuration = match request.document {
        None => load_configuration(&app.node, &caller.project, version).await?,
        Some(document) => Arc::new(checked(&Bundle { document, files: request.files }, 0)?),
    };
    let wanted = request.locale.as_deref().map(str::parse::<Locale>).transpose();
    let wanted = wanted.map_err(|error| Problem::invalid("/locale", format!("locale: {error}.")))?;
    let Some(template) = configuration.templates.get(&request.template) else {
        let names: Vec<&str> = configuration.templates.keys().map(String::as_str).collect();
        let detail = format!("There is no template {}.", request.template);
        let hint = nearest(&request.template, &names);
        return Err(Problem::field("unknown_template", "/template", detail).with_hint(hint));
    };
    let chosen = template.choose(wanted.as_ref(), &configuration.project.locale);
    let Some((locale, forms)) = chosen else {
        return Err(Problem::invalid(
            "/locale",
            "The template has no words in this language nor in the project's.",
        ));
    };
    let data = request.data.unwrap_or_else(|| json!({}));
    at_most("/data", "Depth of data", JSON_DEPTH_MAX, depth(&data))?;
    let attributes = request.attributes.unwrap_or_else(|| json!({}));
    let reader = wanted.as_ref().unwrap_or(&configuration.project.locale);
    let answer = render(&configuration, (locale, reader), forms, &data, &attributes).map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "template",
            format!("The template cannot be rendered: {error}."),
        )
    })?;
    Ok(Answered::ok(&answer))
}

fn render(
    configuration: &Configuration,
    (locale, reader): (&Locale, &Locale),
    forms: &Forms,
    data: &Value,
    attributes: &Value,
) -> Result<Value, RenderError> {
    let project = &configuration.project;
    let zone = project.time_zone.name();
    let recipient = json!({"id": "preview", "attributes": attributes, "interests": {}, "time_zone": zone, "locale": locale.as_str()});
    let event = json!({"id": null, "source": null, "type": "preview", "recipient": "preview", "data": data, "extensions": {}});
    let project_root =
        json!({"name": project.name, "locale": project.locale.as_str(), "currency": project.currency});
    let digest = forms.asks_for("digest").then(|| DigestScope::of_one(data.clone(), event.clone()));
    let scope = RenderScope {
        data,
        event: &event,
        recipient: &recipient,
        project: &project_root,
        digest: digest.as_ref(),
        zone,
        locale,
        reader,
    };
    let (content, push, email) = (forms.content(&scope)?, forms.push(&scope)?, forms.email(&scope)?);
    Ok(json!({
        "locale": locale.as_str(),
        "inapp": inapp(&content),
        "push": {"title": push.title, "body": push.body},
        "email": {"subject": email.subject, "text": email.text, "html": email.html},
        "sms": forms.sms(&scope)?,
        "webhook": forms.webhook(&scope)?,
    }))
}

fn inapp(content: &Content) -> Value {
    let actions = content.actions.iter().map(|action| {
        json!({"id": action.id, "label": action.label, "link": action.link, "acknowledges": action.acknowledges})
    });
    json!({
        "title": content.title,
        "body": content.body,
        "link": content.link,
        "icon": content.icon,
        "image": content.image,
        "actions": actions.collect::<Vec<_>>(),
    })
}
