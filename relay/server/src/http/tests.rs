//! Calls against a whole node in memory, with a clock that is moved by hand. Real sockets are in `tests/`.

mod bench;

mod configuration;
mod control;
mod conventions;
mod events;
mod five;
mod me;
mod page;
mod people;
mod sends;
mod sign_in;
