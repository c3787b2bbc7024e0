//! The sections of a document, one module for each group of top-level keys.

pub(super) mod categories;
pub(super) mod channels;
pub(super) mod operations;
pub(super) mod plan;
pub(super) mod project;
pub(super) mod provider;
pub(super) mod rules;
pub(super) mod sanity;
pub(super) mod templates;
