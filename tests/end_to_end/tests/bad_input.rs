//! What cannot be read, is too large or contradicts itself has one clear answer each, and the relay goes on.

#[path = "bad_input/bodies.rs"]
mod bodies;
#[path = "bad_input/conventions.rs"]
mod conventions;
#[path = "bad_input/documents.rs"]
mod documents;
#[path = "bad_input/events.rs"]
mod events;
#[path = "bad_input/repeats.rs"]
mod repeats;
