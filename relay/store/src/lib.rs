//! Where the relay keeps what it knows: in memory for tests and the simulation, in SQLite for one node.
//!
//! Stores map rows. They never decide: a flow reads inside a transaction, the core decides, and the transaction writes
//! the whole effect or nothing of it.

mod books;
mod erasure;
mod found;
mod memory;
mod order;
mod retention;
mod sqlite;
mod table;
mod tables;

pub use erasure::ErasureKey;
pub use memory::{Fault, Faults, MemoryStore, PortCall};
pub use sqlite::{OpenError, SqliteOptions, SqliteStore};
