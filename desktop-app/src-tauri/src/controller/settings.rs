//! A recipient's settings: preferences, consent, quiet hours, pause; and what belongs to them at the relay.

use tidings_sdk::{CategoryId, Channel, DeviceId};

use super::Controller;
use crate::problem::Problem;
use crate::view::{DeviceView, PendingView, QuietHoursView, SettingsView, timestamp};

impl Controller {
    /// The settings with what was changed here on top; none before the first sync.
    pub async fn settings(&self, account: String) -> Result<Option<SettingsView>, Problem> {
        Ok(self.account(&account).await?.client.settings().await?.map(SettingsView::from))
    }

    /// What the relay has not confirmed, oldest first.
    pub async fn pending(&self, account: String) -> Result<Vec<PendingView>, Problem> {
        let pending = self.account(&account).await?.client.pending().await?;
        Ok(pending.iter().filter_map(PendingView::of).collect())
    }

    /// Wants a category on a channel or not; without a channel, on all that it has.
    pub async fn set_preference(
        &self,
        account: String,
        category: String,
        channel: Option<String>,
        chosen: bool,
    ) -> Result<(), Problem> {
        let (category, channel) =
            (category_id(category)?, channel.map(|word| read_channel(&word)).transpose()?);
        self.account(&account).await?.client.set_preference(category, channel, chosen).await?;
        Ok(())
    }

    /// Grants consent to a category on some channels, or says no. The policy of the settings is what is agreed to.
    pub async fn decide_consent(
        &self,
        account: String,
        category: String,
        channels: Vec<String>,
        granted: bool,
    ) -> Result<(), Problem> {
        let account = self.account(&account).await?;
        let category = category_id(category)?;
        for channel in &channels {
            account.client.decide_consent(category.clone(), read_channel(channel)?, granted).await?;
        }
        Ok(())
    }

    /// Sets the recipient's own quiet hours; none goes back to the sender's.
    pub async fn set_quiet_hours(
        &self,
        account: String,
        quiet_hours: Option<QuietHoursView>,
    ) -> Result<(), Problem> {
        let hours = quiet_hours.map(Into::into);
        self.account(&account).await?.client.set_quiet_hours(hours).await?;
        Ok(())
    }

    /// Holds back everything that may be held back until then; none ends the pause.
    pub async fn pause(&self, account: String, until: Option<f64>) -> Result<(), Problem> {
        self.account(&account).await?.client.pause(until.map(timestamp)).await?;
        Ok(())
    }

    /// The recipient's devices.
    pub async fn devices(&self, account: String) -> Result<Vec<DeviceView>, Problem> {
        let devices = self.account(&account).await?.client.devices().await?;
        Ok(devices.into_iter().map(DeviceView::from).collect())
    }

    /// Signs one of the recipient's devices out.
    pub async fn remove_device(&self, account: String, id: String) -> Result<(), Problem> {
        let id = DeviceId::new(id).map_err(|error| Problem::new("invalid_device", error.to_string()))?;
        Ok(self.account(&account).await?.client.remove_device(&id).await?)
    }

    /// Asks the relay for a notification that says only that it works; answers its id.
    pub async fn send_test(&self, account: String) -> Result<String, Problem> {
        let sent = self.account(&account).await?.client.send_test().await?;
        Ok(sent.as_str().to_owned())
    }
}

pub(super) fn category_id(text: String) -> Result<CategoryId, Problem> {
    CategoryId::new(text).map_err(|error| Problem::new("invalid_category", error.to_string()))
}

fn read_channel(word: &str) -> Result<Channel, Problem> {
    word.parse::<Channel>().map_err(|error| Problem::new("invalid_channel", error.to_string()))
}
