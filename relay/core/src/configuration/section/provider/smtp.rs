//! A mail server.

use super::text;
use crate::configuration::mistake::Found;
use crate::configuration::model::{SmtpAccount, SmtpTls};
use crate::configuration::node::Node;
use crate::configuration::reader::{Fields, Reader};
use crate::delivery::{check_mailbox, split_sender};

pub(super) const KEYS: [&str; 6] = ["host", "port", "tls", "user", "from", "bounces"];

const TLS: [(&str, SmtpTls); 3] =
    [("starttls", SmtpTls::StartTls), ("implicit", SmtpTls::Implicit), ("none", SmtpTls::None)];

pub(super) fn account<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<SmtpAccount> {
    let host = fields.required(reader, "host", text);
    let port = fields.optional(reader, "port", |reader, node| reader.integer(node, 1, u32::from(u16::MAX)));
    let port = port.and_then(|port| u16::try_from(port).ok());
    let tls = fields.optional(reader, "tls", |reader, node| reader.word(node, "unknown_word", &TLS));
    let tls = tls.unwrap_or(if port == Some(SmtpTls::Implicit.port()) {
        SmtpTls::Implicit
    } else {
        SmtpTls::StartTls
    });
    let user = fields.optional(reader, "user", text);
    let from = fields.required(reader, "from", sender);
    let bounces = fields.optional(reader, "bounces", address);
    check_login(reader, fields, tls);
    Some(SmtpAccount { host: host?, port: port.unwrap_or(tls.port()), tls, user, from: from?, bounces })
}

/// An account is a name and a password, and a password is not sent in plain text.
fn check_login(reader: &mut Reader<'_>, fields: &Fields<'_>, tls: SmtpTls) {
    match (fields.get("user"), fields.get("password")) {
        (Some(_), None) => {
            let what = "a provider of kind smtp with `user` needs `password`";
            reader.report(Found::new("missing_key", fields.owner, what));
        }
        (None, Some(_)) => {
            let what = "a provider of kind smtp with `password` needs `user`";
            reader.report(Found::new("missing_key", fields.owner, what));
        }
        (Some(_), Some(_)) if tls == SmtpTls::None => {
            let place = fields.get("tls").map_or(fields.owner, |entry| entry.node.place);
            let found =
                Found::new("insecure", place, "a password is not sent over a connection in plain text");
            reader.report(found.expected("`starttls` or `implicit`, or no `user` and `password`"));
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
}

/// Reads `Name <address>`.
fn sender<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    let words = reader.words(node)?;
    match split_sender(words) {
        Ok(_) => Some(words.to_owned()),
        Err(error) => {
            let found = Found::new("bad_address", node.place, error.to_string());
            reader.report(found.expected("a sender like `Shop <hi@shop.example>`"));
            None
        }
    }
}

/// Reads a mail address.
fn address<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    let words = reader.words(node)?;
    match check_mailbox(words) {
        Ok(()) => Some(words.to_owned()),
        Err(error) => {
            reader.report(Found::new("bad_address", node.place, error.to_string()));
            None
        }
    }
}
