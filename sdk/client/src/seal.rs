//! Encryption of columns at rest: XChaCha20-Poly1305, each value bound to its account, row and column.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// Sealed at creation and opened at each start, so that a wrong key is noticed before anything is read with it.
const CHECK_TEXT: &[u8] = b"tidings";

/// The key that encrypts what notifications say on this device. Keep it in the system's keychain; if it is lost, the
/// inbox is fetched again.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; 32]>);

impl EncryptionKey {
    /// From 256 random bits.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new random key.
    #[must_use]
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// The key's bytes, to be put into the system's keychain.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

/// A value does not open: it is damaged, belongs to another place, or the key is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this key")]
pub(crate) struct SealError;

/// Seals and opens the columns of one account. Without a key the values stay as they are.
#[derive(Clone)]
pub(crate) struct Sealer {
    cipher: Option<XChaCha20Poly1305>,
    account: String,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sealed", &self.cipher.is_some()).finish_non_exhaustive()
    }
}

impl Sealer {
    pub(crate) fn new(key: Option<&EncryptionKey>, account: String) -> Self {
        let cipher = key.map(|key| {
            XChaCha20Poly1305::new_from_slice(key.as_bytes()).expect("the key has the cipher's length")
        });
        Self { cipher, account }
    }

    pub(crate) fn seal(&self, id: &str, column: &str, text: &[u8]) -> Vec<u8> {
        let Some(cipher) = &self.cipher else { return text.to_vec() };
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let bound = self.bound_to(id, column);
        let payload = Payload { msg: text, aad: bound.as_bytes() };
        let sealed =
            cipher.encrypt(&XNonce::from(nonce), payload).expect("a notification is shorter than 256 GiB");
        let mut value = Vec::with_capacity(NONCE_BYTES + sealed.len());
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        value
    }

    pub(crate) fn open(&self, id: &str, column: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some(cipher) = &self.cipher else { return Ok(value.to_vec()) };
        let (nonce, sealed) = value.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let bound = self.bound_to(id, column);
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError)
    }

    /// What a new file keeps to recognise its key; nothing if there is none.
    pub(crate) fn check_value(&self) -> Option<Vec<u8>> {
        self.cipher.is_some().then(|| self.seal("", "key_check", CHECK_TEXT))
    }

    /// Whether a file with this check value was written with this key.
    pub(crate) fn fits(&self, check_value: Option<&[u8]>) -> bool {
        match (&self.cipher, check_value) {
            (None, None) => true,
            (Some(_), Some(value)) => self.open("", "key_check", value).is_ok_and(|text| text == CHECK_TEXT),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn bound_to(&self, id: &str, column: &str) -> String {
        // Ids have no control characters, so that the separator cannot be part of one.
        format!("{}\u{1}{id}\u{1}{column}", self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_in_its_own_place_and_with_its_own_key() {
        let key = EncryptionKey::random();
        let sealer = Sealer::new(Some(&key), "a".into());
        let value = sealer.seal("n1", "title", "订单".as_bytes());
        assert_eq!(sealer.open("n1", "title", &value).unwrap(), "订单".as_bytes());
        assert_eq!(sealer.open("n2", "title", &value), Err(SealError));
        assert_eq!(sealer.open("n1", "body", &value), Err(SealError));
        assert_eq!(sealer.open("n1", "title", &value[..10]), Err(SealError));
        assert_eq!(Sealer::new(Some(&key), "b".into()).open("n1", "title", &value), Err(SealError));
        let other = Sealer::new(Some(&EncryptionKey::random()), "a".into());
        assert_eq!(other.open("n1", "title", &value), Err(SealError));
        assert!(sealer.fits(sealer.check_value().as_deref()));
        assert!(!other.fits(sealer.check_value().as_deref()));
        assert!(!Sealer::new(None, "a".into()).fits(sealer.check_value().as_deref()));
    }
}
