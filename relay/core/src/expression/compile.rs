//! From a source to our own tree: read the words, check the shape, parse, then take over only what the tree can say.

use std::collections::BTreeSet;
use std::ops::Range;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators,
};
use cel::parser::Parser;
use tidings_protocol::{Span, TopicId};

use super::error::{ExpressionError, ExpressionErrorKind as Kind, Unsupported};
use super::meaning::{calculation, can_be_number, comparison, quantified, step, text_of};
use super::syntax;
use super::token::{Token, TokenKind, tokens};
use super::tree::{Literal, Node, Path, Root, Search, Segment};
use super::{EXPRESSION_BYTES_MAX, Uses, shape};
use crate::nearest::nearest;

type Compiled = Result<Node, ExpressionError>;

const ROOTS: [&str; 3] = ["data", "event", "recipient"];
const TEMPLATE_ROOTS: [&str; 2] = ["project", "digest"];

/// Compiles a source.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn compile(source: &str) -> Result<(Node, Uses), ExpressionError> {
    if source.len() > EXPRESSION_BYTES_MAX {
        let range = source.floor_char_boundary(EXPRESSION_BYTES_MAX)..source.len();
        return Err(ExpressionError::new(Kind::TooLong { bytes: source.len() }, range));
    }
    let tokens = tokens(source)?;
    if tokens.is_empty() {
        return Err(ExpressionError::new(Kind::Empty, 0..source.len()));
    }
    shape::check(source, &tokens)?;
    let (tree, places) = Parser::new()
        .parse_with_source_info(source)
        .map_err(|errors| syntax::first_error(source, &tokens, &errors))?;
    let mut compiler = Compiler { tokens: &tokens, places: &places, element: None, found: Found::default() };
    let node = compiler.node(&tree)?;
    Ok((node, compiler.found.into_uses()))
}

#[derive(Default)]
struct Found {
    recipient: bool,
    histories: Vec<(String, Span)>,
    topics: BTreeSet<TopicId>,
    fields: BTreeSet<String>,
}

impl Found {
    fn into_uses(self) -> Uses {
        Uses {
            recipient: self.recipient,
            histories: self.histories,
            topics: self.topics.into_iter().collect(),
            fields: self.fields.into_iter().collect(),
        }
    }
}

struct Compiler<'s> {
    tokens: &'s [Token],
    places: &'s SourceInfo,
    element: Option<String>,
    found: Found,
}

impl Compiler<'_> {
    fn node(&mut self, part: &IdedExpr) -> Compiled {
        let node = self.unrecorded(part)?;
        self.record(&node);
        Ok(node)
    }

    /// A path's own prefixes are not fields that the expression uses: only the whole path is recorded.
    fn unrecorded(&mut self, part: &IdedExpr) -> Compiled {
        match &part.expr {
            Expr::Ident(name) => self.name(name, part.id),
            Expr::Literal(value) => self.literal(value, part.id),
            Expr::Select(select) => self.select(select),
            Expr::List(list) => Ok(Node::List(self.nodes(&list.elements)?)),
            Expr::Call(call) => self.call(call, part.id),
            Expr::Comprehension(comprehension) => self.quantify(comprehension, part.id),
            // The words of these are refused before the parser runs.
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.refuse(Kind::Unsupported(Unsupported::Map), part.id))
            }
        }
    }

    fn record(&mut self, node: &Node) {
        if let Node::Path(path) = node
            && !matches!(path.root, Root::Element(_))
        {
            self.found.recipient |= path.root == Root::Recipient;
            self.found.fields.insert(path.text(usize::MAX));
        }
    }

    fn nodes(&mut self, parts: &[IdedExpr]) -> Result<Box<[Node]>, ExpressionError> {
        parts.iter().map(|part| self.node(part)).collect()
    }

    fn name(&self, name: &str, id: u64) -> Compiled {
        let root = match name {
            "data" => Root::Data,
            "event" => Root::Event,
            "recipient" => Root::Recipient,
            _ if self.element.as_deref() == Some(name) => Root::Element(name.into()),
            _ => return Err(self.unknown_name(name, id)),
        };
        Ok(Node::Path(Path { root, segments: Box::default() }))
    }

    fn unknown_name(&self, name: &str, id: u64) -> ExpressionError {
        let name = name.to_owned();
        if TEMPLATE_ROOTS.contains(&name.as_str()) {
            return self.refuse(Kind::TemplateName { name }, id);
        }
        let known: Vec<&str> = ROOTS.into_iter().chain(self.element.as_deref()).collect();
        let hint = nearest(name.trim_start_matches('.'), known).map(|root| format!("did you mean `{root}`?"));
        let mut error = self.refuse(Kind::UnknownName { name }, id);
        error.hint = hint;
        error
    }

    fn literal(&self, value: &LiteralValue, id: u64) -> Compiled {
        Ok(Node::Literal(match value {
            LiteralValue::Null => Literal::Null,
            LiteralValue::Boolean(value) => Literal::Bool(**value),
            LiteralValue::Int(value) => Literal::Int(**value),
            LiteralValue::Double(value) => Literal::Double(**value),
            LiteralValue::String(value) => Literal::Text(value.inner().into()),
            LiteralValue::Bytes(_) => return Err(self.refuse(Kind::Unsupported(Unsupported::Bytes), id)),
            LiteralValue::UInt(_) => return Err(self.refuse(Kind::Unsupported(Unsupported::Unsigned), id)),
        }))
    }

    fn select(&mut self, select: &SelectExpr) -> Compiled {
        let operand = self.unrecorded(&select.operand)?;
        let field: Box<str> = select.field.as_str().into();
        if !select.test {
            return Ok(step(operand, Segment::Field(field)));
        }
        if let Node::Path(path) = &operand {
            if path.root == Root::Event && path.segments.is_empty() && &*field == "data" {
                return Ok(Node::Literal(Literal::Bool(true)));
            }
            if !matches!(path.root, Root::Element(_)) {
                let asked = format!("{}{}", path.text(usize::MAX), Segment::Field(field.clone()));
                self.found.recipient |= path.root == Root::Recipient;
                self.found.fields.insert(asked);
            }
        }
        Ok(Node::Has { operand: Box::new(operand), field })
    }

    fn call(&mut self, call: &CallExpr, id: u64) -> Compiled {
        let name = call.func_name.as_str();
        match (name, call.target.as_deref(), call.args.as_slice()) {
            (operators::INDEX, None, [operand, index]) => self.index(operand, index),
            (operators::LOGICAL_NOT, None, [operand]) => Ok(Node::Not(Box::new(self.node(operand)?))),
            (operators::NEGATE, None, [operand]) => self.negate(operand),
            (operators::LOGICAL_AND, None, [left, right]) => self.logic(left, right, true),
            (operators::LOGICAL_OR, None, [left, right]) => self.logic(left, right, false),
            (operators::IN, None, [element, list]) => {
                Ok(Node::In(Box::new([self.node(element)?, self.node(list)?])))
            }
            (operators::CONDITIONAL, None, [condition, yes, no]) => {
                Ok(Node::Choose(Box::new([self.node(condition)?, self.node(yes)?, self.node(no)?])))
            }
            ("size", Some(operand), []) | ("size", None, [operand]) => {
                Ok(Node::Size(Box::new(self.node(operand)?)))
            }
            ("startsWith", Some(text), [part]) => self.search(Search::StartsWith, text, part),
            ("endsWith", Some(text), [part]) => self.search(Search::EndsWith, text, part),
            ("contains", Some(text), [part]) => self.search(Search::Contains, text, part),
            ("history", None, [event_type, within]) => self.history(event_type, within, id),
            ("in_topic", None, [topic]) => self.in_topic(topic, id),
            (_, None, [left, right]) if comparison(name).is_some() || calculation(name).is_some() => {
                self.binary(name, left, right)
            }
            _ if shape::FUNCTIONS.contains(&name) => {
                Err(self.refuse(Kind::Arguments { function: name.to_owned() }, id))
            }
            // Optional selection, whose `?` is refused before the parser runs.
            _ => Err(self.refuse(Kind::Unsupported(Unsupported::Optional), id)),
        }
    }

    fn index(&mut self, operand: &IdedExpr, index: &IdedExpr) -> Compiled {
        let operand = self.unrecorded(operand)?;
        let index = self.node(index)?;
        if let Node::Literal(Literal::Int(place)) = index {
            return Ok(step(operand, Segment::Index(place)));
        }
        if let Node::Literal(Literal::Text(field)) = index {
            return Ok(step(operand, Segment::Field(field)));
        }
        self.record(&operand);
        Ok(Node::Index { operand: Box::new(operand), index: Box::new(index) })
    }

    fn negate(&mut self, operand: &IdedExpr) -> Compiled {
        let node = self.node(operand)?;
        self.refuse_unless_number(&node, operand.id)?;
        Ok(Node::Negate(Box::new(node)))
    }

    /// The parser balances chains; flat they are walked in the order in which they were written.
    fn logic(&mut self, left: &IdedExpr, right: &IdedExpr, and: bool) -> Compiled {
        let mut all = Vec::new();
        for side in [left, right] {
            match (self.node(side)?, and) {
                (Node::And(nodes), true) | (Node::Or(nodes), false) => all.extend(nodes),
                (node, _) => all.push(node),
            }
        }
        Ok(if and { Node::And(all.into()) } else { Node::Or(all.into()) })
    }

    fn binary(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Compiled {
        let sides = Box::new([self.node(left)?, self.node(right)?]);
        if let Some(comparison) = comparison(operator) {
            return Ok(Node::Compare { comparison, sides });
        }
        self.refuse_unless_number(&sides[0], left.id)?;
        self.refuse_unless_number(&sides[1], right.id)?;
        let calculation = calculation(operator).expect("asked by the caller");
        Ok(Node::Calculate { calculation, sides })
    }

    fn refuse_unless_number(&self, node: &Node, id: u64) -> Result<(), ExpressionError> {
        if can_be_number(node) { Ok(()) } else { Err(self.refuse(Kind::NotANumber, id)) }
    }

    fn search(&mut self, search: Search, text: &IdedExpr, part: &IdedExpr) -> Compiled {
        Ok(Node::Search { search, sides: Box::new([self.node(text)?, self.node(part)?]) })
    }

    fn history(&mut self, event_type: &IdedExpr, within: &IdedExpr, id: u64) -> Compiled {
        let refuse =
            |compiler: &Self| compiler.refuse(Kind::Arguments { function: "history".to_owned() }, id);
        let (Some(name), Some(text)) = (text_of(event_type), text_of(within)) else {
            return Err(refuse(self));
        };
        if name.is_empty() {
            return Err(self.refuse(Kind::Arguments { function: "history".to_owned() }, event_type.id));
        }
        let span: Span = text.parse().map_err(|error| self.refuse(Kind::Span(error), within.id))?;
        let used = (name.to_owned(), span);
        if !self.found.histories.contains(&used) {
            self.found.histories.push(used);
        }
        Ok(Node::History { event_type: name.into(), within: span })
    }

    fn in_topic(&mut self, topic: &IdedExpr, id: u64) -> Compiled {
        let Some(name) = text_of(topic) else {
            return Err(self.refuse(Kind::Arguments { function: "in_topic".to_owned() }, id));
        };
        let name = TopicId::new(name).map_err(|error| self.refuse(Kind::Topic(error), topic.id))?;
        self.found.topics.insert(name.clone());
        Ok(Node::InTopic(name))
    }

    fn quantify(&mut self, comprehension: &ComprehensionExpr, id: u64) -> Compiled {
        if self.element.is_some() {
            return Err(self.refuse(Kind::Nested, id));
        }
        let (quantifier, body) = quantified(comprehension).ok_or_else(|| {
            self.refuse(Kind::Unsupported(Unsupported::Function { name: "this".to_owned() }), id)
        })?;
        let list = self.node(&comprehension.iter_range)?;
        let name = comprehension.iter_var.clone();
        if ROOTS.contains(&name.as_str()) {
            return Err(self.refuse(Kind::VariableHidesRoot { name }, id));
        }
        self.element = Some(name);
        let condition = self.node(body);
        self.element = None;
        Ok(Node::Quantify { quantifier, sides: Box::new([list, condition?]) })
    }

    fn refuse(&self, kind: Kind, id: u64) -> ExpressionError {
        ExpressionError::new(kind, self.range(id))
    }

    /// The parser places a call at its bracket and a selection at its dot; people look for the name.
    fn range(&self, id: u64) -> Range<usize> {
        let end = self.tokens.last().map_or(0, |token| token.range.end);
        let start = self.places.offset_for(id).and_then(|(start, _)| usize::try_from(start).ok());
        let at = start.and_then(|start| self.tokens.iter().position(|token| token.range.start == start));
        let Some(at) = at else { return 0..end };
        let named = match self.tokens[at].kind {
            TokenKind::Open => at.checked_sub(1),
            TokenKind::Dot => Some(at + 1),
            TokenKind::Name
            | TokenKind::Number
            | TokenKind::Text
            | TokenKind::Constant
            | TokenKind::Close
            | TokenKind::Comma
            | TokenKind::Question
            | TokenKind::Colon
            | TokenKind::Logic
            | TokenKind::Operator => None,
        };
        let name =
            named.and_then(|named| self.tokens.get(named)).filter(|token| token.kind == TokenKind::Name);
        name.unwrap_or(&self.tokens[at]).range.clone()
    }
}
