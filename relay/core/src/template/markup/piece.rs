//! What stands between the text of a rich form: values, statements and comments, each with its range.

use std::ops::Range;

use crate::template::error::TemplateError;
use crate::template::lexer::{Lexer, Piece as Opened, Token};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{ … }}`
    Value,
    /// `{% … %}`
    Statement,
}

/// One placeholder of the source.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// A source and its placeholders, in order.
#[derive(Debug)]
pub(super) struct Pieces<'s> {
    pub(super) source: &'s str,
    pub(super) items: Vec<Piece>,
    /// What the words for placeholders begin with; it is nowhere in the source.
    pub(super) word: String,
}

impl<'s> Pieces<'s> {
    /// # Errors
    /// None for a source that was compiled.
    pub(super) fn of(source: &'s str) -> Result<Self, TemplateError> {
        let mut lexer = Lexer::new(source);
        let mut items = Vec::new();
        loop {
            let (opened, range) = lexer.next_piece()?;
            let kind = match opened {
                Opened::Output => Kind::Value,
                Opened::Statement => Kind::Statement,
                Opened::End => break,
            };
            loop {
                let (token, end) = lexer.next_token()?;
                if token == Token::Close {
                    items.push(Piece { kind, range: range.start..end.end });
                    break;
                }
            }
        }
        let mut words = (0_u32..).map(|number| format!("tdg{number}q"));
        let word = words.find(|word| !source.contains(word)).expect("a source is shorter than all words");
        Ok(Self { source, items, word })
    }

    /// The word that stands for a placeholder.
    pub(super) fn word_of(&self, index: usize) -> String {
        format!("{}{index}z", self.word)
    }

    /// The placeholder whose word stands at the beginning of a text, and the word's length.
    pub(super) fn at(&self, text: &str) -> Option<(usize, usize)> {
        let rest = text.strip_prefix(self.word.as_str())?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let index: usize = rest.get(..digits)?.parse().ok()?;
        let ends = rest.get(digits..)?.starts_with('z') && index < self.items.len();
        ends.then_some((index, self.word.len() + digits + 1))
    }

    /// Where the first statement stands; the whole source if there is none.
    pub(super) fn first_statement(&self) -> Range<usize> {
        let found = self.items.iter().find(|piece| piece.kind == Kind::Statement);
        found.map_or(0..self.source.len(), |piece| piece.range.clone())
    }

    /// The text between placeholders, without the comments in it, with the place where each part begins.
    pub(super) fn text(&self, range: Range<usize>) -> Vec<(usize, &'s str)> {
        let mut parts = Vec::new();
        let mut from = range.start;
        let text = &self.source[..range.end];
        while let Some(open) = text[from..].find("{#").map(|at| from + at) {
            parts.push((from, &text[from..open]));
            from = text[open..].find("#}").map_or(range.end, |length| open + length + 2);
        }
        parts.push((from, &text[from..]));
        parts
    }
}
