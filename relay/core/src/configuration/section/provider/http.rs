//! A vendor's HTTP interface.

use tidings_protocol::Channel;

use super::text;
use crate::configuration::mistake::Found;
use crate::configuration::model::HttpAccount;
use crate::configuration::reader::{Fields, Reader};

pub(super) const SERVES: &[Channel] = &[Channel::Push, Channel::Email, Channel::Sms, Channel::Webhook];
pub(super) const KEYS: [&str; 4] = ["preset", "url", "user", "from"];

pub(super) fn account<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<HttpAccount> {
    let preset = fields.optional(reader, "preset", text);
    let url = fields.optional(reader, "url", Reader::url);
    let user = fields.optional(reader, "user", text);
    let from = fields.optional(reader, "from", text);
    if fields.get("preset").is_none() && fields.get("url").is_none() {
        let what = "a provider of kind http needs `preset` or `url`";
        reader.report(Found::new("missing_key", fields.owner, what));
    }
    Some(HttpAccount { preset, url, user, from })
}
