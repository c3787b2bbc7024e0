//! In which language the relay itself speaks to a recipient.

/// The languages of the relay's own words; any other recipient reads English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    En,
    Zh,
    De,
}

impl Language {
    /// Of a BCP 47 tag, if it is one of ours.
    pub(crate) fn known(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or("");
        [("en", Self::En), ("zh", Self::Zh), ("de", Self::De)]
            .into_iter()
            .find_map(|(name, known)| language.eq_ignore_ascii_case(name).then_some(known))
    }

    /// Of a BCP 47 tag.
    pub(crate) fn of(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::En)
    }

    /// Its tag.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
            Self::De => "de",
        }
    }
}
