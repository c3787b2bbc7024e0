//! How a vendor's own calls are believed and read.

use super::call::{pointer, words};
use crate::configuration::model::SecretName;
use crate::configuration::model::http::{Hears, Signature};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::{Fields, Reader};
use crate::configuration::values::secret_name;

const KEYS: [&str; 9] =
    ["secret", "signature", "from", "text", "id", "status", "error", "delivered", "failed"];

/// Reads `inbound`, over what the preset says.
pub(super) fn inbound<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
    before: Hears,
) -> Option<(Hears, Option<SecretName>)> {
    let fields = reader.fields(node, owner, "`inbound`", &KEYS)?;
    let secret = fields.optional(reader, "secret", secret_name);
    let signatures = [("twilio", Signature::Twilio), ("vonage", Signature::Vonage)];
    let signature =
        fields.optional(reader, "signature", |reader, node| reader.word(node, "unknown_word", &signatures));
    let mut read = |key: &str| fields.optional(reader, key, pointer);
    let (from, text, id) = (read("from"), read("text"), read("id"));
    let (status, error) = (read("status"), read("error"));
    let hears = Hears {
        signature: signature.or(before.signature),
        from: from.unwrap_or(before.from),
        text: text.unwrap_or(before.text),
        id: id.unwrap_or(before.id),
        status: status.unwrap_or(before.status),
        error: error.or(before.error),
        delivered: statuses(reader, &fields, "delivered").unwrap_or(before.delivered),
        failed: statuses(reader, &fields, "failed").unwrap_or(before.failed),
    };
    Some((hears, secret))
}

fn statuses<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>, key: &str) -> Option<Vec<String>> {
    fields.optional(reader, key, |reader, node| words(reader, node, "statuses"))
}
