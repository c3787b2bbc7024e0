//! Reads a JSON value into a request, and says exactly what is wrong with it and where: an unknown field with the nearest
//! name, a missing field, a value of the wrong kind.

use std::fmt::Display;

use axum::http::StatusCode;
use serde::de::value::StringDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer as _,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde_json::{Map, Value};
use tidings_protocol::id::IdError;
use tidings_protocol::problem::Fault;

use super::json::escape;
use super::problem::Problem;

/// Reads a value as `T`.
pub(crate) fn from_value<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, Box<Problem>> {
    T::deserialize(Reader(value)).map_err(Mistake::into_problem)
}

/// The first mistake of a request.
#[derive(Debug)]
pub(crate) struct Mistake {
    code: &'static str,
    detail: String,
    hint: Option<String>,
    /// From the inside out.
    pointer: Vec<String>,
}

impl Mistake {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, pointer: Vec::new() }
    }

    fn inside(mut self, part: impl Into<String>) -> Self {
        self.pointer.push(part.into());
        self
    }

    fn into_problem(self) -> Box<Problem> {
        let pointer: String = self.pointer.iter().rev().map(|part| format!("/{}", escape(part))).collect();
        if self.code == "invalid" && IdError::too_long_in(&self.detail).is_some() {
            return Problem::invalid(pointer, self.detail);
        }
        let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, self.code, self.detail.clone());
        let detail = if self.code == "unknown_field" { "unknown".into() } else { self.detail };
        problem.errors.push(Fault {
            pointer,
            code: self.code.into(),
            detail,
            hint: self.hint,
            ..Fault::default()
        });
        problem
    }
}

impl std::error::Error for Mistake {}

impl Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for Mistake {
    fn custom<T: Display>(text: T) -> Self {
        Self::new("invalid", text.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // The derived expectation names our type, which says nothing to a caller.
        let expected = expected.to_string();
        let expected = if expected.starts_with("struct ") { "an object" } else { &*expected };
        Self::new("invalid", format!("Here stands {unexpected}, expected is {expected}."))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("missing_field", format!("The field {field} is missing.")).inside(field)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake = Self::new("unknown_field", format!("There is no field {field}.")).inside(field);
        mistake.hint = nearest(field, expected);
        mistake
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut mistake =
            Self::new("invalid", format!("{variant:?} is not one of: {}.", expected.join(", ")));
        mistake.hint = nearest(variant, expected);
        mistake
    }
}

/// The name that was probably meant.
pub(crate) fn nearest(name: &str, names: &[&str]) -> Option<String> {
    tidings_core::nearest::nearest(name, names.iter().copied()).map(str::to_owned)
}

struct Reader(Value);

impl<'de> Deserializer<'de> for Reader {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), next: 0 }),
            Value::Object(fields) => visitor.visit_map(Fields { fields: fields.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let Value::String(word) = self.0 else {
            let detail = format!("Here stands {}, expected is a word.", kind(&self.0));
            return Err(Mistake::new("invalid", detail));
        };
        visitor.visit_enum(Word(word))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(item)).map(Some).map_err(|mistake| mistake.inside(index.to_string()))
    }
}

struct Fields {
    fields: <Map<String, Value> as IntoIterator>::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some((name.clone(), value));
        // A name that is wrong as a key of a map is shown where it stands; an unknown field names itself.
        let key: StringDeserializer<Mistake> = name.clone().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|mistake| if mistake.pointer.is_empty() { mistake.inside(name) } else { mistake })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (name, value) = self.value.take().expect("serde asks for a value after its key");
        seed.deserialize(Reader(value)).map_err(|mistake| mistake.inside(name))
    }
}

struct Word(String);

impl<'de> EnumAccess<'de> for Word {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mistake> {
        let word: StringDeserializer<Mistake> = self.0.clone().into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value, Mistake> {
        Err(Mistake::new("invalid", "A word alone is not enough here."))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, Mistake> {
        Err(Mistake::new("invalid", "A word alone is not enough here."))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Mistake> {
        Err(Mistake::new("invalid", "A word alone is not enough here."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_protocol::http::{EventRequest, SendRequest};

    use super::*;

    fn fault<T: for<'de> Deserialize<'de> + std::fmt::Debug>(
        value: Value,
    ) -> (String, String, Option<String>) {
        let mut problem = from_value::<T>(value).unwrap_err();
        let fault = problem.errors.pop().unwrap();
        (fault.code, fault.pointer, fault.hint)
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest_one() {
        let expected = ("unknown_field".into(), "/typ".into(), Some("type".into()));
        assert_eq!(fault::<EventRequest>(json!({"typ": "order.placed"})), expected);
    }

    #[test]
    fn a_missing_field_and_a_wrong_kind_are_found_where_they_stand() {
        assert_eq!(fault::<EventRequest>(json!({})).0, "missing_field");
        assert_eq!(fault::<EventRequest>(json!({})).1, "/type");
        assert_eq!(fault::<EventRequest>(json!({"type": 1})).1, "/type");
        assert_eq!(fault::<EventRequest>(json!([])).0, "invalid");
        let actions = json!({"content": {"title": "t", "actions": [{"id": "a", "label": 1}]}});
        assert_eq!(fault::<SendRequest>(actions).1, "/content/actions/0/label");
        assert_eq!(fault::<SendRequest>(json!({"recipients": ["a", "b/c"]})).1, "/recipients/1");
        assert_eq!(fault::<SendRequest>(json!({"priority": "hihg"})).2, Some("high".into()));
    }
}
