//! Where each placeholder stands among the elements, and the text with a word in the place of each.

use std::ops::Range;

use super::piece::{Kind, Pieces};
use super::{ELEMENT_DEPTH_MAX, Markup};
use crate::template::error::{TemplateError, TemplateErrorKind};

mod blocks;
mod scan;

use blocks::Blocks;
use scan::{Around, Scan};

/// A source with words for placeholders, as the parsers of MJML and CSS get to see it.
#[derive(Debug)]
pub(super) struct Marked<'p> {
    pieces: &'p Pieces<'p>,
    text: String,
    /// Where parts of the text come from: its beginning there, its beginning in the source.
    parts: Vec<(usize, usize)>,
    /// What stands for each placeholder.
    pub(super) stand_ins: Vec<StandIn>,
    styles: Vec<Style>,
}

/// What stands for a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StandIn {
    /// A word in the value of an attribute, which the layout may write more than once.
    Attribute,
    /// A word.
    Word,
    /// A comment, between elements.
    Comment,
    /// An empty element, where parsers would move anything else: the row of a table.
    Row,
    /// The same in a row.
    Cell,
}

impl StandIn {
    /// The element that it is.
    pub(super) const fn element(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Attribute | Self::Word => None,
            Self::Comment => Some(("<!--", "-->")),
            Self::Row => Some(("<tr ", "</tr>")),
            Self::Cell => Some(("<td ", "</td>")),
        }
    }

    fn written(self, word: &str) -> String {
        match self {
            Self::Attribute | Self::Word => word.to_owned(),
            Self::Comment => format!("<!--{word}-->"),
            Self::Row => format!("<tr {word}=\"\"></tr>"),
            Self::Cell => format!("<td {word}=\"\"></td>"),
        }
    }
}

#[derive(Debug)]
struct Style {
    inlined: bool,
    sheet: String,
}

impl<'p> Marked<'p> {
    /// # Errors
    /// A placeholder that stands where nothing can be filled in later, or elements that nest too deeply.
    pub(super) fn of(pieces: &'p Pieces<'p>, markup: Markup) -> Result<Self, TemplateError> {
        let mut marked = Self {
            pieces,
            text: String::with_capacity(pieces.source.len() * 2),
            parts: Vec::new(),
            stand_ins: Vec::new(),
            styles: Vec::new(),
        };
        let (mut scan, mut blocks) = (Scan::default(), Blocks::default());
        let mut from = 0;
        for (index, piece) in pieces.items.iter().enumerate() {
            marked.read(&mut scan, from..piece.range.start)?;
            marked.parts.push((marked.text.len(), piece.range.start));
            if piece.kind == Kind::Statement {
                blocks.next(&pieces.source[piece.range.clone()], &piece.range, scan.inside());
            }
            let around = scan.around();
            let (stand_in, in_raw) = stand_in(&around, piece.kind, markup)
                .map_err(|detail| mistake(piece.range.clone(), detail))?;
            let written = stand_in.written(&pieces.word_of(index));
            marked.stand_ins.push(stand_in);
            marked.text.push_str(&if in_raw { format!("<mj-raw>{written}</mj-raw>") } else { written });
            from = piece.range.end;
        }
        marked.read(&mut scan, from..pieces.source.len())?;
        marked.styles = scan.styles().map(|(inlined, sheet)| Style { inlined, sheet }).collect();
        // HTML without a style sheet stays as it is written, so that a block may stand anywhere.
        if markup == Markup::Mjml || marked.has_style_sheet() {
            blocks.finish()?;
        }
        Ok(marked)
    }

    fn read(&mut self, scan: &mut Scan, range: Range<usize>) -> Result<(), TemplateError> {
        for (at, part) in self.pieces.text(range) {
            self.parts.push((self.text.len(), at));
            self.text.push_str(part);
            scan.read(part);
            if scan.depth() > ELEMENT_DEPTH_MAX {
                let kind = TemplateErrorKind::ElementsTooDeep;
                return Err(TemplateError::new(at..at + part.len(), kind));
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn source(&self) -> &'p str {
        self.pieces.source
    }

    pub(super) const fn pieces(&self) -> &'p Pieces<'p> {
        self.pieces
    }

    pub(super) fn has_style_sheet(&self) -> bool {
        !self.styles.is_empty()
    }

    /// The style sheets that are to be written into elements.
    pub(super) fn inline_styles(&self) -> String {
        let sheets: Vec<&str> =
            self.styles.iter().filter(|style| style.inlined).map(|style| style.sheet.as_str()).collect();
        sheets.join("\n")
    }

    /// The place in the source of a place in the text.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let part = self.parts.partition_point(|(text, _)| *text <= range.start).saturating_sub(1);
        let end_of_source = self.source().len();
        let Some((text, source)) = self.parts.get(part).copied() else { return 0..end_of_source };
        let (next_text, next) = self.parts.get(part + 1).copied().unwrap_or((self.text.len(), end_of_source));
        let start = (source + range.start.saturating_sub(text)).min(next);
        let end = source + range.end.min(next_text).saturating_sub(text);
        start..end.clamp(start, next.max(start))
    }
}

/// What stands for a placeholder, and whether MJML is told to leave it alone.
fn stand_in(around: &Around, kind: Kind, markup: Markup) -> Result<(StandIn, bool), String> {
    let element = match around {
        Around::Tag => return Ok((StandIn::Attribute, false)),
        Around::Comment => return Ok((StandIn::Word, false)),
        Around::TagName => {
            return Err("an element or an attribute cannot be named by a placeholder".to_owned());
        }
        Around::Style => {
            let detail = "a style sheet holds no placeholders: write the value into a style attribute";
            return Err(detail.to_owned());
        }
        Around::Text(element) => element.as_deref().unwrap_or(""),
    };
    match (element, kind) {
        ("table" | "tbody" | "thead" | "tfoot" | "mj-table", Kind::Statement) => Ok((StandIn::Row, false)),
        ("tr", Kind::Statement) => Ok((StandIn::Cell, false)),
        _ if markup == Markup::Html => Ok((StandIn::Word, false)),
        ("mj-body" | "mj-wrapper", Kind::Statement) => Ok((StandIn::Comment, true)),
        ("mj-column" | "mj-hero", Kind::Statement) => Ok((StandIn::Row, true)),
        ("mj-body" | "mj-wrapper" | "mj-column" | "mj-hero", Kind::Value) => {
            Err(format!("a value cannot stand in {element} itself: put it into an mj-text"))
        }
        ("mj-section" | "mj-group", _) => Err(format!(
            "the widths of the columns of an {element} are computed once: put the block around what is in a column, or around the whole {element}"
        )),
        (
            ""
            | "mjml"
            | "mj-head"
            | "mj-attributes"
            | "mj-social"
            | "mj-navbar"
            | "mj-carousel"
            | "mj-accordion"
            | "mj-accordion-element",
            _,
        ) => {
            let element = if element.is_empty() { "the document" } else { element };
            Err(format!("nothing can be filled in between the elements of {element}"))
        }
        _ => Ok((StandIn::Word, false)),
    }
}

fn mistake(range: Range<usize>, detail: String) -> TemplateError {
    TemplateError::new(range, TemplateErrorKind::Markup { detail })
}
