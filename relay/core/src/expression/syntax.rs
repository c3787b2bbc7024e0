//! What the parser complains about, in our words and at the right byte.

use std::ops::Range;

use cel::parser::{ParseError, ParseErrors};

use super::error::{ExpressionError, ExpressionErrorKind as Kind};
use super::token::{Token, TokenKind};

/// The parser places an error of `has` in bytes, all others in characters.
const HAS_COMPLAINT: &str = "invalid argument to has() macro";

/// The first of the parser's complaints.
pub(super) fn first_error(source: &str, tokens: &[Token], errors: &ParseErrors) -> ExpressionError {
    let end = tokens.last().map_or(0, |token| token.range.end);
    let Some(error) = errors.errors.first() else {
        return ExpressionError::new(Kind::EndsEarly, end..end);
    };
    let place = offset(source, error);
    let found = tokens.iter().position(|token| token.range.start <= place && place < token.range.end);
    if error.msg == HAS_COMPLAINT {
        let range = has_at(source, tokens, place).unwrap_or(0..end);
        return ExpressionError::new(Kind::Arguments { function: "has".to_owned() }, range);
    }
    let Some(token) = found.map(|at| &tokens[at]) else {
        return ExpressionError::new(Kind::EndsEarly, end..end);
    };
    let range = token.range.clone();
    let kind = match token.kind {
        TokenKind::Number if is_literal_complaint(error) => Kind::NumberOutOfRange,
        TokenKind::Text if is_literal_complaint(error) => Kind::InvalidText,
        TokenKind::Number
        | TokenKind::Text
        | TokenKind::Name
        | TokenKind::Constant
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::Dot
        | TokenKind::Comma
        | TokenKind::Question
        | TokenKind::Colon
        | TokenKind::Logic
        | TokenKind::Operator => Kind::Unexpected { found: source[range.clone()].to_owned() },
    };
    ExpressionError::new(kind, range)
}

/// What the grammar refuses is worded by the grammar; a literal's value is refused after it.
fn is_literal_complaint(error: &ParseError) -> bool {
    error.msg.starts_with("invalid ")
}

fn has_at(source: &str, tokens: &[Token], place: usize) -> Option<Range<usize>> {
    let before = tokens.iter().take_while(|token| token.range.start <= place);
    before.filter(|token| &source[token.range.clone()] == "has").last().map(|token| token.range.clone())
}

/// Line and column, both from 1, to a byte offset.
fn offset(source: &str, error: &ParseError) -> usize {
    let line = usize::try_from(error.pos.0.saturating_sub(1)).unwrap_or(0);
    let column = usize::try_from(error.pos.1.saturating_sub(1)).unwrap_or(0);
    let line_start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[line_start.min(source.len())..];
    if error.msg == HAS_COMPLAINT {
        return line_start + column;
    }
    line_start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}
