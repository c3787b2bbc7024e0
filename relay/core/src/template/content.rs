//! What one recipient gets to read: each channel's form rendered, cleaned of control characters and held to its limits.

use std::sync::Arc;

use tidings_protocol::limits::{BODY_CHARS_MAX, TITLE_CHARS_MAX};

use super::error::RenderError;
use super::scope::{RenderScope, Roots};
use super::text::TemplateText;
use super::{
    ActionForm, EMAIL_BYTES_MAX, EmailForm, Forms, LABEL_CHARS_MAX, LINK_BYTES_MAX, SMS_CHARS_MAX,
    WEBHOOK_BYTES_MAX,
};

mod limits;

pub use limits::check_content;
use limits::{check_link, not_empty, within};

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

/// A mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EmailContent {
    /// One line.
    pub subject: String,
    /// Plain text: the form's own, or the notification's body, or its title.
    pub text: String,
    /// HTML with values escaped.
    pub html: Option<String>,
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
        let roots = self.roots(scope, false);
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

    /// The text message: its own form, or title and body, cut at the limit.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn sms(&self, scope: &RenderScope<'_>) -> Result<String, RenderError> {
        let roots = self.roots(scope, false);
        let Some(text) = &self.sms else {
            // A body that was written for the inbox still says the most important things first.
            return Ok(cut(self.title_and_body(&roots)?, SMS_CHARS_MAX));
        };
        let text = paragraphs(text, &roots, "sms", SMS_CHARS_MAX)?;
        not_empty("sms", &text)?;
        Ok(text)
    }

    /// The mail: its own form, or the title as subject and the body as text.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn email(&self, scope: &RenderScope<'_>) -> Result<EmailContent, RenderError> {
        let roots = self.roots(scope, false);
        let Some(EmailForm { subject, text, html }) = &self.email else {
            let text = self.title_and_body(&roots)?;
            let subject = line(&self.title, &roots, "title", TITLE_CHARS_MAX)?;
            return Ok(EmailContent { subject, text, html: None });
        };
        let escaping = self.roots(scope, true);
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
        })
    }

    /// What a push shows: its own form, or title and body.
    ///
    /// # Errors
    /// As [`Forms::content`].
    pub fn push(&self, scope: &RenderScope<'_>) -> Result<ShortContent, RenderError> {
        let roots = self.roots(scope, false);
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
        let rendered = text.render(&self.roots(scope, false), "webhook", WEBHOOK_BYTES_MAX)?;
        Ok(Some(without_controls(&rendered)))
    }

    fn roots(&self, scope: &RenderScope<'_>, escapes: bool) -> Arc<Roots> {
        let uses = |root: &str| {
            let mut fields = self.texts().flat_map(TemplateText::fields);
            fields.any(|field| field.split(['.', '[']).next() == Some(root))
        };
        Roots::new(scope, escapes, &uses)
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

fn cut(text: String, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text;
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    format!("{kept}…")
}

fn without_controls(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

fn on_one_line(text: &str) -> String {
    let spaced = text.replace("\r\n", " ").replace(['\n', '\t', '\u{2028}', '\u{2029}'], " ");
    without_controls(&spaced)
}
