//! A deterministic simulation: relay core, flows and memory store, network and devices under virtual time.
//!
//! One seed decides everything: what the publisher and the people do, which task goes on next, what is delayed, cut,
//! crashed or answered late. See `docs/SIMULATION.md`.

pub mod chance;
pub mod coverage;
pub mod device;
pub mod documents;
pub mod executor;
pub mod moves;
pub mod network;
pub mod node;
pub mod oracle;
pub mod providers;
pub mod publisher;
pub mod run;
pub mod store;
pub mod world;
