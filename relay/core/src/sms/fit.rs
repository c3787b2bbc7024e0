//! Fits a text into the segments that it may take, with the way out that the law asks for.

use super::segments::{Alphabet, measure};

/// The segments of a text whose provider's document says nothing.
pub const SEGMENTS_DEFAULT: u32 = 3;
/// The most segments that a document may allow: beyond them phones show parts instead of a text.
pub const SEGMENTS_MAX: u32 = 10;

/// A text that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// What is sent.
    pub text: String,
    /// How it is encoded.
    pub alphabet: Alphabet,
    /// What it takes.
    pub segments: u32,
    /// Whether some of the words were left out.
    pub shortened: bool,
}

/// How a recipient of a language is told the way out.
#[must_use]
pub fn way_out(locale: &str) -> &'static str {
    match locale.split(['-', '_']).next().unwrap_or("") {
        "zh" => "回TD退订",
        "de" => "Abmelden: STOP",
        "fr" => "STOP pour se désabonner",
        "es" => "Baja: responda STOP",
        "it" => "Per non ricevere più: STOP",
        "pt" => "Para sair responda STOP",
        "nl" => "Afmelden: STOP",
        _ => "Reply STOP to opt out",
    }
}

/// Fits a text into at most `segments_max`. With `way_out` it carries that, unless the words name one already, and what
/// has to go for it are words. A text that is too long ends at a word, with dots.
#[must_use]
pub fn fit(words: &str, way_out: Option<&str>, segments_max: u32) -> Fitted {
    let words = clean(words);
    let tail = match way_out.filter(|_| !names_a_way_out(&words)) {
        Some(way_out) if words.is_empty() => way_out.to_owned(),
        Some(way_out) => format!(" {way_out}"),
        None => String::new(),
    };
    let whole = format!("{words}{tail}");
    let measured = measure(&whole);
    if measured.segments <= segments_max {
        let (alphabet, segments) = (measured.alphabet, measured.segments);
        return Fitted { text: whole, alphabet, segments, shortened: false };
    }
    let ends: Vec<usize> = words.char_indices().map(|(at, _)| at).collect();
    // The longest beginning that fits with its dots and tail: a longer one never takes fewer segments.
    let fits = |end: usize| measure(&with_dots(&words[..end], &tail)).segments <= segments_max;
    let count = ends.partition_point(|end| fits(*end));
    let end = ends.get(count.saturating_sub(1)).copied().unwrap_or(0);
    let text = with_dots(at_a_word(&words, end), &tail);
    let measured = measure(&text);
    Fitted { text, alphabet: measured.alphabet, segments: measured.segments, shortened: true }
}

/// Dots are of the alphabet that the rest has: one ellipsis would make a long text of cheap characters a dear one.
fn with_dots(words: &str, tail: &str) -> String {
    let dots = match measure(&format!("{words}{tail}")).alphabet {
        Alphabet::Gsm7 => "...",
        Alphabet::Ucs2 => "…",
    };
    format!("{}{dots}{tail}", words.trim_end())
}

/// The beginning before the word that `end` would break; in a language without spaces, up to `end` itself.
fn at_a_word(words: &str, end: usize) -> &str {
    let begun = &words[..end];
    if words[end..].starts_with(char::is_whitespace) {
        return begun;
    }
    match begun.rfind(char::is_whitespace) {
        // A word longer than half of the text is an address or no word at all.
        Some(space) if space * 2 >= end => &begun[..space],
        // Joiners and selectors belong to what was cut off.
        Some(_) | None => begun.trim_end_matches(['\u{200d}', '\u{fe0e}', '\u{fe0f}']),
    }
}

/// Line feeds stay; other control characters mean nothing on a phone.
fn clean(words: &str) -> String {
    let words = words.replace("\r\n", "\n").replace('\t', " ");
    words.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>().trim().to_owned()
}

/// Whether the words themselves say how to get out. `STOP` and `TD` are whole words, in capitals as such notes write them.
fn names_a_way_out(words: &str) -> bool {
    let is_named = |word: &str| matches!(word, "STOP" | "TD" | "UNSUBSCRIBE");
    let latin = |c: char| !c.is_ascii_alphanumeric();
    ["退订", "退訂", "拒收"].iter().any(|word| words.contains(word)) || words.split(latin).any(is_named)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_text_that_fits_stays_as_it_is() {
        let fitted = fit("Your parcel\r\ncomes today\u{7}.", None, 1);
        assert_eq!((fitted.text.as_str(), fitted.shortened), ("Your parcel\ncomes today.", false));
    }

    #[test]
    fn a_text_that_is_too_long_ends_at_a_word_with_dots_of_its_alphabet() {
        let fitted = fit(&"parcel ".repeat(30), None, 1);
        assert!(fitted.text.ends_with("parcel..."), "{}", fitted.text);
        assert_eq!((fitted.segments, fitted.alphabet, fitted.shortened), (1, Alphabet::Gsm7, true));
        let chinese = fit(&"订单已发货".repeat(30), None, 1);
        assert_eq!((chinese.text.chars().count(), chinese.text.chars().last()), (70, Some('…')));
    }

    #[rstest]
    #[case::english("en-GB", "Sale today Reply STOP to opt out")]
    #[case::german("de", "Sale today Abmelden: STOP")]
    #[case::chinese("zh-Hans", "Sale today 回TD退订")]
    #[case::other("sw", "Sale today Reply STOP to opt out")]
    fn marketing_carries_the_way_out_in_the_recipients_language(#[case] locale: &str, #[case] text: &str) {
        assert_eq!(fit("Sale today", Some(way_out(locale)), 3).text, text);
    }

    #[rstest]
    #[case("Sale. STOP to end", true)]
    #[case("优惠，退订回T", true)]
    #[case("回TD退订", true)]
    #[case("The sale never stops", false)]
    #[case("NONSTOP sale", false)]
    #[case("Stop by today", false)]
    fn words_that_name_a_way_out_get_no_second_one(#[case] words: &str, #[case] named: bool) {
        assert_eq!(fit(words, Some("Reply STOP to opt out"), 3).text == words, named);
    }

    #[test]
    fn the_way_out_is_counted_and_never_cut() {
        let fitted = fit(&"offer ".repeat(100), Some("Reply STOP to opt out"), 2);
        assert!(fitted.text.ends_with("offer... Reply STOP to opt out"), "{}", fitted.text);
        assert_eq!(fitted.segments, 2);
        assert!(measure(&format!("{} and more", fitted.text)).segments >= 2);
    }

    proptest! {
        #[test]
        fn whatever_comes_in_fits(words in "(\\PC{0,3}[ a-z€中😀\u{200d}]{0,30}){0,40}", max in 1_u32..=10, out: bool) {
            let fitted = fit(&words, out.then_some("回TD退订"), max);
            prop_assert!(fitted.segments <= max);
            prop_assert_eq!(measure(&fitted.text).segments, fitted.segments);
        }
    }
}
