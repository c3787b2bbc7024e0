//! Puts the placeholders back into what became of the markup around them.

use super::piece::Kind;
use super::place::{Marked, StandIn};
use crate::template::error::{TemplateError, TemplateErrorKind};

/// # Errors
/// A placeholder that the layout dropped, or a block that it moved.
pub(super) fn put_back(marked: &Marked<'_>, html: &str) -> Result<String, TemplateError> {
    let pieces = marked.pieces();
    let mut written = String::with_capacity(html.len() * 2);
    let mut seen = vec![0_usize; pieces.items.len()];
    let mut in_order = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(pieces.word.as_str()) {
        let Some((index, length)) = pieces.at(&rest[at..]) else {
            written.push_str(&rest[..at + pieces.word.len()]);
            rest = &rest[at + pieces.word.len()..];
            continue;
        };
        let (before, after) = (&rest[..at], &rest[at + length..]);
        let (before, after) = around(marked.stand_ins[index], before, after);
        written.push_str(before);
        written.push_str(&pieces.source[pieces.items[index].range.clone()]);
        seen[index] += 1;
        if pieces.items[index].kind == Kind::Statement && marked.stand_ins[index] != StandIn::Attribute {
            in_order.push(index);
        }
        rest = after;
    }
    written.push_str(rest);
    if let Some(index) = seen.iter().position(|times| *times == 0) {
        let detail = "nothing of this comes into the mail: the layout is computed before values are known";
        return Err(mistake(marked, index, detail));
    }
    if let Some(moved) = in_order.windows(2).find(|pair| pair[0] >= pair[1]) {
        let detail = "the layout moves this block: put it around whole elements";
        return Err(mistake(marked, moved[1], detail));
    }
    Ok(written)
}

/// The text before and after what stands for a placeholder.
fn around<'t>(stand_in: StandIn, before: &'t str, after: &'t str) -> (&'t str, &'t str) {
    let element = stand_in.element().and_then(|(open, close)| {
        let start = before.rfind(open)?;
        let end = after.find(close)? + close.len();
        Some((&before[..start], &after[end..]))
    });
    element.unwrap_or((before, after))
}

fn mistake(marked: &Marked<'_>, index: usize, detail: &str) -> TemplateError {
    let range = marked.pieces().items[index].range.clone();
    TemplateError::new(range, TemplateErrorKind::Markup { detail: detail.to_owned() })
}
