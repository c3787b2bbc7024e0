//! How text is compared in a search: compatibility forms folded (NFKC), case folded, no tokens. Chinese has no spaces
//! to cut at, so a text matches where it stands.

use unicode_normalization::UnicodeNormalization as _;

/// A text to look for. Words that are separated by white space must all be there, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needle(Vec<String>);

impl Needle {
    /// None if there is nothing to look for.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let words: Vec<String> = fold(text).split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.0.iter().all(|word| folded.contains(word.as_str()))
    }
}

fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfkc().collect::<String>().to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_folds_case_and_width_and_needs_no_spaces() {
        let found = |needle: &str, text: &str| Needle::new(needle).unwrap().is_in(text);
        assert!(found("订单", "您的订单已发货"));
        assert!(found("order 1001", "ＯＲＤＥＲ １００１ was paid"));
        assert!(found("STRASSE lamp", "a Lamp for Strasse 5"));
        assert!(!found("order 1002", "Order 1001"));
        assert_eq!(Needle::new("  "), None);
    }
}
