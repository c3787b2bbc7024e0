//! Templates: what a notification says, in each language and for each channel.
//!
//! A template is compiled once, when the configuration is applied. Its texts are minijinja behind a smaller grammar
//! (`grammar.rs`), a closed list of filters (`vocabulary.rs`), fuel, and a bounded output: no template and no data can
//! make the relay spend more than a named amount of time or memory. A field that the data lacks fails the rendering.
//!
//! A mail's MJML becomes HTML then, too (`markup.rs`). It does not decide who gets which locale.

use std::collections::BTreeMap;

mod content;
mod error;
mod filters;
mod grammar;
mod lexer;
mod locale;
mod markup;
mod scope;
mod text;
mod vocabulary;

pub use content::{Content, ContentAction, EmailContent, ShortContent, check_content};
pub use error::{RenderError, TemplateError, TemplateErrorKind};
pub use locale::{Locale, LocaleError};
pub use markup::{ELEMENT_DEPTH_MAX, MARKUP_BYTES_MAX, Markup};
pub use scope::{DigestItem, DigestScope, RenderScope};
pub use text::TemplateText;

/// The source of one text, in bytes: minijinja's memory while compiling is a multiple of it.
pub const SOURCE_BYTES_MAX: usize = 32 << 10;
/// Nesting of blocks, parentheses, brackets and arguments; the parser's recursion fits a small stack.
pub const DEPTH_MAX: usize = 16;
/// Names, operators and filters in one expression: minijinja's compiler recurses over a chain of operators.
pub const EXPRESSION_PARTS_MAX: usize = 64;
/// Branches of one `if`: minijinja's parser recurses over `elif`.
pub const BRANCHES_MAX: usize = 16;
/// Loops inside one another.
pub const LOOP_DEPTH_MAX: usize = 2;
/// Work of one rendering in minijinja's fuel: one an instruction, and one for 64 bytes that are made or read.
/// Enough for a digest of 1,000 items; used up in well under a second.
pub const FUEL_MAX: u64 = 100_000;
/// A link, in bytes: what browsers and notification services take.
pub const LINK_BYTES_MAX: usize = 2_048;
/// An action's label, in characters.
pub const LABEL_CHARS_MAX: usize = 60;
/// A text message, in characters: ten parts of a concatenated SMS.
pub const SMS_CHARS_MAX: usize = 1_530;
/// A mail's text or HTML as rendered, in bytes.
pub const EMAIL_BYTES_MAX: usize = 256 << 10;
/// A webhook's body, in bytes.
pub const WEBHOOK_BYTES_MAX: usize = 64 << 10;

/// One template of a configuration, in every language that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name in the document.
    pub name: String,
    /// Its forms by locale.
    pub locales: BTreeMap<Locale, Forms>,
}

impl Template {
    /// The forms for a recipient who wants `wanted`: zh-Hans-CN, zh-Hans, zh, then the same for the project's locale.
    /// `None` only if the template has neither.
    #[must_use]
    pub fn choose<'t>(
        &'t self,
        wanted: Option<&Locale>,
        project: &Locale,
    ) -> Option<(&'t Locale, &'t Forms)> {
        let wanted = wanted.into_iter().flat_map(Locale::fallbacks);
        wanted.chain(project.fallbacks()).find_map(|locale| self.locales.get_key_value(&locale))
    }
}

/// What a template says in one language. A channel without its own form uses title and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forms {
    /// The one line that every channel shows.
    pub title: TemplateText,
    /// The text below it.
    pub body: Option<TemplateText>,
    /// What a tap opens.
    pub link: Option<TemplateText>,
    /// A small image's address.
    pub icon: Option<TemplateText>,
    /// A large image's address.
    pub image: Option<TemplateText>,
    /// Buttons.
    pub actions: Vec<ActionForm>,
    /// A text message.
    pub sms: Option<TemplateText>,
    /// A mail.
    pub email: Option<EmailForm>,
    /// What a push shows.
    pub push: Option<ShortForm>,
    /// A webhook's body.
    pub webhook: Option<TemplateText>,
}

impl Forms {
    /// A form that has a title only.
    #[must_use]
    pub fn of_title(title: TemplateText) -> Self {
        Self {
            title,
            body: None,
            link: None,
            icon: None,
            image: None,
            actions: Vec::new(),
            sms: None,
            email: None,
            push: None,
            webhook: None,
        }
    }

    /// Whether a text of the form reads something of a root, like `digest`.
    #[must_use]
    pub fn asks_for(&self, root: &str) -> bool {
        let of_root = |field: &String| field.split(['.', '[']).next() == Some(root);
        self.texts().any(|text| text.fields().iter().any(of_root))
    }

    /// Every text of the form, for checks over the fields that they use.
    pub fn texts(&self) -> impl Iterator<Item = &TemplateText> {
        let singles = [&self.body, &self.link, &self.icon, &self.image, &self.sms, &self.webhook];
        let actions =
            self.actions.iter().flat_map(|action| std::iter::once(&action.label).chain(&action.link));
        let email = self.email.iter().flat_map(|email| {
            let bodies = [&email.text, &email.html];
            std::iter::once(&email.subject).chain(bodies.into_iter().flatten())
        });
        let push = self.push.iter().flat_map(|push| std::iter::once(&push.title).chain(&push.body));
        std::iter::once(&self.title)
            .chain(singles.into_iter().flatten())
            .chain(actions)
            .chain(email)
            .chain(push)
    }
}

/// A button of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionForm {
    /// What a receipt names.
    pub id: String,
    /// What the button says.
    pub label: TemplateText,
    /// What it opens.
    pub link: Option<TemplateText>,
    /// Pressing it acknowledges the notification.
    pub acknowledges: bool,
}

/// A mail. Without a text of its own, its text is the notification's title and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailForm {
    /// The subject.
    pub subject: TemplateText,
    /// The plain text.
    pub text: Option<TemplateText>,
    /// The rich form as HTML, whatever it was written in; values are escaped.
    pub html: Option<TemplateText>,
}

/// A title and a body for a small place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortForm {
    /// One line.
    pub title: TemplateText,
    /// The text below it.
    pub body: Option<TemplateText>,
}

#[cfg(test)]
mod tests;
