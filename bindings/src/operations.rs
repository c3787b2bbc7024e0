//! What the recipient does with a notification. Every call is durable when it returns; the relay hears of it when there
//! is a network, once in effect. Each returns the id of its operation.

use std::sync::Arc;
use std::time::SystemTime;

use tidings_sdk::{
    CategoryId, Channel, Error as SdkError, Feedback as SdkFeedback, NotificationId, ReadMark, Request,
};
use tidings_sdk::{PendingOperation as SdkPending, RefusedOperation as SdkRefused, RefusedOperations};

use crate::client::Client;
use crate::error::ClientError;
use crate::pull::{Pull, Source};
use crate::time::{instant, timestamp};

/// What a recipient thinks of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Feedback {
    /// It helped.
    Useful,
    /// It did not.
    NotUseful,
}

/// What an operation asks for, by the contract's word and with the contract's fields.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct OperationRequest {
    /// `mark`, `receipt`, `read_up_to`, `preference`, `quiet_hours`, `pause`, `profile`, `consent`, `endpoint` or
    /// `feedback`.
    pub op: String,
    /// Which notification it is about, if it is about one.
    pub notification: Option<String>,
    /// Which category it is about, if it is about one.
    pub category: Option<String>,
    /// All of its fields as JSON.
    pub json: String,
}

impl OperationRequest {
    fn of(request: &Request) -> Self {
        let fields = serde_json::to_value(request).unwrap_or_default();
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        Self {
            op: text("op").unwrap_or_default(),
            notification: text("notification"),
            category: text("category"),
            json: fields.to_string(),
        }
    }
}

/// An operation that the relay has not answered.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PendingOperation {
    /// Its id.
    pub id: String,
    /// When it was asked for, by the device's estimate of the relay's time.
    pub at: Option<SystemTime>,
    /// What is asked.
    pub request: OperationRequest,
}

impl From<SdkPending> for PendingOperation {
    fn from(pending: SdkPending) -> Self {
        let request = OperationRequest::of(&pending.request);
        Self { id: pending.id.to_string(), at: pending.at.map(instant), request }
    }
}

/// An operation that the relay will never take. What it assumed was put back.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedOperation {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub request: OperationRequest,
    /// Why, as a stable word.
    pub code: String,
    /// Why, as a sentence.
    pub text: String,
    /// The true value as JSON, if the relay sent it.
    pub value: Option<String>,
}

impl From<SdkRefused> for RefusedOperation {
    fn from(refused: SdkRefused) -> Self {
        let request = OperationRequest::of(&refused.request);
        let (code, text, value) = (refused.code, refused.detail, refused.value);
        Self { id: refused.id.to_string(), request, code, text, value }
    }
}

/// A refusal with its number.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldRefusal {
    /// Say it when asking for the next.
    pub number: u64,
    /// What was refused.
    pub refused: RefusedOperation,
}

struct Refused(RefusedOperations);

impl Source for Refused {
    type Told = RefusedOperation;

    async fn next(&mut self) -> Result<Option<RefusedOperation>, SdkError> {
        Ok(self.0.next().await?.map(RefusedOperation::from))
    }
}

/// What the relay refused for good, oldest first.
#[derive(uniffi::Object)]
pub struct Refusals(Pull<RefusedOperation>);

#[uniffi::export]
impl Refusals {
    /// The one after that with a number, zero for the first; waits for it. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldRefusal>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, refused)| ToldRefusal { number, refused }))
    }
}

/// Calls that take a notification and nothing else.
macro_rules! on_notification {
    ($($(#[$doc:meta])* $name:ident;)+) => {
        #[uniffi::export]
        impl Client {
            $(
                $(#[$doc])*
                pub async fn $name(&self, id: String) -> Result<String, ClientError> {
                    let id = notification(&id)?;
                    let call = |client: tidings_sdk::Client| async move { client.$name(&id).await };
                    Ok(self.core.call(call).await?.to_string())
                }
            )+
        }
    };
}

on_notification! {
    /// Marks a notification as read.
    mark_read;
    /// Marks a notification as unread again.
    mark_unread;
    /// Takes a notification out of the inbox.
    archive;
    /// Puts a notification back into the inbox.
    unarchive;
    /// Confirms a notification to its sender.
    acknowledge;
    /// The notification's link was followed.
    clicked;
    /// The notification was swept off the screen.
    dismissed;
    /// The system showed the notification: the answer to a presentation that shows or updates.
    shown;
}

#[uniffi::export]
impl Client {
    /// Marks everything as read up to a mark, which a page carries; without one, everything that is on this device.
    pub async fn mark_all_read(
        &self,
        before: Option<String>,
        only: Option<String>,
    ) -> Result<String, ClientError> {
        let only = only.as_deref().map(category).transpose()?;
        let before: Option<ReadMark> = before.map(|mark| mark.parse()).transpose()?;
        let call = |client: tidings_sdk::Client| async move { client.mark_all_read(before, only).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Lets a notification sleep; it is shown again at `until`. A time that has passed wakes it.
    pub async fn snooze(&self, id: String, until: SystemTime) -> Result<String, ClientError> {
        let id = notification(&id)?;
        let call = |client: tidings_sdk::Client| async move { client.snooze(&id, timestamp(until)).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// One of the notification's actions was chosen.
    pub async fn act(&self, id: String, action: String) -> Result<String, ClientError> {
        let id = notification(&id)?;
        let call = |client: tidings_sdk::Client| async move { client.act(&id, &action).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Says whether a notification was of use.
    pub async fn feedback(&self, id: String, value: Feedback) -> Result<String, ClientError> {
        let id = notification(&id)?;
        let value = match value {
            Feedback::Useful => SdkFeedback::Useful,
            Feedback::NotUseful => SdkFeedback::NotUseful,
        };
        let call = |client: tidings_sdk::Client| async move { client.feedback(&id, value).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// Tells the relay at which address the system's push service reaches this device.
    pub async fn set_push_address(&self, address: String) -> Result<String, ClientError> {
        let call = |client: tidings_sdk::Client| async move { client.set_push_address(address).await };
        Ok(self.core.call(call).await?.to_string())
    }

    /// The operations that the relay has not answered, oldest first.
    pub async fn pending(&self) -> Result<Vec<PendingOperation>, ClientError> {
        let pending = self.core.call(|client| async move { client.pending().await }).await?;
        Ok(pending.into_iter().map(PendingOperation::from).collect())
    }

    /// What the relay refused for good. Several may be taken; each refusal comes out of one of them.
    pub fn refused(&self) -> Arc<Refusals> {
        let refused = Refused(self.core.client.refused());
        Arc::new(Refusals(Pull::new(&self.core.handle, refused)))
    }
}

pub(crate) fn notification(id: &str) -> Result<NotificationId, ClientError> {
    NotificationId::new(id).map_err(|error| ClientError::invalid("id", &error.to_string()))
}

pub(crate) fn category(id: &str) -> Result<CategoryId, ClientError> {
    CategoryId::new(id).map_err(|error| ClientError::invalid("category", &error.to_string()))
}

pub(crate) fn channel(word: &str) -> Result<Channel, ClientError> {
    word.parse()
        .map_err(|_| ClientError::invalid("channel", "a channel is inapp, push, email, sms or webhook"))
}
