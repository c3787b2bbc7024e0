//! What can be wrong with an expression, and what can go wrong while it is evaluated.

use std::fmt;
use std::ops::Range;

use tidings_protocol::id::IdError;
use tidings_protocol::span::SpanError;

use super::EXPRESSION_BYTES_MAX;
use super::shape::{EXPRESSION_BRACKETS_MAX, EXPRESSION_DEPTH_MAX, FUNCTIONS};

/// An expression that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExpressionError {
    /// What is wrong.
    pub kind: ExpressionErrorKind,
    /// Where, in bytes of the source; empty at the end of the source where something is missing.
    pub range: Range<usize>,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl ExpressionError {
    pub(super) fn new(kind: ExpressionErrorKind, range: Range<usize>) -> Self {
        Self { kind, range, hint: None }
    }

    pub(super) fn with_hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{}; {hint}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

/// The ways in which an expression is refused. Each text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionErrorKind {
    /// Nothing was written.
    #[error("the expression is empty: write something like data.total > 0")]
    Empty,
    /// Longer than [`EXPRESSION_BYTES_MAX`].
    #[error(
        "the expression has {bytes} bytes and may have {EXPRESSION_BYTES_MAX}: let the event carry the result instead"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// More brackets within each other than [`EXPRESSION_BRACKETS_MAX`].
    #[error(
        "at most {EXPRESSION_BRACKETS_MAX} brackets may stand within each other: remove some, or split the rule"
    )]
    TooManyBrackets,
    /// Higher than [`EXPRESSION_DEPTH_MAX`].
    #[error(
        "the chain is too long: at most {EXPRESSION_DEPTH_MAX} operators, selections and brackets may build on each \
         other (&&, || and commas begin anew)"
    )]
    TooDeep,
    /// A character that no expression has outside of a text.
    #[error("{found:?} has no meaning in an expression: put texts into quotes")]
    UnexpectedCharacter {
        /// The character.
        found: char,
    },
    /// A text without its closing quote.
    #[error("the text has no closing quote on its line: write it as \"…\" or '…'")]
    UnterminatedText,
    /// A backslash sequence that means nothing.
    #[error("this backslash sequence means nothing: write \\\\ for a backslash")]
    Escape,
    /// A number that fits neither 64 bits nor a double.
    #[error("the number is out of range: whole numbers have 64 bits, others are finite doubles")]
    NumberOutOfRange,
    /// An escape that names no character.
    #[error("the text names a character that does not exist")]
    InvalidText,
    /// A part of CEL that is left out on purpose.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// A closing bracket that closes nothing.
    #[error("this bracket closes nothing: remove it, or open its partner before it")]
    BracketNotOpened,
    /// An opening bracket that is never closed.
    #[error("this bracket is never closed: add its partner")]
    BracketNotClosed,
    /// A word where none fits.
    #[error("`{found}` does not fit here: an operator, a comma or a value may be missing before it")]
    Unexpected {
        /// The word.
        found: String,
    },
    /// The source ends where something must follow.
    #[error("the expression ends too early: a value is missing at its end")]
    EndsEarly,
    /// A word that CEL keeps.
    #[error("`{word}` is a reserved word: to read a field of that name write data[\"{word}\"]")]
    Reserved {
        /// The word.
        word: String,
    },
    /// Neither a root nor the variable of `exists` or `all`.
    #[error(
        "`{name}` is unknown: an expression begins at data, event or recipient, and texts stand in quotes"
    )]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A root of templates only.
    #[error("`{name}` is there in templates only: an expression begins at data, event or recipient")]
    TemplateName {
        /// The name.
        name: String,
    },
    /// The variable of `exists` or `all` hides a root.
    #[error("`{name}` is the name of a root: give the variable another name")]
    VariableHidesRoot {
        /// The name.
        name: String,
    },
    /// No such function.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// A function called in another way than it is meant.
    #[error("`{function}` is called as {}", usage(function))]
    Arguments {
        /// The name.
        function: String,
    },
    /// `exists` or `all` within the condition of another.
    #[error("`exists` and `all` go one level deep: the condition inside may not have another one")]
    Nested,
    /// Arithmetic on what cannot be a number.
    #[error("arithmetic is for numbers: texts and lists are never put together, do that in a template")]
    NotANumber,
    /// `within` of `history`.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// The name of `in_topic`.
    #[error("the topic's name is not an id: {0}")]
    Topic(#[from] IdError),
}

fn usage(function: &str) -> &'static str {
    match function {
        "has" => "has(data.field)",
        "size" => "size(data.items) or data.items.size()",
        "startsWith" => "data.field.startsWith('text')",
        "endsWith" => "data.field.endsWith('text')",
        "contains" => "data.field.contains('text')",
        "exists" => "data.items.exists(item, item.price > 10)",
        "all" => "data.items.all(item, item.price > 10)",
        "history" => "history('order.placed', '90d'), both of them quoted texts",
        "in_topic" => "in_topic('staff'), with a quoted text",
        _ => "documented",
    }
}

/// What CEL has and an expression here does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// `b"…"`.
    Bytes,
    /// `r"…"`.
    RawText,
    /// `"""…"""`.
    TripleQuotes,
    /// `1u`.
    Unsigned,
    /// `` `name` ``.
    QuotedName,
    /// `{…}`.
    Map,
    /// `a.?b`, `a[?b]`, `[?a]`.
    Optional,
    /// A macro or function that could build a value, or whose cost depends on more than its input.
    Function {
        /// The name.
        name: String,
    },
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "there are no byte texts: write \"…\" without the b"),
            Self::RawText => {
                write!(f, "there are no raw texts: write \"…\" without the r, with \\\\ for a backslash")
            }
            Self::TripleQuotes => write!(f, "there are no triple quotes: write \"…\" on one line"),
            Self::Unsigned => write!(f, "there are no unsigned numbers: write the number without the u"),
            Self::QuotedName => write!(f, "names have no quotes: write data[\"name\"]"),
            Self::Map => {
                write!(f, "there are no maps in an expression: read fields as data.name or data[\"name\"]")
            }
            Self::Optional => write!(f, "there is no optional selection: ask has(data.name) first"),
            Self::Function { name } => {
                write!(
                    f,
                    "`{name}` is left out, so that the cost stays bounded: there are {}",
                    FUNCTIONS.join(", ")
                )
            }
        }
    }
}

/// The kind of a value, as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits or a double.
    Number,
    /// A string.
    Text,
    /// An array.
    List,
    /// An object.
    Map,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "an object",
        })
    }
}

/// What an expression asked for and the scope does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// The recipient's stored record.
    #[error("the recipient")]
    Recipient,
    /// A count of earlier events.
    #[error("the history of {event_type}")]
    History {
        /// The event type that was asked for.
        event_type: String,
    },
    /// Whether the recipient is in a topic.
    #[error("the membership of topic {topic}")]
    Topic {
        /// The topic that was asked for.
        topic: String,
    },
}

/// Why an expression has no value on an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A field, or an element of a list, that the input lacks.
    #[error("{path} is missing")]
    MissingField {
        /// The path as far as the field that is missing, like `data.total`.
        path: String,
    },
    /// A value of the wrong kind.
    #[error("{operation} needs {expected}, not {found}")]
    Type {
        /// What was to be done with the value.
        operation: &'static str,
        /// What it can be done with.
        expected: &'static str,
        /// What was found.
        found: ValueKind,
    },
    /// A number beyond 64 bits, or beyond a double.
    #[error("a number of the expression is out of range")]
    Overflow,
    /// Division, or remainder, by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The scope was not given what the expression reads.
    #[error("{0} was not loaded")]
    NotLoaded(Absent),
    /// More work than [`super::EVALUATION_COST_MAX`].
    #[error("the event's lists are too long for this expression")]
    TooCostly,
    /// More values than a list of ids may have.
    #[error("the list has {count} entries and may have {max}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// An empty text where an id is needed.
    #[error("an id is empty")]
    EmptyId,
}
