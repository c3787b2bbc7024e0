//! What is measured: documents and events.

use std::fmt::Write as _;

/// The document of most figures.
pub(crate) const LOAD: &str = include_str!("../documents/load.yaml");

/// An `order.placed` of the load document, with an id of its own.
pub(crate) fn order(run: u32, number: u64, customer: &str) -> String {
    format!(
        r#"{{"type":"order.placed","id":"{run}-{number}","source":"load","data":{{"order_id":{number},"customer":"{customer}","total":30,"currency":"EUR","items":[{{"name":"Lamp","price":30}}],"tags":["lamp"]}}}}"#
    )
}

/// The load document with rules besides that listen to another event type, `rules` of them; of each hundred, `candidates`
/// listen to `order.placed` with a condition that does not hold.
pub(crate) fn with_rules(rules: usize, candidates: usize) -> String {
    let mut more = String::new();
    for number in 0..rules {
        let (on, when) = if number % 100 < candidates {
            ("order.placed", format!("data.total > {} && data.currency == 'USD'", 10_000 + number))
        } else {
            ("other.event", format!("data.total > {number}"))
        };
        writeln!(
            more,
            "  more_{number}: {{on: {on}, when: \"{when}\", notify: data.customer, category: orders, template: order_placed}}"
        )
        .expect("a text takes what is written");
    }
    LOAD.replace("templates:\n", &format!("{more}templates:\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_json_and_every_rule_is_its_own() {
        let order: serde_json::Value = serde_json::from_str(&order(1, 7, "r1")).unwrap();
        assert_eq!(order["data"]["order_id"], 7);
        assert_eq!(with_rules(200, 10).matches("on: order.placed, when: \"data.total > 1").count(), 21);
    }
}
