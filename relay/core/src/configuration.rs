//! The configuration document: read, checked whole, and turned into an immutable value.

pub mod model;

pub use model::*;
