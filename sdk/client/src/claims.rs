//! What an access token says about its bearer. It is not verified here, the relay does that: the device only reads its
//! own token, to know whose inbox this is before it sends anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tidings_protocol::{DeviceId, Timestamp};

/// The claims that matter to a device.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    pub(crate) project: String,
    #[serde(rename = "sub")]
    pub(crate) recipient: String,
    #[serde(default)]
    pub(crate) device: Option<DeviceId>,
    /// Seconds since 1970.
    #[serde(default)]
    exp: Option<i64>,
}

impl Claims {
    /// None if the text is no JWT with a project and a recipient.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        Some(Timestamp::from_millis(self.exp?.checked_mul(1_000)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"project":"shop","sub":"alice","exp":90,"aud":"tidings"}"#);
        let claims = Claims::read(&format!("e30.{payload}.sig")).unwrap();
        assert_eq!((claims.project.as_str(), claims.recipient.as_str()), ("shop", "alice"));
        assert_eq!(claims.expires_at(), Some(Timestamp::from_millis(90_000)));
        assert_eq!(Claims::read("token"), None);
        assert_eq!(Claims::read("a.b.c"), None);
    }
}
