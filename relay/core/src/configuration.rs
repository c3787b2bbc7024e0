//! The configuration document: read, checked whole, and turned into an immutable value.
//!
//! Document → tree of nodes that know where they stand (`node`) → a reader that gathers every mistake (`reader`,
//! `values`, `section`) → [`Configuration`]. Nothing is looked up elsewhere: files come with the document, secrets are
//! names. A document with one mistake makes no configuration.

mod built_in;
mod bundle;
mod check;
mod difference;
mod learns;
mod mistake;
pub mod model;
mod node;
mod reader;
mod section;
mod trials;
mod values;
mod variables;

pub use bundle::{Bundle, BundleError, Files};
pub use check::check;
pub use difference::{DIFFERENCES_MAX, Difference, DifferenceKind, diff};
pub use learns::Learns;
pub use mistake::{MISTAKES_MAX, Mistake, Mistakes, PassedLimit};
pub use model::*;

#[cfg(test)]
mod tests;
