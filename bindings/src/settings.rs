//! Preferences, quiet hours, pause, profile and consent: read and changed with or without a network.

use std::collections::HashMap;
use std::time::SystemTime;

use tidings_sdk::SettingsItem;
use tidings_sdk::{
    CategoryItem, Decision as SdkDecision, LegalClass as SdkLegal, QuietHoursItem, QuietSpanItem,
};

use crate::client::Client;
use crate::error::ClientError;
use crate::operations::{category, channel};
use crate::time::{instant, timestamp};

/// Which law a category falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LegalClass {
    /// Must reach the recipient; nothing switches it off.
    Essential,
    /// Belongs to what the recipient asked for.
    Service,
    /// Needs consent.
    Marketing,
}

/// What a recipient decided about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Decision {
    /// Yes.
    Granted,
    /// No, and there was no yes before.
    Refused,
    /// No, after a yes.
    Withdrawn,
}

/// One category as its recipient sees it. Channels are `inapp`, `push`, `email`, `sms` and `webhook`.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct CategorySettings {
    /// The category.
    pub id: String,
    /// Its name in the recipient's language.
    pub name: String,
    /// Which law it falls under.
    pub legal: LegalClass,
    /// `contract`, `consent` or `none`.
    pub basis: String,
    /// The channels it may use.
    pub channels: Vec<String>,
    /// Whether the recipient wants it, by channel.
    pub chosen: HashMap<String, bool>,
    /// What the recipient decided, by channel; a channel without a decision is absent.
    pub consent: HashMap<String, Decision>,
}

/// The policy that a consent refers to.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Policy {
    /// Its version; a grant names it.
    pub version: String,
    /// Where it can be read whole.
    pub url: Option<String>,
    /// The text to show, in the recipient's language.
    pub text: String,
}

/// One quiet span of a day, possibly across midnight.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct QuietSpan {
    /// Local time of day, `22:00`.
    pub begins: String,
    /// Local time of day, `08:00`; earlier than `begins` means the next day.
    pub ends: String,
    /// On which days it begins (`mon` … `sun`); none means every day.
    #[uniffi(default = None)]
    pub days: Option<Vec<String>>,
}

/// Quiet hours as a recipient sets them. No spans means: never quiet.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct QuietHours {
    /// The quiet spans of a week.
    pub spans: Vec<QuietSpan>,
    /// An IANA zone; none means the recipient's.
    #[uniffi(default = None)]
    pub time_zone: Option<String>,
}

/// The recipient's settings, with what was changed here on top.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Settings {
    /// The recipient's id.
    pub recipient: Option<String>,
    /// An IANA zone, if known.
    pub time_zone: Option<String>,
    /// A BCP 47 tag, if known.
    pub locale: Option<String>,
    /// Every category of the project.
    pub categories: Vec<CategorySettings>,
    /// What the project says about consent.
    pub policy: Option<Policy>,
    /// The recipient's own quiet hours; none means the project's.
    pub quiet_hours: Option<QuietHours>,
    /// Until when the recipient paused everything that may be paused.
    pub paused_until: Option<SystemTime>,
    /// Whether the relay may learn from what the recipient does.
    pub profiling: bool,
}

impl From<SettingsItem> for Settings {
    fn from(item: SettingsItem) -> Self {
        Self {
            recipient: item.profile.recipient.map(|id| id.to_string()),
            time_zone: item.profile.time_zone,
            locale: item.profile.locale,
            categories: item.categories.into_iter().map(CategorySettings::from).collect(),
            policy: item.policy.map(|policy| Policy {
                version: policy.version,
                url: policy.url,
                text: policy.text,
            }),
            quiet_hours: item.quiet_hours.map(QuietHours::from),
            paused_until: item.paused_until.map(instant),
            profiling: item.profiling,
        }
    }
}

impl From<CategoryItem> for CategorySettings {
    fn from(item: CategoryItem) -> Self {
        let legal = match item.legal {
            SdkLegal::Essential => LegalClass::Essential,
            SdkLegal::Service => LegalClass::Service,
            SdkLegal::Marketing => LegalClass::Marketing,
        };
        let decided = |decision| match decision {
            SdkDecision::Granted => Decision::Granted,
            SdkDecision::Refused => Decision::Refused,
            SdkDecision::Withdrawn => Decision::Withdrawn,
        };
        Self {
            id: item.id.to_string(),
            name: item.name,
            legal,
            basis: item.basis,
            channels: item.channels.iter().map(ToString::to_string).collect(),
            chosen: item.chosen.into_iter().map(|(channel, chosen)| (channel.to_string(), chosen)).collect(),
            consent: item
                .consent
                .into_iter()
                .map(|(channel, decision)| (channel.to_string(), decided(decision)))
                .collect(),
        }
    }
}

impl From<QuietHoursItem> for QuietHours {
    fn from(item: QuietHoursItem) -> Self {
        let spans = item.spans.into_iter().map(|QuietSpanItem { from, to, days }| QuietSpan {
            begins: from,
            ends: to,
            days,
        });
        Self { spans: spans.collect(), time_zone: item.time_zone }
    }
}

impl From<QuietHours> for QuietHoursItem {
    fn from(hours: QuietHours) -> Self {
        let spans = hours.spans.into_iter().map(|QuietSpan { begins, ends, days }| QuietSpanItem {
            from: begins,
            to: ends,
            days,
        });
        Self { spans: spans.collect(), time_zone: hours.time_zone }
    }
}

#[uniffi::export]
impl Client {
    /// The recipient's settings; none before the first sync.
    pub async fn settings(&self) -> Result<Option<Settings>, ClientError> {
        let settings = self.core.call(|client| async move { client.settings().await }).await?;
        Ok(settings.map(Settings::from))
    }

    /// Wants a category on a channel, or does not; without a channel, on all that the category has.
    pub async fn set_preference(
        &self,
        id: String,
        on: Option<String>,
        chosen: bool,
    ) -> Result<String, ClientError> {
        let (id, on) = (category(&id)?, on.as_deref().map(channel).transpose()?);
        let call = |client: tidings_sdk::Client| async move { client.set_preference(id, on, chosen).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Sets the recipient's own quiet hours; none goes back to the project's.
    pub async fn set_quiet_hours(&self, hours: Option<QuietHours>) -> Result<String, ClientError> {
        let hours = hours.map(QuietHoursItem::from);
        let call = |client: tidings_sdk::Client| async move { client.set_quiet_hours(hours).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Holds back everything that may be held back until an instant; none ends the pause.
    pub async fn pause(&self, until: Option<SystemTime>) -> Result<String, ClientError> {
        let until = until.map(timestamp);
        Ok(self.core.call(|client| async move { client.pause(until).await }).await?.to_string())
    }

    /// Says where the recipient is (an IANA zone) and which language they read (a BCP 47 tag). None leaves it.
    pub async fn set_profile(
        &self,
        time_zone: Option<String>,
        locale: Option<String>,
    ) -> Result<String, ClientError> {
        let call = |client: tidings_sdk::Client| async move { client.set_profile(time_zone, locale).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Grants consent to a category on a channel, or says no. A grant names the policy that is in the settings.
    pub async fn decide_consent(&self, id: String, on: String, granted: bool) -> Result<String, ClientError> {
        let (id, on) = (category(&id)?, channel(&on)?);
        let call = |client: tidings_sdk::Client| async move { client.decide_consent(id, on, granted).await };
        Ok(self.core.call(call).await?.to_string())
    }
}
