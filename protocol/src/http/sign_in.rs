//! How a device signs in, and `/v1/me`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{DeviceId, RecipientId, Span, Timestamp};

/// Asks for a connect code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectCodeRequest {
    /// For whom.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub recipient: RecipientId,
}

/// A connect code: it signs one device in, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectCodeResponse {
    /// Eight characters.
    pub code: String,
    /// The same as a link that the app opens.
    pub link: String,
    /// Until when it can be used.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Exchanges a connect code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectRequest {
    /// The code.
    #[schema(min_length = 1, max_length = 64)]
    pub code: String,
    /// This installation's id.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub device: DeviceId,
    /// `linux`, `android`, `shell` …
    #[serde(default, deserialize_with = "crate::frame::or_default")]
    #[schema(max_length = 64)]
    pub platform: String,
    /// A random text made at installation.
    #[serde(default, deserialize_with = "crate::frame::or_default")]
    #[schema(max_length = 128)]
    pub nonce: String,
}

/// A device's tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectResponse {
    /// The project's name.
    pub project: String,
    /// Who.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// Which device.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// For `Authorization: Bearer`; at most an hour.
    pub access_token: String,
    /// For the next access token; another one each time, 90 days from last use.
    pub refresh_token: String,
    /// When the access token ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Exchanges a refresh token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRefreshRequest {
    /// The latest refresh token.
    #[schema(min_length = 1, max_length = 128)]
    pub refresh_token: String,
}

/// The next pair of tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenRefreshResponse {
    /// For `Authorization: Bearer`; at most an hour.
    pub access_token: String,
    /// The next refresh token; the one before is used up.
    pub refresh_token: String,
    /// When the access token ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Asks for an access token for development.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// For whom.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub recipient: RecipientId,
    /// For which device; absent: the device says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub device: Option<DeviceId>,
    /// How long; at most and by default an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1h")]
    pub expires: Option<Span>,
}

/// An access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// For `Authorization: Bearer`.
    pub token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Who a token stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MeResponse {
    /// The project's name.
    pub project: String,
    /// Who.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// Which device, if the token names one.
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// An IANA zone; null: the project's.
    pub time_zone: Option<String>,
    /// A BCP 47 tag; null: the project's.
    pub locale: Option<String>,
    /// When the token ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The desktop app that the operator offers; absent if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppOffer>,
}

/// A version of the desktop app that an operator offers. An app says that it is there, and installs nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct AppOffer {
    /// Three numbers: `0.2.0`.
    pub version: String,
    /// The page to get it from, `https` or `http`.
    pub url: String,
}

impl AppOffer {
    /// The version and where to get it.
    #[must_use]
    pub const fn new(version: String, url: String) -> Self {
        Self { version, url }
    }
}

/// An installation of the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceResponse {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// What it runs on.
    pub platform: String,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last seen, to the minute.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// Operations of a device, in its order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationsRequest {
    /// Each is answered by itself.
    #[schema(max_items = 500)]
    pub ops: Vec<Value>,
}
