//! Bodies of requests and answers over HTTP, by the noun of their route. `/openapi.json` is made of them.
//!
//! Requests refuse fields that they do not know; clients skip fields of answers that they do not know.

mod configuration;
mod event;
mod operate;
mod page;
mod recipient;
mod rule;
mod send;
mod sign_in;
mod statistics;
mod story;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

pub use configuration::{
    ApplyResponse, CheckResponse, ConfigurationResponse, DifferenceBody, DifferencesResponse, PreviewRequest,
    RollbackRequest, StopEntryRequest, StopEntryResponse, StopRequest, StopResponse, VersionResponse,
};
pub use event::{
    EventRequest, EventResponse, EventResult, EventsResponse, FanOutBody, MadeBody, RuleConsidered,
    VerdictBody,
};
pub use operate::{
    AccountingResponse, ChangeResponse, HookResponse, KeyRequest, KeyResponse, LedgerBody, ProjectRequest,
    ProjectResponse, ProviderResponse, SecretRequest, SigningKeysResponse,
};
pub use page::{PageNotification, PageReceipt, PageReceiptRequest, PageResponse};
pub use recipient::{
    CollectedBody, ConsentEntryResponse, ConsentRequest, ConsentResponse, ConsentStateBody, EndpointRequest,
    EndpointResponse, PreferencesRequest, PreferencesResponse, RecipientPatch, RecipientRequest,
    RecipientResponse,
};
pub use rule::{ComparisonBody, RuleResponse, VariantBody, WinBody, WinnerBody};
pub use send::{
    ActionBody, ContentBody, DeliverBody, MadeForResponse, RepeatBody, SendProgress, SendRequest,
    SendResponse, SentNotification, ToRequest, ToResponse, UntilBody,
};
pub use sign_in::{
    AppOffer, ConnectCodeRequest, ConnectCodeResponse, ConnectRequest, ConnectResponse, DeviceResponse,
    MeResponse, OperationsRequest, TokenRefreshRequest, TokenRefreshResponse, TokenRequest, TokenResponse,
};
pub use statistics::{LowBody, StatisticsItem, StatisticsResponse};
pub use story::{
    DeliveryResponse, EventName, NotificationResponse, ReplayedResponse, ReplaysResponse, StoppedBy,
    StoryEntry, StoryResponse,
};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// Newest first, but for the project's feed.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; null at the end.
    pub next: Option<String>,
}

/// A field that is absent, null or set: an absent one stays, null clears it.
pub(crate) fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
pub(crate) const fn is_zero(value: &u32) -> bool {
    *value == 0
}

pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}
