//! Walks the tree over one scope. Nothing is copied; what is looked at is counted against a budget.

use std::cell::Cell;
use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use super::error::{Absent, EvaluateError};
use super::tree::{Comparison, Node, Path, Quantifier, Root, Search, Segment};
use super::value::{Value, calculate, negate, order, scalars_equal};
use super::{EVALUATION_COST_MAX, Outcome, Scope};

type Evaluated<'a> = Result<Value<'a>, EvaluateError>;

/// Bytes of text that are searched or counted at the price of one node.
const TEXT_BYTES_PER_COST: usize = 64;

/// One evaluation of one expression.
pub(super) struct Evaluation<'a, 's> {
    scope: &'s Scope<'a>,
    left: Cell<usize>,
    /// What `exists` or `all` looks at. One is enough: they do not nest.
    element: Cell<Option<Value<'a>>>,
}

impl<'a, 's> Evaluation<'a, 's> {
    pub(super) fn new(scope: &'s Scope<'a>) -> Self {
        Self { scope, left: Cell::new(EVALUATION_COST_MAX), element: Cell::new(None) }
    }

    /// The value of a node.
    pub(super) fn value(&self, node: &'a Node) -> Evaluated<'a> {
        self.spend(1)?;
        match node {
            Node::Literal(literal) => Ok(Value::from(literal)),
            Node::Path(path) => self.path(path),
            Node::Field { operand, field } => self.field(operand, field),
            Node::Index { operand, index } => self.index(operand, index),
            Node::Has { operand, field } => self.has(operand, field),
            Node::List(nodes) => Ok(Value::Written(nodes)),
            Node::Not(operand) => Ok(Value::Bool(!self.value(operand)?.bool("!")?)),
            Node::Negate(operand) => negate(self.value(operand)?),
            Node::And(nodes) => self.until(nodes, false, "&&"),
            Node::Or(nodes) => self.until(nodes, true, "||"),
            Node::Compare { comparison, sides } => self.compare(*comparison, sides).map(Value::Bool),
            Node::Calculate { calculation, sides } => {
                calculate(*calculation, self.value(&sides[0])?, self.value(&sides[1])?)
            }
            Node::In(sides) => self.is_in(sides).map(Value::Bool),
            Node::Choose(parts) => {
                let chosen = if self.value(&parts[0])?.bool("? :")? { &parts[1] } else { &parts[2] };
                self.value(chosen)
            }
            Node::Quantify { quantifier, sides } => self.quantify(*quantifier, sides).map(Value::Bool),
            Node::Search { search, sides } => self.search(*search, sides).map(Value::Bool),
            Node::Size(operand) => self.size(operand),
            Node::History { event_type, within } => {
                let count = self.scope.lookups.history(event_type, *within);
                let absent = || Absent::History { event_type: event_type.to_string() };
                count.map(Value::Int).ok_or_else(|| EvaluateError::NotLoaded(absent()))
            }
            Node::InTopic(topic) => {
                let member = self.scope.lookups.in_topic(topic.as_str());
                let absent = || Absent::Topic { topic: topic.to_string() };
                member.map(Value::Bool).ok_or_else(|| EvaluateError::NotLoaded(absent()))
            }
        }
    }

    /// A value that outlives the evaluation: lists of the source get their elements.
    pub(super) fn outcome(&self, value: Value<'a>) -> Result<Outcome<'a>, EvaluateError> {
        Ok(match value {
            Value::Null => Outcome::Null,
            Value::Bool(value) => Outcome::Bool(value),
            Value::Int(value) => Outcome::Int(value),
            Value::Double(value) => Outcome::Double(value),
            Value::Text(text) => Outcome::Text(text),
            Value::List(list) => Outcome::List(list),
            Value::Map(map) => Outcome::Map(map),
            Value::Written(nodes) => {
                let elements = nodes.iter().map(|node| self.outcome(self.value(node)?));
                Outcome::Written(elements.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Once spent, everything after it fails too: an absorbed error cannot buy more work.
    fn spend(&self, cost: usize) -> Result<(), EvaluateError> {
        match self.left.get().checked_sub(cost) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(EvaluateError::TooCostly)
            }
        }
    }

    fn path(&self, path: &'a Path) -> Evaluated<'a> {
        let root = match &path.root {
            Root::Data => self.scope.data,
            Root::Event => self.scope.event,
            Root::Recipient => self.scope.recipient.ok_or(EvaluateError::NotLoaded(Absent::Recipient))?,
            Root::Element(_) => {
                let element =
                    self.element.get().expect("the compiler knows the name only within exists and all");
                return self.steps(element, path, 0);
            }
        };
        let mut json = root;
        for (at, segment) in path.segments.iter().enumerate() {
            json = match (json, segment) {
                (Json::Object(map), Segment::Field(field)) => match map.get(&**field) {
                    Some(json) => json,
                    None => return Err(EvaluateError::MissingField { path: path.text(at + 1) }),
                },
                _ => return self.steps(Value::from(json), path, at),
            };
        }
        Ok(Value::from(json))
    }

    fn steps(&self, root: Value<'a>, path: &'a Path, from: usize) -> Evaluated<'a> {
        let mut value = root;
        for (at, segment) in path.segments.iter().enumerate().skip(from) {
            let next = match segment {
                Segment::Field(field) => field_of(value, field)?,
                Segment::Index(index) => self.element_at(value, *index)?,
            };
            value = next.ok_or_else(|| EvaluateError::MissingField { path: path.text(at + 1) })?;
        }
        Ok(value)
    }

    fn field(&self, operand: &'a Node, field: &'a str) -> Evaluated<'a> {
        let found = field_of(self.value(operand)?, field)?;
        let path = || format!("{}{}", operand.described(), Segment::Field(field.into()));
        found.ok_or_else(|| EvaluateError::MissingField { path: path() })
    }

    fn index(&self, operand: &'a Node, index: &'a Node) -> Evaluated<'a> {
        let value = self.value(operand)?;
        let (found, segment) = match self.value(index)? {
            Value::Text(field) => (self.field_or_data(operand, value, field)?, Segment::Field(field.into())),
            Value::Int(place) => (self.element_at(value, place)?, Segment::Index(place)),
            Value::Double(place) => {
                let place = super::value::whole(place)
                    .ok_or_else(|| Value::Double(place).refused("[…]", "a whole number or a text"))?;
                (self.element_at(value, place)?, Segment::Index(place))
            }
            other @ (Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Written(_)) => {
                return Err(other.refused("[…]", "a whole number or a text"));
            }
        };
        let path = || format!("{}{segment}", operand.described());
        found.ok_or_else(|| EvaluateError::MissingField { path: path() })
    }

    /// `event` is kept without its data; a computed `event[…]` finds it all the same.
    fn field_or_data(
        &self,
        operand: &Node,
        value: Value<'a>,
        field: &str,
    ) -> Result<Option<Value<'a>>, EvaluateError> {
        if is_whole_event(operand) && field == "data" {
            return Ok(Some(Value::from(self.scope.data)));
        }
        field_of(value, field)
    }

    fn element_at(&self, value: Value<'a>, index: i64) -> Result<Option<Value<'a>>, EvaluateError> {
        let place = usize::try_from(index).ok();
        match value {
            Value::List(list) => Ok(place.and_then(|place| list.get(place)).map(Value::from)),
            Value::Written(nodes) => {
                place.and_then(|place| nodes.get(place)).map(|node| self.value(node)).transpose()
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::Text(_)
            | Value::Map(_) => Err(value.refused("an index", "a list")),
        }
    }

    fn has(&self, operand: &'a Node, field: &str) -> Evaluated<'a> {
        Ok(Value::Bool(field_of(self.value(operand)?, field)?.is_some()))
    }

    /// `&&` and `||`: one side that decides outweighs an error on the other.
    fn until(&self, nodes: &'a [Node], decisive: bool, operation: &'static str) -> Evaluated<'a> {
        let mut first_error = None;
        for node in nodes {
            match self.value(node).and_then(|value| value.bool(operation)) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn compare(&self, comparison: Comparison, sides: &'a [Node; 2]) -> Result<bool, EvaluateError> {
        let (left, right) = (self.value(&sides[0])?, self.value(&sides[1])?);
        Ok(match comparison {
            Comparison::Equal => self.equal(left, right)?,
            Comparison::NotEqual => !self.equal(left, right)?,
            Comparison::Less => order(left, right)? == Ordering::Less,
            Comparison::LessOrEqual => order(left, right)? != Ordering::Greater,
            Comparison::Greater => order(left, right)? == Ordering::Greater,
            Comparison::GreaterOrEqual => order(left, right)? != Ordering::Less,
        })
    }

    fn equal(&self, left: Value<'a>, right: Value<'a>) -> Result<bool, EvaluateError> {
        self.spend_on(left, right)?;
        if let Some(equal) = scalars_equal(left, right) {
            return Ok(equal);
        }
        if let (Value::Map(left), Value::Map(right)) = (left, right) {
            return self.equal_maps(left, right);
        }
        let (count, other) = (length(left), length(right));
        if count != other {
            return Ok(false);
        }
        for at in 0..count.unwrap_or(0) {
            if !self.equal(self.at(left, at)?, self.at(right, at)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn spend_on(&self, left: Value<'_>, right: Value<'_>) -> Result<(), EvaluateError> {
        match (left, right) {
            (Value::Text(left), Value::Text(right)) if left.len() == right.len() => {
                self.spend(1 + left.len() / TEXT_BYTES_PER_COST)
            }
            _ => self.spend(1),
        }
    }

    fn equal_maps(
        &self,
        left: &'a Map<String, Json>,
        right: &'a Map<String, Json>,
    ) -> Result<bool, EvaluateError> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (key, value) in left {
            self.spend(1 + key.len() / TEXT_BYTES_PER_COST)?;
            let Some(other) = right.get(key) else { return Ok(false) };
            if !self.equal(Value::from(value), Value::from(other))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An element of a list whose length the caller knows.
    fn at(&self, list: Value<'a>, at: usize) -> Evaluated<'a> {
        match list {
            Value::List(list) => Ok(list.get(at).map_or(Value::Null, Value::from)),
            Value::Written(nodes) => nodes.get(at).map_or(Ok(Value::Null), |node| self.value(node)),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::Text(_)
            | Value::Map(_) => Err(list.refused("an index", "a list")),
        }
    }

    fn is_in(&self, sides: &'a [Node; 2]) -> Result<bool, EvaluateError> {
        let (sought, place) = (self.value(&sides[0])?, self.value(&sides[1])?);
        if let Value::Map(map) = place {
            let key = sought.text("looking for a key with `in`")?;
            return Ok(map.contains_key(key) || (is_whole_event(&sides[1]) && key == "data"));
        }
        let count = length(place).ok_or_else(|| place.refused("`in`", "a list or an object on its right"))?;
        for at in 0..count {
            if self.equal(sought, self.at(place, at)?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn quantify(&self, quantifier: Quantifier, sides: &'a [Node; 2]) -> Result<bool, EvaluateError> {
        let (decisive, operation) = match quantifier {
            Quantifier::Exists => (true, "exists"),
            Quantifier::All => (false, "all"),
        };
        let list = self.value(&sides[0])?;
        let count = length(list).ok_or_else(|| list.refused(operation, "a list"))?;
        let mut first_error = None;
        for at in 0..count {
            let outcome = self.at(list, at).and_then(|element| {
                self.element.set(Some(element));
                let outcome = self.value(&sides[1]).and_then(|value| value.bool(operation));
                self.element.set(None);
                outcome
            });
            match outcome {
                Ok(value) if value == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(EvaluateError::TooCostly) => return Err(EvaluateError::TooCostly),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(!decisive), Err)
    }

    fn search(&self, search: Search, sides: &'a [Node; 2]) -> Result<bool, EvaluateError> {
        let operation = match search {
            Search::StartsWith => "startsWith",
            Search::EndsWith => "endsWith",
            Search::Contains => "contains",
        };
        let text = self.value(&sides[0])?.text(operation)?;
        let part = self.value(&sides[1])?.text(operation)?;
        self.spend((text.len() + part.len()) / TEXT_BYTES_PER_COST)?;
        Ok(match search {
            Search::StartsWith => text.starts_with(part),
            Search::EndsWith => text.ends_with(part),
            Search::Contains => text.contains(part),
        })
    }

    fn size(&self, operand: &'a Node) -> Evaluated<'a> {
        let value = self.value(operand)?;
        let size = match value {
            Value::Text(text) => {
                self.spend(text.len() / TEXT_BYTES_PER_COST)?;
                text.chars().count()
            }
            Value::Map(map) => map.len(),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::List(_)
            | Value::Written(_) => {
                length(value).ok_or_else(|| value.refused("size", "a text, a list or an object"))?
            }
        };
        i64::try_from(size).map(Value::Int).map_err(|_| EvaluateError::Overflow)
    }
}

fn is_whole_event(node: &Node) -> bool {
    matches!(node, Node::Path(path) if path.root == Root::Event && path.segments.is_empty())
}

fn field_of<'a>(value: Value<'a>, field: &str) -> Result<Option<Value<'a>>, EvaluateError> {
    match value {
        Value::Map(map) => Ok(map.get(field).map(Value::from)),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Written(_) => Err(value.refused("reading a field", "an object")),
    }
}

fn length(value: Value<'_>) -> Option<usize> {
    match value {
        Value::List(list) => Some(list.len()),
        Value::Written(nodes) => Some(nodes.len()),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Text(_) | Value::Map(_) => {
            None
        }
    }
}
