//! What the relay knows of this recipient: the story of a notification, their devices, everything, and its erasure.

use serde::Deserialize;
use serde_json::Value;
use tidings_protocol::http::AppOffer;
use tidings_protocol::{DeviceId, NotificationId, Timestamp};

use crate::client::Client;
use crate::error::Error;
use crate::shared::Call;

/// Why a notification came, and what became of it, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Story {
    /// Which notification.
    pub id: NotificationId,
    /// Its state now, as the contract writes it.
    pub state: String,
    /// What happened, oldest first.
    pub timeline: Vec<StoryEntry>,
    /// The whole answer as JSON, for what has no field here.
    pub json: String,
}

/// One thing that happened.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct StoryEntry {
    /// When.
    pub at: Option<Timestamp>,
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DeviceEntry {
    /// Its id.
    pub id: DeviceId,
    /// What kind of device it is.
    pub platform: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last connected.
    pub seen_at: Option<Timestamp>,
    /// Whether it is this one.
    pub this: bool,
}

#[derive(Deserialize)]
struct DevicesResponse {
    items: Vec<DeviceEntry>,
}

#[derive(Deserialize)]
struct TestResponse {
    id: NotificationId,
}

#[derive(Deserialize)]
struct StoryResponse {
    id: NotificationId,
    #[serde(default)]
    state: String,
    #[serde(default)]
    timeline: Vec<StoryEntry>,
}

impl Client {
    /// The story of one of the recipient's notifications, from the relay. What a notification's `because` says is on
    /// the device and needs no network.
    ///
    /// # Errors
    /// [`Error::Offline`], [`Error::SignedOut`], [`Error::Refused`] if there is no such notification,
    /// [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn story(&self, id: &NotificationId) -> Result<Story, Error> {
        self.open()?;
        let shared = self.shared();
        let answer: Value =
            shared.with_token(|token| async move { shared.http.story(&token, id).await }).await?;
        let json = answer.to_string();
        let story: StoryResponse = serde_json::from_value(answer).map_err(|_| Error::Offline)?;
        Ok(Story { id: story.id, state: story.state, timeline: story.timeline, json })
    }

    /// Asks the relay to notify this recipient of nothing but that it works; answers which notification it is.
    ///
    /// # Errors
    /// As [`Self::story`].
    ///
    /// # Cancel safety
    /// Safe: the relay sends it all the same if it heard.
    pub async fn send_test(&self) -> Result<NotificationId, Error> {
        self.open()?;
        let shared = self.shared();
        let answer: Value =
            shared.with_token(|token| async move { shared.http.send_test(&token).await }).await?;
        let test: TestResponse = serde_json::from_value(answer).map_err(|_| Error::Offline)?;
        Ok(test.id)
    }

    /// The desktop app that the relay's operator offers; none if they name none, or in a way that cannot be read.
    ///
    /// # Errors
    /// As [`Self::story`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn offered_app(&self) -> Result<Option<AppOffer>, Error> {
        self.open()?;
        let shared = self.shared();
        let answer: Value = shared.with_token(|token| async move { shared.http.me(&token).await }).await?;
        Ok(answer.get("app").and_then(|app| serde_json::from_value(app.clone()).ok()))
    }

    /// The recipient's devices, the newest first.
    ///
    /// # Errors
    /// As [`Self::story`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn devices(&self) -> Result<Vec<DeviceEntry>, Error> {
        self.open()?;
        let shared = self.shared();
        let answer: Value =
            shared.with_token(|token| async move { shared.http.devices(&token).await }).await?;
        let devices: DevicesResponse = serde_json::from_value(answer).map_err(|_| Error::Offline)?;
        Ok(devices.items)
    }

    /// Signs one of the recipient's devices out, at once; it may be this one.
    ///
    /// # Errors
    /// As [`Self::story`]; [`Error::Refused`] if there is no such device.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn remove_device(&self, id: &DeviceId) -> Result<(), Error> {
        self.open()?;
        let shared = self.shared();
        shared.with_token(|token| async move { shared.http.remove_device(&token, id).await }).await
    }

    /// Everything that the relay stores of this recipient, as a JSON document.
    ///
    /// # Errors
    /// [`Error::Offline`], [`Error::SignedOut`], [`Error::Refused`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn export(&self) -> Result<Vec<u8>, Error> {
        self.open()?;
        let shared = self.shared();
        shared.with_token(|token| async move { shared.http.export(&token).await }).await
    }

    /// Erases this recipient at the relay, and everything of them on this device. It cannot be undone.
    ///
    /// # Errors
    /// [`Error::Offline`], [`Error::SignedOut`], [`Error::Refused`], [`Error::Closed`]. If the relay's answer is
    /// lost, the device learns of the erasure at its next contact and wipes then.
    ///
    /// # Cancel safety
    /// Safe; see above.
    pub async fn erase(&self) -> Result<(), Error> {
        self.open()?;
        let shared = self.shared();
        shared.with_token(|token| async move { shared.http.erase(&token).await }).await?;
        shared.tell_engine(Call::Erased).await;
        Ok(())
    }
}
