//! The name that was probably meant, where one is not known.

/// Letters that may be wrong, too many, missing or swapped, at most; a short name may have fewer.
const SLIPS_MAX: usize = 3;
/// Names are short: to compare a long text with them would only cost time.
const GIVEN_BYTES_MAX: usize = 256;

/// The name of `known` that is nearest to `given`, whatever the case, if it is near enough to be a slip of the fingers:
/// at most half of its letters and at most three are wrong. Of several as near the first by the alphabet.
#[must_use]
pub fn nearest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if given.len() > GIVEN_BYTES_MAX {
        return None;
    }
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(slips, name)| *slips <= (name.chars().count() / 2).clamp(1, SLIPS_MAX))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::swapped("oredrs", Some("orders"))]
    #[case::other_case("ORDERS", Some("orders"))]
    #[case::as_near_as_another("orderz", Some("orders"))]
    #[case::three_of_six("orabcs", Some("orders"))]
    #[case::four_of_six("abcdrs", None)]
    #[case::two_of_three("bxy", None)]
    #[case::one_of_one("y", Some("x"))]
    fn a_name_is_meant_if_few_letters_of_it_are_wrong(#[case] given: &str, #[case] meant: Option<&str>) {
        assert_eq!(nearest(given, ["ordery", "orders", "bin", "x"]), meant);
    }

    #[test]
    fn a_long_text_is_compared_with_nothing() {
        assert_eq!(nearest(&"x".repeat(257), [&*"x".repeat(256)]), None);
    }
}
