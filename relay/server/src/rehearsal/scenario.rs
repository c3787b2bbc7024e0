//! A scenario: lines of NDJSON, each with `at` and one of `recipient`, `consent`, `preference`, `event`, `receipt`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tidings_core::act::{
    Act, Answer, ConsentRequest, DeviceGreeting, EventAnswer, PreferenceChange, RecipientChange, Settled,
};
use tidings_core::model::Collected;
use tidings_core::ports::{InboxReader as _, NotificationFilter, StoryReader as _};
use tidings_protocol::http::{ConsentRequest as ConsentBody, EndpointRequest, PreferencesRequest};
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{
    Channel, DeviceId, DeviceReceipt, EventId, OperationId, RecipientId, Timestamp, TopicId,
};

use super::{Line, Rehearsal, RehearsalError};
use crate::http::event;

/// Lines of a scenario.
const SCENARIO_LINES_MAX: usize = 100_000;
/// After the last line time passes until nothing waits any more, but at most so long: 90 days, the longest hold.
const AFTERMATH_MILLIS: i64 = tidings_protocol::limits::HOLD_MILLIS_MAX;

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A line cannot be read.
    #[error("line {line}: {detail}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong and what was expected.
        detail: String,
    },
    /// There are too many lines.
    #[error("a scenario has at most {SCENARIO_LINES_MAX} lines, this one has {0}")]
    TooLong(usize),
    /// The rehearsal stopped.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
}

/// Lines in order of time.
#[derive(Debug)]
pub struct Scenario {
    lines: Vec<(usize, ScenarioLine)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioLine {
    at: Timestamp,
    #[serde(default)]
    recipient: Option<RecipientLine>,
    #[serde(default)]
    consent: Option<ConsentLine>,
    #[serde(default)]
    preference: Option<PreferenceLine>,
    #[serde(default)]
    event: Option<Value>,
    #[serde(default)]
    receipt: Option<ReceiptLine>,
}

/// A recipient as `PUT /v1/recipients/{id}` takes it, with its id and topics.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientLine {
    id: RecipientId,
    #[serde(default)]
    time_zone: Option<Box<str>>,
    #[serde(default)]
    locale: Option<Box<str>>,
    #[serde(default)]
    attributes: Option<Value>,
    #[serde(default)]
    topics: Vec<TopicId>,
    /// By channel, as `PUT …/endpoints/{channel}` takes them; or a list of them, each with its channel.
    #[serde(default)]
    endpoints: EndpointLines,
}

/// The addresses of a recipient line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum EndpointLines {
    Named(BTreeMap<Channel, EndpointRequest>),
    Listed(Vec<EndpointRequest>),
}

impl Default for EndpointLines {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl EndpointLines {
    fn each(&self) -> Result<Vec<(Channel, &EndpointRequest)>, Trouble> {
        match self {
            Self::Named(named) => Ok(named.iter().map(|(channel, one)| (*channel, one)).collect()),
            Self::Listed(listed) => {
                let nameless = || Trouble::Told("each of endpoints names its channel".to_owned());
                listed.iter().map(|one| Ok((one.channel.ok_or_else(nameless)?, one))).collect()
            }
        }
    }
}

/// A decision as `POST …/consent` takes it, with its recipient.
#[derive(Debug, Deserialize)]
struct ConsentLine {
    recipient: RecipientId,
    #[serde(flatten)]
    body: BTreeMap<String, Value>,
}

/// Preferences as `PUT …/preferences` takes them, with their recipient.
#[derive(Debug, Deserialize)]
struct PreferenceLine {
    recipient: RecipientId,
    #[serde(flatten)]
    body: BTreeMap<String, Value>,
}

/// What a device of the recipient tells about the latest notification that fits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptLine {
    recipient: RecipientId,
    /// `received`, `displayed`, `read`, `clicked`, `acted`, `acknowledged` or `dismissed`.
    receipt: String,
    /// The backend's id of the event; absent: any.
    #[serde(default)]
    event: Option<String>,
    /// Absent: any.
    #[serde(default)]
    rule: Option<String>,
    /// With `acted`.
    #[serde(default)]
    action: Option<String>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError::Line`] for the first line that cannot be read, or whose time is before the line above.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let mut lines: Vec<(usize, ScenarioLine)> = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = index + 1;
            let fail = |detail: String| ScenarioError::Line { line: number, detail };
            let read: ScenarioLine = serde_json::from_str(line).map_err(|error| fail(error.to_string()))?;
            let given = [
                read.recipient.is_some(),
                read.consent.is_some(),
                read.preference.is_some(),
                read.event.is_some(),
                read.receipt.is_some(),
            ];
            if given.iter().filter(|given| **given).count() != 1 {
                return Err(fail(
                    "write exactly one of recipient, consent, preference, event, receipt".to_owned(),
                ));
            }
            if lines.last().is_some_and(|(_, above)| above.at > read.at) {
                return Err(fail(format!(
                    "{} is before the line above: put the lines in order of time",
                    read.at
                )));
            }
            lines.push((number, read));
        }
        if lines.len() > SCENARIO_LINES_MAX {
            return Err(ScenarioError::TooLong(lines.len()));
        }
        Ok(Self { lines })
    }

    /// When it begins; none if it has no line.
    #[must_use]
    pub fn begins(&self) -> Option<Timestamp> {
        self.lines.first().map(|(_, line)| line.at)
    }

    /// Plays every line, then lets time pass until nothing waits. Answers what would have happened, in order of time.
    ///
    /// # Errors
    /// [`ScenarioError`] names the line that cannot be played.
    pub async fn play(&self, rehearsal: &Rehearsal) -> Result<Vec<Line>, ScenarioError> {
        let mut lines = Vec::new();
        for (number, line) in &self.lines {
            rehearsal.run_until(line.at).await?;
            let fail = |detail: String| ScenarioError::Line { line: *number, detail };
            let told = play_line(rehearsal, line).await.map_err(|problem| match problem {
                Trouble::Told(detail) => fail(detail),
                Trouble::Stopped(error) => ScenarioError::Rehearsal(error),
            })?;
            lines.extend(told);
        }
        rehearsal.run_until(rehearsal.now().plus_millis(AFTERMATH_MILLIS)).await?;
        lines.extend(lines_of(rehearsal).await?);
        lines.sort_by(|a, b| (a.at, &a.recipient, &a.rule).cmp(&(b.at, &b.recipient, &b.rule)));
        Ok(lines)
    }
}

enum Trouble {
    Told(String),
    Stopped(RehearsalError),
}

impl From<RehearsalError> for Trouble {
    fn from(error: RehearsalError) -> Self {
        Self::Stopped(error)
    }
}

fn taken(settled: Settled) -> Result<Answer, Trouble> {
    settled.answer.map_err(|refusal| Trouble::Told(refusal.to_string()))
}

/// Plays a line. Answers what it alone can tell: what an event fired no rule for.
async fn play_line(rehearsal: &Rehearsal, line: &ScenarioLine) -> Result<Vec<Line>, Trouble> {
    let mut lines = Vec::new();
    if let Some(recipient) = &line.recipient {
        put_recipient(rehearsal, recipient).await?;
    }
    if let Some(consent) = &line.consent {
        let body: ConsentBody = of_body(&consent.body)?;
        taken(rehearsal.act(Act::DecideConsent(Box::new(consent_of(&consent.recipient, body)))).await)?;
    }
    if let Some(preference) = &line.preference {
        let body: PreferencesRequest = of_body(&preference.body)?;
        let change = PreferenceChange {
            recipient: Some(preference.recipient.clone()),
            choices: body
                .categories
                .into_iter()
                .flat_map(|(category, channels)| {
                    channels.into_iter().map(move |(channel, chosen)| ((category.clone(), channel), chosen))
                })
                .collect(),
            quiet_hours: preference.body.contains_key("quiet_hours").then_some(body.quiet_hours),
            paused_until: preference.body.contains_key("paused_until").then_some(body.paused_until),
            profiling: body.profiling,
            replace: false,
        };
        taken(rehearsal.act(Act::PutPreferences(Box::new(change))).await)?;
    }
    if let Some(value) = &line.event {
        let body = event::read::plain(value.clone(), rehearsal.now())
            .map_err(|problem| Trouble::Told(problem.detail.clone()))?;
        let (name, recipient) = (body.external_id.clone(), body.recipient.clone());
        if let Answer::Events(answers) = taken(rehearsal.event(body).await)?
            && let Some(answer) = answers.first()
        {
            let id = match answer {
                EventAnswer::Refused(refusal) => return Err(Trouble::Told(refusal.to_string())),
                EventAnswer::Accepted { event, .. } | EventAnswer::Duplicate { event } => event,
            };
            let name = name.as_deref().unwrap_or(id.as_str());
            let recipient = recipient.as_ref().map(RecipientId::as_str);
            lines = Line::of_event(name, rehearsal.now(), recipient, answer);
        }
    }
    if let Some(receipt) = &line.receipt {
        tell_receipt(rehearsal, receipt).await?;
    }
    Ok(lines)
}

fn of_body<T: for<'de> Deserialize<'de>>(body: &BTreeMap<String, Value>) -> Result<T, Trouble> {
    let value = Value::Object(body.clone().into_iter().collect());
    serde_json::from_value(value).map_err(|error| Trouble::Told(error.to_string()))
}

fn consent_of(recipient: &RecipientId, body: ConsentBody) -> ConsentRequest {
    ConsentRequest {
        recipient: recipient.clone(),
        decision: body.decision,
        category: body.category,
        channels: body.channels,
        policy_version: body.policy_version.map(Into::into),
        text_shown: body.text_shown.map(Into::into),
        collected: body.collected.map(|collected| Collected {
            how: collected.how.into(),
            at: collected.at,
            locale: collected.locale.map(Into::into),
            by: collected.by.map(Into::into),
        }),
    }
}

async fn put_recipient(rehearsal: &Rehearsal, line: &RecipientLine) -> Result<(), Trouble> {
    let change = RecipientChange {
        recipient: Some(line.id.clone()),
        replace: true,
        time_zone: Some(line.time_zone.clone()),
        locale: Some(line.locale.clone()),
        attributes: line.attributes.clone(),
        if_revision: None,
    };
    taken(rehearsal.act(Act::PutRecipient(Box::new(change))).await)?;
    for (channel, endpoint) in line.endpoints.each()? {
        let address = Some((endpoint.address.as_str().into(), endpoint.verified));
        let act = Act::PutEndpoint { recipient: line.id.clone(), channel, address };
        taken(rehearsal.act(act).await)?;
    }
    for topic in &line.topics {
        let act = Act::PutMembership { recipient: line.id.clone(), topic: topic.clone(), member: true };
        taken(rehearsal.act(act).await)?;
    }
    Ok(())
}

async fn tell_receipt(rehearsal: &Rehearsal, line: &ReceiptLine) -> Result<(), Trouble> {
    let device = DeviceId::new("scenario").expect("a word is an id");
    let greeting = DeviceGreeting {
        id: device.clone(),
        platform: "scenario".into(),
        nonce: Box::default(),
        understands: Vec::new(),
        cursor: None,
    };
    let greet = Act::Greet {
        recipient: line.recipient.clone(),
        device: Box::new(greeting),
        token_issued_at: rehearsal.now(),
    };
    taken(rehearsal.act(greet).await)?;
    let request = request_of(rehearsal, line).await?;
    let id =
        OperationId::new(format!("scenario-{}", rehearsal.now().as_millis())).expect("a number is an id");
    let operation = Operation { id, at: Some(rehearsal.now()), request };
    let act = Act::Operate {
        recipient: line.recipient.clone(),
        device,
        sent: None,
        operations: vec![Ok(operation)],
    };
    match taken(rehearsal.act(act).await)? {
        Answer::Operated(answered) => {
            answered.refused.into_iter().next().map_or(Ok(()), |refused| Err(Trouble::Told(refused.detail)))
        }
        Answer::Events(_)
        | Answer::Sent { .. }
        | Answer::Recipient { .. }
        | Answer::Erased(_)
        | Answer::Consent { .. }
        | Answer::Notification { .. }
        | Answer::Delivery { .. }
        | Answer::SmsHeard { .. }
        | Answer::Handover(_)
        | Answer::SendStopped { .. }
        | Answer::Greeted { .. }
        | Answer::Done => Ok(()),
    }
}

async fn request_of(rehearsal: &Rehearsal, line: &ReceiptLine) -> Result<Request, Trouble> {
    let person = rehearsal.person(&line.recipient);
    if line.receipt == "received" {
        let page = rehearsal.store().page(&person, None, 1).await.map_err(RehearsalError::from)?;
        let inbox =
            page.person.inbox.ok_or_else(|| Trouble::Told(format!("{} has no inbox", line.recipient)))?;
        return Ok(Request::Held { cursor: inbox.cursor(inbox.seq) });
    }
    let receipt: DeviceReceipt = line
        .receipt
        .parse()
        .map_err(|error: tidings_protocol::vocabulary::UnknownWord| Trouble::Told(error.to_string()))?;
    let filter = NotificationFilter {
        recipient: Some(line.recipient.clone()),
        limit: usize::MAX,
        ..NotificationFilter::default()
    };
    let rows = rehearsal.store().notifications(rehearsal.project(), &filter).await;
    let mut fits = None;
    // Newest first: the first that fits is the latest.
    for row in rows.map_err(RehearsalError::from)? {
        let of_rule = line.rule.is_none() || row.cause.rule.as_ref().map(ToString::to_string) == line.rule;
        let of_event = match &line.event {
            None => true,
            Some(wanted) => event_name(rehearsal, &row.cause.event).await? == *wanted,
        };
        if row.person == person && of_rule && of_event && row.created_seq.is_some() {
            fits = Some(row.id);
            break;
        }
    }
    let notification = fits.ok_or_else(|| {
        Trouble::Told(format!(
            "{} has no notification in the inbox that this receipt could be for",
            line.recipient
        ))
    })?;
    Ok(Request::Receipt { notification, receipt, action: line.action.clone() })
}

async fn event_name(rehearsal: &Rehearsal, id: &EventId) -> Result<String, RehearsalError> {
    let which = tidings_core::ports::EventRef::Id(id.clone());
    let event = rehearsal.store().event(rehearsal.project(), &which).await?;
    let external = event.and_then(|event| event.body.external_id.clone());
    Ok(external.map_or_else(|| id.to_string(), Into::into))
}

/// What happened in a rehearsal, in order of time.
pub(super) async fn lines_of(rehearsal: &Rehearsal) -> Result<Vec<Line>, RehearsalError> {
    let mut lines = Vec::new();
    for (row, story) in rehearsal.stories().await? {
        let event = event_name(rehearsal, &row.cause.event).await?;
        lines.extend(Line::of_story(&event, &row, &story));
    }
    lines.sort_by(|a, b| (a.at, &a.recipient, &a.rule).cmp(&(b.at, &b.recipient, &b.rule)));
    Ok(lines)
}
