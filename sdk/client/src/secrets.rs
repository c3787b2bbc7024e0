//! Where the system keeps secrets: the client's key is made once, kept there, and found again at the next start.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::seal::EncryptionKey;

/// How long a keychain may take, in which a person may have to unlock it.
const KEYCHAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The stable word for a keychain that does not answer as it should.
const UNUSABLE: &str = "secret_store";

/// The system's keychain, or whatever stands for it. Both calls may block; they are made on a thread of their own.
pub trait SecretStore: Send + Sync {
    /// What was saved under a name; none if nothing was.
    ///
    /// # Errors
    /// [`SecretStoreError`] if the store cannot be read. The client is then not opened: with a new key the stored
    /// inbox would be lost.
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, SecretStoreError>;

    /// Keeps a secret under a name, in the place of an older one.
    ///
    /// # Errors
    /// [`SecretStoreError`] if it is not kept.
    fn save(&self, name: &str, secret: &[u8]) -> Result<(), SecretStoreError>;
}

/// A keychain failed, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretStoreError(pub String);

/// A [`SecretStore`] that can be part of what is printed.
#[derive(Clone)]
pub(crate) struct Keychain(pub(crate) Arc<dyn SecretStore>);

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keychain(…)")
    }
}

impl Keychain {
    /// The account's key: the one that is kept, or a new one that is kept from now on.
    pub(crate) async fn key_of(self, account: &str) -> Result<EncryptionKey, Error> {
        let name = format!("tidings.{account}");
        let asked = tokio::task::spawn_blocking(move || find_or_make(&*self.0, &name));
        match tokio::time::timeout(KEYCHAIN_TIMEOUT, asked).await {
            Ok(Ok(key)) => key,
            Ok(Err(_)) => Err(unusable("it broke off while it was asked")),
            Err(_) => Err(unusable("it did not answer within 30 seconds")),
        }
    }
}

fn find_or_make(store: &dyn SecretStore, name: &str) -> Result<EncryptionKey, Error> {
    let load = || store.load(name).map_err(|error| unusable(&error.0));
    if let Some(kept) = load()? {
        return key_from(&kept);
    }
    store.save(name, EncryptionKey::random().as_bytes()).map_err(|error| unusable(&error.0))?;
    // Read back: another process may have saved one at the same moment, and one of the two counts.
    match load()? {
        Some(kept) => key_from(&kept),
        None => Err(unusable("it did not keep the key")),
    }
}

fn key_from(kept: &[u8]) -> Result<EncryptionKey, Error> {
    let bytes = kept.try_into().map_err(|_| unusable("what it keeps is no key of 32 bytes"))?;
    Ok(EncryptionKey::new(bytes))
}

fn unusable(detail: &str) -> Error {
    Error::Refused { code: UNUSABLE.into(), detail: format!("the secret store: {detail}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A keychain in memory; it may be out of order.
    #[derive(Default)]
    struct Drawer {
        kept: Mutex<BTreeMap<String, Vec<u8>>>,
        broken: bool,
    }

    impl SecretStore for Drawer {
        fn load(&self, name: &str) -> Result<Option<Vec<u8>>, SecretStoreError> {
            if self.broken {
                return Err(SecretStoreError("it is locked".into()));
            }
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(kept.get(name).cloned())
        }

        fn save(&self, name: &str, secret: &[u8]) -> Result<(), SecretStoreError> {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(name.into(), secret.into());
            Ok(())
        }
    }

    fn code(error: &Error) -> &str {
        let Error::Refused { code, .. } = error else { panic!("{error}") };
        code
    }

    #[tokio::test]
    async fn a_key_is_made_once_and_found_again() {
        let drawer = Arc::new(Drawer::default());
        let first = Keychain(drawer.clone()).key_of("inbox").await.unwrap();
        let second = Keychain(drawer.clone()).key_of("inbox").await.unwrap();
        let other = Keychain(drawer).key_of("work").await.unwrap();
        assert_eq!(first.as_bytes(), second.as_bytes());
        assert_ne!(first.as_bytes(), other.as_bytes(), "each account has its own");
    }

    #[tokio::test]
    async fn a_keychain_that_cannot_be_read_makes_no_new_key() {
        let broken = Arc::new(Drawer { broken: true, ..Drawer::default() });
        let error = Keychain(broken.clone()).key_of("inbox").await.unwrap_err();
        assert_eq!(code(&error), "secret_store");
        assert!(broken.kept.lock().unwrap().is_empty(), "nothing was saved over what may be there");
        let drawer = Arc::new(Drawer::default());
        drawer.save("tidings.inbox", b"short").unwrap();
        assert_eq!(code(&Keychain(drawer).key_of("inbox").await.unwrap_err()), "secret_store");
    }
}
