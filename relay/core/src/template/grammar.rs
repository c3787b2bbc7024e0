//! Checks a template before minijinja sees it: a recursive descent over a smaller language, with limits on depth and length.
//!
//! It decides only what may be written and which fields are used. Precedence and evaluation stay with minijinja,
//! which reads the same tokens; what passes here and minijinja refuses is reported as malformed.

use std::collections::BTreeSet;
use std::ops::Range;

use super::error::{TemplateError, TemplateErrorKind};
use super::lexer::{Lexer, Piece, Token, unclosed, unexpected};
use super::vocabulary::{CONSTANTS, LOOP_FIELDS, RESERVED, ROOTS};
use super::{BRANCHES_MAX, DEPTH_MAX, EXPRESSION_PARTS_MAX, LOOP_DEPTH_MAX};
use crate::nearest::nearest;

mod operand;

/// What a checked template uses.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Paths, like `data.items[0].name`; `[]` stands for any item.
    pub(super) fields: BTreeSet<String>,
    /// There is no `{{` and no `{%`.
    pub(super) is_literal: bool,
    /// Where the paths end that are compared as they are. minijinja takes a missing field for unequal to anything, so
    /// these are to be guarded.
    pub(super) compared: BTreeSet<usize>,
}

pub(super) fn check(source: &str) -> Result<Checked, TemplateError> {
    let mut grammar = Grammar {
        lexer: Lexer::new(source),
        token: Token::Close,
        range: 0..0,
        depth: 0,
        parts: 0,
        serialises: false,
        loops: Vec::new(),
        checked: Checked { is_literal: true, ..Checked::default() },
    };
    grammar.body(&[])?;
    Ok(grammar.checked)
}

#[derive(Debug)]
struct Grammar<'s> {
    lexer: Lexer<'s>,
    token: Token<'s>,
    range: Range<usize>,
    depth: usize,
    /// Names, operators and filters of the expression at hand.
    parts: usize,
    /// The expression at hand has a `tojson`.
    serialises: bool,
    /// Loops that are open: the item's name and the path of one item.
    loops: Vec<(&'s str, String)>,
    checked: Checked,
}

impl<'s> Grammar<'s> {
    /// Text, outputs and statements up to a statement with one of the words in `ends`, which it returns.
    /// Without `ends`, up to the end of the source.
    fn body(&mut self, ends: &[&'static str]) -> Result<&'static str, TemplateError> {
        let opened = self.range.clone();
        loop {
            let (piece, range) = self.lexer.next_piece()?;
            match piece {
                Piece::End => {
                    return match ends.last() {
                        None => Ok(""),
                        Some(&"endfor") => Err(unclosed(opened, "the loop", "{% endfor %}")),
                        Some(_) => Err(unclosed(opened, "the condition", "{% endif %}")),
                    };
                }
                Piece::Output => {
                    self.checked.is_literal = false;
                    (self.parts, self.serialises) = (0, false);
                    self.advance()?;
                    self.expression()?;
                    self.close("an operator, a filter or }}")?;
                }
                Piece::Statement => {
                    self.checked.is_literal = false;
                    (self.parts, self.serialises) = (0, false);
                    self.advance()?;
                    let Token::Name(word) = self.token else {
                        return Err(self.unexpected("if, for or what ends them"));
                    };
                    if let Some(end) = ends.iter().find(|end| **end == word) {
                        return Ok(end);
                    }
                    self.nested(|grammar| grammar.statement(word, range))?;
                }
            }
        }
    }

    fn statement(&mut self, word: &str, opened: Range<usize>) -> Result<(), TemplateError> {
        match word {
            "if" => self.condition(opened),
            "for" => self.iteration(opened),
            "else" | "elif" | "endif" | "endfor" => {
                Err(unexpected(self.range.clone(), word, "an if or for that is still open before it"))
            }
            _ => {
                let kind = TemplateErrorKind::Statement { name: word.chars().take(40).collect() };
                let error = TemplateError::new(self.range.clone(), kind);
                Err(match nearest(word, ["if", "for", "elif", "else", "endif", "endfor"]) {
                    Some(near) => error.with_hint(format!("did you mean {near}?")),
                    None => error,
                })
            }
        }
    }

    fn condition(&mut self, opened: Range<usize>) -> Result<(), TemplateError> {
        for _ in 0..BRANCHES_MAX {
            self.advance()?;
            self.expression()?;
            self.close("an operator, a filter or %}")?;
            self.range = opened.clone();
            match self.body(&["elif", "else", "endif"])? {
                "elif" => {}
                "else" => {
                    self.end_of_statement()?;
                    self.range = opened;
                    self.body(&["endif"])?;
                    return self.end_of_statement();
                }
                _ => return self.end_of_statement(),
            }
        }
        Err(TemplateError::new(opened, TemplateErrorKind::TooManyBranches))
    }

    fn iteration(&mut self, opened: Range<usize>) -> Result<(), TemplateError> {
        self.advance()?;
        let Token::Name(name) = self.token else {
            return Err(self.unexpected("the name of the loop's item"));
        };
        if self.is_taken(name) {
            return Err(self.error(TemplateErrorKind::LoopName { name: name.to_owned() }));
        }
        self.advance()?;
        if self.token != Token::Name("in") {
            return Err(self.unexpected("in: for item in data.items"));
        }
        self.advance()?;
        let source = self.range.clone();
        let Token::Name(root) = self.token else {
            return Err(self.error(TemplateErrorKind::LoopSource));
        };
        if root == "loop" || CONSTANTS.contains(&root) {
            return Err(self.error(TemplateErrorKind::LoopSource));
        }
        let path = self.path(root)?;
        if self.token == Token::Symbol("(") {
            return Err(self.error(TemplateErrorKind::Call));
        }
        if !matches!(self.token, Token::Close | Token::Name("if")) {
            return Err(TemplateError::new(source.start..self.range.end, TemplateErrorKind::LoopSource));
        }
        if self.loops.len() == LOOP_DEPTH_MAX {
            return Err(TemplateError::new(opened, TemplateErrorKind::LoopTooDeep));
        }
        self.loops.push((name, format!("{path}[]")));
        self.checked.fields.insert(path);
        if self.token == Token::Name("if") {
            self.advance()?;
            self.expression()?;
        }
        self.close("if with a condition, or %}")?;
        self.range = opened.clone();
        let end = self.body(&["else", "endfor"])?;
        self.loops.pop();
        self.end_of_statement()?;
        if end == "else" {
            self.range = opened;
            self.body(&["endfor"])?;
            self.end_of_statement()?;
        }
        Ok(())
    }

    fn is_taken(&self, name: &str) -> bool {
        ROOTS.contains(&name)
            || CONSTANTS.contains(&name)
            || RESERVED.contains(&name)
            || matches!(name, "loop" | "self")
            || self.loops.iter().any(|(open, _)| *open == name)
    }

    /// Operands with operators between them, and `a if b else c`. Which operator binds first is minijinja's matter.
    fn expression(&mut self) -> Result<(), TemplateError> {
        self.nested(|grammar| {
            grammar.operands()?;
            while grammar.token == Token::Name("if") {
                grammar.part()?;
                grammar.advance()?;
                grammar.operands()?;
                if grammar.token == Token::Name("else") {
                    grammar.advance()?;
                    grammar.operands()?;
                }
            }
            Ok(())
        })
    }

    fn operands(&mut self) -> Result<(), TemplateError> {
        let mut left = self.operand()?;
        loop {
            let compares = match self.token {
                Token::Name("and" | "or") | Token::Symbol("+" | "-" | "/" | "//" | "%" | "~") => false,
                Token::Name("in") | Token::Symbol("==" | "!=" | "<" | "<=" | ">" | ">=") => true,
                Token::Name("not") => {
                    self.advance()?;
                    if self.token != Token::Name("in") {
                        return Err(self.unexpected("in: not in"));
                    }
                    true
                }
                Token::Symbol(symbol @ ("*" | "**")) => {
                    return Err(self.error(TemplateErrorKind::Operator { symbol }));
                }
                Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                    return Ok(());
                }
            };
            self.advance()?;
            let right = self.operand()?;
            if compares {
                self.checked.compared.extend(left.into_iter().chain(right));
            }
            left = right;
        }
    }

    fn advance(&mut self) -> Result<(), TemplateError> {
        (self.token, self.range) = self.lexer.next_token()?;
        Ok(())
    }

    /// The token at hand must be `}}` or `%}`.
    fn close(&self, expected: &'static str) -> Result<(), TemplateError> {
        match self.token {
            Token::Close => Ok(()),
            Token::Symbol("(") => Err(self.error(TemplateErrorKind::Call)),
            Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) => {
                Err(self.unexpected(expected))
            }
        }
    }

    /// Nothing may follow the word of the statement at hand.
    fn end_of_statement(&mut self) -> Result<(), TemplateError> {
        self.advance()?;
        self.close("%}")
    }

    /// Counts one part of the expression at hand.
    fn part(&mut self) -> Result<(), TemplateError> {
        self.parts += 1;
        if self.parts > EXPRESSION_PARTS_MAX {
            return Err(self.error(TemplateErrorKind::ExpressionTooLong));
        }
        Ok(())
    }

    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(TemplateErrorKind::TooDeep));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn error(&self, kind: TemplateErrorKind) -> TemplateError {
        TemplateError::new(self.range.clone(), kind)
    }

    fn unexpected(&self, expected: &'static str) -> TemplateError {
        let found = match self.token {
            Token::Name(name) => name,
            Token::Text(_) => "a text",
            Token::Number(number) => number,
            Token::Symbol(symbol) => symbol,
            Token::Close => "the end",
        };
        unexpected(self.range.clone(), found, expected)
    }

    fn unknown_root(&self, name: &str) -> TemplateError {
        let known = ROOTS.into_iter().chain(self.loops.iter().map(|(open, _)| *open));
        let error = self.error(TemplateErrorKind::UnknownRoot { name: name.chars().take(40).collect() });
        match nearest(name, known) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error.with_hint(format!("fields of the event stand in data: data.{name}")),
        }
    }

    fn unknown_loop_field(&self, name: &str) -> TemplateError {
        let error = self.error(TemplateErrorKind::LoopField { name: name.chars().take(40).collect() });
        match nearest(name, LOOP_FIELDS) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error,
        }
    }
}
