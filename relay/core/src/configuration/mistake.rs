//! What is wrong with a document: where, what was expected, and what was probably meant.

use std::fmt;

use super::node::{Node, Place};

/// Mistakes that are told at once; a document with more of them has one cause for many.
pub const MISTAKES_MAX: usize = 200;
/// Mistakes that are remembered until they are told in order: a document of 8 MiB can have millions.
const FOUND_MAX: usize = 10_000;
/// Characters of a source line that are shown.
const LINE_CHARS_MAX: usize = 160;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The stable word for programs.
    pub code: &'static str,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// How many characters of that line are meant; at least 1.
    pub width: u32,
    /// Where in the document as a value.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
    /// What was probably meant: for an unknown name the nearest one, else a sentence.
    pub hint: Option<String>,
    /// What could stand there.
    pub expected: Option<String>,
    /// The numbers, if something is larger than its limit.
    pub over: Option<PassedLimit>,
}

/// A limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedLimit {
    /// At most so many.
    pub limit: usize,
    /// So many there are.
    pub actual: usize,
}

/// Everything that is wrong with a document, in its order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// At most [`MISTAKES_MAX`].
    pub items: Vec<Mistake>,
    /// How many there were.
    pub total: usize,
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.total == 1 { "mistake" } else { "mistakes" };
        write!(f, "the document has {} {noun}", self.total)?;
        match self.items.first() {
            Some(first) => write!(f, "; line {}, column {}: {}", first.line, first.column, first.detail),
            None => Ok(()),
        }
    }
}

impl Mistakes {
    /// All mistakes as a compiler shows them: the line, a caret under the place, what was expected and the nearest name.
    #[must_use]
    pub fn render(&self, document: &str) -> String {
        let mut text = String::new();
        let lines = Lines::new(document);
        for mistake in &self.items {
            mistake.render(&lines, &mut text);
            text.push('\n');
        }
        if self.total > self.items.len() {
            text.push_str(&format!("… and {} more\n", self.total - self.items.len()));
        }
        let noun = if self.total == 1 { "mistake" } else { "mistakes" };
        text.push_str(&format!("{} {noun}\n", self.total));
        text
    }

    pub(super) fn new(findings: Findings, source: &str, root: Option<&Node<'_>>) -> Self {
        let lines = Lines::new(source);
        let Findings { items: mut found, total } = findings;
        found.sort_by_key(|one| one.place.start);
        let items = found
            .into_iter()
            .take(MISTAKES_MAX)
            .map(|one| {
                let pointer = root.map(|root| root.pointer_of(one.place.id)).unwrap_or_default();
                one.placed(&lines, pointer)
            })
            .collect();
        Self { items, total }
    }
}

impl Mistake {
    fn render(&self, lines: &Lines<'_>, text: &mut String) {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let line = lines.text(self.line);
        let (shown, before) = cut(line.trim_end_matches('\r'), self.column.saturating_sub(1) as usize);
        let lead: usize = shown.chars().take(before).map(columns).sum();
        let under: usize = shown.chars().skip(before).take(self.width as usize).map(columns).sum();
        text.push_str(&format!("error[{}]: {}\n", self.code, self.detail));
        text.push_str(&format!("{margin}--> line {}, column {}\n", self.line, self.column));
        text.push_str(&format!("{margin} |\n{number} | {shown}\n"));
        text.push_str(&format!("{margin} | {}{}\n", " ".repeat(lead), "^".repeat(under.max(1))));
        if !self.pointer.is_empty() {
            text.push_str(&format!("{margin} = at {}\n", self.pointer));
        }
        if let Some(expected) = &self.expected {
            text.push_str(&format!("{margin} = expected {expected}\n"));
        }
        match &self.hint {
            Some(name) if self.code.starts_with("unknown_") => {
                text.push_str(&format!("{margin} = did you mean `{name}`?\n"));
            }
            Some(hint) => text.push_str(&format!("{margin} = {hint}\n")),
            None => {}
        }
    }
}

/// The part of a line that is shown, and how many of its characters stand before the place.
fn cut(line: &str, before: usize) -> (String, usize) {
    let length = line.chars().count();
    let skip = if length <= LINE_CHARS_MAX { 0 } else { before.saturating_sub(LINE_CHARS_MAX / 2) };
    let shown: String =
        line.chars().skip(skip).take(LINE_CHARS_MAX).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let head = if skip > 0 { "…" } else { "" };
    let tail = if length > skip + LINE_CHARS_MAX { "…" } else { "" };
    (format!("{head}{shown}{tail}"), before - skip + head.chars().count())
}

/// Columns that a terminal gives a character: two for East Asian wide ones, so that a caret stands under its text.
fn columns(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD);
    if wide { 2 } else { 1 }
}

/// The mistakes of a document as they are met.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// At most [`FOUND_MAX`].
    items: Vec<Found>,
    total: usize,
}

impl Findings {
    pub(super) fn push(&mut self, found: Found) {
        self.total += 1;
        if self.items.len() < FOUND_MAX {
            self.items.push(found);
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }
}

impl From<Found> for Findings {
    fn from(found: Found) -> Self {
        Self { items: vec![found], total: 1 }
    }
}

/// A mistake as the reader meets it, placed in bytes.
#[derive(Debug)]
pub(super) struct Found {
    code: &'static str,
    place: Place,
    detail: String,
    hint: Option<String>,
    expected: Option<String>,
    first_at: Option<u32>,
    over: Option<PassedLimit>,
}

impl Found {
    pub(super) fn new(code: &'static str, place: Place, detail: impl Into<String>) -> Self {
        Self { code, place, detail: detail.into(), hint: None, expected: None, first_at: None, over: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn hint_if(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// The numbers of a limit that was passed.
    pub(super) fn over(self, limit: usize, actual: usize) -> Self {
        Self { over: Some(PassedLimit { limit, actual }), ..self }
    }

    /// Where the thing stands that this one repeats.
    pub(super) fn first_at(self, first_at: Option<u32>) -> Self {
        Self { first_at, ..self }
    }

    fn placed(self, lines: &Lines<'_>, pointer: String) -> Mistake {
        let (line, column) = lines.position(self.place.start);
        let width = lines.width(self.place.start, self.place.end);
        let hint = match self.first_at {
            Some(first) => {
                Some(format!("the first one is in line {}; keep one of them", lines.position(first).0))
            }
            None => self.hint,
        };
        let Self { code, detail, expected, over, .. } = self;
        Mistake { code, line, column, width, pointer, detail, hint, expected, over }
    }
}

/// Finds lines and columns.
struct Lines<'d> {
    source: &'d str,
    starts: Vec<usize>,
}

impl<'d> Lines<'d> {
    fn new(source: &'d str) -> Self {
        let ends = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Self { source, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line with this number, without its end.
    fn text(&self, line: u32) -> &'d str {
        let start = self.starts.get((line as usize).saturating_sub(1)).copied().unwrap_or(self.source.len());
        self.source.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or("")
    }

    fn position(&self, at: u32) -> (u32, u32) {
        let at = (at as usize).min(self.source.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        let column = self.source.get(start..at).map_or(0, |text| text.chars().count()) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn width(&self, start: u32, end: u32) -> u32 {
        let text = self.source.get(start as usize..(end as usize).min(self.source.len())).unwrap_or("");
        let width = text.lines().next().unwrap_or("").trim_end().chars().count();
        u32::try_from(width.max(1)).unwrap_or(u32::MAX)
    }
}
