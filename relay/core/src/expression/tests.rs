mod hostile;
mod identities;
mod mistakes;
mod semantics;

use serde_json::{Value as Json, json};

use super::*;

struct Answers;

impl Lookups for Answers {
    fn history(&self, event_type: &str, within: Span) -> Option<i64> {
        (event_type == "order.placed" && within == Span::from_days(90)).then_some(3)
    }

    fn in_topic(&self, topic: &str) -> Option<bool> {
        match topic {
            "staff" => Some(true),
            "press" => Some(false),
            _ => None,
        }
    }
}

fn data() -> Json {
    json!({
        "total": 30, "price": 29.5, "one": 1, "one_double": 1.0, "text_one": "1", "zero": 0, "big": i64::MAX,
        "huge": 18_446_744_073_709_551_615_u64, "beyond": 1e308, "customer": "alice", "name": "Zoë 🐱", "paid": true, "gift": null,
        "on_call": ["bob", "carol"], "tags": ["lamp", "light"], "ids": [7, 8.0, "x", 7], "empty": "",
        "items": [{"name": "Lamp", "price": 30}, {"name": "Bulb", "price": 5, "sale": true}],
        "address": {"city": "Köln", "zip code": "50667"}, "field": "city", "place": 1, "data": "inner",
        "same": {"b": [1.0, {"x": null}], "a": 1}, "same_too": {"a": 1.0, "b": [1, {"x": null}]},
    })
}

fn with_scope<T>(then: impl FnOnce(&Scope<'_>) -> T) -> T {
    let data = data();
    let event = json!({"id": "evt-1", "type": "order.placed", "source": "shop", "recipient": "alice"});
    let recipient = json!({"id": "alice", "interests": {"running": 0.75}, "attributes": {"name": "Alice"}});
    then(&Scope { data: &data, event: &event, recipient: Some(&recipient), lookups: &Answers })
}

fn condition(source: &str) -> Result<bool, EvaluateError> {
    with_scope(|scope| Expression::compile(source).unwrap().condition(scope))
}

fn value(source: &str) -> Result<String, EvaluateError> {
    with_scope(|scope| {
        Expression::compile(source).unwrap().evaluate(scope).map(|outcome| format!("{outcome:?}"))
    })
}
