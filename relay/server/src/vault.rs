//! The relay's own secret keys: one file in the data folder, readable by its owner only.
//!
//! `hash` is for what is looked up (API keys, connect codes, refresh tokens), `seal` for what is read back (secrets of
//! projects), the signing keys for what others verify (access tokens, consent receipts). Two signing keys are valid at a
//! time, so that they can be exchanged without signing anybody out.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Signing keys that are valid at a time: the one that signs, and the one before it.
pub(crate) const SIGNING_KEYS_MAX: usize = 2;
const FILE: &str = "relay.keys";
const NONCE_BYTES: usize = 24;
/// The frame of an Ed25519 private key in PKCS #8 (RFC 8410 section 7) before its 32 bytes.
const ED25519_FRAME: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What a hash is for: the same text hashed for another purpose is another hash.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    ApiKey,
    ConnectCode,
    Erasure,
    RefreshFamily,
    RefreshToken,
}

/// The relay's secret keys.
pub(crate) struct Vault {
    hash_key: [u8; 32],
    cipher: XChaCha20Poly1305,
    signing: Vec<SigningKey>,
}

struct SigningKey {
    kid: String,
    private: EncodingKey,
    public: DecodingKey,
}

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file cannot be read or written.
    #[error("the relay's keys in {path} cannot be read or written: give the relay's account access to them")]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could read the file.
    #[error("{path} can be read by others: chmod 600 it")]
    Open {
        /// Where it is.
        path: PathBuf,
    },
    /// The file is not what this relay wrote.
    #[error("{path} has no keys of a relay: restore it from a backup")]
    Damaged {
        /// Where it is.
        path: PathBuf,
    },
}

/// A sealed value was changed, or was sealed under another key or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened")]
pub(crate) struct SealError;

#[derive(Serialize, Deserialize)]
struct KeyFile {
    hash: String,
    seal: String,
    signing: Vec<SigningRow>,
}

#[derive(Serialize, Deserialize)]
struct SigningRow {
    kid: String,
    private: String,
}

impl Vault {
    /// Reads the keys of a data folder, or makes them.
    ///
    /// # Errors
    /// [`VaultError`] if the file cannot be read or written, is open to others, or has something else in it.
    pub(crate) fn open(folder: &Path) -> Result<Self, VaultError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => {
                let mode =
                    fs::metadata(&path).map_err(|source| file_error(&path, source))?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(VaultError::Open { path });
                }
                text
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = KeyFile::new().text();
                write_new(&path, &text).map_err(|source| file_error(&path, source))?;
                text
            }
            Err(source) => return Err(file_error(&path, source)),
        };
        let keys = serde_json::from_str::<KeyFile>(&text).ok().and_then(|file| Self::of(&file));
        keys.ok_or(VaultError::Damaged { path })
    }

    /// Keys that live as long as the process.
    pub(crate) fn ephemeral() -> Self {
        Self::of(&KeyFile::new()).expect("new keys are well formed")
    }

    fn of(file: &KeyFile) -> Option<Self> {
        let signing = file.signing.iter().map(SigningKey::of).collect::<Option<Vec<_>>>()?;
        if signing.is_empty() || signing.len() > SIGNING_KEYS_MAX {
            return None;
        }
        let cipher = XChaCha20Poly1305::new_from_slice(&key_bytes(&file.seal)?).ok()?;
        Some(Self { hash_key: key_bytes(&file.hash)?, cipher, signing })
    }

    /// HMAC-SHA256 of a secret text.
    pub(crate) fn hash(&self, purpose: Purpose, secret: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.hash_key).expect("HMAC takes a key of any length");
        mac.update(purpose.label());
        mac.update(secret.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The key under which the ids of erased recipients are hashed.
    pub(crate) fn erasure_key(&self) -> [u8; 32] {
        self.hash(Purpose::Erasure, "")
    }

    /// Encrypts a value; `name` must be given again to open it.
    pub(crate) fn seal(&self, name: &str, value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce);
        let payload = Payload { msg: value, aad: name.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("only a value of 256 GiB cannot be sealed");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what `seal` made under the same name.
    pub(crate) fn open_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError)?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError)
    }

    /// Signs claims as a JWT with the newest key.
    pub(crate) fn sign(&self, kind: &str, claims: &impl Serialize) -> String {
        let key = &self.signing[0];
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.private).expect("an Ed25519 key signs everything")
    }

    /// The public half of one of the relay's own keys.
    pub(crate) fn public(&self, kid: &str) -> Option<&DecodingKey> {
        self.signing.iter().find(|key| key.kid == kid).map(|key| &key.public)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::ApiKey => b"tidings.api_key.1",
            Self::ConnectCode => b"tidings.connect_code.1",
            Self::Erasure => b"tidings.erasure.1",
            Self::RefreshFamily => b"tidings.refresh_family.1",
            Self::RefreshToken => b"tidings.refresh_token.1",
        }
    }
}

impl KeyFile {
    fn new() -> Self {
        Self {
            hash: random_text(),
            seal: random_text(),
            signing: vec![SigningRow {
                kid: format!("relay-{}", &random_text()[..8]),
                private: random_text(),
            }],
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("texts are always JSON")
    }
}

impl SigningKey {
    fn of(row: &SigningRow) -> Option<Self> {
        let der = [ED25519_FRAME.as_slice(), &key_bytes(&row.private)?].concat();
        let private = EncodingKey::from_ed_der(&der);
        let public = Jwk::from_encoding_key(&private, Algorithm::EdDSA).ok()?;
        let public = DecodingKey::from_jwk(&public).ok()?;
        Some(Self { kid: row.kid.clone(), private, public })
    }
}

/// 256 random bits in 43 characters.
pub(crate) fn random_text() -> String {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key_bytes(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn file_error(path: &Path, source: io::Error) -> VaultError {
    VaultError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_reads_the_keys_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = Vault::open(folder.path()).unwrap();
        let second = Vault::open(folder.path()).unwrap();
        assert_eq!(first.hash(Purpose::ApiKey, "k"), second.hash(Purpose::ApiKey, "k"));
        assert_eq!(second.open_sealed("smtp", &first.seal("smtp", b"hush")).unwrap(), b"hush");
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(Vault::open(folder.path()).unwrap());
        fs::set_permissions(folder.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Vault::open(folder.path()), Err(VaultError::Open { .. })));
    }

    #[test]
    fn one_text_hashes_differently_for_each_purpose() {
        let vault = Vault::ephemeral();
        assert_ne!(vault.hash(Purpose::ApiKey, "k"), vault.hash(Purpose::ConnectCode, "k"));
    }

    #[test]
    fn a_sealed_value_opens_under_its_own_name_only_and_only_unchanged() {
        let vault = Vault::ephemeral();
        let mut sealed = vault.seal("smtp", b"hush");
        assert_eq!(vault.open_sealed("other", &sealed), Err(SealError));
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(vault.open_sealed("smtp", &sealed), Err(SealError));
        assert_eq!(vault.open_sealed("smtp", b"short"), Err(SealError));
    }
}
