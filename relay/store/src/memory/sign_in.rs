//! How devices sign in.

use async_trait::async_trait;
use tidings_core::model::{PersonKey, StoredAnswer};
use tidings_core::ports::{
    ConnectCode, DeviceToken, KnownToken, PresentedToken, SignIn, StoreError, TokenExchange,
};
use tidings_protocol::{DeviceId, ProjectId, RecipientId, Timestamp};

use super::{MemoryStore, PortCall};

#[async_trait]
impl SignIn for MemoryStore {
    async fn put_connect_code(
        &self,
        code: &ConnectCode,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        self.change(PortCall::SignIn, |tables| {
            tables.keep_answer(answer);
            tables.connect_codes.set(code.hash, code.clone());
            Ok(())
        })
        .await
    }

    async fn take_connect_code(
        &self,
        hash: &[u8; 32],
        repeat: Option<(&[u8; 32], Timestamp)>,
        now: Timestamp,
    ) -> Result<Option<ConnectCode>, StoreError> {
        self.change(PortCall::SignIn, |tables| {
            let code = tables.connect_codes.remove(hash).filter(|code| code.expires_at > now);
            if let (Some(code), Some((hash, until))) = (&code, repeat) {
                let repeat =
                    ConnectCode { hash: *hash, expires_at: code.expires_at.min(until), ..code.clone() };
                tables.connect_codes.set(*hash, repeat);
            }
            Ok(code)
        })
        .await
    }

    async fn device_token(&self, presented: &PresentedToken) -> Result<Option<KnownToken>, StoreError> {
        self.at(PortCall::SignIn).await?;
        let tables = self.shared.lock();
        let PresentedToken { hash, family } = presented;
        let mut rows = tables.device_tokens.iter().map(|(_, row)| row);
        let found = rows.find(|row| {
            row.current == *hash
                || row.previous.is_some_and(|(previous, _)| previous == *hash)
                || (family.is_some() && row.family == *family)
        });
        let is_erased = || [Some(*hash), *family].iter().flatten().any(|hash| tables.erased_tokens.has(hash));
        Ok(match found {
            Some(row) => Some(KnownToken::Device(row.clone())),
            None => is_erased().then_some(KnownToken::Erased),
        })
    }

    async fn put_device_token(
        &self,
        token: &DeviceToken,
        expected: Option<&[u8; 32]>,
        answer: Option<&StoredAnswer>,
    ) -> Result<TokenExchange, StoreError> {
        self.change(PortCall::SignIn, |tables| {
            let key = (token.person.clone(), token.device.as_str().to_owned());
            let current = tables.device_tokens.get(&key).map(|row| row.current);
            if expected.is_some_and(|expected| current != Some(*expected)) {
                return Ok(TokenExchange::Raced);
            }
            tables.device_tokens.set(key, token.clone());
            tables.keep_answer(answer);
            Ok(TokenExchange::Rotated)
        })
        .await
    }

    async fn revoke_device(
        &self,
        person: &PersonKey,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(PortCall::SignIn, |tables| {
            let key = (person.clone(), device.as_str().to_owned());
            let token = tables.device_tokens.remove(&key).is_some();
            let Some(mut row) = tables.devices.get(&key).cloned() else { return Ok(token) };
            row.revoked_at = row.revoked_at.or(Some(now));
            tables.devices.set(key, row);
            Ok(true)
        })
        .await
    }

    async fn standing(
        &self,
        project: &ProjectId,
        recipient: &RecipientId,
        device: Option<&DeviceId>,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        self.at(PortCall::SignIn).await?;
        let person = PersonKey { project: project.clone(), recipient: recipient.clone() };
        let tables = self.shared.lock();
        let name = self.shared.erasure.name(&person);
        let erased = tables.erased.get(&(project.clone(), name)).map(|erased| erased.at);
        let device = device.and_then(|id| tables.devices.get(&(person, id.as_str().to_owned())));
        Ok((erased, device.and_then(|device| device.revoked_at)))
    }
}
