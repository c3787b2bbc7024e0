//! The key that seals an inbox on this computer: in the system's keychain, or in a file if the person chose so.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tidings_sdk::EncryptionKey;
use ts_rs::TS;

use crate::problem::Problem;

/// Under which name the keychain lists the keys.
const SERVICE: &str = "Tidings";
/// The file in an account's folder, where there is no keychain.
const KEY_FILE: &str = "key";

/// Where the key of an account is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// The system's keychain.
    Keychain,
    /// A file beside the inbox that only its owner can read.
    File,
}

/// The system's keychain; a port, so that tests have one of their own.
pub trait Keychain: Send + Sync {
    /// The secret of a name; none if there is none. Blocks.
    ///
    /// # Errors
    /// If there is no keychain, or it stays locked.
    fn read(&self, name: &str) -> Result<Option<String>, Problem>;

    /// Stores a secret under a name. Blocks.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn write(&self, name: &str, secret: &str) -> Result<(), Problem>;

    /// Deletes the secret of a name, if it is there. Blocks.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn delete(&self, name: &str) -> Result<(), Problem>;
}

/// The keychain of the operating system.
#[derive(Debug)]
pub struct SystemKeychain;

impl SystemKeychain {
    fn entry(name: &str) -> Result<keyring_core::Entry, Problem> {
        let store = system_store().map_err(|error| unavailable(&error))?;
        keyring_core::Entry::new_in_store(&store, SERVICE, name).map_err(|error| unavailable(&error))
    }
}

#[cfg(target_os = "linux")]
fn system_store() -> keyring_core::Result<std::sync::Arc<keyring_core::CredentialStore>> {
    let store: std::sync::Arc<keyring_core::CredentialStore> =
        zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(target_os = "macos")]
fn system_store() -> keyring_core::Result<std::sync::Arc<keyring_core::CredentialStore>> {
    let store: std::sync::Arc<keyring_core::CredentialStore> =
        apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(windows)]
fn system_store() -> keyring_core::Result<std::sync::Arc<keyring_core::CredentialStore>> {
    let store: std::sync::Arc<keyring_core::CredentialStore> = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

fn unavailable(error: &keyring_core::Error) -> Problem {
    Problem::new("no_keychain", error.to_string())
}

impl Keychain for SystemKeychain {
    fn read(&self, name: &str) -> Result<Option<String>, Problem> {
        match Self::entry(name)?.get_password() {
            Ok(secret) => Ok(Some(secret)),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn write(&self, name: &str, secret: &str) -> Result<(), Problem> {
        Self::entry(name)?.set_password(secret).map_err(|error| unavailable(&error))
    }

    fn delete(&self, name: &str) -> Result<(), Problem> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

/// The key of an account; a new one if it has none yet. A lost key means that the inbox is fetched again.
pub(crate) fn key(
    keychain: &dyn Keychain,
    place: SecretPlace,
    account: &str,
    folder: &Path,
) -> Result<EncryptionKey, Problem> {
    let stored = match place {
        SecretPlace::Keychain => keychain.read(account)?,
        SecretPlace::File => read_file(&key_path(folder))?,
    };
    if let Some(key) = stored.as_deref().and_then(decoded) {
        return Ok(key);
    }
    let key = EncryptionKey::random();
    let text = STANDARD.encode(key.as_bytes());
    match place {
        SecretPlace::Keychain => keychain.write(account, &text)?,
        SecretPlace::File => {
            write_private(&key_path(folder), &text).map_err(|error| Problem::file(&error))?
        }
    }
    Ok(key)
}

fn key_path(folder: &Path) -> PathBuf {
    folder.join(KEY_FILE)
}

fn decoded(text: &str) -> Option<EncryptionKey> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    Some(EncryptionKey::new(bytes.try_into().ok()?))
}

fn read_file(path: &Path) -> Result<Option<String>, Problem> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file(&error)),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Keychain for Nowhere {
        fn read(&self, _: &str) -> Result<Option<String>, Problem> {
            Err(Problem::new("no_keychain", "none"))
        }

        fn write(&self, _: &str, _: &str) -> Result<(), Problem> {
            Err(Problem::new("no_keychain", "none"))
        }

        fn delete(&self, _: &str) -> Result<(), Problem> {
            Err(Problem::new("no_keychain", "none"))
        }
    }

    #[test]
    fn without_a_keychain_nothing_falls_back_to_a_file_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let refused = key(&Nowhere, SecretPlace::Keychain, "a", folder.path()).unwrap_err();
        assert_eq!(refused.code, "no_keychain");
        assert!(!folder.path().join(KEY_FILE).exists());
    }

    #[test]
    fn a_key_in_a_file_stays_the_same_and_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = key(&Nowhere, SecretPlace::File, "a", folder.path()).unwrap();
        let second = key(&Nowhere, SecretPlace::File, "a", folder.path()).unwrap();
        assert_eq!(first.as_bytes(), second.as_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
