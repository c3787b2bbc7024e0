//! When two addresses are the same one, for the list of those that are never used: what people and providers write
//! differs in ways that no mailbox and no phone sees.

use tidings_protocol::Channel;

use crate::sms::number_of;

/// The form in which addresses of a channel are compared. Mail: in small letters on both sides of the `@`; a server might
/// tell `Alice@` from `alice@` (RFC 5321, section 2.4), but none of note does, and a stopped address that is written to
/// again is the worse mistake. Phone: the number of E.164, without what people put between digits. Everything else: as it
/// is written.
#[must_use]
pub fn compared(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => address.trim().to_lowercase(),
        Channel::Sms => phone(address),
        Channel::Inapp | Channel::Push | Channel::Webhook => address.to_owned(),
    }
}

fn phone(address: &str) -> String {
    let between = |c: char| c.is_whitespace() || matches!(c, '-' | '.' | '/' | '(' | ')');
    let bare: String = address.chars().filter(|c| !between(*c)).collect();
    // 00 is what people dial for the +.
    let bare = bare.strip_prefix("00").map_or(bare.clone(), |rest| format!("+{rest}"));
    number_of(&bare).unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Channel::Email, "Alice@Example.ORG", "alice@example.org", true)]
    #[case(Channel::Email, " alice@example.org ", "alice@example.org", true)]
    #[case(Channel::Email, "ÄRGER@Bücher.example", "ärger@bücher.example", true)]
    #[case(Channel::Email, "alice@example.org", "alice+x@example.org", false)]
    #[case(Channel::Sms, "+49 170 1234-567", "+491701234567", true)]
    #[case(Channel::Sms, "0049 (170) 1234567", "+491701234567", true)]
    #[case(Channel::Sms, "491701234567", "+491701234567", true)]
    #[case(Channel::Sms, "+491701234568", "+491701234567", false)]
    #[case(Channel::Sms, "abc", "abc", true)]
    #[case(Channel::Push, "fcm:Token", "fcm:token", false)]
    #[case(Channel::Webhook, "https://a.example/Hook", "https://a.example/hook", false)]
    fn addresses_are_the_same_if_a_mailbox_or_phone_sees_no_difference(
        #[case] channel: Channel,
        #[case] one: &str,
        #[case] other: &str,
        #[case] same: bool,
    ) {
        assert_eq!(compared(channel, one) == compared(channel, other), same);
    }
}
