//! What a project begins with.

use std::sync::LazyLock;

use super::bundle::Bundle;
use super::check::check;
use super::model::Configuration;

/// The document of a project that has applied none.
const DOCUMENT: &str = include_str!("built_in.yaml");

static BUILT_IN: LazyLock<Configuration> =
    LazyLock::new(|| check(DOCUMENT, &Bundle::default(), 0).expect("a test checks the built-in document"));

impl Configuration {
    /// What a project begins with: the category `general` in the app and by push, and recipients that are made when
    /// they are first named. Its version is 0.
    #[must_use]
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }
}

impl Bundle {
    /// The document of [`Configuration::built_in`].
    #[must_use]
    pub fn built_in() -> Self {
        Self { document: DOCUMENT.to_owned(), ..Self::default() }
    }
}
