//! Operators are told through Tidings' own channels when something is wrong, as the document's `alerts` say.
//!
//! What was noticed is gathered; each kind is told at once and then at most once in [`QUIET_MILLIS`], with how often it
//! happened meanwhile: a provider that is down does not fill anybody's inbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tidings_core::act::{Act, SendTo, Unit};
use tidings_core::configuration::{Alert, Alerts, AlertsTo, Configuration};
use tidings_core::model::{DirectSend, EntryHash, EventBody, SendContent};
use tidings_core::ports::Clock;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{CategoryId, LegalClass, Priority, ProjectId, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::socket::LiveConfiguration;
use crate::submit::Submit;

/// How long a kind of alert is quiet after it was told, in milliseconds.
pub(crate) const QUIET_MILLIS: i64 = 15 * 60_000;
/// How long a text may be: one line of what was seen first.
const TEXT_CHARS_MAX: usize = 300;
/// The type under which alerts are sends in the books.
const ALERT: &str = "tidings.alert";

/// What was noticed of a project.
type Key = (ProjectId, Alert);

/// What was noticed and not told yet.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    noticed: Mutex<BTreeMap<Key, Noticed>>,
    bell: Notify,
}

#[derive(Clone, Debug)]
struct Noticed {
    /// What was seen first.
    text: Box<str>,
    times: u64,
}

impl Alarms {
    /// Notes that something is wrong. Never blocks; the same kind is noted once, and counted.
    pub(crate) fn note(&self, project: ProjectId, alert: Alert, text: impl Into<Box<str>>) {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = noticed.entry((project, alert)).or_insert(Noticed { text: text.into(), times: 0 });
        known.times += 1;
        drop(noticed);
        self.bell.notify_one();
    }

    /// What was noted and not told, in words.
    #[cfg(test)]
    pub(crate) fn noticed(&self) -> Vec<String> {
        let noticed = self.noticed.lock().unwrap();
        let line = |((project, alert), of): (&Key, &Noticed)| {
            format!("{project} {alert:?} {}: {}", of.times, of.text)
        };
        noticed.iter().map(line).collect()
    }

    /// Takes what may be told now, and says when the rest may be.
    fn take(&self, told: &BTreeMap<Key, Timestamp>, now: Timestamp) -> (Vec<(Key, Noticed)>, Option<i64>) {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |key: &Key| {
            let passed = told.get(key).map_or(QUIET_MILLIS, |at| now.millis_since(*at));
            QUIET_MILLIS - passed
        };
        let next = noticed.keys().map(waits).filter(|millis| *millis > 0).min();
        let due: Vec<Key> = noticed.keys().filter(|key| waits(key) <= 0).cloned().collect();
        let taken = due.into_iter().filter_map(|key| noticed.remove_entry(&key)).collect();
        (taken, next)
    }
}

/// Tells operators, until the token is cancelled.
pub(crate) async fn run(
    alarms: &Alarms,
    live: &dyn LiveConfiguration,
    submit: &dyn Submit,
    clock: &dyn Clock,
    stop: CancellationToken,
) {
    let mut told: BTreeMap<Key, Timestamp> = BTreeMap::new();
    loop {
        let now = clock.now();
        told.retain(|_, at| now.millis_since(*at) < QUIET_MILLIS);
        let (due, next) = alarms.take(&told, now);
        for ((project, alert), noticed) in due {
            if tell(live, submit, &project, alert, &noticed, now).await {
                told.insert((project, alert), now);
            }
        }
        let pause = next.map_or(QUIET_MILLIS, |millis| millis.max(1)).unsigned_abs();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = alarms.bell.notified() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(pause)) => {}
        }
    }
}

/// Sends one alert, if the document asks for it. Answers whether somebody was told.
async fn tell(
    live: &dyn LiveConfiguration,
    submit: &dyn Submit,
    project: &ProjectId,
    alert: Alert,
    noticed: &Noticed,
    now: Timestamp,
) -> bool {
    let Ok(configuration) = live.live(project).await else { return false };
    let Some(Alerts { notify, on }) = &configuration.alerts else { return false };
    let Some(category) = category(&configuration).filter(|_| on.contains(&alert)) else { return false };
    let to = match notify {
        AlertsTo::Topic(topic) => SendTo::Topic(topic.clone()),
        AlertsTo::Segment(name) => SendTo::Segment(name.as_str().into()),
        AlertsTo::Recipients(recipients) => SendTo::Recipients(recipients.clone()),
    };
    let act = Act::Send { body: Box::new(body(alert, noticed, category, now)), to };
    let unit = Unit { project: project.clone(), sandbox: false, repeat: None, act };
    match submit.submit(unit).await.answer {
        Ok(_) => true,
        Err(refusal) => {
            tracing::error!(code = refusal.code(), alert = word(alert), "operators could not be told");
            false
        }
    }
}

/// The category of alerts: `general`, or the first that needs no consent and goes to inboxes.
fn category(configuration: &Configuration) -> Option<CategoryId> {
    let general: CategoryId = "general".parse().ok()?;
    if configuration.categories.contains_key(&general) {
        return Some(general);
    }
    let fits = |category: &tidings_core::configuration::Category| {
        category.legal != LegalClass::Marketing
            && category.channels.contains(&tidings_protocol::Channel::Inapp)
    };
    configuration.categories.iter().find(|(_, category)| fits(category)).map(|(id, _)| id.clone())
}

fn body(alert: Alert, noticed: &Noticed, category: CategoryId, now: Timestamp) -> EventBody {
    let (title, advice) = words(alert);
    let seen: String = noticed.text.chars().take(TEXT_CHARS_MAX).collect();
    let times = match noticed.times {
        1 => String::new(),
        times => format!(" ({times} times)"),
    };
    let content =
        ContentItem { title: title.into(), body: format!("{seen}{times}\n{advice}"), ..Default::default() };
    EventBody {
        source: None,
        external_id: None,
        event_type: ALERT.into(),
        recipient: None,
        time: now,
        data: json!({}),
        extensions: json!({}),
        digest: EntryHash::default(),
        send: Some(DirectSend {
            category,
            content: SendContent::Literal(Arc::new(content)),
            priority: Some(Priority::High),
            collapse: Some(format!("alert-{}", word(alert)).into()),
            expires_at: None,
            deliver: None,
            not_before: None,
        }),
    }
}

/// The document's word for a kind of alert.
const fn word(alert: Alert) -> &'static str {
    match alert {
        Alert::Residue => "residue",
        Alert::DeadLetters => "dead_letters",
        Alert::ProviderDown => "provider_down",
        Alert::Budget => "budget",
        Alert::Unacknowledged => "unacknowledged",
        Alert::ClickRateLow => "click_rate_low",
    }
}

/// What an operator reads, and what to do.
const fn words(alert: Alert) -> (&'static str, &'static str) {
    match alert {
        Alert::Residue => ("The books do not balance", "Run tidings doctor."),
        Alert::DeadLetters => {
            ("Deliveries died", "GET /v1/deliveries?state=dead lists them; tidings replay revives them.")
        }
        Alert::ProviderDown => {
            ("A provider does not answer", "What waits for it goes on by itself once it answers again.")
        }
        Alert::Budget => ("A budget is spent", "Cheaper channels are used until its period ends."),
        Alert::Unacknowledged => {
            ("Nobody acknowledged", "The plan ended; look at the story of the notification.")
        }
        Alert::ClickRateLow => (
            "People click less than half as often",
            "Look at the words and the hour of its rules, and whether clicks are still counted.",
        ),
    }
}

#[cfg(test)]
mod tests;
