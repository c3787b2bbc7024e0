//! Access tokens of devices, signed by a key whose public half stands in the document.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

// A key of the measurements alone.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA+eqaHWmy9WpwsaEQR9zxopRSfzShlSQkDOpM+7VSl/4=\n-----END PUBLIC KEY-----\n";
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKePINO3RZWdeqa0+H3OAOv16ee9wy04+6ySrCIHEDHJ\n-----END PRIVATE KEY-----\n";
/// Longer than any run.
const LASTS_SECONDS: u64 = 6 * 3600;

/// Signs tokens.
#[derive(Debug)]
pub(crate) struct Signing(EncodingKey);

impl Signing {
    /// The key of this crate.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(EncodingKey::from_ed_pem(PRIVATE.as_bytes())?))
    }

    /// The public half as one quoted text of YAML.
    pub(crate) fn public_pem_in_yaml(&self) -> String {
        format!("\"{}\"", PUBLIC.replace('\n', "\\n"))
    }

    /// A token of a recipient's device.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(crate) fn token(&self, recipient: &str, device: &str) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({"aud": "tidings", "sub": recipient, "project": "load", "iat": now - 5,
            "exp": now + LASTS_SECONDS, "device": device});
        let header = Header { kid: Some("load-1".to_owned()), ..Header::new(Algorithm::EdDSA) };
        Ok(encode(&header, &claims, &self.0)?)
    }
}
