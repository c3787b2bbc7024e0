//! Cuts a template into text and tokens exactly where minijinja would, so that what the grammar has checked is what runs.
//!
//! Anything that minijinja might read in another way (escaped numbers, raw blocks, braces) is refused here.

use std::ops::Range;

use super::error::{TemplateError, TemplateErrorKind};

/// What follows in the template's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `{{`
    Output,
    /// `{%`
    Statement,
    /// The end of the source.
    End,
}

/// One token between `{{ }}` or `{% %}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// A name or a word of the language.
    Name(&'s str),
    /// A string's inside, escapes not resolved.
    Text(&'s str),
    /// A number in decimal digits.
    Number(&'s str),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// `}}` or `%}`.
    Close,
}

/// Symbols, the longer ones first.
const SYMBOLS: [&str; 22] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", ".", ",", ":", "~", "|", "=", ">", "<", "(",
    ")", "[",
];

#[derive(Debug)]
pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    close: &'static str,
    brackets_open: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, at: 0, close: "}}", brackets_open: 0 }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    /// Goes over text and comments to the next `{{` or `{%`. Returns the range of its two characters.
    pub(super) fn next_piece(&mut self) -> Result<(Piece, Range<usize>), TemplateError> {
        loop {
            let rest = self.rest();
            let marker = rest.match_indices('{').find_map(|(index, _)| {
                rest.as_bytes()
                    .get(index + 1)
                    .map(|second| (index, *second))
                    .filter(|(_, second)| matches!(second, b'{' | b'%' | b'#'))
            });
            let Some((index, second)) = marker else {
                self.at = self.source.len();
                return Ok((Piece::End, self.at..self.at));
            };
            let range = self.at + index..self.at + index + 2;
            self.at = range.end + usize::from(self.source[range.end..].starts_with(['-', '+']));
            self.brackets_open = 0;
            match second {
                b'{' => {
                    self.close = "}}";
                    return Ok((Piece::Output, range));
                }
                b'%' => {
                    self.close = "%}";
                    return Ok((Piece::Statement, range));
                }
                _ => self.skip_comment(range)?,
            }
        }
    }

    fn skip_comment(&mut self, opened: Range<usize>) -> Result<(), TemplateError> {
        let Some(length) = self.rest().find("#}") else {
            return Err(unclosed(opened, "the comment {#", "#}"));
        };
        self.at += length + 2;
        Ok(())
    }

    /// The next token. After [`Token::Close`] the text goes on.
    pub(super) fn next_token(&mut self) -> Result<(Token<'s>, Range<usize>), TemplateError> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
        let (start, rest) = (self.at, self.rest());
        let Some(first) = rest.chars().next() else {
            let opened = if self.close == "}}" { "{{" } else { "{%" };
            return Err(unclosed(start..start, opened, self.close));
        };
        if self.brackets_open == 0 {
            let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if unsigned.starts_with(self.close) {
                return Ok(self.take(Token::Close, rest.len() - unsigned.len() + self.close.len()));
            }
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            return Ok(self.take(Token::Name(&rest[..length]), length));
        }
        if first.is_ascii_digit() {
            return self.number(rest);
        }
        if first == '"' || first == '\'' {
            return self.text(rest, first);
        }
        self.symbol(rest, first)
    }

    /// The source between two tokens.
    pub(super) fn between(&self, first: &Range<usize>, second: &Range<usize>) -> &'s str {
        self.source.get(first.end..second.start).unwrap_or_default()
    }

    fn take(&mut self, token: Token<'s>, length: usize) -> (Token<'s>, Range<usize>) {
        let start = self.at;
        self.at += length;
        (token, start..self.at)
    }

    /// Only plain decimal numbers: minijinja reads `1e9`, `0x10`, `1_000` and `1.` too, which no template needs.
    fn number(&mut self, rest: &'s str) -> Result<(Token<'s>, Range<usize>), TemplateError> {
        const DIGITS_MAX: usize = 15;
        let length =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
        let written = &rest[..length];
        let (whole, fraction) =
            written.split_once('.').map_or((written, None), |(whole, part)| (whole, Some(part)));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if length <= DIGITS_MAX && plain(whole) && fraction.is_none_or(plain) {
            return Ok(self.take(Token::Number(written), length));
        }
        Err(unexpected(
            self.at..self.at + length,
            written,
            "a decimal number of at most 15 digits, like 12 or 0.5",
        ))
    }

    fn text(&mut self, rest: &'s str, quote: char) -> Result<(Token<'s>, Range<usize>), TemplateError> {
        let mut escaped = false;
        for (index, character) in rest.char_indices().skip(1) {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == quote {
                return Ok(self.take(Token::Text(&rest[1..index]), index + 1));
            }
        }
        Err(unclosed(self.at..self.at + 1, "the text", "the same quotation mark"))
    }

    fn symbol(&mut self, rest: &'s str, first: char) -> Result<(Token<'s>, Range<usize>), TemplateError> {
        if first == '{' {
            return Err(TemplateError::new(self.at..self.at + 1, TemplateErrorKind::Collection));
        }
        let found = SYMBOLS.iter().copied().chain(["]"]).find(|symbol| rest.starts_with(symbol));
        let Some(symbol) = found else {
            let end = self.at + first.len_utf8();
            return Err(unexpected(
                self.at..end,
                &first.to_string(),
                "a name, a number, a 'text' or an operator",
            ));
        };
        match symbol {
            "(" | "[" => self.brackets_open += 1,
            // A bracket too many is the grammar's to refuse, at the place where it stands.
            ")" | "]" => self.brackets_open = self.brackets_open.saturating_sub(1),
            _ => {}
        }
        Ok(self.take(Token::Symbol(symbol), symbol.len()))
    }
}

pub(super) fn unclosed(range: Range<usize>, opened: &'static str, missing: &'static str) -> TemplateError {
    TemplateError::new(range, TemplateErrorKind::Unclosed { opened, missing })
}

pub(super) fn unexpected(range: Range<usize>, found: &str, expected: &'static str) -> TemplateError {
    let found = found.chars().take(40).collect();
    TemplateError::new(range, TemplateErrorKind::Unexpected { found, expected })
}
