//! A language with its script and region, in canonical BCP 47, and the order in which templates fall back.

use std::fmt;
use std::str::FromStr;

use icu_locale::{LanguageIdentifier, LocaleCanonicalizer};

/// A locale as a template's key or a recipient's preference: `zh-Hans-CN`. Extensions (`-u-…`) are not kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale(String);

/// The text names no locale.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no locale; write language, script and region, like en, de-AT or zh-Hans-CN")]
pub struct LocaleError(String);

impl Locale {
    /// Canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The locale itself, then each without its last part: zh-Hans-CN, zh-Hans, zh.
    pub fn fallbacks(&self) -> impl Iterator<Item = Locale> + '_ {
        let shorter = self.0.match_indices('-').map(|(index, _)| &self.0[..index]).rev();
        std::iter::once(self.0.as_str()).chain(shorter).map(|text| Self(text.to_owned()))
    }

    /// For the formatters of ICU.
    pub(super) fn identifier(&self) -> LanguageIdentifier {
        self.0.parse().expect("a Locale is made from a parsed identifier or from its leading parts")
    }
}

impl FromStr for Locale {
    type Err = LocaleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// Longer than any language, script, region and a few variants.
        const BYTES_MAX: usize = 64;
        let shown = || LocaleError(text.chars().take(BYTES_MAX).collect());
        if text.len() > BYTES_MAX {
            return Err(shown());
        }
        let mut locale: icu_locale::Locale = text.parse().map_err(|_| shown())?;
        if locale.id.language.is_unknown() {
            return Err(shown());
        }
        LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
        Ok(Self(locale.id.to_string()))
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
