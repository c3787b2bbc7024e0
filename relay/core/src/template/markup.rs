//! A mail's rich form: MJML or HTML with placeholders becomes HTML with the same placeholders, once, when the
//! configuration is applied. What is filled in for each recipient is then the HTML, with every value escaped.
//!
//! Each `{{ … }}` and `{% … %}` is replaced by a word that MJML and CSS leave alone, and put back into their outcome. A
//! block may stand inside a text or an attribute, around what is inside a column, and around whole sections. Where
//! nothing could be put back (around columns, whose widths are computed here; in a measure; in a style sheet) it is a
//! mistake. It loads nothing: no include, no remote style sheet, no font.

mod mjml;
mod outcome;
mod piece;
mod place;

use css_inline::CSSInliner;

use super::error::{TemplateError, TemplateErrorKind};
use super::text::TemplateText;
use piece::Pieces;
use place::Marked;

/// The HTML of one mail before values are filled in, in bytes: MJML grows by a factor of ten, and a mail that is larger
/// is cut by those who show it.
pub const MARKUP_BYTES_MAX: usize = 96 << 10;
/// Elements inside one another: the parsers of MJML and HTML recurse over them.
pub const ELEMENT_DEPTH_MAX: usize = 48;

/// In what a rich form is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// <https://documentation.mjml.io>
    Mjml,
    /// HTML; its style sheet is written into the elements.
    Html,
}

impl TemplateText {
    /// The HTML that a rich form comes to, with the same placeholders.
    ///
    /// # Errors
    /// The first mistake, with its place in this source.
    pub fn compile_markup(&self, markup: Markup) -> Result<Self, TemplateError> {
        let pieces = Pieces::of(self.source())?;
        let marked = Marked::of(&pieces, markup)?;
        let html = match markup {
            Markup::Mjml => mjml::render(&marked)?,
            Markup::Html => marked.text().to_owned(),
        };
        let styled = inline(&marked, html, markup)?;
        let html = outcome::put_back(&marked, &styled)?;
        let too_long = |actual| TemplateErrorKind::MarkupTooLong { actual };
        if html.len() > MARKUP_BYTES_MAX {
            return Err(TemplateError::new(0..self.source().len(), too_long(html.len())));
        }
        Self::compile_any(&html).map_err(|error| {
            // The source was compiled before: what is wrong now is where its blocks came to stand.
            let detail =
                "a block does not hold together after the layout: it must begin and end in one element";
            let kind = TemplateErrorKind::Markup { detail: format!("{detail} ({})", error.kind) };
            TemplateError::new(pieces.first_statement(), kind)
        })
    }
}

/// Writes style sheets into the elements, for those who show mails and drop `<style>`. What depends on the width of the
/// screen stays a style sheet.
fn inline(marked: &Marked<'_>, html: String, markup: Markup) -> Result<String, TemplateError> {
    let options = CSSInliner::options().load_remote_stylesheets(false);
    let options = match markup {
        Markup::Html if !marked.has_style_sheet() => return Ok(html),
        Markup::Html => options.keep_at_rules(true),
        Markup::Mjml => {
            let sheet = marked.inline_styles();
            if sheet.is_empty() {
                return Ok(html);
            }
            options.inline_style_tags(false).keep_style_tags(true).extra_css(Some(sheet.into()))
        }
    };
    options.build().inline(&html).map_err(|error| {
        let kind = TemplateErrorKind::Markup { detail: format!("the style sheet cannot be used: {error}") };
        TemplateError::new(0..marked.source().len(), kind)
    })
}
