//! Calls to a recipient's own URL, signed as Standard Webhooks say.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tidings_core::configuration::WebhookAccount;
use tidings_core::delivery::{Form, Handover, Outcome, WebhookForm};
use tidings_protocol::Span;
use url::Url;

use super::call::{Failure, retry_after, wall_clock};
use super::signing::SigningKeys;
use super::{Dialer, Links, Opening, Provider};

/// The largest body: the largest content of a notification and what is said around it.
const BODY_BYTES_MAX: usize = 64 << 10;

/// See the module.
#[derive(Debug)]
struct WebhookProvider {
    keys: SigningKeys,
    dialer: Arc<Dialer>,
}

/// Makes it ready.
pub(super) fn open(
    opening: &Opening<'_>,
    _account: &WebhookAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    let secret = opening.password.as_ref().ok_or("no_secret")?;
    Ok(Arc::new(WebhookProvider {
        keys: SigningKeys::of(secret)?,
        dialer: Arc::clone(&opening.outside.dialer),
    }))
}

#[async_trait]
impl Provider for WebhookProvider {
    async fn hand_over(&self, handover: &Handover, links: &Links) -> Outcome {
        let Form::Webhook(form) = &handover.form else { return permanent("wrong_form") };
        let (media, body) = match form {
            WebhookForm::Body(text) if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => {
                ("application/json", text.to_string())
            }
            WebhookForm::Body(text) => ("text/plain; charset=utf-8", text.to_string()),
            WebhookForm::Content(_) => ("application/json", content(handover, form, links).to_string()),
        };
        if body.len() > BODY_BYTES_MAX {
            return permanent("too_large");
        }
        let keys = Some(&self.keys);
        match post_signed(&self.dialer, &handover.address, keys, &handover.delivery, media, body).await {
            Ok((status, come_again)) => answered(status, come_again),
            // One receiver that is wrong says nothing of the others, and each takes the same `webhook-id` once.
            Err(Failure::NotPublic) => permanent(Failure::NotPublic.code()),
            Err(failure) => Outcome::transient(failure.code()),
        }
    }
}

/// Posts a body, signed by all keys that there are. Answers the status and when the receiver asks to come again; nothing
/// else of the answer is read.
pub(crate) async fn post_signed(
    dialer: &Dialer,
    address: &str,
    keys: Option<&SigningKeys>,
    id: &str,
    media: &'static str,
    body: String,
) -> Result<(u16, Option<Span>), Failure> {
    let url = Url::parse(address).map_err(|_| Failure::NotPublic)?;
    dialer.check(&url).map_err(|_| Failure::NotPublic)?;
    let now = wall_clock();
    let seconds = now.as_millis().div_euclid(1_000);
    let mut request = dialer
        .http()
        .post(url)
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header(CONTENT_TYPE, media);
    if let Some(keys) = keys {
        request = request.header("webhook-signature", keys.sign(id, seconds, body.as_bytes()));
    }
    let response = request.body(body).send().await.map_err(|error| Failure::of(&error))?;
    Ok((response.status().as_u16(), retry_after(response.headers(), now)))
}

/// What a status means. A receiver that is down, moved or misdeployed comes back; only what it says of this very body,
/// or of itself for ever, is final.
fn answered(status: u16, retry_after: Option<Span>) -> Outcome {
    let code = format!("http_{status}").into_boxed_str();
    match status {
        200..=299 => Outcome::accepted(None),
        410 => Outcome::AddressGone { code },
        400 | 413..=415 | 422 | 431 => Outcome::Permanent { code },
        // One URL of a server that answers says nothing of its others.
        _ => Outcome::AddressBusy { code, retry_after },
    }
}

/// What a receiver reads: `type`, `timestamp`, `data` as Standard Webhooks say, the notification's words among the data.
fn content(handover: &Handover, form: &WebhookForm, links: &Links) -> Value {
    let WebhookForm::Content(words) = form else { return Value::Null };
    let mut data = serde_json::to_value(&**words).expect("content is JSON");
    if let Value::Object(data) = &mut data {
        let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
        put("id", handover.notification.as_str().into());
        put("delivery", (&*handover.delivery).into());
        put("recipient", handover.recipient.as_str().into());
        put("category", handover.category.as_str().into());
        put("priority", handover.priority.as_str().into());
        put("needs_acknowledgement", handover.needs_acknowledgement.into());
        put("expires_at", json!(handover.expires_at));
        if let Some(collapse) = &handover.collapse {
            put("collapse", (&**collapse).into());
        }
        if let Some(unsubscribe) = &links.unsubscribe {
            put("unsubscribe", unsubscribe.as_str().into());
        }
    }
    json!({"type": "notification", "timestamp": handover.created_at, "data": data})
}

fn permanent(code: &str) -> Outcome {
    Outcome::Permanent { code: code.into() }
}

#[cfg(test)]
mod tests;
