//! One mail: its parts, and the headers that programs read.
//!
//! Nothing that data can reach gets into a header with a line break or any other control character, and addresses are
//! checked once more.

use std::str::FromStr as _;

use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use tidings_core::configuration::SmtpAccount;
use tidings_core::delivery::{Form, Handover, Outcome, check_mailbox, split_sender};
use tidings_core::template::EmailContent;
use tidings_protocol::{Priority, ProjectId};

use super::words;
use crate::channels::Links;
use crate::channels::counted;

/// Who sends.
#[derive(Debug)]
pub(super) struct Sender {
    from: Mailbox,
    envelope: Address,
    /// Behind the `@` of `Message-ID` and `List-Id`.
    domain: String,
    /// In `Feedback-ID`.
    project: String,
}

impl Sender {
    /// None if the document's sender is no address.
    pub(super) fn new(account: &SmtpAccount, project: &ProjectId) -> Option<Self> {
        let (name, address) = split_sender(&account.from).ok()?;
        let address = to_address(address).ok()?;
        let envelope = match &account.bounces {
            Some(bounces) => to_address(bounces).ok()?,
            None => address.clone(),
        };
        let domain = address.domain().to_owned();
        let project = token(project.as_str());
        Some(Self { from: Mailbox::new(name.map(one_line), address), envelope, domain, project })
    }
}

/// A mail that can be sent.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) envelope_from: Address,
    pub(super) to: Address,
    /// The `Message-ID` without its brackets.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// # Errors
/// An address that is none, or words of another channel.
pub(super) fn mail(sender: &Sender, handover: &Handover, links: &Links) -> Result<Mail, Outcome> {
    let Form::Email(content) = &handover.form else {
        return Err(Outcome::Permanent { code: "no_mail".into() });
    };
    let gone = || Outcome::AddressGone { code: "no_address".into() };
    check_mailbox(&handover.address).map_err(|_| gone())?;
    let to = to_address(&handover.address).map_err(|_| gone())?;
    let id = format!("{}@{}", token(&handover.delivery), sender.domain);
    let mut builder = Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&content.subject))
        .date_now()
        .message_id(Some(format!("<{id}>")));
    for (name, value) in headers(sender, handover, links) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    let message = match html_part(content, handover, links) {
        Some(html) => {
            let plain = SinglePart::plain(text_part(content, handover, links));
            builder.multipart(MultiPart::alternative().singlepart(plain).singlepart(SinglePart::html(html)))
        }
        None => builder.singlepart(SinglePart::plain(text_part(content, handover, links))),
    };
    let message = message.map_err(|_| Outcome::Permanent { code: "not_composed".into() })?;
    Ok(Mail { envelope_from: sender.envelope.clone(), to, id, bytes: message.formatted() })
}

fn headers(sender: &Sender, handover: &Handover, links: &Links) -> Vec<(&'static str, String)> {
    let category = token(handover.category.as_str());
    // RFC 2919, section 3: a name for people before the id.
    let list = format!("{} <{category}.{}>", one_line(&phrase(&handover.category_name)), sender.domain);
    let mut headers = vec![
        ("List-Id", list),
        // RFC 3834: nobody's holiday notice answers this.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("Feedback-ID", format!("{category}:{}:{}:tidings", token(handover.legal.as_str()), sender.project)),
    ];
    if is_language(&handover.locale) {
        headers.push(("Content-Language", handover.locale.to_string()));
    }
    if matches!(handover.priority, Priority::Urgent) {
        headers.push(("Importance", "high".to_owned()));
    }
    if let Some(url) = &links.unsubscribe {
        // RFC 8058: one click, which is a POST with this body.
        headers.push(("List-Unsubscribe", format!("<{}>", one_line(url).replace(['<', '>', ' '], ""))));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    headers
}

fn text_part(content: &EmailContent, handover: &Handover, links: &Links) -> String {
    match &links.unsubscribe {
        Some(url) => format!("{}\n\n-- \n{}: {url}\n", content.text.trim_end(), words::unsubscribe(handover)),
        None => content.text.clone(),
    }
}

fn html_part(content: &EmailContent, handover: &Handover, links: &Links) -> Option<String> {
    let html = counted::with_counted_links(content.html.as_deref()?, links);
    let mut end = String::new();
    if let Some(url) = &links.unsubscribe {
        end.push_str(&format!(
            "<p style=\"margin:0;padding:8px 24px 32px;text-align:center;font:13px/20px -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#6b6b64\"><a href=\"{}\" style=\"color:#6b6b64;text-decoration:underline\">{}</a></p>",
            escaped(url),
            escaped(&words::unsubscribe(handover)),
        ));
    }
    if let Some(url) = &links.opened {
        end.push_str(&format!(
            "<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0\">",
            escaped(url)
        ));
    }
    let lower = html.to_ascii_lowercase();
    if !lower.contains("<html") {
        let (language, title) = (escaped(&handover.locale), escaped(&content.subject));
        return Some(format!(
            "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head><body>{html}{end}</body></html>"
        ));
    }
    let at = lower.rfind("</body").or_else(|| lower.rfind("</html")).unwrap_or(html.len());
    Some(format!("{}{end}{}", &html[..at], &html[at..]))
}

/// An address with its domain as the protocol wants it.
fn to_address(address: &str) -> Result<Address, AddressError> {
    let (local, domain) = address.rsplit_once('@').ok_or(AddressError::MissingParts)?;
    let domain = url::Host::parse(domain).map_err(|_| AddressError::InvalidDomain)?;
    Address::from_str(&format!("{local}@{domain}"))
}

/// A text as it may stand in a header.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name in front of an id in angle brackets.
fn phrase(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ') || !name.is_ascii() {
        return name.replace(['<', '>'], "");
    }
    format!("\"{}\"", name.replace(['"', '\\', '<', '>'], ""))
}

/// An id as it may stand in a `Message-ID` or a name of labels.
fn token(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect()
}

fn is_language(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
