//! MJML to HTML.

use std::ops::Range;

use mrml::prelude::parser::{Error, ParserOptions, Span, WarningKind};
use mrml::prelude::render::RenderOptions;

use super::place::Marked;
use crate::template::error::{TemplateError, TemplateErrorKind};

/// # Errors
/// What MJML does not take, with its place in the source.
pub(super) fn render(marked: &Marked<'_>) -> Result<String, TemplateError> {
    let parsed = mrml::parse_with_options(marked.text(), &ParserOptions::default())
        .map_err(|error| mistake(marked, &error))?;
    // A style sheet that is to be written into the elements is written by our own part of it.
    let ignored = parsed.warnings.iter().find(|warning| warning.kind != WarningKind::InlineStyleUnsupported);
    if let Some(warning) = ignored {
        let name = shown(marked, &range(&warning.span));
        return Err(told(marked, Some(range(&warning.span)), format!("the element has no attribute {name}")));
    }
    // The default loads fonts from a third party as soon as a font of that name is used.
    let options = RenderOptions { fonts: Default::default(), ..RenderOptions::default() };
    parsed
        .element
        .render(&options)
        .map_err(|error| told(marked, None, format!("the MJML cannot be laid out: {error}")))
}

fn mistake(marked: &Marked<'_>, error: &Error) -> TemplateError {
    let part = |span: &Span| shown(marked, &range(span));
    let (span, detail) = match error {
        Error::UnexpectedElement { position, .. } => {
            (Some(position), format!("MJML has no place for the element {} here", part(position)))
        }
        Error::UnexpectedToken { position, .. } => {
            (Some(position), format!("MJML does not expect {} here", part(position)))
        }
        Error::MissingAttribute { name, position, .. } => {
            (Some(position), format!("the element {} needs the attribute {name}", part(position)))
        }
        Error::InvalidAttribute { position, .. } => {
            (Some(position), format!("the attribute {} cannot have this value", part(position)))
        }
        Error::InvalidFormat { position, .. } => {
            (Some(position), format!("MJML cannot read {}", part(position)))
        }
        Error::IncludeLoaderError { position, .. } => {
            (Some(position), "mj-include reads nothing here: put the content into this file".to_owned())
        }
        Error::EndOfStream { .. } => (None, "the MJML ends before all its elements are closed".to_owned()),
        Error::SizeLimit { .. } => (None, "the MJML is too large".to_owned()),
        Error::ParserError { .. } => {
            (None, "the MJML cannot be read: it is one element <mjml> with everything in it, and each element is closed".to_owned())
        }
        Error::NoRootNode => (None, "MJML is one element <mjml> with everything in it".to_owned()),
    };
    told(marked, span.map(range), detail)
}

fn told(marked: &Marked<'_>, range: Option<Range<usize>>, detail: String) -> TemplateError {
    let place = range.map_or(0..marked.source().len(), |range| marked.place(&range));
    TemplateError::new(place, TemplateErrorKind::Markup { detail })
}

const fn range(span: &Span) -> Range<usize> {
    span.start..span.end
}

/// What stands at a place of the source, shortened.
fn shown(marked: &Marked<'_>, range: &Range<usize>) -> String {
    let place = marked.place(range);
    let text = marked.source().get(place).unwrap_or("");
    let line: String = text.trim().chars().take_while(|c| *c != '\n').take(40).collect();
    format!("`{line}`")
}
