//! Each row of the table of operations (SEMANTICS 7), from both sides.

mod inbox;
mod orders;
mod settings;
mod steps;

use serde_json::{Value, json};
use tidings_protocol::operation::Answered;

use crate::acts::testing::World;

/// Alice with a phone that holds everything so far.
fn with_phone() -> World {
    let mut world = World::new();
    world.greet("alice", World::greeting("phone", None)).unwrap();
    world
}

/// One operation of alice's phone.
fn one(world: &mut World, operation: &Value) -> Answered {
    world.operate("alice", "phone", json!([operation]))
}

fn done(answered: &Answered) -> Vec<&str> {
    answered.done.iter().map(tidings_protocol::OperationId::as_str).collect()
}

/// The codes of what was refused; every refusal here is for ever.
fn codes(answered: &Answered) -> Vec<&str> {
    assert!(answered.refused.iter().all(|refused| refused.permanent));
    answered.refused.iter().map(|refused| refused.code.as_str()).collect()
}
