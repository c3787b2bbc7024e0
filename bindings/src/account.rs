//! What the relay knows of this recipient: stories, devices, everything, and its erasure.

use std::time::SystemTime;

use tidings_sdk::{DeviceEntry as SdkDevice, DeviceId, Story as SdkStory};

use crate::client::Client;
use crate::error::ClientError;
use crate::operations::notification;
use crate::time::instant;

/// Why a notification came, and what became of it, in order.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Story {
    /// Which notification.
    pub id: String,
    /// Its state now, as the contract writes it.
    pub state: String,
    /// What happened, oldest first.
    pub timeline: Vec<StoryEntry>,
    /// The whole answer as JSON, for what has no field here.
    pub json: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StoryEntry {
    /// When.
    pub at: Option<SystemTime>,
    /// What kind: `decided`, `held`, `outcome`, `receipt` …
    pub kind: String,
    /// Which check decided, with `decided` and `held`.
    pub gate: Option<String>,
    /// The stable word for the reason.
    pub reason: Option<String>,
    /// A sentence for people.
    pub text: Option<String>,
}

/// One of the recipient's devices, as the relay knows it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct DeviceEntry {
    /// Its id.
    pub id: String,
    /// What kind of device it is.
    pub platform: String,
    /// When it signed in.
    pub created_at: SystemTime,
    /// When it was last connected.
    pub seen_at: Option<SystemTime>,
    /// Whether it is this one.
    pub is_this: bool,
}

impl From<SdkStory> for Story {
    fn from(story: SdkStory) -> Self {
        let timeline = story.timeline.into_iter().map(|entry| StoryEntry {
            at: entry.at.map(instant),
            kind: entry.kind,
            gate: entry.gate,
            reason: entry.reason,
            text: entry.text,
        });
        Self { id: story.id.to_string(), state: story.state, timeline: timeline.collect(), json: story.json }
    }
}

impl From<SdkDevice> for DeviceEntry {
    fn from(device: SdkDevice) -> Self {
        Self {
            id: device.id.to_string(),
            platform: device.platform,
            created_at: instant(device.created_at),
            seen_at: device.seen_at.map(instant),
            is_this: device.this,
        }
    }
}

#[uniffi::export]
impl Client {
    /// Why a notification came and what became of it, from the relay. Its `because` is on the device already.
    pub async fn story(&self, id: String) -> Result<Story, ClientError> {
        let id = notification(&id)?;
        let call = |client: tidings_sdk::Client| async move { client.story(&id).await };
        Ok(self.core.call(call).await?.into())
    }

    /// Asks the relay to notify this recipient of nothing but that it works; returns the notification's id.
    pub async fn send_test(&self) -> Result<String, ClientError> {
        Ok(self.core.call(|client| async move { client.send_test().await }).await?.to_string())
    }

    /// The recipient's devices, the newest first.
    pub async fn devices(&self) -> Result<Vec<DeviceEntry>, ClientError> {
        let devices = self.core.call(|client| async move { client.devices().await }).await?;
        Ok(devices.into_iter().map(DeviceEntry::from).collect())
    }

    /// Signs one of the recipient's devices out, at once; it may be this one.
    pub async fn remove_device(&self, id: String) -> Result<(), ClientError> {
        let id = DeviceId::new(id).map_err(|error| ClientError::invalid("id", &error.to_string()))?;
        self.core.call(|client| async move { client.remove_device(&id).await }).await
    }

    /// Everything that the relay stores of this recipient, as a JSON document.
    pub async fn export(&self) -> Result<Vec<u8>, ClientError> {
        self.core.call(|client| async move { client.export().await }).await
    }

    /// Erases this recipient at the relay, and everything of them on this device. It cannot be undone.
    pub async fn erase(&self) -> Result<(), ClientError> {
        self.core.call(|client| async move { client.erase().await }).await
    }
}
