//! A mail server.

use super::text;
use crate::configuration::model::SmtpAccount;
use crate::configuration::reader::{Fields, Reader};

pub(super) const KEYS: [&str; 4] = ["host", "port", "user", "from"];

pub(super) fn account<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<SmtpAccount> {
    let host = fields.required(reader, "host", text);
    let port = fields.optional(reader, "port", |reader, node| reader.integer(node, 1, u32::from(u16::MAX)));
    let user = fields.optional(reader, "user", text);
    let from = fields.required(reader, "from", text);
    Some(SmtpAccount { host: host?, port: port.and_then(|port| u16::try_from(port).ok()), user, from: from? })
}
