//! How many segments a text takes: 3GPP TS 23.038 (the 7-bit alphabet and its extension) and TS 23.040 (what the header
//! of a part of several takes away).

/// How a text is encoded on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Seven bits a character: 160 in one segment, 153 in each of several.
    Gsm7,
    /// Two bytes a unit of UTF-16: 70 in one segment, 67 in each of several.
    Ucs2,
}

/// What a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// How it is encoded: one character outside of the 7-bit alphabet makes the whole text UCS-2.
    pub alphabet: Alphabet,
    /// For how many segments a vendor charges; a text of nothing takes one.
    pub segments: u32,
}

impl Alphabet {
    /// The word of templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    /// Units in a text that is one segment, and in each of several.
    const fn units(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    /// Units that a character takes: one of the extension is an escape and a code.
    fn width(self, c: char) -> usize {
        match self {
            Self::Gsm7 if is_extended(c) => 2,
            Self::Gsm7 => 1,
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// Measures a text. No escape and no surrogate pair is ever split between two segments, so that a segment may end with
/// a unit to spare.
#[must_use]
pub fn measure(text: &str) -> Measure {
    let is_gsm = text.chars().all(|c| is_basic(c) || is_extended(c));
    let alphabet = if is_gsm { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
    let (alone, of_several) = alphabet.units();
    let widths = || text.chars().map(|c| alphabet.width(c));
    if widths().sum::<usize>() <= alone {
        return Measure { alphabet, segments: 1 };
    }
    let (mut segments, mut used) = (1_u32, 0);
    for width in widths() {
        if used + width > of_several {
            segments = segments.saturating_add(1);
            used = 0;
        }
        used += width;
    }
    Measure { alphabet, segments }
}

/// The basic table of TS 23.038 beside ASCII that it shares. The grave accent is no character of it.
fn is_basic(c: char) -> bool {
    match c {
        '\n' | '\r' | ' '..='Z' | 'a'..='z' | '_' => true,
        _ => "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà".contains(c),
    }
}

/// The extension table.
fn is_extended(c: char) -> bool {
    matches!(c, '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", 0, Alphabet::Gsm7, 1)]
    #[case::one("a", 160, Alphabet::Gsm7, 1)]
    #[case::one_more("a", 161, Alphabet::Gsm7, 2)]
    #[case::two("a", 306, Alphabet::Gsm7, 2)]
    #[case::three("a", 307, Alphabet::Gsm7, 3)]
    #[case::extended("€", 80, Alphabet::Gsm7, 1)]
    #[case::extended_more("€", 81, Alphabet::Gsm7, 2)]
    // 153 is odd: each segment of several holds 76 escapes and a septet to spare.
    #[case::no_escape_is_split("€", 152, Alphabet::Gsm7, 2)]
    #[case::no_escape_is_split_more("€", 153, Alphabet::Gsm7, 3)]
    #[case::chinese("中", 70, Alphabet::Ucs2, 1)]
    #[case::chinese_more("中", 71, Alphabet::Ucs2, 2)]
    #[case::chinese_three("中", 135, Alphabet::Ucs2, 3)]
    #[case::surrogates("😀", 35, Alphabet::Ucs2, 1)]
    // 67 is odd: each segment of several holds 33 pairs and a unit to spare.
    #[case::no_pair_is_split("😀", 66, Alphabet::Ucs2, 2)]
    #[case::no_pair_is_split_more("😀", 67, Alphabet::Ucs2, 3)]
    #[case::grave("`", 1, Alphabet::Ucs2, 1)]
    #[case::ellipsis("…", 1, Alphabet::Ucs2, 1)]
    #[case::cedilla("ç", 1, Alphabet::Ucs2, 1)]
    fn a_text_takes_so_many_segments(
        #[case] character: &str,
        #[case] times: usize,
        #[case] alphabet: Alphabet,
        #[case] segments: u32,
    ) {
        assert_eq!(measure(&character.repeat(times)), Measure { alphabet, segments });
    }

    #[test]
    fn the_basic_table_has_128_characters_with_the_escape() {
        let basic = (0..=0xffff_u32).filter_map(char::from_u32).filter(|c| is_basic(*c)).count();
        assert_eq!(basic, 127);
        assert!("@$_ΔΦΓΛΩΠΨΣΘΞ\u{20}".chars().all(is_basic));
    }

    proptest! {
        #[test]
        fn a_longer_text_never_takes_fewer_segments(text in "[a-z€中😀]{0,400}", more in "[a-z€中😀]{0,9}") {
            let longer = format!("{text}{more}");
            prop_assert!(measure(&longer).segments >= measure(&text).segments);
        }
    }
}
