//! One operand: a literal, a path or parentheses, with signs before it and filters and tests behind it.

use super::super::error::{TemplateError, TemplateErrorKind};
use super::super::lexer::Token;
use super::super::vocabulary::{CONSTANTS, Callable, FILTERS, LOOP_FIELDS, RESERVED, ROOTS, TESTS};
use super::Grammar;
use crate::nearest::nearest;

impl<'s> Grammar<'s> {
    /// Returns where it ends, in bytes of the source, if it is a path and nothing else.
    pub(super) fn operand(&mut self) -> Result<Option<usize>, TemplateError> {
        while matches!(self.token, Token::Name("not") | Token::Symbol("-")) {
            self.part()?;
            self.advance()?;
        }
        self.part()?;
        let mut path_end = None;
        match self.token {
            Token::Text(_) | Token::Number(_) => self.advance()?,
            Token::Name(name) if CONSTANTS.contains(&name) => self.advance()?,
            Token::Name("loop") => self.loop_field()?,
            Token::Name(name) => {
                let path = self.path(name)?;
                self.checked.fields.insert(path);
                path_end = Some(self.range.start);
            }
            Token::Symbol("(") => {
                self.advance()?;
                self.expression()?;
                match self.token {
                    Token::Symbol(")") => self.advance()?,
                    Token::Symbol(",") => return Err(self.error(TemplateErrorKind::Collection)),
                    Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                        return Err(self.unexpected("an operator or )"));
                    }
                }
            }
            Token::Symbol("[") => return Err(self.error(TemplateErrorKind::Collection)),
            Token::Symbol(_) | Token::Close => {
                return Err(self.unexpected("a field like data.name, a number or a 'text'"));
            }
        }
        if self.token == Token::Symbol("(") {
            return Err(self.error(TemplateErrorKind::Call));
        }
        let is_bare = !matches!(self.token, Token::Symbol("|") | Token::Name("is"));
        self.filters_and_tests()?;
        Ok(path_end.filter(|_| is_bare))
    }

    /// A root or a loop's item, with fields and items behind it. Returns the path.
    pub(super) fn path(&mut self, root: &'s str) -> Result<String, TemplateError> {
        let open = self.loops.iter().rev().find(|(name, _)| *name == root).map(|(_, path)| path.clone());
        let mut path = match open {
            Some(path) => path,
            None if ROOTS.contains(&root) => root.to_owned(),
            None if RESERVED.contains(&root) => {
                return Err(self.unexpected("a field like data.name, a number or a 'text'"));
            }
            None => {
                let root_range = self.range.clone();
                self.advance()?;
                let mut error = self.unknown_root(root);
                error.range = root_range;
                if self.token == Token::Symbol("(") {
                    error.kind = TemplateErrorKind::Call;
                    error.hint = None;
                }
                return Err(error);
            }
        };
        self.advance()?;
        loop {
            match self.token {
                Token::Symbol(".") => {
                    self.part()?;
                    self.advance()?;
                    let Token::Name(field) = self.token else {
                        return Err(self.unexpected("the name of a field; an item is written [0]"));
                    };
                    path.push('.');
                    path.push_str(field);
                    self.advance()?;
                }
                Token::Symbol("[") => {
                    self.part()?;
                    self.advance()?;
                    path.push_str(&self.subscript()?);
                }
                Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                    return Ok(path);
                }
            }
        }
    }

    /// What stands in `[…]`, as part of a path.
    fn subscript(&mut self) -> Result<String, TemplateError> {
        if self.token == Token::Symbol(":") {
            return Err(self.error(TemplateErrorKind::Slice));
        }
        let literal = match self.token {
            Token::Number(number) => Some(format!("[{number}]")),
            Token::Text(text) if is_plain_name(text) => Some(format!(".{text}")),
            Token::Text(text) => Some(format!("[{text:?}]")),
            Token::Name(_) | Token::Symbol(_) | Token::Close => None,
        };
        let start = self.range.clone();
        self.expression()?;
        // A literal followed by anything else than the bracket is an expression, and its value is not known here.
        match self.token {
            Token::Symbol("]") => {}
            Token::Symbol(":") => return Err(self.error(TemplateErrorKind::Slice)),
            Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                return Err(self.unexpected("]"));
            }
        }
        let only_literal = self.lexer.between(&start, &self.range).trim().is_empty();
        self.advance()?;
        Ok(literal.filter(|_| only_literal).unwrap_or_else(|| "[]".to_owned()))
    }

    fn loop_field(&mut self) -> Result<(), TemplateError> {
        if self.loops.is_empty() {
            return Err(self.unknown_root("loop"));
        }
        self.advance()?;
        if self.token != Token::Symbol(".") {
            return Err(self.unexpected(".index, .first or another field of loop"));
        }
        self.advance()?;
        let Token::Name(field) = self.token else {
            return Err(self.unexpected("a field of loop, like index"));
        };
        if !LOOP_FIELDS.contains(&field) {
            return Err(self.unknown_loop_field(field));
        }
        self.advance()
    }

    fn filters_and_tests(&mut self) -> Result<(), TemplateError> {
        loop {
            let is_filter = match self.token {
                Token::Symbol("|") => true,
                Token::Name("is") => false,
                Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                    return Ok(());
                }
            };
            self.part()?;
            self.advance()?;
            if !is_filter && self.token == Token::Name("not") {
                self.advance()?;
            }
            let Token::Name(name) = self.token else {
                return Err(self.unexpected(if is_filter {
                    "the name of a filter"
                } else {
                    "the name of a test"
                }));
            };
            let callable = self.callable(name, is_filter)?;
            // Each tojson doubles the backslashes of the one before.
            if name == "tojson" && std::mem::replace(&mut self.serialises, true) {
                return Err(self.unexpected("only one tojson in an expression"));
            }
            self.advance()?;
            self.arguments(callable)?;
        }
    }

    fn callable(&self, name: &str, is_filter: bool) -> Result<&'static Callable, TemplateError> {
        let known = if is_filter { FILTERS } else { TESTS };
        known.iter().find(|callable| callable.name == name).ok_or_else(|| {
            let shown = name.chars().take(40).collect();
            let error = self.error(if is_filter {
                TemplateErrorKind::UnknownFilter { name: shown }
            } else {
                TemplateErrorKind::UnknownTest { name: shown }
            });
            match nearest(name, known.iter().map(|callable| callable.name)) {
                Some(near) => error.with_hint(format!("did you mean {near}?")),
                None => {
                    let names: Vec<_> = known.iter().map(|callable| callable.name).collect();
                    error.with_hint(format!("there are {}", names.join(", ")))
                }
            }
        })
    }

    fn arguments(&mut self, callable: &'static Callable) -> Result<(), TemplateError> {
        let start = self.range.start;
        let (mut positional, mut named) = (0, Vec::new());
        if self.token == Token::Symbol("(") {
            self.advance()?;
            while self.token != Token::Symbol(")") {
                self.part()?;
                if let Some(name) = self.named_argument(callable)? {
                    named.push(name);
                } else if named.is_empty() {
                    self.expression()?;
                    positional += 1;
                } else {
                    return Err(self.unexpected("a named argument, like other='…'"));
                }
                match self.token {
                    Token::Symbol(",") => self.advance()?,
                    Token::Symbol(")") => {}
                    Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Symbol(_) | Token::Close => {
                        return Err(self.unexpected(", or )"));
                    }
                }
            }
            self.advance()?;
        }
        let lacks_other = !callable.named.is_empty() && !named.contains(&"other");
        if !callable.arguments.contains(&positional) || lacks_other {
            let kind = TemplateErrorKind::Arguments {
                name: callable.name.to_owned(),
                expected: callable.takes.to_owned(),
            };
            return Err(TemplateError::new(start..self.range.start.max(start), kind));
        }
        Ok(())
    }

    /// `name=value`, if the callable takes names. Filters take either named or positional arguments.
    fn named_argument(&mut self, callable: &'static Callable) -> Result<Option<&'static str>, TemplateError> {
        let Token::Name(word) = self.token else { return Ok(None) };
        if callable.named.is_empty() {
            return Ok(None);
        }
        let Some(name) = callable.named.iter().find(|name| **name == word) else {
            let kind = TemplateErrorKind::Arguments {
                name: callable.name.to_owned(),
                expected: callable.takes.to_owned(),
            };
            let error = self.error(kind);
            return Err(match nearest(word, callable.named.iter().copied()) {
                Some(near) => error.with_hint(format!("did you mean {near}?")),
                None => error,
            });
        };
        self.advance()?;
        if self.token != Token::Symbol("=") {
            return Err(self.unexpected("=, like other='…'"));
        }
        self.advance()?;
        self.expression()?;
        Ok(Some(name))
    }
}

fn is_plain_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
