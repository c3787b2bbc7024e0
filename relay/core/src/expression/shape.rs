//! Whether an expression's shape may go to the parser: brackets in pairs, known functions, bounded nesting.
//!
//! Nothing here recurses. The bound is on the height that the parser's recursion can reach: every bracket, selection,
//! operator and conditional of one chain counts one. `&&`, `||` and `,` begin a new chain, because the parser reads
//! them in a loop and balances the tree it makes of them.

use std::ops::Range;

use super::error::{ExpressionError, ExpressionErrorKind as Kind, Unsupported};
use super::token::{Token, TokenKind};
use crate::nearest::nearest;

/// Brackets within brackets. One level costs the parser 165 KiB of stack without optimisation (measured with `cel`
/// 0.15), so that six of them and its start take 1.3 MiB of the 2 MiB that a thread has, and the caller keeps the rest.
pub const EXPRESSION_BRACKETS_MAX: usize = 6;

/// The height of an expression: its brackets plus the operators and selections of a chain, conditionals included. One
/// costs the parser up to 8 KiB of stack without optimisation.
pub const EXPRESSION_DEPTH_MAX: usize = 32;

/// Every function there is.
pub(super) const FUNCTIONS: [&str; 9] =
    ["has", "size", "startsWith", "endsWith", "contains", "exists", "all", "history", "in_topic"];

/// Functions of CEL that people will look for and that an expression here cannot have.
const REFUSED: [&str; 26] = [
    "map",
    "filter",
    "exists_one",
    "existsOne",
    "matches",
    "duration",
    "timestamp",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
    "dyn",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "join",
    "split",
    "replace",
    "format",
];

/// Checks what can be checked without a tree.
///
/// # Errors
/// Says which word is wrong: a bracket without its partner, an unknown function, too much nesting.
pub(super) fn check(source: &str, tokens: &[Token]) -> Result<(), ExpressionError> {
    check_brackets(source, tokens)?;
    check_depth(tokens)?;
    check_calls(source, tokens)
}

fn check_brackets(source: &str, tokens: &[Token]) -> Result<(), ExpressionError> {
    let mut open: Vec<Range<usize>> = Vec::new();
    for token in tokens {
        let word = &source[token.range.clone()];
        if token.kind == TokenKind::Open {
            open.push(token.range.clone());
        } else if token.kind == TokenKind::Close {
            let partner = open.pop().map(|range| &source[range]);
            if !matches!((partner, word), (Some("("), ")") | (Some("["), "]")) {
                return Err(ExpressionError::new(Kind::BracketNotOpened, token.range.clone()));
            }
        }
    }
    match open.pop() {
        Some(range) => Err(ExpressionError::new(Kind::BracketNotClosed, range)),
        None => Ok(()),
    }
}

/// One bracket level on the way down.
#[derive(Default)]
struct Level {
    start: usize,
    chain: usize,
    deepest_inside: usize,
    conditionals: usize,
    highest_chain: usize,
}

impl Level {
    fn end_chain(&mut self) {
        self.highest_chain = self.highest_chain.max(self.chain + self.deepest_inside);
        self.chain = 0;
        self.deepest_inside = 0;
    }

    fn height(&mut self) -> usize {
        self.end_chain();
        self.highest_chain + self.conditionals
    }
}

fn check_depth(tokens: &[Token]) -> Result<(), ExpressionError> {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut end = 0;
    for token in tokens {
        end = token.range.end;
        match token.kind {
            TokenKind::Open => {
                level.chain += 1;
                outer.push(level);
                if outer.len() > EXPRESSION_BRACKETS_MAX {
                    return Err(ExpressionError::new(Kind::TooManyBrackets, token.range.clone()));
                }
                level = Level { start: token.range.start, ..Level::default() };
            }
            TokenKind::Close => {
                let height = level.height();
                refuse_above(height + outer.len(), level.start..end)?;
                level = outer.pop().unwrap_or_default();
                level.deepest_inside = level.deepest_inside.max(height);
            }
            TokenKind::Question => level.conditionals += 1,
            TokenKind::Comma | TokenKind::Logic => level.end_chain(),
            TokenKind::Dot | TokenKind::Operator => level.chain += 1,
            TokenKind::Colon
            | TokenKind::Name
            | TokenKind::Number
            | TokenKind::Text
            | TokenKind::Constant => {}
        }
    }
    refuse_above(level.height(), level.start..end)
}

fn refuse_above(height: usize, range: Range<usize>) -> Result<(), ExpressionError> {
    if height > EXPRESSION_DEPTH_MAX { Err(ExpressionError::new(Kind::TooDeep, range)) } else { Ok(()) }
}

fn check_calls(source: &str, tokens: &[Token]) -> Result<(), ExpressionError> {
    let word = |at: usize| tokens.get(at).map_or("", |token| &source[token.range.clone()]);
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| tokens[before].kind);
        let begins = matches!(before, Some(TokenKind::Dot | TokenKind::Open | TokenKind::Comma));
        if token.kind == TokenKind::Question && begins {
            return Err(ExpressionError::new(Kind::Unsupported(Unsupported::Optional), token.range.clone()));
        }
        if token.kind != TokenKind::Name || word(at + 1) != "(" {
            continue;
        }
        let name = word(at);
        if !FUNCTIONS.contains(&name) {
            return Err(unknown_function(name, token.range.clone()));
        }
        if matches!(name, "exists" | "all") {
            let variable = tokens.get(at + 2).filter(|token| token.kind == TokenKind::Name);
            if variable.is_none() || word(at + 3) != "," {
                let range = token.range.clone();
                return Err(ExpressionError::new(Kind::Arguments { function: name.to_owned() }, range));
            }
        }
    }
    Ok(())
}

fn unknown_function(name: &str, range: Range<usize>) -> ExpressionError {
    if REFUSED.contains(&name) {
        return ExpressionError::new(
            Kind::Unsupported(Unsupported::Function { name: name.to_owned() }),
            range,
        );
    }
    let error = ExpressionError::new(Kind::UnknownFunction { name: name.to_owned() }, range);
    match nearest(name, FUNCTIONS) {
        Some(function) => error.with_hint(format!("did you mean `{function}`?")),
        None => error.with_hint(format!("there are {}", FUNCTIONS.join(", "))),
    }
}
