//! The words by which people stop text messages and let them come again.

/// What somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmsWord {
    /// No more of them.
    Stop,
    /// What was stopped may come again.
    Start,
}

/// `STOP` to `UNSUBSCRIBE` are what carriers and 47 CFR 64.1200(a)(10) name; the others are what the carriers of
/// Germany, France, the Spanish-speaking countries and China tell people to answer.
const STOP: [&str; 19] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "STOPP",
    "ARRET",
    "ARRÊT",
    "BAJA",
    "TD",
    "T",
    "N",
    "退订",
    "退訂",
    "拒收",
    "取消订阅",
];
/// `YES` is not among them: people say it for other reasons.
const START: [&str; 5] = ["START", "UNSTOP", "恢复", "恢复订阅", "重新订阅"];
/// A longer answer is no single word.
const CHARS_MAX: usize = 32;

impl SmsWord {
    /// The word that an answer is, whatever its case, spaces, quotes and full stops; none if it is anything else. An
    /// answer that only has such a word in it is a sentence, and people read those.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let plain = |c: char| match c {
            // Full-width forms of ASCII, as Chinese keyboards write it.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c => c,
        };
        let is_word = |c: &char| c.is_alphanumeric();
        let word: String = text.chars().take(CHARS_MAX + 1).map(plain).filter(is_word).collect();
        if text.chars().count() > CHARS_MAX {
            return None;
        }
        let word = word.to_uppercase();
        if STOP.contains(&word.as_str()) {
            Some(Self::Stop)
        } else if START.contains(&word.as_str()) {
            Some(Self::Start)
        } else {
            None
        }
    }

    /// The word of answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("STOP", Some(SmsWord::Stop))]
    #[case(" stop. ", Some(SmsWord::Stop))]
    #[case("\"Stop\"", Some(SmsWord::Stop))]
    #[case("stop all", Some(SmsWord::Stop))]
    #[case("Opt out", Some(SmsWord::Stop))]
    #[case("td", Some(SmsWord::Stop))]
    #[case("ＴＤ", Some(SmsWord::Stop))]
    #[case("退订。", Some(SmsWord::Stop))]
    #[case("arrêt", Some(SmsWord::Stop))]
    #[case("start", Some(SmsWord::Start))]
    #[case("恢复", Some(SmsWord::Start))]
    #[case("yes", None)]
    #[case("Please don't stop", None)]
    #[case("Stop by at five", None)]
    #[case("", None)]
    #[case("😀", None)]
    #[case("s t o p                                     ", None)]
    fn an_answer_is_a_word_or_nothing(#[case] text: &str, #[case] word: Option<SmsWord>) {
        assert_eq!(SmsWord::of(text), word);
    }

    #[test]
    fn every_word_is_heard_in_any_case() {
        for word in STOP {
            assert_eq!(SmsWord::of(&word.to_lowercase()), Some(SmsWord::Stop), "{word}");
        }
        for word in START {
            assert_eq!(SmsWord::of(&word.to_lowercase()), Some(SmsWord::Start), "{word}");
        }
    }
}
