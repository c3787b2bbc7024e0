//! Text messages by a vendor's HTTP interface, as the document or a preset describes it.

mod read;
mod render;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tidings_core::configuration::HttpAccount;
use tidings_core::configuration::http::Variable;
use tidings_core::delivery::{Form, Handover, Outcome};
use tidings_core::sms::{self, Fitted};
use tidings_protocol::LegalClass;

pub(crate) use self::read::code as vendor_code;
use self::render::Values;
use super::call::{self, Failure, retry_after, wall_clock};
use super::{Dialer, Links, Opening, Provider};

/// What of an answer is read: vendors say an id or a code.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// See the module.
#[derive(Debug)]
struct HttpProvider {
    account: HttpAccount,
    password: Option<SecretString>,
    /// Where the vendor may report to; empty if the relay is not reached over https.
    callback: String,
    dialer: Arc<Dialer>,
}

/// Makes it ready.
pub(super) fn open(opening: &Opening<'_>, account: &HttpAccount) -> Result<Arc<dyn Provider>, &'static str> {
    if account.url.is_none() {
        return Err("no_url");
    }
    if account.uses(Variable::Password) && opening.password.is_none() {
        return Err("no_secret");
    }
    let public = &opening.outside.public_url;
    let callback = if public.starts_with("https://") {
        format!("{public}/v1/inbound/{}?project={}", opening.name, opening.project)
    } else {
        String::new()
    };
    Ok(Arc::new(HttpProvider {
        account: account.clone(),
        password: opening.password.clone(),
        callback,
        dialer: Arc::clone(&opening.outside.dialer),
    }))
}

#[async_trait]
impl Provider for HttpProvider {
    async fn hand_over(&self, handover: &Handover, _links: &Links) -> Outcome {
        let Form::Sms(words) = &handover.form else { return permanent("wrong_form") };
        if words.trim().is_empty() {
            return permanent("empty_text");
        }
        if !sms::is_number(&handover.address) {
            return Outcome::AddressGone { code: "no_number".into() };
        }
        let way_out = (handover.legal == LegalClass::Marketing).then(|| sms::way_out(&handover.locale));
        let fitted = sms::fit(words, way_out, self.account.segments_max);
        if fitted.shortened {
            metrics::counter!("tidings_sms_shortened_total").increment(1);
        }
        self.call(handover, &fitted).await
    }
}

impl HttpProvider {
    async fn call(&self, handover: &Handover, fitted: &Fitted) -> Outcome {
        let values = self.values(handover, fitted);
        let url = match values.url(&self.account) {
            Ok(url) => url,
            Err(code) => return misconfigured(code),
        };
        if self.dialer.check(&url).is_err() {
            return misconfigured(Failure::NotPublic.code());
        }
        let request = values.request(self.dialer.http(), url, &self.account, self.password.as_ref());
        let sent = match request {
            Ok(request) => request.send().await,
            Err(code) => return misconfigured(code),
        };
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return self.failed(Failure::of(&error)),
        };
        let come_again = retry_after(response.headers(), wall_clock());
        let status = response.status().as_u16();
        let answer = &self.account.answer;
        if answer.id.is_none() && answer.error.is_none() {
            return read::outcome(answer, (status, come_again), b"", fitted.segments);
        }
        match call::body(&mut response, ANSWER_BYTES_MAX).await {
            Ok(body) => read::outcome(answer, (status, come_again), &body, fitted.segments),
            // The status alone says no; a yes whose rest is lost is not known.
            Err(_) if !(200..300).contains(&status) => call::refused(status, come_again),
            Err(failure) => self.failed(failure),
        }
    }

    fn values<'v>(&'v self, handover: &'v Handover, fitted: &'v Fitted) -> Values<'v> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
        let password = self.password.as_ref().map_or("", |secret| secret.expose_secret());
        let value = |variable| -> Cow<'v, str> {
            match variable {
                Variable::To => (&*handover.address).into(),
                Variable::ToDigits => handover.address.trim_start_matches('+').into(),
                Variable::From => text(&self.account.from),
                Variable::Text => fitted.text.as_str().into(),
                Variable::Key => (&*handover.key).into(),
                Variable::User => text(&self.account.user),
                Variable::Password => password.into(),
                Variable::Segments => fitted.segments.to_string().into(),
                Variable::Alphabet => fitted.alphabet.as_str().into(),
                Variable::Callback => self.callback.as_str().into(),
            }
        };
        Values(Variable::ALL.iter().map(|(_, variable)| (*variable, value(*variable))).collect())
    }

    /// What a call without an answer means.
    fn failed(&self, failure: Failure) -> Outcome {
        match failure {
            Failure::NotPublic | Failure::Certificate => misconfigured(failure.code()),
            Failure::Name | Failure::NotConnected => Outcome::transient(failure.code()),
            Failure::TimedOut | Failure::Broken if self.account.idempotent => {
                Outcome::transient(failure.code())
            }
            Failure::TimedOut | Failure::Broken => Outcome::Unknown { code: failure.code().into() },
        }
    }
}

fn permanent(code: &str) -> Outcome {
    Outcome::Permanent { code: code.into() }
}

fn misconfigured(code: &str) -> Outcome {
    Outcome::Misconfigured { code: code.into() }
}

#[cfg(test)]
mod tests;
