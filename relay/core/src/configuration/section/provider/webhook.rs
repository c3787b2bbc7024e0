//! Calls to recipients' own URLs.

use crate::configuration::mistake::Found;
use crate::configuration::model::WebhookAccount;
use crate::configuration::reader::{Fields, Reader};

pub(super) const KEYS: [&str; 0] = [];

pub(super) fn account<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> Option<WebhookAccount> {
    if fields.get("password").is_none() {
        let what = "a provider of kind webhook needs `password`, the secret that signs its calls";
        reader.report(Found::new("missing_key", fields.owner, what));
        return None;
    }
    Some(WebhookAccount {})
}
