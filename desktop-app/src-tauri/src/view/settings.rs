//! Settings, devices, and what the relay has not confirmed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidings_sdk::{
    CategoryItem, DeviceEntry, PendingOperation, PolicyItem, QuietHoursItem, QuietSpanItem, Request,
    SettingsItem,
};
use ts_rs::TS;

use super::millis;
use crate::text::{BODY_CHARS_MAX, LINE_CHARS_MAX, line, paragraphs};

/// A recipient's settings with what was changed here on top.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SettingsView {
    /// The recipient's time zone at the relay.
    pub time_zone: Option<String>,
    /// The recipient's language at the relay.
    pub locale: Option<String>,
    /// Every category.
    pub categories: Vec<CategoryView>,
    /// What the sender says about consent.
    pub policy: Option<PolicyView>,
    /// The recipient's own quiet hours; none means the sender's.
    pub quiet_hours: Option<QuietHoursView>,
    /// Until when everything that may be paused is.
    pub paused_until: Option<f64>,
}

impl From<SettingsItem> for SettingsView {
    fn from(settings: SettingsItem) -> Self {
        Self {
            time_zone: settings.profile.time_zone,
            locale: settings.profile.locale,
            categories: settings.categories.iter().map(CategoryView::from).collect(),
            policy: settings.policy.map(PolicyView::from),
            quiet_hours: settings.quiet_hours.map(QuietHoursView::from),
            paused_until: settings.paused_until.map(millis),
        }
    }
}

/// One category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct CategoryView {
    /// Its id.
    pub id: String,
    /// Its name in the recipient's language.
    pub name: String,
    /// Which law it falls under.
    #[ts(type = "\"essential\" | \"service\" | \"marketing\"")]
    pub legal: String,
    /// `none`, `contract` or `consent`.
    pub basis: String,
    /// The channels that it may use, in order.
    pub channels: Vec<String>,
    /// Whether the recipient wants it, by channel.
    pub chosen: BTreeMap<String, bool>,
    /// What the recipient decided, by channel.
    pub consent: BTreeMap<String, ConsentView>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConsentView {
    /// Agreed.
    Granted,
    /// Said no.
    Refused,
    /// Took an agreement back.
    Withdrawn,
}

impl From<&CategoryItem> for CategoryView {
    fn from(category: &CategoryItem) -> Self {
        let word = |channel: &tidings_sdk::Channel| channel.as_str().to_owned();
        let consent = category.consent.iter().map(|(channel, decision)| {
            let decided = match decision {
                tidings_sdk::Decision::Granted => ConsentView::Granted,
                tidings_sdk::Decision::Refused => ConsentView::Refused,
                tidings_sdk::Decision::Withdrawn => ConsentView::Withdrawn,
            };
            (word(channel), decided)
        });
        Self {
            id: category.id.as_str().to_owned(),
            name: line(&category.name, LINE_CHARS_MAX),
            legal: category.legal.as_str().to_owned(),
            basis: category.basis.clone(),
            channels: category.channels.iter().map(word).collect(),
            chosen: category.chosen.iter().map(|(channel, chosen)| (word(channel), *chosen)).collect(),
            consent: consent.collect(),
        }
    }
}

/// The policy that a consent refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct PolicyView {
    /// Its version.
    pub version: String,
    /// Where it can be read whole; only what may be opened.
    pub url: Option<String>,
    /// Its text.
    pub text: String,
}

impl From<PolicyItem> for PolicyView {
    fn from(policy: PolicyItem) -> Self {
        Self {
            version: line(&policy.version, LINE_CHARS_MAX),
            url: policy.url.as_deref().and_then(|url| crate::link::outward(url).ok()).map(Into::into),
            text: paragraphs(&policy.text, BODY_CHARS_MAX),
        }
    }
}

/// Quiet hours. No spans means: never quiet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QuietHoursView {
    /// The quiet spans of a week.
    pub spans: Vec<QuietSpanView>,
    /// An IANA zone; none means the recipient's.
    pub time_zone: Option<String>,
}

/// One quiet span of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QuietSpanView {
    /// Local time of day, `22:00`.
    pub from: String,
    /// Local time of day; earlier than `from` means the next day.
    pub to: String,
    /// On which days it begins (`mon` … `sun`); none means every day.
    pub days: Option<Vec<String>>,
}

impl From<QuietHoursItem> for QuietHoursView {
    fn from(hours: QuietHoursItem) -> Self {
        let span = |QuietSpanItem { from, to, days }| QuietSpanView { from, to, days };
        Self { spans: hours.spans.into_iter().map(span).collect(), time_zone: hours.time_zone }
    }
}

impl From<QuietHoursView> for QuietHoursItem {
    fn from(hours: QuietHoursView) -> Self {
        let span = |QuietSpanView { from, to, days }| QuietSpanItem { from, to, days };
        Self { spans: hours.spans.into_iter().map(span).collect(), time_zone: hours.time_zone }
    }
}

/// One device of the recipient.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct DeviceView {
    /// Its id.
    pub id: String,
    /// What kind of device it is.
    pub platform: String,
    /// When it signed in.
    pub created_at: f64,
    /// When it was last connected.
    pub seen_at: Option<f64>,
    /// Whether it is this one.
    pub this: bool,
}

impl From<DeviceEntry> for DeviceView {
    fn from(device: DeviceEntry) -> Self {
        Self {
            id: device.id.as_str().to_owned(),
            platform: line(&device.platform, 60),
            created_at: millis(device.created_at),
            seen_at: device.seen_at.map(millis),
            this: device.this,
        }
    }
}

/// Something that was asked here and that the relay has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct PendingView {
    /// Its kind: `receipt`, `mark`, `read_up_to`, `preference`, `quiet_hours`, `pause`, `profile`, `consent`,
    /// `endpoint` or `feedback`.
    pub kind: String,
    /// The category it is about, if it is about one.
    pub category: Option<String>,
    /// The channels it is about; empty if it is about none or all.
    pub channels: Vec<String>,
}

impl PendingView {
    /// What is worth telling: that the relay has not heard how far this device is, is not.
    pub(crate) fn of(operation: &PendingOperation) -> Option<Self> {
        Self::of_request(&operation.request)
    }

    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        let about = |kind: &str, category: Option<String>, channels: Vec<String>| {
            Some(Self { kind: kind.to_owned(), category, channels })
        };
        let plain = |kind: &str| about(kind, None, Vec::new());
        match request {
            Request::Held { .. } => None,
            Request::Receipt { .. } => plain("receipt"),
            Request::Mark { .. } => plain("mark"),
            Request::ReadUpTo { .. } => plain("read_up_to"),
            Request::Preference { category, channel, .. } => {
                let channels = channel.iter().map(|channel| channel.as_str().to_owned()).collect();
                about("preference", Some(category.as_str().to_owned()), channels)
            }
            Request::QuietHours { .. } => plain("quiet_hours"),
            Request::Pause { .. } => plain("pause"),
            Request::Profile { .. } => plain("profile"),
            Request::Consent { category, channels, .. } => {
                let channels = channels.iter().map(|channel| channel.as_str().to_owned()).collect();
                about("consent", Some(category.as_str().to_owned()), channels)
            }
            Request::Endpoint { .. } => plain("endpoint"),
            Request::Feedback { .. } => plain("feedback"),
        }
    }
}
