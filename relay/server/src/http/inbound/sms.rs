//! What an SMS vendor has to tell: what people answer, and what became of what was sent.

mod report;
mod signature;

use std::sync::Arc;

use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tidings_core::act::{Act, Answer, Refusal, Render, RepeatKey, SmsAnswer, SmsGiveBack, Unit};
use tidings_core::configuration::Account;
use tidings_core::configuration::http::{HttpAccount, Signature};
use tidings_core::flows::owners_of;
use tidings_core::model::PersonKey;
use tidings_core::ports::StoreError;
use tidings_core::sms::{self, SmsWord};
use tidings_protocol::Channel;

use super::Inbound;
use crate::http::answer::Answered;
use crate::http::problem::Problem;

/// Entries of a ledger that are read at a time.
const PAGE: usize = 500;
/// The route, as repetitions of a call are kept under it.
const ROUTE: &str = "inbound sms";

/// Takes a call that was believed.
pub(super) async fn hear(inbound: &Inbound<'_>) -> Result<Answered, Box<Problem>> {
    let account = account(inbound)?;
    let told = Told::read(inbound)?;
    if let Some(status) = told.text(&account.hears.status) {
        let id = told.field(&account.hears.id, "id")?;
        let error = account.hears.error.as_ref().and_then(|pointer| told.text(pointer));
        let state = report::take(inbound, account, &id, &status, error).await?;
        return Ok(answered(account, &json!({"heard": "report", "state": state})));
    }
    let from = told.field(&account.hears.from, "from")?;
    let words = told.text(&account.hears.text).unwrap_or_default();
    let (Some(number), Some(word)) = (sms::number_of(&from), SmsWord::of(&words)) else {
        return Ok(answered(account, &json!({"heard": null, "recipients": 0})));
    };
    let id = told.text(&account.hears.id);
    let decided = decide(inbound, &number, word, id.as_deref()).await?;
    Ok(answered(account, &decided))
}

/// Vendors that would read an answer as one to the person get none.
fn answered(account: &HttpAccount, body: &Value) -> Answered {
    match account.hears.signature {
        Some(Signature::Twilio) => Answered::nothing(),
        Some(Signature::Vonage) | None => Answered::new(StatusCode::OK, body),
    }
}

fn account<'i>(inbound: &'i Inbound<'_>) -> Result<&'i HttpAccount, Box<Problem>> {
    match &inbound.settings.account {
        Account::Http(account) => Ok(account),
        Account::Smtp(_) | Account::Webhook(_) | Account::Webpush(_) | Account::Fcm(_) | Account::Apns(_) => {
            Err(Problem::invalid("", "This provider is of no kind that hears text messages."))
        }
    }
}

/// The fields of a call, whatever their form.
struct Told(Value);

impl Told {
    fn read(inbound: &Inbound<'_>) -> Result<Self, Box<Problem>> {
        if inbound.sent.media() != "application/x-www-form-urlencoded" {
            return inbound.sent.value().map(Self);
        }
        let fields = url::form_urlencoded::parse(&inbound.sent.bytes);
        let fields: Map<String, Value> =
            fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
        Ok(Self(fields.into()))
    }

    /// The same, where there must be one.
    fn field(&self, pointer: &str, what: &str) -> Result<String, Box<Problem>> {
        let detail = || {
            format!("There is nothing at {pointer}: `inbound.{what}` of the provider says where it stands.")
        };
        self.text(pointer).ok_or_else(|| Problem::invalid(pointer, detail()))
    }

    /// A text or number at a pointer; an empty one is none.
    fn text(&self, pointer: &str) -> Option<String> {
        match self.0.pointer(pointer)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Has a word written into the ledgers, once for each of the vendor's ids.
async fn decide(
    inbound: &Inbound<'_>,
    number: &str,
    word: SmsWord,
    id: Option<&str>,
) -> Result<Value, Box<Problem>> {
    let give_back = match word {
        SmsWord::Stop => Vec::new(),
        SmsWord::Start => taken(inbound, number).await?,
    };
    let heard = SmsAnswer { number: number.into(), provider: inbound.name.into(), word, give_back };
    let body = move |answer: &Answer| {
        let Answer::SmsHeard { recipients, decisions, too_late } = answer else { return Value::Null };
        json!({"heard": word.as_str(), "recipients": recipients, "decisions": decisions, "too_late": too_late})
    };
    let repeat = id.map(|id| RepeatKey {
        route: ROUTE.into(),
        key: hex(&[inbound.name, id]).into(),
        fingerprint: hash(&[number, word.as_str()]),
        render: Render(Arc::new(move |answer| (StatusCode::OK.as_u16(), body(answer).to_string().into()))),
    });
    let act = Act::HearSms(Box::new(heard));
    let unit = Unit { project: inbound.project.clone(), sandbox: inbound.sandbox, repeat, act };
    let settled = inbound.app.writer.write(unit).await?;
    if let Some((_, body)) = settled.replay {
        return Ok(serde_json::from_str(&body).unwrap_or(Value::Null));
    }
    match settled.answer {
        Ok(answer) => Ok(body(&answer)),
        // The vendor uses an id twice for two answers: there is nothing that it could do about it.
        Err(Refusal::RepeatMismatch) => Ok(json!({"heard": null, "recipients": 0})),
        Err(refusal) => Err(refusal.into()),
    }
}

/// What the ledgers of all who have the number say that a `STOP` took. The act looks whether it still stands.
async fn taken(inbound: &Inbound<'_>, number: &str) -> Result<Vec<SmsGiveBack>, StoreError> {
    let mut give_back = Vec::new();
    for person in owners_of(&inbound.app.node, &inbound.project, Channel::Sms, number).await? {
        let taken = chain(inbound, &person).await?.taken();
        let of = |taken| SmsGiveBack { recipient: person.recipient.clone(), taken };
        give_back.extend(taken.into_iter().map(of));
    }
    Ok(give_back)
}

async fn chain(inbound: &Inbound<'_>, person: &PersonKey) -> Result<sms::Chain, StoreError> {
    let (mut chain, mut after) = (sms::Chain::default(), 0);
    loop {
        let page = inbound.app.ports.consents.consent_entries(person, after, PAGE).await?;
        page.iter().for_each(|entry| chain.follow(entry));
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.number,
            Some(_) | None => return Ok(chain),
        }
    }
}

/// Whether the vendor signed it.
pub(super) async fn is_signed(inbound: &Inbound<'_>) -> Result<bool, Box<Problem>> {
    let Account::Http(account) = &inbound.settings.account else { return Ok(false) };
    let Some(signature) = account.hears.signature else { return Ok(false) };
    // Twilio signs with the account's own token unless the document names another secret for it.
    let name = inbound.settings.inbound.as_ref().or(match signature {
        Signature::Twilio => inbound.settings.password.as_ref(),
        Signature::Vonage => None,
    });
    let Some(secret) = inbound.secret(name).await? else { return Ok(false) };
    let secret = secret.expose_secret().as_bytes();
    Ok(match signature {
        Signature::Twilio => {
            let url = format!("{}{}", inbound.app.public_url, inbound.sent.path_and_query());
            signature::twilio(secret, &url, &inbound.sent.headers, &inbound.sent.bytes)
        }
        Signature::Vonage => {
            signature::vonage(secret, inbound.app.now(), &inbound.sent.headers, &inbound.sent.bytes)
        }
    })
}

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(parts: &[&str]) -> String {
    hash(parts).iter().map(|byte| format!("{byte:02x}")).collect()
}
