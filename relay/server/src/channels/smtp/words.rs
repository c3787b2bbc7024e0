//! What the relay itself says in a mail, in the recipient's language.

use tidings_core::delivery::Handover;

use crate::channels::Language;

/// The words of the way out: `Unsubscribe from “Offers”`.
pub(super) fn unsubscribe(handover: &Handover) -> String {
    let name = &handover.category_name;
    match Language::of(&handover.locale) {
        Language::En => format!("Unsubscribe from “{name}”"),
        Language::Zh => format!("退订“{name}”"),
        Language::De => format!("„{name}“ abbestellen"),
    }
}
