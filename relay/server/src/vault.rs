//! The relay's own secret keys: one file in the data folder, readable by its owner only.
//!
//! `hash` is for what is looked up (API keys, connect codes, refresh tokens), `seal` for what is read back (secrets of
//! projects), the signing keys for what others verify (access tokens, consent receipts). Two signing keys are valid at a
//! time, so that they can be exchanged without signing anybody out.

mod signing;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tidings_protocol::Timestamp;

use self::signing::{SigningKey, SigningRow};

/// Signing keys that are valid at a time: the one that signs, and the one before it.
const SIGNING_KEYS_MAX: usize = 2;
const FILE: &str = "relay.keys";
/// Where new keys are written before they take the place of the old ones.
const FILE_NEW: &str = "relay.keys.new";
const NONCE_BYTES: usize = 24;

/// What a hash is for: the same text hashed for another purpose is another hash.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    ApiKey,
    ConnectCode,
    Erasure,
    PublicLink,
    PublicToken,
    RefreshFamily,
    RefreshToken,
}

/// The relay's secret keys.
pub(crate) struct Vault {
    hash_key: [u8; 32],
    cipher: XChaCha20Poly1305,
    /// The newest first.
    signing: RwLock<Arc<[SigningKey]>>,
    /// What is written when they are exchanged; one exchange at a time.
    kept: Mutex<Kept>,
}

/// The keys as texts, and where they are kept. None: nowhere.
struct Kept {
    folder: Option<PathBuf>,
    file: KeyFile,
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

/// The signing keys were not exchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotateError {
    /// Tokens of the key that would be forgotten may still be valid.
    #[error("the signing key was exchanged less than {} ago", tidings_protocol::Span::from_millis(*.least_millis))]
    TooSoon {
        /// How long an exchange has to wait for the one before.
        least_millis: i64,
        /// How much of it is left.
        wait_millis: i64,
    },
    /// The file cannot be written; the keys are the old ones.
    #[error("the new signing key was not written")]
    File(#[from] io::Error),
}

/// The names of the keys after an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rotated {
    /// The key that signs.
    pub(crate) kid: String,
    /// The key that is still good for what it signed.
    pub(crate) previous: String,
}

/// A sealed value was changed, or was sealed under another key or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened")]
pub(crate) struct SealError;

#[derive(Clone, Serialize, Deserialize)]
struct KeyFile {
    hash: String,
    seal: String,
    signing: Vec<SigningRow>,
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
        let file = serde_json::from_str::<KeyFile>(&text).ok();
        let keys = file.and_then(|file| Self::of(Kept { folder: Some(folder.to_owned()), file }));
        keys.ok_or(VaultError::Damaged { path })
    }

    /// Keys that live as long as the process.
    pub(crate) fn ephemeral() -> Self {
        Self::of(Kept { folder: None, file: KeyFile::new() }).expect("new keys are well formed")
    }

    fn of(kept: Kept) -> Option<Self> {
        let signing = kept.file.signing_keys()?;
        if signing.is_empty() || signing.len() > SIGNING_KEYS_MAX {
            return None;
        }
        let cipher = XChaCha20Poly1305::new_from_slice(&key_bytes(&kept.file.seal)?).ok()?;
        let hash_key = key_bytes(&kept.file.hash)?;
        Some(Self { hash_key, cipher, signing: RwLock::new(signing), kept: Mutex::new(kept) })
    }

    /// Makes a new signing key, and forgets the one before the present one. It is on disk before it signs.
    ///
    /// # Errors
    /// [`RotateError`]; the keys are then the old ones. Two exchanges are `lasts_millis` apart, the longest that
    /// something signed is valid.
    pub(crate) fn rotate(&self, now: Timestamp, lasts_millis: i64) -> Result<Rotated, RotateError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let present = kept.file.signing[0].clone();
        let age = now.millis_since(present.made_at());
        if kept.file.signing.len() >= SIGNING_KEYS_MAX && age < lasts_millis {
            let wait_millis = lasts_millis - age.max(0);
            return Err(RotateError::TooSoon { least_millis: lasts_millis, wait_millis });
        }
        let new = SigningRow::new(now);
        let rotated = Rotated { kid: new.kid.clone(), previous: present.kid.clone() };
        let file = KeyFile { signing: vec![new, present], ..kept.file.clone() };
        if let Some(folder) = &kept.folder {
            replace(folder, &file.text())?;
        }
        let keys = file.signing_keys().expect("a new key is well formed, and the present one signs");
        kept.file = file;
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(rotated)
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
        self.signing_keys()[0].sign(kind, claims)
    }

    /// The public half of one of the relay's own keys.
    pub(crate) fn public(&self, kid: &str) -> Option<DecodingKey> {
        self.signing_keys().iter().find(|key| key.kid() == kid).map(|key| key.public().clone())
    }

    fn signing_keys(&self) -> Arc<[SigningKey]> {
        Arc::clone(&self.signing.read().unwrap_or_else(PoisonError::into_inner))
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
            Self::PublicLink => b"tidings.public_link.1",
            Self::PublicToken => b"tidings.public_token.1",
            Self::RefreshFamily => b"tidings.refresh_family.1",
            Self::RefreshToken => b"tidings.refresh_token.1",
        }
    }
}

impl KeyFile {
    fn new() -> Self {
        Self { hash: random_text(), seal: random_text(), signing: vec![SigningRow::new(Timestamp::ZERO)] }
    }

    fn signing_keys(&self) -> Option<Arc<[SigningKey]>> {
        self.signing.iter().map(SigningKey::of).collect()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("texts are always JSON")
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

/// Puts new keys in the place of the old ones: after a crash there are the ones or the others.
fn replace(folder: &Path, text: &str) -> io::Result<()> {
    let new = folder.join(FILE_NEW);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    write_new(&new, text)?;
    fs::rename(&new, folder.join(FILE))?;
    File::open(folder)?.sync_all()
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

    const HOUR: i64 = 3_600_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_348_800_000 + millis)
    }

    fn kid_of(token: &str) -> String {
        jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
    }

    #[test]
    fn a_new_signing_key_signs_at_once_and_after_a_restart_and_the_one_before_stays_good() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let old = kid_of(&vault.sign("JWT", &1));
        let sealed = vault.seal("smtp", b"hush");
        let rotated = vault.rotate(at(0), HOUR).unwrap();
        assert_eq!((&rotated.previous, &rotated.kid), (&old, &kid_of(&vault.sign("JWT", &1))));
        assert_ne!(rotated.kid, old);
        let restarted = Vault::open(folder.path()).unwrap();
        for vault in [&vault, &restarted] {
            assert_eq!(kid_of(&vault.sign("JWT", &1)), rotated.kid);
            assert!(vault.public(&old).is_some() && vault.public(&rotated.kid).is_some());
            assert_eq!(vault.open_sealed("smtp", &sealed).unwrap(), b"hush", "the other keys stay");
        }
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_second_exchange_waits_until_nothing_that_the_forgotten_key_signed_is_valid() {
        let vault = Vault::ephemeral();
        let first = vault.rotate(at(0), HOUR).unwrap();
        let Err(RotateError::TooSoon { wait_millis, .. }) = vault.rotate(at(HOUR - 1), HOUR) else {
            panic!("it is too soon")
        };
        assert_eq!(wait_millis, 1);
        assert!(vault.public(&first.previous).is_some(), "nothing was forgotten");
        let second = vault.rotate(at(HOUR), HOUR).unwrap();
        assert_eq!(second.previous, first.kid);
        assert!(vault.public(&first.previous).is_none());
    }

    #[test]
    fn keys_that_cannot_be_written_are_not_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let old = kid_of(&vault.sign("JWT", &1));
        // A folder in the way of the file, whoever runs the test.
        fs::create_dir(folder.path().join(FILE_NEW)).unwrap();
        assert!(matches!(vault.rotate(at(0), HOUR), Err(RotateError::File(_))));
        assert_eq!(kid_of(&vault.sign("JWT", &1)), old);
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
