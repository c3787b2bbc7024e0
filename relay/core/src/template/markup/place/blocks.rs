//! Whether each block begins and ends inside the same element, so that it is still whole after the layout.

use std::ops::Range;

use super::scan::Inside;
use crate::template::error::{TemplateError, TemplateErrorKind};

/// The blocks that are open, and the first one that does not end where it began.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<Inside>,
    torn: Option<Range<usize>>,
}

impl Blocks {
    /// Takes the next statement.
    pub(super) fn next(&mut self, statement: &str, range: &Range<usize>, inside: Inside) {
        let words = statement.trim_start_matches(['{', '%', '-', '+']);
        match words.split_whitespace().next().unwrap_or("") {
            "if" | "for" => self.open.push(inside),
            word => {
                let whole = self.open.last() == Some(&inside);
                if word.starts_with("end") {
                    self.open.pop();
                }
                if !whole && self.torn.is_none() {
                    self.torn = Some(range.clone());
                }
            }
        }
    }

    /// # Errors
    /// A block that begins in one element and ends in another.
    pub(super) fn finish(self) -> Result<(), TemplateError> {
        let Some(range) = self.torn else { return Ok(()) };
        let detail = "the block begins inside one element and goes on inside another: it must begin and end in one element";
        Err(TemplateError::new(range, TemplateErrorKind::Markup { detail: detail.to_owned() }))
    }
}
