//! What the page's forms do. Each is an act as a device's or backend's, and ends with the page again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use tidings_core::act::{Act, ConsentRequest, PreferenceChange};
use tidings_core::model::Collected;
use tidings_protocol::{CategoryId, Channel, Decision, LegalClass};

use super::holder::Holder;
use super::view::{Shown, View};
use super::{html, texts};
use crate::app::App;
use crate::http::answer::{Answered, REPLAYED, act_in};
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::repeats::{Begun, Holds, Keeping, begin};
use crate::http::route::At;

/// Where a decision was made, in the ledger.
const HOW: &str = "page";
/// The longest text that the ledger keeps, in characters.
const TEXT_SHOWN_CHARS_MAX: usize = 4_000;

/// The fields of a form, in order.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(sent: &Sent) -> Self {
        Self(url::form_urlencoded::parse(&sent.bytes).into_owned().collect())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// A form, who sent it, and what the page said in their language.
struct Opened {
    form: Form,
    holder: Holder,
    view: View,
}

impl Opened {
    /// What a token opens for a form; or what a token that opens nothing shows.
    async fn by(
        app: &App,
        token: &str,
        headers: &HeaderMap,
        sent: &Sent,
    ) -> Result<Result<Self, Response>, Box<Problem>> {
        let form = Form::read(sent);
        let Some(holder) = Holder::of(app, token).await? else {
            let texts = texts::of(form.one("lang"), None, headers);
            return Ok(Err(html::response(StatusCode::NOT_FOUND, html::gone(texts))));
        };
        let texts = texts::of(form.one("lang"), holder.locale(), headers);
        let view = View::of(app, &holder, texts).await?;
        Ok(Ok(Self { form, holder, view }))
    }
}

/// Boxes that were ticked or cleared. What the form showed is sent along, so that what somebody changed elsewhere in the
/// meantime stays as it is.
pub(super) async fn preferences(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let Opened { form, holder, view } = match Opened::by(&app, &token, &headers, &sent).await? {
        Ok(opened) => opened,
        Err(gone) => return Ok(gone),
    };
    let keeping = match begin(&app, &holder.person.key.project, &sent, Holds::Ids).await? {
        Begun::Before(kept) => return Ok(back_again(&holder, &view, &kept)),
        Begun::First(keeping) => keeping,
    };
    let on: BTreeSet<_> = form.all("on").filter_map(switch).collect();
    let shown = form.all("shown").filter_map(|text| {
        let (was, rest) = text.split_once('/')?;
        Some((switch(rest)?, was == "on"))
    });
    let changed = shown.filter(|(switch, was)| on.contains(switch) != *was);
    let choices: BTreeMap<_, _> = changed.map(|(switch, was)| (switch, !was)).collect();
    if !choices.is_empty() {
        put_choices(&app, &holder, choices).await?;
    }
    back(&holder, &view, "saved", &keeping).await
}

/// `push/orders`.
fn switch(text: &str) -> Option<(CategoryId, Channel)> {
    let (channel, category) = text.split_once('/')?;
    Some((category.parse().ok()?, channel.parse().ok()?))
}

async fn put_choices(
    app: &App,
    holder: &Holder,
    choices: BTreeMap<(CategoryId, Channel), bool>,
) -> Result<(), Box<Problem>> {
    let key = &holder.person.key;
    let change =
        PreferenceChange { recipient: Some(key.recipient.clone()), choices, ..PreferenceChange::default() };
    let change = Act::PutPreferences(Box::new(change));
    act_in(app, &key.project, false, None, change, |_| Answered::nothing()).await?;
    Ok(())
}

/// One of two equal buttons.
pub(super) async fn consent(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let Opened { form, holder, view } = match Opened::by(&app, &token, &headers, &sent).await? {
        Ok(opened) => opened,
        Err(gone) => return Ok(gone),
    };
    let keeping = match begin(&app, &holder.person.key.project, &sent, Holds::Ids).await? {
        Begun::Before(kept) => return Ok(back_again(&holder, &view, &kept)),
        Begun::First(keeping) => keeping,
    };
    let shown =
        form.one("category").and_then(|id| view.categories.iter().find(|shown| shown.id.as_str() == id));
    let shown = shown.ok_or_else(|| Problem::invalid("/category", "There is no such category."))?;
    let decision = match form.one("decision") {
        Some("granted") => Decision::Granted,
        Some("no") if shown.is_granted() => Decision::Withdrawn,
        Some("no") => Decision::Refused,
        _ => return Err(Problem::invalid("/decision", "decision: granted or no.")),
    };
    let seen = form.one("policy").unwrap_or_default();
    if decision == Decision::Granted && seen != view.policy_version() {
        return back(&holder, &view, "stale", &keeping).await;
    }
    decide(&app, &holder, &view, shown, decision).await?;
    let done = if decision == Decision::Granted { "granted" } else { "refused" };
    back(&holder, &view, done, &keeping).await
}

async fn decide(
    app: &App,
    holder: &Holder,
    view: &View,
    shown: &Shown,
    decision: Decision,
) -> Result<(), Box<Problem>> {
    let key = &holder.person.key;
    let text = view.asked(shown);
    let fits = text.chars().count() <= TEXT_SHOWN_CHARS_MAX;
    let request = ConsentRequest {
        recipient: key.recipient.clone(),
        decision,
        category: shown.id.clone(),
        channels: Vec::new(),
        policy_version: view.policy.as_ref().map(|policy| policy.version.as_str().into()),
        text_shown: fits.then(|| text.into()),
        collected: Some(Collected {
            how: HOW.into(),
            at: None,
            locale: Some(view.texts.language.into()),
            by: None,
        }),
    };
    let decided = Act::DecideConsent(Box::new(request));
    act_in(app, &key.project, false, None, decided, |_| Answered::nothing()).await?;
    Ok(())
}

/// Everything off that the law lets be off: preferences on every channel beside the inbox, and every grant.
pub(super) async fn unsubscribe(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let Opened { holder, view, .. } = match Opened::by(&app, &token, &headers, &sent).await? {
        Ok(opened) => opened,
        Err(gone) => return Ok(gone),
    };
    let keeping = match begin(&app, &holder.person.key.project, &sent, Holds::Ids).await? {
        Begun::Before(kept) => return Ok(back_again(&holder, &view, &kept)),
        Begun::First(keeping) => keeping,
    };
    let free = || view.categories.iter().filter(|shown| shown.legal != LegalClass::Essential);
    let choices: BTreeMap<_, _> = free()
        .flat_map(|shown| shown.channels.iter().map(|(channel, _)| ((shown.id.clone(), *channel), false)))
        .filter(|((_, channel), _)| *channel != Channel::Inapp)
        .collect();
    put_choices(&app, &holder, choices).await?;
    for shown in free().filter(|shown| shown.is_granted()) {
        decide(&app, &holder, &view, shown, Decision::Withdrawn).await?;
    }
    back(&holder, &view, "stopped", &keeping).await
}

/// To the page, which says what was done.
async fn back(
    holder: &Holder,
    view: &View,
    done: &str,
    keeping: &Keeping<'_>,
) -> Result<Response, Box<Problem>> {
    keeping.keep(&Answered::ok(&done)).await?;
    Ok(to_page(holder, view, done))
}

/// The same for a form that came before.
fn back_again(holder: &Holder, view: &View, kept: &Answered) -> Response {
    let done: String = kept.read().unwrap_or_default();
    let mut response = to_page(holder, view, &done);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn to_page(holder: &Holder, view: &View, done: &str) -> Response {
    let to = format!("/p/{}?lang={}&done={done}", holder.token, view.texts.language);
    let mut response = html::response(StatusCode::SEE_OTHER, String::new());
    if let Ok(to) = to.parse() {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
