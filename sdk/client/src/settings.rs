//! Preferences, quiet hours, pause, profile and consent: read and changed with or without a network.

use tidings_protocol::item::{QuietHoursItem, SettingsItem};
use tidings_protocol::operation::Request;
use tidings_protocol::{CategoryId, Channel, Decision, OperationId, Timestamp};
use tidings_sdk_core::DeviceStore as _;

use crate::client::Client;
use crate::error::Error;
use crate::operations::submit;

impl Client {
    /// The recipient's settings with what was changed here on top; none before the first sync.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn settings(&self) -> Result<Option<SettingsItem>, Error> {
        self.open()?;
        Ok(self.shared().store.settings().await?)
    }

    /// Wants a category on a channel, or does not; without a channel, on all that the category has.
    ///
    /// # Errors
    /// As [`Client::mark_read`].
    pub async fn set_preference(
        &self,
        category: CategoryId,
        channel: Option<Channel>,
        chosen: bool,
    ) -> Result<OperationId, Error> {
        submit(self.shared(), Request::Preference { category, channel, chosen }, None).await
    }

    /// Sets the recipient's own quiet hours; none goes back to the project's.
    ///
    /// # Errors
    /// As [`Client::mark_read`].
    pub async fn set_quiet_hours(&self, quiet_hours: Option<QuietHoursItem>) -> Result<OperationId, Error> {
        submit(self.shared(), Request::QuietHours { quiet_hours }, None).await
    }

    /// Holds back everything that may be held back until an instant; none ends the pause.
    ///
    /// # Errors
    /// As [`Client::mark_read`].
    pub async fn pause(&self, until: Option<Timestamp>) -> Result<OperationId, Error> {
        submit(self.shared(), Request::Pause { until }, None).await
    }

    /// Says where the recipient is (an IANA zone) and which language they read (a BCP 47 tag). None leaves it.
    ///
    /// # Errors
    /// As [`Client::mark_read`]; [`Error::Invalid`] if neither is given.
    pub async fn set_profile(
        &self,
        time_zone: Option<String>,
        locale: Option<String>,
    ) -> Result<OperationId, Error> {
        if time_zone.is_none() && locale.is_none() {
            return Err(Error::invalid("time_zone", "give a time zone, a locale or both"));
        }
        submit(self.shared(), Request::Profile { time_zone, locale }, None).await
    }

    /// Grants consent to a category on a channel, or says no: that withdraws what was decided before, and is a refusal
    /// if nothing was. A grant names the policy that is in the settings and the text that it shows; the relay refuses
    /// it as `stale` if the policy has changed since.
    ///
    /// # Errors
    /// As [`Client::mark_read`].
    pub async fn decide_consent(
        &self,
        category: CategoryId,
        channel: Channel,
        granted: bool,
    ) -> Result<OperationId, Error> {
        self.open()?;
        let settings = self.settings().await?.unwrap_or_default();
        let known = settings.categories.iter().find(|known| known.id == category);
        let undecided = known.is_some_and(|known| !known.consent.contains_key(&channel));
        let decision = match (granted, undecided) {
            (true, _) => Decision::Granted,
            (false, true) => Decision::Refused,
            (false, false) => Decision::Withdrawn,
        };
        let policy = settings.policy;
        let (cursor, _) = self.shared().store.place().await?;
        let request = Request::Consent {
            category,
            channels: vec![channel],
            decision,
            policy_version: policy.as_ref().map(|policy| policy.version.clone()),
            text_shown: policy.map(|policy| policy.text),
            cursor,
        };
        submit(self.shared(), request, None).await
    }
}
