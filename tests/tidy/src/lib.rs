//! Holds the repository to its own rules: import directions, purity, sizes, names, migrations, documents.
//!
//! Each rule is a function from the repository's files to findings, so that it can be shown to fail on a bad example
//! beside its code. `tests/repository.rs` asks every rule about this repository. What clippy proves is not proved again
//! here; that its lints are switched on is.

pub mod arrows;
pub mod documents;
pub mod escapes;
mod finding;
pub mod lints;
pub mod migrations;
pub mod names;
pub mod ports;
pub mod privacy;
pub mod purity;
pub mod readme;
mod repository;
mod rust_text;
pub mod size;

pub use finding::{Finding, told};
pub use repository::{Repository, SourceFile};
pub use rust_text::RustText;
