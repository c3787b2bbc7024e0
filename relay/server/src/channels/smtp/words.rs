//! What the relay itself says in a mail, in the recipient's language.

use tidings_core::delivery::Handover;

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

    pub(crate) fn of(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::En)
    }
}

/// The words of the way out: `Unsubscribe from “Offers”`.
pub(super) fn unsubscribe(handover: &Handover) -> String {
    let name = &handover.category_name;
    match Language::of(&handover.locale) {
        Language::En => format!("Unsubscribe from “{name}”"),
        Language::Zh => format!("退订“{name}”"),
        Language::De => format!("„{name}“ abbestellen"),
    }
}
