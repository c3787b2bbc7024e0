//! Phone numbers as ITU-T E.164 writes them.

/// Digits of a number with its country's: E.164 allows 15, and no country has shorter ones than 7.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Whether a text is a phone number: `+`, the country's digits and the rest, without spaces.
#[must_use]
pub fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        DIGITS.contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

/// The number that a vendor means: some leave the `+` out, and form encoding turns it into a space.
#[must_use]
pub fn number_of(text: &str) -> Option<String> {
    let digits = text.trim().trim_start_matches('+');
    Some(format!("+{digits}")).filter(|number| is_number(number))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("+491701234567", true)]
    #[case("+8613800138000", true)]
    #[case("+2901234", true)]
    #[case("+290123", false)]
    #[case("+123456789012345", true)]
    #[case("+1234567890123456", false)]
    #[case("+0491701234567", false)]
    #[case("491701234567", false)]
    #[case("00491701234567", false)]
    #[case("+49 170 1234567", false)]
    #[case("+49170123456a", false)]
    #[case("+４９１７０１２３４５６７", false)]
    #[case("", false)]
    fn a_number_is_a_plus_and_7_to_15_digits(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(is_number(text), fits);
    }

    #[rstest]
    #[case("+491701234567", Some("+491701234567"))]
    #[case("491701234567", Some("+491701234567"))]
    #[case(" 491701234567", Some("+491701234567"))]
    #[case("Shop", None)]
    #[case("12345", None)]
    fn a_vendor_may_leave_the_plus_out(#[case] text: &str, #[case] number: Option<&str>) {
        assert_eq!(number_of(text).as_deref(), number);
    }
}
