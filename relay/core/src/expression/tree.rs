//! The closed tree that an expression is compiled to. Whatever it can say has a bounded cost.

use std::fmt;

use tidings_protocol::{Span, TopicId};

/// One operation. The tree's height and its number of nodes are bounded by the source's limits.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Literal),
    Path(Path),
    /// A field of something that is not itself a path.
    Field {
        operand: Box<Node>,
        field: Box<str>,
    },
    /// An element whose place is computed.
    Index {
        operand: Box<Node>,
        index: Box<Node>,
    },
    Has {
        operand: Box<Node>,
        field: Box<str>,
    },
    List(Box<[Node]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Compare {
        comparison: Comparison,
        sides: Box<[Node; 2]>,
    },
    Calculate {
        calculation: Calculation,
        sides: Box<[Node; 2]>,
    },
    /// Element, then list or object.
    In(Box<[Node; 2]>),
    /// Condition, value if true, value if false.
    Choose(Box<[Node; 3]>),
    /// List, then condition on each element.
    Quantify {
        quantifier: Quantifier,
        sides: Box<[Node; 2]>,
    },
    /// Text, then part.
    Search {
        search: Search,
        sides: Box<[Node; 2]>,
    },
    Size(Box<Node>),
    History {
        event_type: Box<str>,
        within: Span,
    },
    InTopic(TopicId),
}

#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
}

/// A root and the steps from it.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) segments: Box<[Segment]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Data,
    Event,
    Recipient,
    /// The element that `exists` or `all` looks at, under the name the source gives it.
    Element(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Field(Box<str>),
    Index(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Exists,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    StartsWith,
    EndsWith,
    Contains,
}

impl Path {
    /// The path's text as far as its first `count` steps.
    pub(super) fn text(&self, count: usize) -> String {
        use fmt::Write as _;

        let mut text = self.root.name().to_owned();
        for segment in &self.segments[..count.min(self.segments.len())] {
            write!(text, "{segment}").expect("writing to a String cannot fail");
        }
        text
    }
}

impl Root {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Data => "data",
            Self::Event => "event",
            Self::Recipient => "recipient",
            Self::Element(name) => name,
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) if is_name(name) => write!(f, ".{name}"),
            Self::Field(name) => write!(f, "[{name:?}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Node {
    /// How an error names this value.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Path(path) => path.text(usize::MAX),
            Self::Field { operand, field } => {
                format!("{}{}", operand.described(), Segment::Field(field.clone()))
            }
            Self::Index { operand, .. } => format!("{}[…]", operand.described()),
            Self::Literal(_)
            | Self::Has { .. }
            | Self::List(_)
            | Self::Not(_)
            | Self::Negate(_)
            | Self::And(_)
            | Self::Or(_)
            | Self::Compare { .. }
            | Self::Calculate { .. }
            | Self::In(_)
            | Self::Choose(_)
            | Self::Quantify { .. }
            | Self::Search { .. }
            | Self::Size(_)
            | Self::History { .. }
            | Self::InTopic(_) => "(…)".to_owned(),
        }
    }
}
