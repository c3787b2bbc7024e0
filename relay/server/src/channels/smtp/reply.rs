//! What a reply of a mail server means: by the stage in which it came, its code (RFC 5321) and, where the server gives
//! one, its enhanced code (RFC 3463).

use std::error::Error as _;

use lettre::transport::smtp::Error;
use tidings_core::delivery::Outcome;

/// To what the server replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connection itself, and `EHLO`.
    Greeting,
    /// Name and password.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Data,
    /// The mail itself.
    Content,
}

/// Why there was no hand-over.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// The connection is of no use any more.
    pub(super) lost: bool,
}

impl Failure {
    pub(super) const fn of_outcome(outcome: Outcome) -> Self {
        Self { outcome, lost: false }
    }

    /// There is no connection.
    pub(super) const fn unconnected(outcome: Outcome) -> Self {
        Self { outcome, lost: true }
    }

    pub(super) fn of(stage: Stage, error: &Error) -> Self {
        let Some(code) = error.status() else {
            // Broken, closed or not SMTP at all.
            let code: Box<str> =
                if error.is_response() { "smtp_closed".into() } else { "smtp_broken".into() };
            let outcome = match stage {
                Stage::Content => Outcome::Unknown { code },
                Stage::Login if error.is_client() => {
                    Outcome::Misconfigured { code: "login_not_offered".into() }
                }
                Stage::Greeting | Stage::Login | Stage::Sender | Stage::Recipient | Stage::Data => {
                    Outcome::Transient { code, retry_after: None }
                }
            };
            return Self { outcome, lost: true };
        };
        let code = code.to_string().parse().unwrap_or(0);
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        // 421: the server closes; 554 instead of a greeting: it does not serve at all.
        Self { outcome: outcome(stage, code, &said), lost: code == 421 || stage == Stage::Greeting }
    }
}

/// The class, subject and detail of an enhanced code.
type Enhanced = (u16, u16, u16);

/// What a reply that refuses means.
pub(super) fn outcome(stage: Stage, code: u16, said: &str) -> Outcome {
    let enhanced = enhanced(said);
    let word: Box<str> = match enhanced {
        Some((class, subject, detail)) => format!("smtp_{code}_{class}_{subject}_{detail}").into(),
        None => format!("smtp_{code}").into(),
    };
    if !(500..600).contains(&code) {
        if is_of_mailbox(stage, code, enhanced) {
            return Outcome::AddressBusy { code: word, retry_after: None };
        }
        return Outcome::Transient { code: word, retry_after: None };
    }
    if is_ours(stage, code, enhanced) {
        Outcome::Misconfigured { code: word }
    } else if is_gone(stage, code, enhanced) {
        Outcome::AddressGone { code: word }
    } else {
        Outcome::Permanent { code: word }
    }
}

/// Whether the account or the sender is refused, so that no other mail would go either.
fn is_ours(stage: Stage, code: u16, enhanced: Option<Enhanced>) -> bool {
    let by_login = matches!(code, 530 | 534 | 535 | 538)
        || matches!(enhanced, Some((_, 7, 8 | 9 | 11 | 14)) | Some((_, 1, 7 | 8)));
    match stage {
        Stage::Greeting | Stage::Login => true,
        // A mail that is too large is refused here by servers that were told its size.
        Stage::Sender => by_login || !(code == 552 || matches!(enhanced, Some((_, 2 | 3, 3 | 4)))),
        Stage::Recipient | Stage::Data | Stage::Content => by_login,
    }
}

/// Whether it is one mailbox that takes nothing now: greylisted, locked or full.
fn is_of_mailbox(stage: Stage, code: u16, enhanced: Option<Enhanced>) -> bool {
    stage == Stage::Recipient
        && match enhanced {
            Some((_, subject, _)) => matches!(subject, 1 | 2),
            None => code == 450,
        }
}

/// Whether nobody is behind the address. After the content a plain 550 is about the content: a filter's word.
fn is_gone(stage: Stage, code: u16, enhanced: Option<Enhanced>) -> bool {
    match enhanced {
        Some((_, 1, 0 | 1 | 2 | 3 | 6 | 10) | (_, 2, 1)) => true,
        // Nothing is said by the enhanced code.
        None | Some((_, 0, 0)) => stage == Stage::Recipient && matches!(code, 550 | 551 | 553),
        Some(_) => false,
    }
}

fn enhanced(said: &str) -> Option<Enhanced> {
    let word = said.split_whitespace().next()?;
    let mut parts = word.split('.').map(|part| part.parse::<u16>().ok().filter(|part| *part < 1_000));
    let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
    (parts.next().is_none() && matches!(class, 4 | 5)).then_some((class, subject, detail))
}

/// The name under which the server goes on with the mail, where servers are known to say it.
pub(super) fn queue_id<'r>(said: &[&'r str]) -> Option<&'r str> {
    let line = said.first()?;
    let is_id = |word: &&str| {
        (4..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // Postfix: "2.0.0 Ok: queued as 4F2C1A". OpenSMTPD and Sendmail: "2.0.0 4f2c1a Message accepted for delivery".
    if let Some((_, rest)) = line.split_once("queued as ") {
        return rest.split_whitespace().next().filter(is_id);
    }
    let mut words = line.split_whitespace();
    let (_, id, next) = (words.next()?, words.next()?, words.next()?);
    (next.eq_ignore_ascii_case("message")).then_some(id).filter(is_id)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    // Greylisting, overload, a full disk.
    #[case(Stage::Recipient, 450, "4.2.0 greylisted", "address_busy", "smtp_450_4_2_0")]
    #[case(Stage::Recipient, 450, "mailbox busy", "address_busy", "smtp_450")]
    #[case(Stage::Recipient, 451, "try later", "transient", "smtp_451")]
    #[case(Stage::Recipient, 451, "4.3.0 disk full", "transient", "smtp_451_4_3_0")]
    #[case(Stage::Sender, 452, "4.3.1 no space", "transient", "smtp_452_4_3_1")]
    #[case(Stage::Greeting, 421, "too many connections", "transient", "smtp_421")]
    #[case(Stage::Content, 451, "4.7.1 try later", "transient", "smtp_451_4_7_1")]
    #[case(Stage::Recipient, 452, "4.2.2 mailbox full", "address_busy", "smtp_452_4_2_2")]
    #[case(Stage::Login, 454, "4.7.0 temporary", "transient", "smtp_454_4_7_0")]
    // Nobody is there.
    #[case(Stage::Recipient, 550, "5.1.1 no such user", "address_gone", "smtp_550_5_1_1")]
    #[case(Stage::Recipient, 550, "no such user", "address_gone", "smtp_550")]
    #[case(Stage::Recipient, 551, "user not local", "address_gone", "smtp_551")]
    #[case(Stage::Recipient, 553, "mailbox name not allowed", "address_gone", "smtp_553")]
    #[case(Stage::Recipient, 501, "5.1.3 bad address", "address_gone", "smtp_501_5_1_3")]
    #[case(Stage::Recipient, 550, "5.2.1 mailbox disabled", "address_gone", "smtp_550_5_2_1")]
    #[case(Stage::Recipient, 556, "5.1.10 null MX", "address_gone", "smtp_556_5_1_10")]
    #[case(Stage::Content, 550, "5.1.1 no such user", "address_gone", "smtp_550_5_1_1")]
    // This mail is not taken; the address is good.
    #[case(Stage::Recipient, 552, "5.2.2 over quota", "permanent", "smtp_552_5_2_2")]
    #[case(Stage::Recipient, 550, "5.7.1 refused by policy", "permanent", "smtp_550_5_7_1")]
    #[case(Stage::Recipient, 554, "no", "permanent", "smtp_554")]
    #[case(Stage::Content, 552, "5.3.4 too big", "permanent", "smtp_552_5_3_4")]
    #[case(Stage::Content, 554, "5.7.1 spam", "permanent", "smtp_554_5_7_1")]
    #[case(Stage::Content, 550, "rejected as spam", "permanent", "smtp_550")]
    #[case(Stage::Sender, 552, "5.3.4 too big", "permanent", "smtp_552_5_3_4")]
    // The account is wrong.
    #[case(Stage::Login, 535, "5.7.8 bad credentials", "misconfigured", "smtp_535_5_7_8")]
    #[case(Stage::Login, 534, "too weak", "misconfigured", "smtp_534")]
    #[case(Stage::Sender, 530, "5.7.0 must authenticate", "misconfigured", "smtp_530_5_7_0")]
    #[case(Stage::Sender, 553, "5.7.1 sender not owned", "misconfigured", "smtp_553_5_7_1")]
    #[case(Stage::Sender, 550, "sender refused", "misconfigured", "smtp_550")]
    #[case(Stage::Recipient, 530, "must authenticate", "misconfigured", "smtp_530")]
    #[case(Stage::Recipient, 550, "5.1.8 bad sender domain", "misconfigured", "smtp_550_5_1_8")]
    #[case(Stage::Greeting, 554, "no service", "misconfigured", "smtp_554")]
    fn a_reply_means_what_its_codes_say(
        #[case] stage: Stage,
        #[case] code: u16,
        #[case] said: &str,
        #[case] kind: &str,
        #[case] word: &str,
    ) {
        let outcome = outcome(stage, code, said);
        assert_eq!((outcome.kind(), outcome.code()), (kind, Some(word)));
    }

    #[rstest]
    #[case("2.0.0 Ok: queued as 4F2C1A0B", Some("4F2C1A0B"))]
    #[case("2.0.0 4f2c1a0b Message accepted for delivery", Some("4f2c1a0b"))]
    #[case("Thanks", None)]
    #[case("2.0.0 Ok: queued as <script>", None)]
    fn the_servers_own_name_for_a_mail_is_kept(#[case] said: &str, #[case] id: Option<&str>) {
        assert_eq!(queue_id(&[said]), id);
    }
}
