//! The encoding `aesgcm` of drafts before RFC 8188: named because `web-push` can be asked for it, never made.

use crate::{Error, Result};

/// What an encryption would give; there is none.
#[derive(Debug)]
pub enum AesGcmEncryptedBlock {}

impl AesGcmEncryptedBlock {
    /// The headers beside the body.
    #[must_use]
    pub fn headers(&self, _vapid_public_key: Option<&[u8]>) -> Vec<(&'static str, String)> {
        match *self {}
    }

    /// The body in base64.
    #[must_use]
    pub fn body(&self) -> String {
        match *self {}
    }
}

/// Always refused.
///
/// # Errors
/// [`Error::Legacy`].
pub const fn encrypt_aesgcm(
    _receiver: &[u8],
    _auth_secret: &[u8],
    _plaintext: &[u8],
) -> Result<AesGcmEncryptedBlock> {
    Err(Error::Legacy)
}
