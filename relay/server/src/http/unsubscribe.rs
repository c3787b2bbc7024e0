//! `/u/{token}`: the way out that every mail carries. Reading it shows a page; only a POST acts, because programs follow
//! links. The token proves who asks: nobody signs in to leave.
//!
//! What it does is what the category rests on. A consent is withdrawn, which must be as easy as giving it was and is
//! kept in the ledger as a proof (GDPR article 7(3), PIPL article 15). Where the category rests on the contract there is
//! no consent to withdraw, and the preference is switched off. A token that is unknown, or whose recipient was erased,
//! gets a page of the same kind: whoever tries tokens learns nothing, and whoever is gone already gets no mail.

mod words;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use tidings_core::act::{Act, ConsentRequest, PreferenceChange, Unit};
use tidings_core::configuration::{Basis, Configuration};
use tidings_core::model::{Collected, Person, PersonKey};
use tidings_core::ports::Opens;
use tidings_core::template::Locale;
use tidings_protocol::{CategoryId, Channel, Decision, LegalClass};

use self::words::Words;
use super::answer::{Answered, REPLAYED};
use super::body::Sent;
use super::problem::Problem;
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who};
use super::sheet::{asked_language, escaped, page};
use crate::app::App;
use crate::channels::{Language, links};

/// The body of one click (RFC 8058, section 3.1); the page's own form sends the same.
const FIELD: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/u/{token}", Who::Anyone, show, |call| {
            call.about("The page that asks whether to unsubscribe. It changes nothing.")
                .answer_plain(200, "A page, also for a token that is not known")
        })
        .post("/u/{token}", Who::Anyone, leave, |call| {
            call.about("Unsubscribes: the page's form, and one click of a mail program (RFC 8058).")
                .body_text(&["application/x-www-form-urlencoded", "multipart/form-data"])
                .answer_plain(200, "A page, also for a token that is not known")
        })
}

/// What a token of a recipient who is there opens.
struct Opened {
    key: PersonKey,
    person: Person,
    configuration: Arc<Configuration>,
    category: CategoryId,
    channel: Channel,
}

async fn show(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    let opened = Opened::find(&app, &token).await?;
    Ok(asking(opened.as_ref(), language(opened.as_ref(), &headers)))
}

async fn leave(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let opened = Opened::find(&app, &token).await?;
    let language = language(opened.as_ref(), &sent.headers);
    if !says_so(&sent) {
        return Ok(asking(opened.as_ref(), language));
    }
    let words = Words::of(language);
    let mut replayed = false;
    if let Some(opened) = &opened {
        if opened.is_essential() {
            let below = format!("<p>{}</p>", escaped(words.needed));
            return Ok(page(language, words.needed_title, &below));
        }
        match begin(&app, &opened.key.project, &sent, Holds::Ids).await? {
            Begun::Before(_) => replayed = true,
            Begun::First(keeping) => {
                opened.leave(&app, language).await?;
                keeping.keep(&Answered::nothing()).await?;
            }
        }
    }
    let what = opened.as_ref().map(|opened| opened.line(words)).unwrap_or_default();
    let below = format!("{what}<p>{}</p>", escaped(words.close));
    let mut response = page(language, words.done, &below);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn asking(opened: Option<&Opened>, language: Language) -> Response {
    let words = Words::of(language);
    let title = match opened {
        Some(opened) => words.question(&opened.category_name(language)),
        None => words.plain_question.to_owned(),
    };
    let what = opened.map(|opened| opened.line(words)).unwrap_or_default();
    let below = format!(
        "{what}<p>{}</p><form method=\"post\"><input type=\"hidden\" name=\"{FIELD}\" value=\"{VALUE}\">\
         <button>{}</button></form>",
        escaped(words.at_once),
        escaped(words.button)
    );
    page(language, &title, &below)
}

fn language(opened: Option<&Opened>, headers: &HeaderMap) -> Language {
    let own = || {
        let opened = opened?;
        let locale = opened.person.recipient.as_ref().and_then(|recipient| recipient.locale.as_deref());
        Some(Language::of(locale.unwrap_or(opened.configuration.project.locale.as_str())))
    };
    asked_language(headers).or_else(own).unwrap_or(Language::En)
}

/// Whether a body is that of one click, in either form that a browser or mail program sends it.
fn says_so(sent: &Sent) -> bool {
    let body = String::from_utf8_lossy(&sent.bytes);
    if sent.media() == "multipart/form-data" {
        let mut parts = body.split("\r\n\r\n");
        let names = |head: &str| {
            head.contains(&format!("name=\"{FIELD}\"")) || head.contains(&format!("name={FIELD}"))
        };
        let named = parts.next().is_some_and(names);
        return named && parts.next().is_some_and(|value| value.trim_start().starts_with(VALUE));
    }
    url::form_urlencoded::parse(body.trim().as_bytes()).any(|(name, value)| name == FIELD && value == VALUE)
}

impl Opened {
    /// None if the token opens nothing of this kind, or nobody is there any more.
    async fn find(app: &App, token: &str) -> Result<Option<Self>, Box<Problem>> {
        let Some(found) = app.ports.public.public_token(&links::hash(&app.vault, token), app.now()).await?
        else {
            return Ok(None);
        };
        let Opens::Unsubscribe { category, channel } = found.opens else { return Ok(None) };
        let person = app.ports.consents.person(&found.person).await?;
        if !person.is_known() {
            return Ok(None);
        }
        let configuration = app.live(&found.person.project).await?;
        Ok(Some(Self { key: found.person, person, configuration, category, channel }))
    }

    fn is_essential(&self) -> bool {
        let category = self.configuration.categories.get(&self.category);
        category.is_some_and(|category| category.legal == LegalClass::Essential)
    }

    /// Effect at once, and once.
    async fn leave(&self, app: &App, language: Language) -> Result<(), Box<Problem>> {
        let place = (self.category.clone(), self.channel);
        let category = self.configuration.categories.get(&self.category);
        let state = self.person.consents.states.get(&place);
        let by_consent = match category {
            Some(category) => category.basis == Basis::Consent,
            // A category that left the document: what was consented to can still be withdrawn.
            None => state.is_some(),
        };
        let recipient = self.key.recipient.clone();
        let act = if by_consent {
            if state.is_some_and(|state| state.decision == Decision::Withdrawn) {
                return Ok(());
            }
            let words = Words::of(language);
            Act::DecideConsent(Box::new(ConsentRequest {
                recipient,
                decision: Decision::Withdrawn,
                category: self.category.clone(),
                channels: vec![self.channel],
                policy_version: None,
                text_shown: Some(words.question(&self.category_name(language)).into()),
                collected: Some(Collected {
                    how: "unsubscribe_link".into(),
                    at: Some(app.now()),
                    locale: Some(language.tag().into()),
                    by: None,
                }),
            }))
        } else if category.is_some() {
            let choices = &self.person.recipient.as_ref().map(|known| &known.preferences.choices);
            if choices.and_then(|choices| choices.get(&place)).is_some_and(|choice| !choice.chosen) {
                return Ok(());
            }
            Act::PutPreferences(Box::new(PreferenceChange {
                recipient: Some(recipient),
                choices: [(place, false)].into(),
                ..PreferenceChange::default()
            }))
        } else {
            return Ok(());
        };
        let unit = Unit { project: self.key.project.clone(), sandbox: false, repeat: None, act };
        app.writer.write(unit).await?.answer?;
        Ok(())
    }

    /// The category's name as people read it.
    fn category_name(&self, language: Language) -> String {
        let names = self.configuration.categories.get(&self.category).map(|category| &category.name);
        let wanted = language.tag().parse::<Locale>().ok();
        let own = &self.configuration.project.locale;
        let mut locales = wanted.iter().flat_map(Locale::fallbacks).chain(own.fallbacks());
        let found = names.and_then(|names| {
            let by_language =
                |(locale, _): &(&Locale, &String)| Language::known(locale.as_str()) == Some(language);
            let close = names.iter().find(by_language).map(|(_, name)| name);
            close.or_else(|| locales.find_map(|locale| names.get(&locale)))
        });
        found.map_or_else(|| self.category.to_string(), Clone::clone)
    }

    /// By which channel, to which address as far as others may see it.
    fn line(&self, words: &Words) -> String {
        let address = self.person.endpoints.iter().find(|endpoint| endpoint.channel == self.channel);
        let masked = address.and_then(|endpoint| masked(self.channel, &endpoint.address));
        let by = words.channel(self.channel);
        match masked {
            // Chinese fonts draw the dots of an address as wide as a character.
            Some(masked) => {
                format!("<p>{by}{}<span lang=\"en\">{}</span></p>", words.colon(), escaped(&masked))
            }
            None => format!("<p>{by}</p>"),
        }
    }
}

/// An address that its owner knows again and nobody else learns.
fn masked(channel: Channel, address: &str) -> Option<String> {
    match channel {
        Channel::Email => {
            let (local, domain) = address.split_once('@')?;
            let end = domain.rsplit_once('.').map_or("", |(_, end)| end);
            let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
            Some(format!("{}•••@{}•••.{end}", first(local), first(domain)))
        }
        Channel::Sms => {
            let digits: Vec<char> = address.chars().filter(char::is_ascii_digit).collect();
            let last: String = digits.iter().skip(digits.len().saturating_sub(2)).collect();
            (digits.len() > 4).then(|| format!("••••{last}"))
        }
        Channel::Inapp | Channel::Push | Channel::Webhook => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Channel::Email, "alice@example.org", Some("a•••@e•••.org"))]
    #[case(Channel::Email, "爱@例子.中国", Some("爱•••@例•••.中国"))]
    #[case(Channel::Sms, "+49 170 1234567", Some("••••67"))]
    #[case(Channel::Sms, "123", None)]
    #[case(Channel::Webhook, "https://secret.example/x", None)]
    fn an_address_is_masked(#[case] channel: Channel, #[case] address: &str, #[case] shown: Option<&str>) {
        assert_eq!(masked(channel, address).as_deref(), shown);
    }
}
