//! A mail address, as strictly as it can be told without asking anybody.

/// A mail address, in bytes: what fits between `<` and `>` of SMTP (RFC 5321, section 4.5.3.1.3).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// What stands before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// One part of a name between dots, in bytes.
const LABEL_BYTES_MAX: usize = 63;
/// The name that people see of a sender, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Why a text is no mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// It is too long, or empty.
    #[error("a mail address has 3 to {ADDRESS_BYTES_MAX} bytes, 64 of them before the @")]
    Length,
    /// It is something else than one address.
    #[error("a mail address is one name@domain, without spaces, brackets, commas and quotation marks")]
    Shape,
    /// The part after the `@` cannot be a domain.
    #[error("what stands behind the @ of a mail address is a domain, like example.org")]
    Domain,
}

/// Whether a text is one mail address. Quoted names and addresses in brackets, which mail has and nobody uses, are
/// refused with everything else that a header could be broken with.
///
/// # Errors
/// What is wrong with it.
pub fn check_mailbox(address: &str) -> Result<(), MailboxError> {
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(MailboxError::Length);
    }
    let (local, domain) = address.split_once('@').ok_or(MailboxError::Shape)?;
    if local.is_empty() || local.len() > LOCAL_BYTES_MAX || domain.is_empty() {
        return Err(MailboxError::Length);
    }
    let is_odd = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '@' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"')
    };
    if local.contains(is_odd) || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(MailboxError::Shape);
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || (!c.is_ascii() && !is_odd(c)))
    };
    if domain.split('.').all(is_label) { Ok(()) } else { Err(MailboxError::Domain) }
}

/// The two halves of a sender, `Name <address>` or an address alone.
///
/// # Errors
/// What is wrong with it.
pub fn split_sender(sender: &str) -> Result<(Option<&str>, &str), MailboxError> {
    let sender = sender.trim();
    let (name, address) = match sender.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
        None => (None, sender),
    };
    check_mailbox(address)?;
    let name = name.filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.contains(char::is_control) || name.chars().count() > NAME_CHARS_MAX) {
        return Err(MailboxError::Shape);
    }
    Ok((name, address))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("alice@example.org", None)]
    #[case("a.b+tag@sub.example.org", None)]
    #[case("o'hara@example.org", None)]
    #[case("root@localhost", None)]
    #[case("用户@例子.中国", None)]
    #[case("alice", Some(MailboxError::Shape))]
    #[case("alice@", Some(MailboxError::Length))]
    #[case("@example.org", Some(MailboxError::Length))]
    #[case("a@b@example.org", Some(MailboxError::Domain))]
    #[case("alice@example.org\r\nBcc: eve@evil.example", Some(MailboxError::Domain))]
    #[case("alice\r\nDATA@example.org", Some(MailboxError::Shape))]
    #[case("alice@example.org,bob@example.org", Some(MailboxError::Domain))]
    #[case("Alice <alice@example.org>", Some(MailboxError::Shape))]
    #[case("<alice@example.org", Some(MailboxError::Shape))]
    #[case("alice@example.org>", Some(MailboxError::Domain))]
    #[case("\"a b\"@example.org", Some(MailboxError::Shape))]
    #[case("alice@[127.0.0.1]", Some(MailboxError::Domain))]
    #[case("alice@-example.org", Some(MailboxError::Domain))]
    #[case("alice@example..org", Some(MailboxError::Domain))]
    #[case(".alice@example.org", Some(MailboxError::Shape))]
    #[case("alice@exa mple.org", Some(MailboxError::Domain))]
    #[case("alice@example.org\0", Some(MailboxError::Domain))]
    fn one_mailbox_is_an_address_and_nothing_else(
        #[case] address: &str,
        #[case] wrong: Option<MailboxError>,
    ) {
        assert_eq!(check_mailbox(address).err(), wrong);
    }

    #[rstest]
    #[case(64, true)]
    #[case(65, false)]
    fn at_most_64_bytes_stand_before_the_at_sign(#[case] bytes: usize, #[case] fits: bool) {
        assert_eq!(check_mailbox(&format!("{}@example.org", "a".repeat(bytes))).is_ok(), fits);
    }

    #[rstest]
    #[case(254, true)]
    #[case(255, false)]
    fn an_address_has_at_most_254_bytes(#[case] bytes: usize, #[case] fits: bool) {
        let longer = format!("xx@{}", [&"a".repeat(62); 4].map(String::as_str).join("."));
        let cut = format!("{}{longer}", "x".repeat(bytes - longer.len()));
        assert_eq!((cut.len(), check_mailbox(&cut).is_ok()), (bytes, fits));
    }

    #[rstest]
    #[case("Shop <hi@shop.example>", Ok((Some("Shop"), "hi@shop.example")))]
    #[case("\"Shop, Berlin\" <hi@shop.example>", Ok((Some("Shop, Berlin"), "hi@shop.example")))]
    #[case("hi@shop.example", Ok((None, "hi@shop.example")))]
    #[case("Shop\r\nBcc: x <hi@shop.example>", Err(MailboxError::Shape))]
    #[case("Shop", Err(MailboxError::Shape))]
    fn a_sender_is_a_name_and_an_address(
        #[case] sender: &str,
        #[case] halves: Result<(Option<&str>, &str), MailboxError>,
    ) {
        assert_eq!(split_sender(sender), halves);
    }
}
