//! What one recipient gets to read: each channel's form rendered, cleaned of control characters and held to its limits.

use std::sync::Arc;

use tidings_protocol::limits::{
    ACTIONS_MAX, BODY_CHARS_MAX, CONTENT_BYTES_MAX, ID_BYTES_MAX, TITLE_CHARS_MAX,
};

use super::error::RenderError;
use super::scope::{RenderScope, Roots};
use super::text::TemplateText;
use super::{
    ActionForm, EMAIL_BYTES_MAX, EmailForm, Forms, LABEL_CHARS_MAX, LINK_BYTES_MAX, SMS_CHARS_MAX,
    WEBHOOK_BYTES_MAX,
};

/// A character has at most this many bytes in UTF-8.
const CHAR_BYTES_MAX: usize = 4;

/// What the inbox shows: the form that every other channel falls back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// One line, never empty.
    pub title: String,
    /// Plain text; may be empty.
    pub body: String,
    /// What a tap opens.
    pub link: Option<String>,
    /// A small image's address.
    pub icon: Option<String>,
    /// A large image's address.
    pub image: Option<String>,
    /// Buttons.
    pub actions: Vec<ContentAction>,
}

/// A button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentAction {
    /// What a receipt names.
    pub id: String,
    /// What the button says.
    pub label: String,
    /// What it opens.
    pub link: Option<String>,
    /// Pressing it acknowledges the notification.
    pub acknowledges: bool,
}

/// A mail before MJML becomes HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailContent {
    /// One line.
    pub subject: String,
    /// Plain text: the form's own, or the notification's body, or its title.
    pub text: String,
    /// HTML with values escaped.
    pub html: Option<String>,
    /// MJML with values escaped.
    pub mjml: Option<String>,
}

/// A push's visible part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortContent {
    /// One line.
    pub title: String,
    /// Plain text; may be empty.
    pub body: String,
}

impl Forms {
    /// The inbox's form.
    ///
    /// # Errors
    /// A field that the data lacks, a limit, a link that must not be followed.
    pub fn content(&self, scope: &RenderScope<'_>) -> Result<Content, RenderError> {
        let roots = Roots::new(scope, false);
        let link = |text: &Option<TemplateText>, field| {
            text.as_ref().map(|text| address(text, &roots, field)).transpose()
        };
        let content = Content {
            title: line(&self.title, &roots, "title", TITLE_CHARS_MAX)?,
            body: optional_paragraphs(self.body.as_ref(), &roots, "body", BODY_CHARS_MAX)?,
            link: link(&self.link, "link")?,
            icon: link(&self.icon, "icon")?,
            image: link(&self.image, "image")?,
            actions: self.actions.iter().map(|action| action.content(&roots)).collect::<Result<_, _>>()?,
        };
        check_content(&content)?;
        Ok(content)
    }

    /// The text message: its own form, or title and body.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn sms(&self, scope: &RenderScope<'_>) -> Result<String, RenderError> {
        let roots = Roots::new(scope, false);
        let text = match &self.sms {
            Some(text) => paragraphs(text, &roots, "sms", SMS_CHARS_MAX)?,
            None => self.title_and_body(&roots)?,
        };
        within("sms", &text, SMS_CHARS_MAX)?;
        not_empty("sms", &text)?;
        Ok(text)
    }

    /// The mail: its own form, or the title as subject and the body as text.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn email(&self, scope: &RenderScope<'_>) -> Result<EmailContent, RenderError> {
        let roots = Roots::new(scope, false);
        let Some(EmailForm { subject, text, html, mjml }) = &self.email else {
            let text = self.title_and_body(&roots)?;
            let subject = line(&self.title, &roots, "title", TITLE_CHARS_MAX)?;
            return Ok(EmailContent { subject, text, html: None, mjml: None });
        };
        let escaping = Roots::new(scope, true);
        let markup = |text: &Option<TemplateText>, field| {
            let rendered = text.as_ref().map(|text| text.render(&escaping, field, EMAIL_BYTES_MAX));
            rendered.transpose().map(|rendered| rendered.map(|rendered| without_controls(&rendered)))
        };
        Ok(EmailContent {
            subject: line(subject, &roots, "email.subject", TITLE_CHARS_MAX)?,
            text: match text {
                Some(text) => without_controls(&text.render(&roots, "email.text", EMAIL_BYTES_MAX)?),
                None => self.title_and_body(&roots)?,
            },
            html: markup(html, "email.html")?,
            mjml: markup(mjml, "email.mjml")?,
        })
    }

    /// What a push shows: its own form, or title and body.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn push(&self, scope: &RenderScope<'_>) -> Result<ShortContent, RenderError> {
        let roots = Roots::new(scope, false);
        let (title, body) = match &self.push {
            Some(push) => (&push.title, push.body.as_ref()),
            None => (&self.title, self.body.as_ref()),
        };
        Ok(ShortContent {
            title: line(title, &roots, "push.title", TITLE_CHARS_MAX)?,
            body: optional_paragraphs(body, &roots, "push.body", BODY_CHARS_MAX)?,
        })
    }

    /// The webhook's body, if the template has one; without it the channel sends the content as JSON.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn webhook(&self, scope: &RenderScope<'_>) -> Result<Option<String>, RenderError> {
        let Some(text) = &self.webhook else { return Ok(None) };
        let rendered = text.render(&Roots::new(scope, false), "webhook", WEBHOOK_BYTES_MAX)?;
        Ok(Some(without_controls(&rendered)))
    }

    fn title_and_body(&self, roots: &Arc<Roots>) -> Result<String, RenderError> {
        let title = line(&self.title, roots, "title", TITLE_CHARS_MAX)?;
        let body = optional_paragraphs(self.body.as_ref(), roots, "body", BODY_CHARS_MAX)?;
        Ok(if body.is_empty() { title } else { format!("{title}\n{body}") })
    }
}

impl ActionForm {
    fn content(&self, roots: &Arc<Roots>) -> Result<ContentAction, RenderError> {
        Ok(ContentAction {
            id: self.id.clone(),
            label: line(&self.label, roots, "actions.label", LABEL_CHARS_MAX)?,
            link: self.link.as_ref().map(|link| address(link, roots, "actions.link")).transpose()?,
            acknowledges: self.acknowledges,
        })
    }
}

/// Holds content to the limits of the contract, whether a template made it or a direct send wrote it.
///
/// # Errors
/// The first field that is too long, empty, or a link that must not be followed.
pub fn check_content(content: &Content) -> Result<(), RenderError> {
    not_empty("title", &content.title)?;
    within("title", &content.title, TITLE_CHARS_MAX)?;
    within("body", &content.body, BODY_CHARS_MAX)?;
    let links = [("link", &content.link), ("icon", &content.icon), ("image", &content.image)];
    for (field, link) in links {
        link.as_deref().map_or(Ok(()), |link| check_link(field, link))?;
    }
    if content.actions.len() > ACTIONS_MAX {
        return Err(RenderError::TooManyActions { limit: ACTIONS_MAX, actual: content.actions.len() });
    }
    for action in &content.actions {
        not_empty("actions.id", &action.id)?;
        if action.id.len() > ID_BYTES_MAX {
            return Err(RenderError::TooLong {
                field: "actions.id",
                limit: ID_BYTES_MAX,
                actual: action.id.len(),
            });
        }
        not_empty("actions.label", &action.label)?;
        within("actions.label", &action.label, LABEL_CHARS_MAX)?;
        action.link.as_deref().map_or(Ok(()), |link| check_link("actions.link", link))?;
    }
    let actual = json_bytes(content);
    if actual > CONTENT_BYTES_MAX {
        return Err(RenderError::TooLong { field: "content", limit: CONTENT_BYTES_MAX, actual });
    }
    Ok(())
}

impl Content {
    /// The content as it may be shown: without control characters, the title and labels on one line.
    /// Directional overrides stay: they are text, and leaving them out would change what right-to-left readers see.
    #[must_use]
    pub fn cleaned(self) -> Self {
        Self {
            title: on_one_line(&self.title),
            body: without_controls(&self.body),
            actions: self
                .actions
                .into_iter()
                .map(|action| ContentAction { label: on_one_line(&action.label), ..action })
                .collect(),
            ..self
        }
    }
}

fn line(
    text: &TemplateText,
    roots: &Arc<Roots>,
    field: &'static str,
    chars_max: usize,
) -> Result<String, RenderError> {
    let text = on_one_line(&text.render(roots, field, chars_max * CHAR_BYTES_MAX)?);
    within(field, &text, chars_max)?;
    not_empty(field, &text)?;
    Ok(text)
}

fn paragraphs(
    text: &TemplateText,
    roots: &Arc<Roots>,
    field: &'static str,
    chars_max: usize,
) -> Result<String, RenderError> {
    let text = without_controls(&text.render(roots, field, chars_max * CHAR_BYTES_MAX)?);
    within(field, &text, chars_max)?;
    Ok(text)
}

fn optional_paragraphs(
    text: Option<&TemplateText>,
    roots: &Arc<Roots>,
    field: &'static str,
    chars_max: usize,
) -> Result<String, RenderError> {
    text.map_or(Ok(String::new()), |text| paragraphs(text, roots, field, chars_max))
}

fn address(text: &TemplateText, roots: &Arc<Roots>, field: &'static str) -> Result<String, RenderError> {
    let link = text.render(roots, field, LINK_BYTES_MAX)?.trim().to_owned();
    check_link(field, &link)?;
    Ok(link)
}

fn within(field: &'static str, text: &str, limit: usize) -> Result<(), RenderError> {
    let actual = text.chars().count();
    if actual > limit { Err(RenderError::TooLong { field, limit, actual }) } else { Ok(()) }
}

fn not_empty(field: &'static str, text: &str) -> Result<(), RenderError> {
    if text.trim().is_empty() { Err(RenderError::Empty { field }) } else { Ok(()) }
}

fn without_controls(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

fn on_one_line(text: &str) -> String {
    let spaced = text.replace("\r\n", " ").replace(['\n', '\t', '\u{2028}', '\u{2029}'], " ");
    without_controls(&spaced)
}

/// Schemes that run code, read the device's files, or mean nothing outside a browser's own pages.
const SCHEMES_REFUSED: [&str; 12] = [
    "javascript",
    "data",
    "file",
    "vbscript",
    "blob",
    "filesystem",
    "about",
    "chrome",
    "content",
    "intent",
    "jar",
    "view-source",
];

/// A link is `http://`, `https://` or an application's own `scheme://`, with something behind it.
fn check_link(field: &'static str, link: &str) -> Result<(), RenderError> {
    if link.len() > LINK_BYTES_MAX {
        return Err(RenderError::TooLong { field, limit: LINK_BYTES_MAX, actual: link.len() });
    }
    let refused = || RenderError::Link { field, link: without_controls(link).chars().take(80).collect() };
    let (scheme, rest) = link.split_once("://").ok_or_else(refused)?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let is_clean =
        !link.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\'));
    let is_web = matches!(scheme.as_str(), "http" | "https");
    let lacks_host = is_web && rest.starts_with(['/', '?', '#', ':', '@']);
    if is_scheme && is_clean && !rest.is_empty() && !lacks_host && !SCHEMES_REFUSED.contains(&scheme.as_str())
    {
        return Ok(());
    }
    Err(refused())
}

/// The length that the content has as JSON on the wire, within a few bytes of the exact one.
fn json_bytes(content: &Content) -> usize {
    let text = |text: &str| serde_json::Value::from(text).to_string().len();
    let optional =
        |value: &Option<String>| value.as_deref().map_or(0, |value| text(value) + r#","image":"#.len());
    let actions = content.actions.iter().map(|action| {
        r#"{"id":,"label":,"acknowledges":false},"#.len()
            + text(&action.id)
            + text(&action.label)
            + optional(&action.link)
    });
    r#"{"title":,"body":,"actions":[]}"#.len()
        + text(&content.title)
        + text(&content.body)
        + optional(&content.link)
        + optional(&content.icon)
        + optional(&content.image)
        + actions.sum::<usize>()
}
