//! The words of an expression, read before the parser sees it.
//!
//! The parser recurses and aborts the process on deep input, so what reaches it is known word by word: this reading
//! agrees with the grammar's own lexer on everything it lets through, and refuses the rare forms (bytes, raw and
//! triple-quoted texts, unsigned numbers, quoted names, maps) in which a bracket could hide.

use std::ops::Range;

use super::error::{ExpressionError, ExpressionErrorKind as Kind, Unsupported};

/// What a word is to the shape of the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Text,
    /// `true`, `false` and `null`.
    Constant,
    Open,
    Close,
    Dot,
    Comma,
    Question,
    Colon,
    /// `&&` and `||`.
    Logic,
    /// Every other operator, `in` and the prefixes `!` and `-` included.
    Operator,
}

/// One word and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

/// Words that CEL keeps for other languages' sake.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Splits a source into words.
///
/// # Errors
/// The first thing that no expression of ours has.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut reader = Reader { source, at: 0 };
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(token) = reader.next_token()? {
        let after_dot = tokens.last().is_some_and(|last| last.kind == TokenKind::Dot);
        let text = &source[token.range.clone()];
        if token.kind == TokenKind::Name && !after_dot && RESERVED.contains(&text) {
            return Err(ExpressionError::new(Kind::Reserved { word: text.to_owned() }, token.range));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
}

impl Reader<'_> {
    fn next_token(&mut self) -> Result<Option<Token>, ExpressionError> {
        self.skip_blank();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let kind = match first {
            'a'..='z' | 'A'..='Z' | '_' => self.word()?,
            '0'..='9' => self.number()?,
            '.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => self.number()?,
            '"' | '\'' => self.text(first)?,
            _ => self.mark(first)?,
        };
        Ok(Some(Token { kind, range: start..self.at }))
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(['\t', ' ', '\r', '\n', '\u{c}']).len();
            let comment = if rest[blank..].starts_with("//") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else {
                0
            };
            if blank + comment == 0 {
                return;
            }
            self.at += blank + comment;
        }
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        let start = self.at;
        while self.byte(0).is_some_and(&belongs) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self) -> Result<TokenKind, ExpressionError> {
        let start = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
        let word = &self.source[start..self.at];
        let quoted = matches!(self.byte(0), Some(b'"' | b'\''));
        if quoted && matches!(word.to_ascii_lowercase().as_str(), "r" | "b" | "br") {
            let what = if word.eq_ignore_ascii_case("r") { Unsupported::RawText } else { Unsupported::Bytes };
            return Err(self.refuse(Kind::Unsupported(what), start));
        }
        Ok(match word {
            "in" => TokenKind::Operator,
            "true" | "false" | "null" => TokenKind::Constant,
            _ => TokenKind::Name,
        })
    }

    fn number(&mut self) -> Result<TokenKind, ExpressionError> {
        let start = self.at;
        if self.rest().starts_with("0x") && self.byte(2).is_some_and(|b| b.is_ascii_hexdigit()) {
            self.at += 2;
            self.skip(|b| b.is_ascii_hexdigit());
        } else {
            self.skip(|b| b.is_ascii_digit());
            if self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1;
                self.skip(|b| b.is_ascii_digit());
            }
            self.exponent();
        }
        if matches!(self.byte(0), Some(b'u' | b'U')) {
            self.at += 1;
            return Err(self.refuse(Kind::Unsupported(Unsupported::Unsigned), start));
        }
        Ok(TokenKind::Number)
    }

    fn exponent(&mut self) {
        if !matches!(self.byte(0), Some(b'e' | b'E')) {
            return;
        }
        let signed = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
        if self.byte(1 + signed).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1 + signed;
            self.skip(|b| b.is_ascii_digit());
        }
    }

    fn text(&mut self, quote: char) -> Result<TokenKind, ExpressionError> {
        let start = self.at;
        self.at += 1;
        loop {
            let Some(next) = self.rest().chars().next() else {
                return Err(self.refuse(Kind::UnterminatedText, start));
            };
            match next {
                '\n' | '\r' => return Err(self.refuse(Kind::UnterminatedText, start)),
                '\\' => self.escape()?,
                _ => self.at += next.len_utf8(),
            }
            if next == quote {
                break;
            }
        }
        if self.at == start + 2 && self.rest().starts_with(quote) {
            return Err(self.refuse(Kind::Unsupported(Unsupported::TripleQuotes), start));
        }
        Ok(TokenKind::Text)
    }

    fn escape(&mut self) -> Result<(), ExpressionError> {
        let start = self.at;
        let digits = |from: usize, count: usize, belongs: fn(&u8) -> bool| {
            let bytes = self.source.as_bytes().get(start + from..start + from + count);
            bytes.is_some_and(|bytes| bytes.iter().all(belongs))
        };
        let length = match self.byte(1) {
            Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`') => {
                Some(2)
            }
            Some(b'x' | b'X') if digits(2, 2, u8::is_ascii_hexdigit) => Some(4),
            Some(b'u') if digits(2, 4, u8::is_ascii_hexdigit) => Some(6),
            Some(b'U') if digits(2, 8, u8::is_ascii_hexdigit) => Some(10),
            Some(b'0'..=b'3') if digits(2, 2, |b| (b'0'..=b'7').contains(b)) => Some(4),
            _ => None,
        };
        match length {
            Some(length) => {
                self.at += length;
                Ok(())
            }
            None => {
                self.at += 1 + self.rest().chars().nth(1).map_or(0, char::len_utf8);
                Err(self.refuse(Kind::Escape, start))
            }
        }
    }

    fn mark(&mut self, first: char) -> Result<TokenKind, ExpressionError> {
        let start = self.at;
        let two = self.source.as_bytes().get(start..start + 2).unwrap_or_default();
        if let b"&&" | b"||" | b"==" | b"!=" | b"<=" | b">=" = two {
            self.at += 2;
            return Ok(if matches!(two, b"&&" | b"||") { TokenKind::Logic } else { TokenKind::Operator });
        }
        self.at += first.len_utf8();
        let kind = match first {
            '(' | '[' => TokenKind::Open,
            ')' | ']' => TokenKind::Close,
            '.' => TokenKind::Dot,
            ',' => TokenKind::Comma,
            '?' => TokenKind::Question,
            ':' => TokenKind::Colon,
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '!' => TokenKind::Operator,
            '{' | '}' => return Err(self.refuse(Kind::Unsupported(Unsupported::Map), start)),
            '`' => return Err(self.refuse(Kind::Unsupported(Unsupported::QuotedName), start)),
            _ => return Err(self.refuse(Kind::UnexpectedCharacter { found: first }, start)),
        };
        Ok(kind)
    }

    fn refuse(&self, kind: Kind, start: usize) -> ExpressionError {
        ExpressionError::new(kind, start..self.at)
    }
}
