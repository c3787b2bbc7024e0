//! The receipt of a decision: the fields of ISO/IEC TS 27560 as far as the relay knows them, and the same signed.

use serde_json::{Value, json};
use tidings_core::model::{ConsentEntry, PersonKey};
use tidings_protocol::Decision;

use crate::app::App;
use crate::http::problem::Problem;

const SCHEMA_VERSION: &str = "ISO/IEC TS 27560:2023";
/// The `typ` of the JWS: it is no access token, and none can be taken for it.
const KIND: &str = "consent-receipt+jwt";

pub(crate) async fn receipt(
    app: &App,
    person: &PersonKey,
    row: &ConsentEntry,
) -> Result<Value, Box<Problem>> {
    let configuration = app.live(&person.project).await?;
    let personal = row.personal.as_ref();
    let collected = personal.and_then(|personal| personal.collected.as_ref());
    let decision = match row.decision {
        Decision::Granted => "given",
        Decision::Refused => "refused",
        Decision::Withdrawn => "withdrawn",
    };
    let category = configuration.categories.get(&row.category);
    let policy = configuration.policy.as_ref();
    let fields = json!({
        "schema_version": SCHEMA_VERSION,
        "record_id": row.id,
        "receipt_id": row.id,
        "timestamp": row.at,
        "language": collected.and_then(|collected| collected.locale.as_deref()),
        "pii_principal_id": person.recipient,
        "pii_controllers": [{"name": configuration.project.name, "project": person.project}],
        "privacy_notice": {
            "version": row.policy_version,
            "url": policy.and_then(|policy| policy.url.as_deref()),
            "text_shown": personal.and_then(|personal| personal.text_shown.as_deref()),
        },
        "collection": {
            "method": collected.map(|collected| &*collected.how),
            "at": collected.and_then(|collected| collected.at),
            "by": collected.and_then(|collected| collected.by.as_deref()),
        },
        "purposes": [{
            "purpose": row.category,
            "legal_class": category.map(|category| category.legal),
            "channels": row.channels,
            "consent_type": "explicit",
            "pii_categories": ["contact", "preference"],
            "sensitive": false,
            "third_party_disclosure": false,
            "termination": "withdrawal",
        }],
        "state": decision,
        "ledger": {
            "number": row.number,
            "commitment": row.commitment.to_string(),
            "previous": row.previous.to_string(),
            "hash": row.hash.to_string(),
        },
    });
    let jws = app.vault.sign(KIND, &fields);
    let mut receipt = fields;
    receipt["jws"] = jws.into();
    Ok(receipt)
}
