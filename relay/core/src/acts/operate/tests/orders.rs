//! Whatever order operations of several devices come in, and however often, the inbox ends the same.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidings_protocol::item::View;
use tidings_protocol::{NotificationId, Timestamp};

use crate::acts::testing::{NOON, World};

const DEVICES: [&str; 3] = ["phone", "laptop", "tablet"];

#[derive(Clone, Debug)]
struct Said {
    device: usize,
    at: i64,
    what: usize,
}

fn said() -> impl Strategy<Value = Said> {
    (0..DEVICES.len(), 0..5_i64, 0..7_usize).prop_map(|(device, at, what)| Said { device, at, what })
}

fn operation(number: usize, said: &Said, id: &NotificationId) -> Value {
    let mut operation = match said.what {
        0 => json!({"op": "mark", "read": true}),
        1 => json!({"op": "mark", "read": false}),
        2 => json!({"op": "mark", "archived": true}),
        3 => json!({"op": "mark", "archived": false}),
        4 => json!({"op": "mark", "snoozed_until": Timestamp::from_millis(NOON + 60_000)}),
        5 => json!({"op": "mark", "snoozed_until": Timestamp::from_millis(NOON - 60_000)}),
        _ => json!({"op": "feedback", "value": "useful"}),
    };
    operation["id"] = format!("{number:03}").into();
    operation["at"] = json!(Timestamp::from_millis(NOON - said.at));
    operation["notification"] = json!(id);
    operation
}

/// Says everything in an order, each `times` times.
fn end(all: &[Said], order: &[usize], times: usize) -> (View, Option<bool>, u64) {
    let mut world = World::new();
    let id = world.send("alice", "general");
    for number in order {
        let said = &all[*number];
        let operation = operation(*number, said, &id);
        for _ in 0..times {
            let answered = world.operate("alice", DEVICES[said.device], json!([operation]));
            let lost = answered.refused.iter().filter(|refused| refused.code == "superseded").count();
            assert_eq!(answered.done.len() + lost, 1);
        }
    }
    let row = world.row(&id);
    (row.view(), row.flags.useful.as_ref().map(|(useful, _)| *useful), world.numbers("alice").0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_arrival_does_not_decide(
        (all, order) in prop::collection::vec(said(), 1..12).prop_flat_map(|all| {
            let order: Vec<usize> = (0..all.len()).collect();
            (Just(all), Just(order).prop_shuffle())
        })
    ) {
        let in_order: Vec<usize> = (0..all.len()).collect();
        let (first, second) = (end(&all, &in_order, 1), end(&all, &order, 1));
        prop_assert_eq!((first.0, first.1), (second.0, second.1));
    }

    #[test]
    fn saying_it_twice_is_saying_it_once(all in prop::collection::vec(said(), 1..12)) {
        let order: Vec<usize> = (0..all.len()).collect();
        prop_assert_eq!(end(&all, &order, 1), end(&all, &order, 2));
    }
}
