//! What a mail server or vendor has to tell of mails that it had taken: bounces, complaints, proofs of delivery.
//!
//! A report is about a delivery of ours, named by its `Message-ID`, which cannot be guessed. Its address is the one that
//! we wrote to, whatever the report says: reports are mails, and anybody can send one to where bounces go. Only our own
//! plain form, from somebody who has proven who they are, may name an address alone.

mod fields;
mod report;

use serde::Deserialize;
use serde_json::json;
use tidings_core::act::{Act, ConsentRequest, Report as Told, Unit};
use tidings_core::configuration::Basis;
use tidings_core::delivery::check_mailbox;
use tidings_core::model::{Collected, Delivery};
use tidings_core::ports::StopEntry;
use tidings_protocol::{Channel, Decision};

use self::report::{Report, Said};
use super::Inbound;
use crate::http::answer::Answered;
use crate::http::problem::Problem;

/// A report in our own plain form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    kind: Kind,
    message_id: Option<String>,
    delivery: Option<String>,
    address: Option<String>,
    /// Nobody is behind the address; for a bounce only.
    #[serde(default)]
    hard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Bounce,
    Complaint,
    Delivered,
}

/// Takes a call that was believed. What is no report, or of no mail of ours, is taken and has no effect: whoever pipes
/// mails here could do nothing with a refusal.
pub(super) async fn hear(inbound: &Inbound<'_>) -> Result<Answered, Box<Problem>> {
    let (report, proven) = match inbound.sent.media().as_str() {
        "message/rfc822" | "multipart/report" | "text/plain" => (report::read(&whole_mail(inbound)), false),
        _ => (Some(plain(inbound.sent.json()?)?), true),
    };
    let Some(report) = report else { return Ok(heard(None, None)) };
    let named = report.delivery.as_deref();
    let delivery = match named {
        Some(id) => inbound.app.ports.handovers.delivery(&inbound.project, id).await?,
        None => None,
    };
    let delivery = delivery.filter(|row| row.channel == Channel::Email);
    match (&delivery, &report.address) {
        (Some(row), _) => inbound.follow(row, &report).await?,
        (None, Some(address)) if proven && named.is_none() => inbound.stop_if_gone(address, &report).await?,
        (None, _) => return Ok(heard(None, None)),
    }
    Ok(heard(Some(report.said), delivery.as_ref()))
}

fn heard(said: Option<Said>, delivery: Option<&Delivery>) -> Answered {
    let word = said.map(|said| match said {
        Said::Bounced { .. } => "bounce",
        Said::Delayed => "delayed",
        Said::Delivered => "delivered",
        Said::Complained => "complaint",
    });
    let delivery = delivery.map(|row| &*row.id);
    Answered::ok(&json!({"heard": word, "delivery": delivery}))
}

/// The mail as text. One whose media type came as the call's own has its parts in the body and its boundary in the head.
fn whole_mail(inbound: &Inbound<'_>) -> String {
    let body = String::from_utf8_lossy(&inbound.sent.bytes);
    if inbound.sent.media() != "multipart/report" {
        return body.into_owned();
    }
    let media = inbound.sent.headers.get("content-type").and_then(|value| value.to_str().ok());
    format!("Content-Type: {}\n\n{body}", media.unwrap_or(""))
}

fn plain(plain: Plain) -> Result<Report, Box<Problem>> {
    let delivery = match (plain.delivery, plain.message_id) {
        (Some(delivery), _) => Some(delivery),
        (None, Some(id)) => Some(report::delivery_of(&id).ok_or_else(|| {
            Problem::invalid(
                "/message_id",
                "message_id is what the mail had as Message-ID, like <…@shop.example>.",
            )
        })?),
        (None, None) => None,
    };
    if let Some(address) = &plain.address {
        check_mailbox(address).map_err(|error| Problem::invalid("/address", error.to_string()))?;
    }
    if delivery.is_none() && plain.address.is_none() {
        let detail = "Say which mail: message_id, delivery, or at least the address.";
        return Err(Problem::invalid("", detail));
    }
    let (said, code) = match (plain.kind, plain.hard) {
        (Kind::Bounce, true) => (Said::Bounced { hard: true }, "bounce_hard"),
        // Not for good: it may still arrive.
        (Kind::Bounce, false) => (Said::Delayed, "bounce_soft"),
        (Kind::Complaint, _) => (Said::Complained, "complaint"),
        (Kind::Delivered, _) => (Said::Delivered, "delivered"),
    };
    Ok(Report { said, code: code.to_owned(), delivery, address: plain.address })
}

impl Inbound<'_> {
    async fn follow(&self, row: &Delivery, report: &Report) -> Result<(), Box<Problem>> {
        if let Some(address) = &row.address {
            self.stop_if_gone(address, report).await?;
        }
        let code: Box<str> = report.code.as_str().into();
        let told = match report.said {
            Said::Bounced { .. } => Told::Bounced(code),
            Said::Delayed => Told::Told(code),
            Said::Delivered => Told::Received,
            Said::Complained => {
                self.withdraw(row).await?;
                Told::Told(code)
            }
        };
        self.submit(Act::Report { delivery: row.id.clone(), report: told }).await
    }

    /// Never uses an address again at which nobody is, or whose owner calls our mails spam.
    async fn stop_if_gone(&self, address: &str, report: &Report) -> Result<(), Box<Problem>> {
        let reason = match report.said {
            Said::Bounced { hard: true } => format!("mail came back: {}", report.code),
            Said::Complained => "its owner called a mail of ours spam".to_owned(),
            Said::Bounced { hard: false } | Said::Delayed | Said::Delivered => return Ok(()),
        };
        if self.sandbox {
            return Ok(());
        }
        let now = self.app.now();
        let entry = StopEntry {
            id: uuid::Uuid::from_u128(self.app.node.ids.next(now)).to_string().into(),
            project: self.project.clone(),
            channel: Channel::Email,
            address: address.into(),
            reason: reason.into(),
            at: now,
        };
        self.app.ports.registry.put_stop_entry(&entry, true, None).await?;
        Ok(())
    }

    /// Whoever complains of a mail that rests on their consent takes it back.
    async fn withdraw(&self, row: &Delivery) -> Result<(), Box<Problem>> {
        let story = self.app.ports.stories.story(&self.project, &row.notification).await?;
        let Some(category) = story.map(|story| story.0.category) else { return Ok(()) };
        let configuration = self.app.live(&self.project).await?;
        let person = self.app.ports.consents.person(&row.person).await?;
        let state = person.consents.states.get(&(category.clone(), Channel::Email));
        let by_consent =
            configuration.categories.get(&category).is_some_and(|known| known.basis == Basis::Consent);
        let withdrawn = state.is_some_and(|state| state.decision == Decision::Withdrawn);
        if !by_consent || withdrawn || !person.is_known() {
            return Ok(());
        }
        let request = ConsentRequest {
            recipient: row.person.recipient.clone(),
            decision: Decision::Withdrawn,
            category,
            channels: vec![Channel::Email],
            policy_version: None,
            text_shown: None,
            collected: Some(Collected {
                how: "complaint".into(),
                at: Some(self.app.now()),
                locale: None,
                by: Some(self.name.into()),
            }),
        };
        self.submit(Act::DecideConsent(Box::new(request))).await
    }

    async fn submit(&self, act: Act) -> Result<(), Box<Problem>> {
        let unit = Unit { project: self.project.clone(), sandbox: self.sandbox, repeat: None, act };
        self.app.writer.write(unit).await?.answer?;
        Ok(())
    }
}
