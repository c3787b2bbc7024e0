//! The page of a recipient in a browser.

use serde::{Deserialize, Serialize};
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
