//! Encryption of columns at rest: XChaCha20-Poly1305, each value bound to its account, row and column. A page opens fifty of a
//! few hundred bytes, so it is aws-lc's ChaCha20-Poly1305 under a key that is derived here: docs/adr/0020.

use std::fmt;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use chacha20::{R20, hchacha};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// Those of the nonce that derive the key of one value; the rest is the nonce under it.
const DERIVING_BYTES: usize = 16;
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
    key: Option<EncryptionKey>,
    account: String,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sealed", &self.key.is_some()).finish_non_exhaustive()
    }
}

impl Sealer {
    pub(crate) fn new(key: Option<&EncryptionKey>, account: String) -> Self {
        Self { key: key.cloned(), account }
    }

    pub(crate) fn seal(&self, id: &str, column: &str, text: &[u8]) -> Vec<u8> {
        let Some(key) = &self.key else { return text.to_vec() };
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let mut value = Vec::with_capacity(NONCE_BYTES + text.len() + CHACHA20_POLY1305.tag_len());
        value.extend_from_slice(&nonce);
        value.extend_from_slice(text);
        let (derived, rest) = derive(key, &nonce);
        let bound = Aad::from(self.bound_to(id, column));
        let tag = derived.seal_in_place_separate_tag(rest, bound, &mut value[NONCE_BYTES..]);
        value.extend_from_slice(tag.expect("a notification is shorter than 256 GiB").as_ref());
        value
    }

    pub(crate) fn open(&self, id: &str, column: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some(key) = &self.key else { return Ok(value.to_vec()) };
        let (nonce, sealed) = value.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let (derived, rest) = derive(key, nonce);
        let mut text = sealed.to_vec();
        let bound = Aad::from(self.bound_to(id, column));
        let length = derived.open_in_place(rest, bound, &mut text).map_err(|_| SealError)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// What a new file keeps to recognise its key; nothing if there is none.
    pub(crate) fn check_value(&self) -> Option<Vec<u8>> {
        self.key.is_some().then(|| self.seal("", "key_check", CHECK_TEXT))
    }

    /// Whether a file with this check value was written with this key.
    pub(crate) fn fits(&self, check_value: Option<&[u8]>) -> bool {
        match (&self.key, check_value) {
            (None, None) => true,
            (Some(_), Some(value)) => self.open("", "key_check", value).is_ok_and(|text| text == CHECK_TEXT),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn bound_to(&self, id: &str, column: &str) -> Vec<u8> {
        // Ids have no control characters, so that the separator cannot be part of one.
        [self.account.as_bytes(), b"\x01", id.as_bytes(), b"\x01", column.as_bytes()].concat()
    }
}

/// XChaCha20-Poly1305 is ChaCha20-Poly1305 (RFC 8439) under a key that HChaCha20 derives from the first part of the nonce,
/// with the second part as its own behind four zeros: draft-irtf-cfrg-xchacha-03, section 2.
fn derive(key: &EncryptionKey, nonce: &[u8; NONCE_BYTES]) -> (LessSafeKey, Nonce) {
    let (deriving, rest) = nonce.split_at(DERIVING_BYTES);
    let deriving: [u8; DERIVING_BYTES] = deriving.try_into().expect("it was split there");
    let derived: Zeroizing<[u8; 32]> =
        Zeroizing::new(hchacha::<R20>(key.as_bytes().into(), &deriving.into()).into());
    let derived = UnboundKey::new(&CHACHA20_POLY1305, &*derived).expect("the key has the cipher's length");
    let mut own = [0; NONCE_LEN];
    own[NONCE_LEN - rest.len()..].copy_from_slice(rest);
    (LessSafeKey::new(derived), Nonce::assume_unique_for_key(own))
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::{Aead as _, Payload};
    use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};

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

    /// The other implementation wrote the files of earlier versions.
    #[test]
    fn values_are_those_of_xchacha20_poly1305_as_others_make_it() {
        let key = EncryptionKey::random();
        let sealer = Sealer::new(Some(&key), "a".into());
        let other = XChaCha20Poly1305::new(key.as_bytes().into());
        for text in ["", "订单", &"x".repeat(5_000)] {
            let bound = b"a\x01n1\x01words";
            let nonce: [u8; NONCE_BYTES] = rand::random();
            let sealed = other.encrypt(&nonce.into(), Payload { msg: text.as_bytes(), aad: bound }).unwrap();
            let opened = sealer.open("n1", "words", &[&nonce[..], &sealed].concat());
            assert_eq!(opened.unwrap(), text.as_bytes());
            let value = sealer.seal("n1", "words", text.as_bytes());
            let (nonce, sealed) = value.split_first_chunk::<NONCE_BYTES>().unwrap();
            let opened = other.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: bound });
            assert_eq!(opened.unwrap(), text.as_bytes());
        }
    }
}
