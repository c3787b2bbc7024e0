//! Providers that are ready to be used, as long as neither their settings nor their secret change.

use std::sync::Arc;

use secrecy::SecretString;
use tidings_core::configuration::{Account, Provider as Settings};
use tidings_core::ports::{Registry, StoreError};
use tidings_protocol::{ProjectId, Timestamp};

use super::lanes::LaneKey;
use crate::access::secret_name;
use crate::channels::webpush::{VapidError, VapidKeys};
use crate::channels::{self, Opening, Outside, Provider};
use crate::vault::Vault;

/// Providers that are kept ready.
const ACCOUNTS_MAX: u64 = 4_096;

/// See the module.
pub(crate) struct Accounts {
    ready: moka::sync::Cache<LaneKey, Arc<Ready>>,
    registry: Arc<dyn Registry>,
    vault: Arc<Vault>,
    vapid: Arc<VapidKeys>,
    outside: Outside,
}

/// A provider, and what it was made of.
struct Ready {
    settings: Settings,
    secret_set_at: Option<Timestamp>,
    provider: Result<Arc<dyn Provider>, &'static str>,
}

impl Accounts {
    pub(crate) fn new(
        registry: Arc<dyn Registry>,
        vault: Arc<Vault>,
        vapid: Arc<VapidKeys>,
        outside: Outside,
    ) -> Self {
        Self { ready: moka::sync::Cache::new(ACCOUNTS_MAX), registry, vault, vapid, outside }
    }

    /// A provider of a project, or why it cannot be used: a code for the story.
    ///
    /// # Errors
    /// [`StoreError`] if its secret cannot be read.
    pub(crate) async fn get(
        &self,
        project: &ProjectId,
        name: &str,
        settings: &Settings,
    ) -> Result<Result<Arc<dyn Provider>, &'static str>, StoreError> {
        let key = (project.clone(), name.into());
        let secret = match &settings.password {
            Some(secret) => self.registry.secret(project, &secret.0).await?,
            None => None,
        };
        let secret_set_at = secret.as_ref().map(|row| row.set_at);
        if let Some(ready) = self.ready.get(&key)
            && ready.settings == *settings
            && ready.secret_set_at == secret_set_at
        {
            return Ok(ready.provider.clone());
        }
        let password = match (&settings.password, secret) {
            (None, _) if matches!(settings.account, Account::Webpush(_)) => self.vapid_key(project).await?,
            (None, _) => Ok(None),
            (Some(_), None) => Err("secret_missing"),
            (Some(_), Some(row)) => {
                let opened = self.vault.open_sealed(&secret_name(project, &row.name), &row.sealed);
                let text = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok());
                text.map(|text| Some(SecretString::from(text))).ok_or("secret_unreadable")
            }
        };
        let provider = password.and_then(|password| {
            let opening = Opening { project, name, settings, password, outside: &self.outside };
            channels::open(&opening)
        });
        if let Err(code) = &provider {
            tracing::warn!(provider = name, code, "a provider cannot be used");
        }
        let ready = Ready { settings: settings.clone(), secret_set_at, provider: provider.clone() };
        self.ready.insert(key, Arc::new(ready));
        Ok(provider)
    }

    /// The key that the relay made for a project's pushes to browsers.
    async fn vapid_key(
        &self,
        project: &ProjectId,
    ) -> Result<Result<Option<SecretString>, &'static str>, StoreError> {
        match self.vapid.secret(project).await {
            Ok(key) => Ok(Ok(Some(key))),
            Err(VapidError::Store(error)) => Err(error),
            Err(VapidError::Sealed) => Ok(Err("secret_unreadable")),
            Err(VapidError::Random) => Ok(Err("no_vapid_key")),
        }
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("ready", &self.ready.entry_count()).finish_non_exhaustive()
    }
}
