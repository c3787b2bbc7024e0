//! What a phone shows before the app has fetched the words: nothing that tells what it is about.

/// In the language of the recipient, or in English.
pub(super) fn title(locale: &str) -> &'static str {
    let language = locale.split(['-', '_']).next().unwrap_or_default();
    match language {
        "de" => "Neue Benachrichtigung",
        "zh" => "您有新通知",
        _ => "New notification",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("zh-Hans-CN", "您有新通知")]
    #[case("de", "Neue Benachrichtigung")]
    #[case("en-GB", "New notification")]
    #[case("", "New notification")]
    fn it_is_said_in_the_language_of_the_recipient(#[case] locale: &str, #[case] text: &str) {
        assert_eq!(title(locale), text);
    }
}
