//! What can be wrong with a template when it is compiled, and with its rendering for one recipient.

use std::fmt;
use std::ops::Range;

/// A template's source that cannot be taken in: where, why, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Bytes of the source, from the start of what is wrong to its end.
    pub range: Range<usize>,
    /// What is wrong.
    pub kind: TemplateErrorKind,
    /// The nearest name that exists, or what to write.
    pub hint: Option<String>,
}

impl TemplateError {
    pub(super) fn new(range: Range<usize>, kind: TemplateErrorKind) -> Self {
        Self { range, kind, hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Line and column of the start, both from 1; the column counts characters.
    #[must_use]
    pub fn position(&self, source: &str) -> (usize, usize) {
        let before = source.get(..self.range.start).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (line, column)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

impl std::error::Error for TemplateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// The kinds of mistake in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateErrorKind {
    /// The source is longer than [`super::SOURCE_BYTES_MAX`].
    #[error("the template has {actual} bytes; at most {} are allowed", super::SOURCE_BYTES_MAX)]
    SourceTooLong {
        /// Bytes of the source.
        actual: usize,
    },
    /// Blocks or parentheses nest deeper than [`super::DEPTH_MAX`].
    #[error("the template nests deeper than {} levels; make it flatter", super::DEPTH_MAX)]
    TooDeep,
    /// One expression has more than [`super::EXPRESSION_PARTS_MAX`] parts.
    #[error(
        "the expression has more than {} names, operators and filters; split it",
        super::EXPRESSION_PARTS_MAX
    )]
    ExpressionTooLong,
    /// One `if` has more than [`super::BRANCHES_MAX`] branches.
    #[error("one if has more than {} branches; put the text into the event's data", super::BRANCHES_MAX)]
    TooManyBranches,
    /// Something that was opened is not closed.
    #[error("{opened} is not closed; add {missing}")]
    Unclosed {
        /// What was opened.
        opened: &'static str,
        /// What closes it.
        missing: &'static str,
    },
    /// Something else was expected here.
    #[error("found {found}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A statement that templates do not have.
    #[error("templates have no statement {name:?}; there are if and for")]
    Statement {
        /// The statement's word.
        name: String,
    },
    /// A name that is neither a root nor a loop's name.
    #[error("nothing is called {name:?}; a name starts with data, event, recipient, project or digest")]
    UnknownRoot {
        /// The name.
        name: String,
    },
    /// A filter that does not exist or is not allowed.
    #[error("there is no filter {name:?}")]
    UnknownFilter {
        /// The filter's name.
        name: String,
    },
    /// A test that does not exist or is not allowed.
    #[error("there is no test {name:?}")]
    UnknownTest {
        /// The test's name.
        name: String,
    },
    /// Arguments that a filter or test does not take.
    #[error("{name} takes {expected}")]
    Arguments {
        /// The filter or test.
        name: String,
        /// What it takes.
        expected: String,
    },
    /// A `for` over something else than a path.
    #[error("for goes over a field only, like data.items")]
    LoopSource,
    /// Loops nest deeper than [`super::LOOP_DEPTH_MAX`].
    #[error("loops nest deeper than {} levels", super::LOOP_DEPTH_MAX)]
    LoopTooDeep,
    /// A loop's name that hides a root or a word of the language.
    #[error("a loop cannot call its item {name:?}; take another name")]
    LoopName {
        /// The name.
        name: String,
    },
    /// A field of `loop` that does not exist.
    #[error("loop has no field {name:?}; it has index, index0, revindex, revindex0, first, last and length")]
    LoopField {
        /// The field's name.
        name: String,
    },
    /// A call of a function or a method.
    #[error("templates call no functions; use a filter, like data.items | length")]
    Call,
    /// A list or map written in the template.
    #[error("templates write no lists and maps; put them into the event's data")]
    Collection,
    /// A part of a list or text taken by `[a:b]`.
    #[error("templates take no slices; use first, last or truncate")]
    Slice,
    /// An operator that can build something larger than its inputs.
    #[error("templates have no operator {symbol:?}")]
    Operator {
        /// The operator.
        symbol: &'static str,
    },
    /// Elements of a mail nest deeper than [`super::ELEMENT_DEPTH_MAX`].
    #[error("the elements nest deeper than {} levels; make it flatter", super::ELEMENT_DEPTH_MAX)]
    ElementsTooDeep,
    /// MJML or HTML that cannot be used, or a placeholder where nothing can be filled in.
    #[error("{detail}")]
    Markup {
        /// What is wrong and what to do.
        detail: String,
    },
    /// The HTML of a mail is longer than [`super::MARKUP_BYTES_MAX`].
    #[error("the mail comes to {actual} bytes of HTML; at most {} are allowed", super::MARKUP_BYTES_MAX)]
    MarkupTooLong {
        /// Bytes of the HTML.
        actual: usize,
    },
    /// The grammar of minijinja refuses what ours let through.
    #[error("the template is malformed: {detail}")]
    Malformed {
        /// What minijinja says.
        detail: String,
    },
}

/// Why a template could not be rendered for one recipient: the notification ends `failed(template)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A field that the event's data, the recipient or the project lacks.
    #[error("{path} is missing; send it, or write a default: {{{{ {path} | default('…') }}}}")]
    MissingField {
        /// The field's path.
        path: String,
    },
    /// A rendered field is longer than its limit.
    #[error("{field} is longer than {limit}: {actual}; shorten it with truncate")]
    TooLong {
        /// The field of the form.
        field: &'static str,
        /// Its limit, in the field's unit.
        limit: usize,
        /// How long it is, or the first length beyond the limit where rendering stopped.
        actual: usize,
    },
    /// More actions than a notification may have.
    #[error("there are {actual} actions; at most {limit} are allowed")]
    TooManyActions {
        /// The limit.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field that must say something is empty.
    #[error("{field} is empty; a notification needs it")]
    Empty {
        /// The field of the form.
        field: &'static str,
    },
    /// A link that no device should follow.
    #[error(
        "{field} is no link that a device may open: {link:?}; write https:// or an application's own scheme://"
    )]
    Link {
        /// The field of the form.
        field: &'static str,
        /// The link as rendered, shortened.
        link: String,
    },
    /// The rendering took more work than a template may.
    #[error("the template takes too much work; loop over fewer items")]
    Fuel,
    /// A list or an object was to be printed.
    #[error("{field} is a list or an object and no text; name one of its fields, or use join")]
    NotText {
        /// The path of the value, or the form's field.
        field: String,
    },
    /// A filter cannot work with its value.
    #[error("{name}: {problem}")]
    Filter {
        /// The filter.
        name: &'static str,
        /// What is wrong and what it takes.
        problem: String,
    },
    /// An operator or a built-in filter met a value that it cannot work with.
    #[error("the template cannot be rendered: {detail}")]
    Evaluation {
        /// What minijinja says.
        detail: String,
    },
}
