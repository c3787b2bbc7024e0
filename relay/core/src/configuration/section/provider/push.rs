//! Push services: browsers', Google's, Apple's.

use super::text;
use crate::configuration::mistake::Found;
use crate::configuration::model::{ApnsAccount, FcmAccount, WebpushAccount};
use crate::configuration::reader::{Fields, Reader};

pub(super) const WEBPUSH_KEYS: [&str; 1] = ["contact"];
pub(super) const FCM_KEYS: [&str; 0] = [];
pub(super) const APNS_KEYS: [&str; 3] = ["key_id", "team_id", "topic"];

pub(super) fn webpush<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> WebpushAccount {
    WebpushAccount { contact: fields.optional(reader, "contact", text) }
}

pub(super) fn fcm<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<FcmAccount> {
    needs_password(reader, fields, "a provider of kind fcm needs `password`, the service account's JSON file")
        .then_some(FcmAccount {})
}

pub(super) fn apns<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<ApnsAccount> {
    let has_key = needs_password(
        reader,
        fields,
        "a provider of kind apns needs `password`, the content of the .p8 key",
    );
    let key_id = fields.required(reader, "key_id", text);
    let team_id = fields.required(reader, "team_id", text);
    let topic = fields.required(reader, "topic", text);
    has_key.then_some(ApnsAccount { key_id: key_id?, team_id: team_id?, topic: topic? })
}

fn needs_password(reader: &mut Reader<'_>, fields: &Fields<'_>, what: &'static str) -> bool {
    let there = fields.get("password").is_some();
    if !there {
        reader.report(Found::new("missing_key", fields.owner, what));
    }
    there
}
