//! Values while an expression is evaluated: borrowed from the event and from the tree, never built.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value as Json};

use super::error::{EvaluateError, ValueKind};
use super::tree::{Calculation, Literal, Node};

/// One value. Copying it copies a pointer at most.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(&'a str),
    List(&'a [Json]),
    Map(&'a Map<String, Json>),
    /// A list of the source; its elements are evaluated when they are looked at.
    Written(&'a [Node]),
}

impl<'a> Value<'a> {
    pub(super) fn kind(self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) | Self::Double(_) => ValueKind::Number,
            Self::Text(_) => ValueKind::Text,
            Self::List(_) | Self::Written(_) => ValueKind::List,
            Self::Map(_) => ValueKind::Map,
        }
    }

    /// The error of an operation that cannot take this value.
    pub(super) fn refused(self, operation: &'static str, expected: &'static str) -> EvaluateError {
        EvaluateError::Type { operation, expected, found: self.kind() }
    }

    pub(super) fn bool(self, operation: &'static str) -> Result<bool, EvaluateError> {
        match self {
            Self::Bool(value) => Ok(value),
            Self::Null
            | Self::Int(_)
            | Self::Double(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Written(_) => Err(self.refused(operation, "true or false")),
        }
    }

    pub(super) fn text(self, operation: &'static str) -> Result<&'a str, EvaluateError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Written(_) => Err(self.refused(operation, "a text")),
        }
    }

    fn number(self) -> Option<Numeric> {
        match self {
            Self::Int(value) => Some(Numeric::Int(value)),
            Self::Double(value) => Some(Numeric::Double(value)),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Map(_) | Self::Written(_) => {
                None
            }
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => from_number(number),
            Json::String(text) => Self::Text(text),
            Json::Array(list) => Self::List(list),
            Json::Object(map) => Self::Map(map),
        }
    }
}

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Int(value) => Self::Int(*value),
            Literal::Double(value) => Self::Double(*value),
            Literal::Text(text) => Self::Text(text),
        }
    }
}

fn from_number<'a>(number: &Number) -> Value<'a> {
    match number.as_i64() {
        Some(value) => Value::Int(value),
        None => Value::Double(number.as_f64().expect("a JSON number is a 64-bit integer or a finite double")),
    }
}

#[derive(Clone, Copy)]
enum Numeric {
    Int(i64),
    Double(f64),
}

/// Which of two values comes first.
///
/// # Errors
/// The two are of kinds that have no common order.
pub(super) fn order(left: Value<'_>, right: Value<'_>) -> Result<Ordering, EvaluateError> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Ok(order_numbers(left, right));
    }
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Ok(left.cmp(&right)),
        (Value::Text(_), other) => Err(other.refused("comparing with a text", "a text")),
        (Value::Bool(_), other) => Err(other.refused("comparing with true or false", "true or false")),
        (Value::Int(_) | Value::Double(_), other) => {
            Err(other.refused("comparing with a number", "a number"))
        }
        (Value::Null | Value::List(_) | Value::Map(_) | Value::Written(_), _) => {
            Err(left.refused("<, <=, > or >=", "two numbers or two texts"))
        }
    }
}

/// Whether two scalars are equal: numbers by their value, others only within one kind. `None` if both are lists or
/// both are maps, which the caller walks.
pub(super) fn scalars_equal(left: Value<'_>, right: Value<'_>) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Some(order_numbers(left, right) == Ordering::Equal);
    }
    match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Text(left), Value::Text(right)) => Some(left == right),
        (Value::List(_) | Value::Written(_), Value::List(_) | Value::Written(_))
        | (Value::Map(_), Value::Map(_)) => None,
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Written(_),
            _,
        ) => Some(false),
    }
}

fn order_numbers(left: Numeric, right: Numeric) -> Ordering {
    match (left, right) {
        (Numeric::Int(left), Numeric::Int(right)) => left.cmp(&right),
        (Numeric::Double(left), Numeric::Double(right)) => finite_order(left, right),
        (Numeric::Int(left), Numeric::Double(right)) => order_mixed(left, right),
        (Numeric::Double(left), Numeric::Int(right)) => order_mixed(right, left).reverse(),
    }
}

fn finite_order(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).expect("no value is NaN: JSON has none and arithmetic refuses it")
}

/// Exact, also where a double no longer tells neighbouring integers apart.
fn order_mixed(int: i64, double: f64) -> Ordering {
    match whole(double.trunc()) {
        Some(trunc) => int.cmp(&trunc).then_with(|| finite_order(0.0, double.fract())),
        None if double > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

/// The integer that a double is, if it is one of 64 bits.
pub(super) fn whole(double: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if double.fract() != 0.0 || !(-BOUND..BOUND).contains(&double) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the bounds of i64")]
    let int = double as i64;
    Some(int)
}

/// Arithmetic on two numbers; an integer beside a double counts as a double.
///
/// # Errors
/// A value is no number, the result is out of range, or the divisor is zero.
pub(super) fn calculate<'a>(
    calculation: Calculation,
    left: Value<'a>,
    right: Value<'a>,
) -> Result<Value<'a>, EvaluateError> {
    let refused = |value: Value<'_>| value.refused("arithmetic", "a number");
    let left = left.number().ok_or_else(|| refused(left))?;
    let right = right.number().ok_or_else(|| refused(right))?;
    match (left, right) {
        (Numeric::Int(left), Numeric::Int(right)) => calculate_ints(calculation, left, right).map(Value::Int),
        (Numeric::Int(left), Numeric::Double(right)) => calculate_doubles(calculation, double(left), right),
        (Numeric::Double(left), Numeric::Int(right)) => calculate_doubles(calculation, left, double(right)),
        (Numeric::Double(left), Numeric::Double(right)) => calculate_doubles(calculation, left, right),
    }
}

/// The number with the other sign.
///
/// # Errors
/// The value is no number, or its opposite has no 64 bits.
pub(super) fn negate(value: Value<'_>) -> Result<Value<'_>, EvaluateError> {
    match value.number() {
        Some(Numeric::Int(int)) => int.checked_neg().map(Value::Int).ok_or(EvaluateError::Overflow),
        Some(Numeric::Double(double)) => Ok(Value::Double(-double)),
        None => Err(value.refused("a minus sign", "a number")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number beside a double is a double, as in JSON itself")]
fn double(int: i64) -> f64 {
    int as f64
}

fn calculate_ints(calculation: Calculation, left: i64, right: i64) -> Result<i64, EvaluateError> {
    let divides = matches!(calculation, Calculation::Divide | Calculation::Remainder);
    if divides && right == 0 {
        return Err(EvaluateError::DivisionByZero);
    }
    let result = match calculation {
        Calculation::Add => left.checked_add(right),
        Calculation::Subtract => left.checked_sub(right),
        Calculation::Multiply => left.checked_mul(right),
        Calculation::Divide => left.checked_div(right),
        Calculation::Remainder => left.checked_rem(right),
    };
    result.ok_or(EvaluateError::Overflow)
}

fn calculate_doubles<'a>(
    calculation: Calculation,
    left: f64,
    right: f64,
) -> Result<Value<'a>, EvaluateError> {
    let result = match calculation {
        Calculation::Add => left + right,
        Calculation::Subtract => left - right,
        Calculation::Multiply => left * right,
        Calculation::Divide | Calculation::Remainder if right == 0.0 => {
            return Err(EvaluateError::DivisionByZero);
        }
        Calculation::Divide => left / right,
        Calculation::Remainder => {
            return Err(Value::Double(left).refused("%", "two whole numbers"));
        }
    };
    if result.is_finite() { Ok(Value::Double(result)) } else { Err(EvaluateError::Overflow) }
}
