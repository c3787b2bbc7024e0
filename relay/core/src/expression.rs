//! Conditions and values of rules: CEL syntax, our own closed tree, our own evaluator.
//!
//! A source is read word by word and measured first (`token`, `shape`), because the parser recurses; then parsed by
//! the crate `cel`, whose parser is all we use of it; then taken over into a closed tree (`compile`, `tree`). The tree is
//! evaluated on borrowed JSON (`evaluate`, `value`): no value is built that is larger than its inputs, and the work is
//! bounded by the source's length times the length of one list, with a budget on top.
//!
//! There is no string building, no `map` or `filter`, no nested `exists` or `all`, and no clock: `history` and
//! `in_topic` ask the scope. A field that the input lacks is an error of its own, because a condition is then false
//! for a reason.

mod compile;
mod error;
mod evaluate;
mod identity;
mod meaning;
mod shape;
mod syntax;
mod token;
mod tree;
mod value;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use tidings_protocol::{Span, TopicId};

pub use error::{Absent, EvaluateError, ExpressionError, ExpressionErrorKind, Unsupported, ValueKind};
pub use shape::{EXPRESSION_BRACKETS_MAX, EXPRESSION_DEPTH_MAX};

use evaluate::Evaluation;
use tree::Node;

/// The source of one expression, in bytes. What needs more belongs into the event.
pub const EXPRESSION_BYTES_MAX: usize = 1 << 10;
/// Work of one evaluation, in nodes looked at. The longest list that 64 KiB of data can hold (32,000 elements) has
/// room for a condition of a few comparisons; a product of two such lists has not.
pub const EVALUATION_COST_MAX: usize = 1 << 18;
/// Ids, or labels, that one expression may give: as many as a direct send may name.
pub const IDS_MAX: usize = tidings_protocol::limits::SEND_RECIPIENTS_MAX;
/// The text of a key, in bytes; longer values are hashed.
pub const KEY_BYTES_MAX: usize = 128;

/// A compiled condition or value. Cloning shares it; two are equal if their sources are.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: Box<str>,
    root: Node,
    uses: Uses,
}

/// What an expression reads, so that no more than that is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Whether it reads `recipient`.
    pub recipient: bool,
    /// Event types and how far back they are counted, each pair once. The count is the recipient's.
    pub histories: Vec<(String, Span)>,
    /// Topics whose membership it asks for.
    pub topics: Vec<TopicId>,
    /// Paths that begin at `data`, `event` or `recipient`, in order, each once: `data.items[0].name`.
    pub fields: Vec<String>,
}

/// What an expression is evaluated on.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The event's data.
    pub data: &'a Json,
    /// The event's other fields: id, source, type, time, recipient, extensions.
    pub event: &'a Json,
    /// The recipient's record; `None` if it was not loaded.
    pub recipient: Option<&'a Json>,
    /// What is counted or looked up.
    pub lookups: &'a dyn Lookups,
}

/// Answers of the store that were loaded before deciding. `None` means not loaded, and is an error of the evaluation.
pub trait Lookups {
    /// How many events of a type the recipient had within a time before now.
    fn history(&self, event_type: &str, within: Span) -> Option<i64>;
    /// Whether the recipient is in a topic.
    fn in_topic(&self, topic: &str) -> Option<bool>;
}

/// Lookups that know nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookups;

/// The value of an expression, borrowed from its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number; never infinite, never NaN.
    Double(f64),
    /// A text.
    Text(&'a str),
    /// A list of the input.
    List(&'a [Json]),
    /// An object of the input.
    Map(&'a Map<String, Json>),
    /// A list that the source writes.
    Written(Vec<Outcome<'a>>),
}

impl Expression {
    /// Compiles a source.
    ///
    /// # Errors
    /// The first mistake, with its place in the source, what to do and perhaps the name that was meant.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let (root, uses) = compile::compile(source)?;
        Ok(Self(Arc::new(Compiled { source: source.into(), root, uses })))
    }

    /// The source as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it reads.
    #[must_use]
    pub fn uses(&self) -> &Uses {
        &self.0.uses
    }

    /// Whether it can be true or false on any input. A `when` that cannot is a mistake of its author:
    /// `history('order.placed', '90d')` without a comparison, `size(data.items)`, `data`.
    #[must_use]
    pub fn can_be_condition(&self) -> bool {
        meaning::can_be_bool(&self.0.root)
    }

    /// Its value, which borrows from the scope and from the expression.
    ///
    /// # Errors
    /// Why there is no value.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Outcome<'a>, EvaluateError> {
        let evaluation = Evaluation::new(scope);
        evaluation.outcome(evaluation.value(&self.0.root)?)
    }

    /// Its value as a condition.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); anything but true or false is [`EvaluateError::Type`].
    pub fn condition(&self, scope: &Scope<'_>) -> Result<bool, EvaluateError> {
        Evaluation::new(scope).value(&self.0.root)?.bool("a condition")
    }

    /// Its value as ids, for `notify` and `recipient`: a text or a number is one, a list gives several. Each once, in
    /// order; an empty list gives none.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); null and other kinds are [`EvaluateError::Type`], `""` is
    /// [`EvaluateError::EmptyId`], more than [`IDS_MAX`] are [`EvaluateError::TooMany`].
    pub fn ids(&self, scope: &Scope<'_>) -> Result<Vec<String>, EvaluateError> {
        identity::ids(&self.evaluate(scope)?, "an id")
    }

    /// Its value as labels, for `tags`, under the rules of [`ids`](Self::ids).
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn texts(&self, scope: &Scope<'_>) -> Result<Vec<String>, EvaluateError> {
        identity::ids(&self.evaluate(scope)?, "a tag")
    }

    /// Its value as somebody would write it, for `collapse`: a text or a number is itself, so that it meets what a direct send
    /// says; anything else is its [`key`](Self::key).
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn name(&self, scope: &Scope<'_>) -> Result<String, EvaluateError> {
        let key = self.key(scope)?;
        Ok(key
            .strip_prefix("s:")
            .or_else(|| key.strip_prefix("n:"))
            .map_or_else(|| key.clone(), str::to_owned))
    }

    /// Its value as a key, for `once_per`, `collapse`, `key` and `match`: at most [`KEY_BYTES_MAX`] bytes that are the
    /// same for equal values of one type and no others. `1` and `1.0` are one number, `1` and `"1"` are two values.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); null is [`EvaluateError::MissingField`].
    pub fn key(&self, scope: &Scope<'_>) -> Result<String, EvaluateError> {
        match self.evaluate(scope)? {
            Outcome::Null => Err(EvaluateError::MissingField { path: self.0.source.trim().to_owned() }),
            outcome @ (Outcome::Bool(_)
            | Outcome::Int(_)
            | Outcome::Double(_)
            | Outcome::Text(_)
            | Outcome::List(_)
            | Outcome::Map(_)
            | Outcome::Written(_)) => Ok(identity::key(&outcome)),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Content is personal: only which parts there are.
        f.debug_struct("Scope").field("recipient_loaded", &self.recipient.is_some()).finish_non_exhaustive()
    }
}

impl Lookups for NoLookups {
    fn history(&self, _event_type: &str, _within: Span) -> Option<i64> {
        None
    }

    fn in_topic(&self, _topic: &str) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests;
