//! The page of a recipient in a browser.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Timestamp;

/// A link that opens a recipient's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PageResponse {
    /// Where the page is; whoever has it acts for the recipient.
    pub link: String,
    /// Until when it opens.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What a notification says, for a browser that was told to look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PageNotification {
    /// One line.
    pub title: String,
    /// Some lines, or nothing.
    pub body: String,
    /// Where a click leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// A newer one with the same key replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse: Option<String>,
}

/// What a browser tells of a notification that was pushed to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageReceiptRequest {
    /// What happened.
    pub receipt: PageReceipt,
    /// The `PushSubscription` of this browser, by which the push came.
    pub subscription: Value,
}

/// What may happen to a notification in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageReceipt {
    /// The browser showed it.
    Displayed,
    /// Somebody clicked it.
    Clicked,
}
