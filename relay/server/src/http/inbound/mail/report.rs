//! What a mail that a program wrote says of one of ours: a delivery status notification (RFC 3464) or a complaint (RFC
//! 5965).

use super::fields::{Fields, Part, parts};

/// What became of a mail after a server took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It did not arrive.
    Bounced {
        /// Nobody is behind the address.
        hard: bool,
    },
    /// It is late, and still on its way.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// The recipient called it spam.
    Complained,
}

/// What is told of one mail to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) said: Said,
    /// The status or kind, as the story names it.
    pub(super) code: String,
    /// Which delivery: what stands before the `@` of its `Message-ID`.
    pub(super) delivery: Option<String>,
    /// Whose address, as the report names it.
    pub(super) address: Option<String>,
}

/// Reads a report. None if it is something else, such as somebody's answer or a notice of holidays.
pub(super) fn read(mail: &str) -> Option<Report> {
    let parts = parts(mail);
    let part = |media: &[&str]| parts.iter().find(|part| media.contains(&part.media.as_str()));
    let delivery =
        part(&["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"])
            .and_then(original_delivery);
    if let Some(feedback) = part(&["message/feedback-report"]) {
        return complaint(feedback, delivery);
    }
    let status = part(&["message/delivery-status", "message/global-delivery-status"])?;
    status_notification(status, delivery)
}

fn complaint(part: &Part, delivery: Option<String>) -> Option<Report> {
    let (fields, _) = Fields::read(&part.text);
    let kind = fields.get("feedback-type")?.to_ascii_lowercase();
    // RFC 5965, section 7.3; `not-spam` takes a complaint back, `auth-failure` is about somebody else's mail.
    if !matches!(kind.as_str(), "abuse" | "fraud" | "virus" | "other") {
        return None;
    }
    let address = fields.get("original-rcpt-to").map(bare_address);
    Some(Report { said: Said::Complained, code: format!("complaint_{kind}"), delivery, address })
}

fn status_notification(part: &Part, delivery: Option<String>) -> Option<Report> {
    // The first block is about the mail, each one after it about one recipient; ours has one.
    let (about_mail, mut rest) = Fields::read(&part.text);
    let mut fields = about_mail;
    while fields.get("action").is_none() && !rest.trim().is_empty() {
        let (next, after) = Fields::read(rest.trim_start_matches(['\r', '\n']));
        if next.is_empty() {
            return None;
        }
        (fields, rest) = (next, after);
    }
    let status = status_of(&fields)?;
    let (class, subject, detail) = status;
    let said = match fields.get("action")?.to_ascii_lowercase().as_str() {
        "failed" => Said::Bounced { hard: class == 5 && is_nobody(subject, detail) },
        "delayed" => Said::Delayed,
        "delivered" => Said::Delivered,
        // To somebody who tells no more, or to a list.
        "relayed" | "expanded" => return None,
        _ => return None,
    };
    let named = fields.get("original-recipient").or_else(|| fields.get("final-recipient"));
    let address =
        named.map(|named| bare_address(named.split_once(';').map_or(named, |(_, address)| address)));
    Some(Report { said, code: format!("dsn_{class}_{subject}_{detail}"), delivery, address })
}

/// RFC 3463: 5.1.x is the address, 5.2.1 a mailbox that was closed. A full mailbox or a filter is no reason never to
/// write again.
const fn is_nobody(subject: u16, detail: u16) -> bool {
    matches!((subject, detail), (1, 0 | 1 | 2 | 3 | 6 | 10) | (2, 1))
}

fn status_of(fields: &Fields) -> Option<(u16, u16, u16)> {
    let read = |text: &str| {
        let mut numbers = text.split('.').map(|number| number.parse::<u16>().ok().filter(|n| *n < 1_000));
        let status = (numbers.next()??, numbers.next()??, numbers.next()??);
        (matches!(status.0, 2 | 4 | 5) && numbers.next().is_none()).then_some(status)
    };
    let status = fields.get("status").and_then(|status| read(status.split_whitespace().next()?));
    // 5.0.0 says nothing; the server's own words may say more.
    let diagnostic = fields.get("diagnostic-code").unwrap_or("");
    let said = diagnostic.split_whitespace().find_map(read);
    match (status, said) {
        (Some((5, 0, 0)), Some(said)) => Some(said),
        (Some(status), _) => Some(status),
        (None, said) => said,
    }
}

/// The delivery that a mail of ours belongs to.
fn original_delivery(part: &Part) -> Option<String> {
    let (fields, _) = Fields::read(&part.text);
    delivery_of(fields.get("message-id")?)
}

/// What stands before the `@` of a `Message-ID`.
pub(super) fn delivery_of(id: &str) -> Option<String> {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let (delivery, _) = id.split_once('@')?;
    let is_ours = !delivery.is_empty()
        && delivery.len() <= 128
        && delivery.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    is_ours.then(|| delivery.to_owned())
}

fn bare_address(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

#[cfg(test)]
mod tests;
