//! A project's VAPID key: made when it is first asked for, sealed among the project's secrets, and never changed, because
//! each subscription is bound to it (RFC 8292 4).

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use secrecy::SecretString;
use tidings_core::ports::{Clock, Registry, SecretRow, StoreError};
use tidings_protocol::ProjectId;
use tokio::sync::Mutex;

use crate::access::secret_name;
use crate::vault::Vault;

/// Its name among the project's secrets: with a `/`, so that no document and no call can name it.
const SECRET: &str = "tidings/vapid";

/// A project's key pair on P-256.
pub(crate) struct VapidKey {
    private: EncodingKey,
    public: Box<[u8]>,
}

impl VapidKey {
    /// Reads what [`VapidKeys`] keeps; none if it is something else.
    pub(crate) fn read(secret: &str) -> Option<Self> {
        let der = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok()?;
        Some(Self { private: EncodingKey::from_ec_der(&der), public: pair.public_key().as_ref().into() })
    }

    /// What signs.
    pub(crate) const fn private(&self) -> &EncodingKey {
        &self.private
    }

    /// The uncompressed point of 65 bytes: a browser's `applicationServerKey`.
    pub(crate) const fn public(&self) -> &[u8] {
        &self.public
    }

    /// The same in base64url.
    pub(crate) fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.public)
    }
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VapidKey").finish_non_exhaustive()
    }
}

/// Where projects' keys are.
pub(crate) struct VapidKeys {
    registry: Arc<dyn Registry>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    /// One key is made at a time, so that two first uses get the same.
    making: Mutex<()>,
}

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VapidError {
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key was sealed under another key of the relay.
    #[error(
        "the project's VAPID key cannot be opened: start the relay with the keys that its database was made with"
    )]
    Sealed,
    /// The system gives no random numbers.
    #[error("no VAPID key can be made: the system gives no random numbers")]
    Random,
}

impl VapidKeys {
    pub(crate) fn new(registry: Arc<dyn Registry>, vault: Arc<Vault>, clock: Arc<dyn Clock>) -> Self {
        Self { registry, vault, clock, making: Mutex::new(()) }
    }

    /// A project's key as text, for [`Opening::password`](super::super::Opening); made if there is none.
    ///
    /// # Errors
    /// [`VapidError`].
    pub(crate) async fn secret(&self, project: &ProjectId) -> Result<SecretString, VapidError> {
        if let Some(row) = self.registry.secret(project, SECRET).await? {
            return self.open(project, &row);
        }
        let _making = self.making.lock().await;
        if let Some(row) = self.registry.secret(project, SECRET).await? {
            return self.open(project, &row);
        }
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let text = URL_SAFE_NO_PAD.encode(der.map_err(|_| VapidError::Random)?.as_ref());
        let sealed = self.vault.seal(&secret_name(project, SECRET), text.as_bytes());
        let row =
            SecretRow { project: project.clone(), name: SECRET.into(), sealed, set_at: self.clock.now() };
        self.registry.put_secret(&row).await?;
        Ok(SecretString::from(text))
    }

    /// The same, ready to be used.
    ///
    /// # Errors
    /// [`VapidError`].
    pub(crate) async fn key(&self, project: &ProjectId) -> Result<VapidKey, VapidError> {
        use secrecy::ExposeSecret as _;
        let secret = self.secret(project).await?;
        VapidKey::read(secret.expose_secret()).ok_or(VapidError::Sealed)
    }

    fn open(&self, project: &ProjectId, row: &SecretRow) -> Result<SecretString, VapidError> {
        let opened = self.vault.open_sealed(&secret_name(project, SECRET), &row.sealed);
        let text = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(VapidError::Sealed)?;
        Ok(SecretString::from(text))
    }
}

impl std::fmt::Debug for VapidKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VapidKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use tidings_store::{ErasureKey, MemoryStore};

    use super::*;
    use crate::world::World;

    fn keys(store: &Arc<MemoryStore>, vault: &Arc<Vault>) -> VapidKeys {
        VapidKeys::new(Arc::clone(store) as Arc<dyn Registry>, Arc::clone(vault), World::real().clock)
    }

    fn store(vault: &Vault) -> Arc<MemoryStore> {
        Arc::new(MemoryStore::new(ErasureKey::new(vault.erasure_key())))
    }

    #[tokio::test]
    async fn a_project_has_one_key_whoever_asks_first_and_after_a_restart() {
        let vault = Arc::new(Vault::ephemeral());
        let store = store(&vault);
        let first = keys(&store, &vault);
        let (shop, other) = ("shop".parse().unwrap(), "other".parse().unwrap());
        let (one, same) = tokio::join!(first.secret(&shop), first.secret(&shop));
        let one = one.unwrap();
        assert_eq!(one.expose_secret(), same.unwrap().expose_secret());
        let restarted = keys(&store, &vault);
        assert_eq!(one.expose_secret(), restarted.secret(&shop).await.unwrap().expose_secret());
        assert_ne!(one.expose_secret(), restarted.secret(&other).await.unwrap().expose_secret());
        assert_eq!(restarted.key(&shop).await.unwrap().public().len(), 65);
    }

    #[tokio::test]
    async fn a_key_is_sealed_and_opens_with_the_relays_own_keys_only() {
        let vault = Arc::new(Vault::ephemeral());
        let store = store(&vault);
        let shop = "shop".parse().unwrap();
        let secret = keys(&store, &vault).secret(&shop).await.unwrap();
        let row = store.secret(&shop, SECRET).await.unwrap().unwrap();
        let text = secret.expose_secret().as_bytes();
        assert!(!row.sealed.windows(text.len()).any(|part| part == text));
        let stranger = keys(&store, &Arc::new(Vault::ephemeral()));
        assert!(matches!(stranger.secret(&shop).await, Err(VapidError::Sealed)));
    }

    #[test]
    fn what_is_no_key_is_told() {
        assert!(VapidKey::read("").is_none() && VapidKey::read("bm8ga2V5").is_none());
    }
}
