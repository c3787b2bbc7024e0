//! Access tokens of devices.

use std::sync::Arc;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;
use tidings_core::configuration::TokenAlgorithm;
use tidings_core::flows::{Node, load_configuration};
use tidings_core::model::PersonKey;
use tidings_core::ports::{ProjectRow, SignIn};
use tidings_protocol::{DeviceId, ProjectId, RecipientId, Timestamp};

use super::Directory;
use crate::socket::verify::{TokenError, TokenVerifier, VerifiedDevice};
use crate::vault::Vault;

/// How long an access token of the relay lasts, in milliseconds: one hour.
pub(crate) const ACCESS_TOKEN_MILLIS_MAX: i64 = 3_600_000;
/// A token's text, in bytes; a longer one is not looked at.
const TOKEN_BYTES_MAX: usize = 4_096;
const AUDIENCE: &str = "tidings";
/// The `kid` of a token that is signed with the project's development secret.
const DEVELOPMENT_KID: &str = "development";

/// A device that showed a valid token.
#[derive(Clone, Debug)]
pub(crate) struct DeviceCaller {
    pub(crate) verified: VerifiedDevice,
    /// May only read.
    pub(crate) read_only: bool,
}

/// Makes and checks access tokens.
pub(crate) struct TokenKeeper {
    pub(crate) vault: Arc<Vault>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) node: Node,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// Checked with the signature, where it may also be a list of audiences (RFC 7519, section 4.1.3).
    #[serde(skip_deserializing)]
    aud: String,
    sub: String,
    project: String,
    iat: NumericDate,
    exp: NumericDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Seconds since 1970, in milliseconds: RFC 7519 allows fractions (section 2, NumericDate).
#[derive(Clone, Copy, Debug)]
struct NumericDate(Timestamp);

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.as_millis().div_euclid(1_000))
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float beyond the range becomes its end, which is meant"
    )]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = Number::deserialize(deserializer)?;
        let millis = match seconds.as_i64() {
            Some(whole) => whole.saturating_mul(1_000),
            None => (seconds.as_f64().unwrap_or(f64::MAX) * 1_000.0).floor() as i64,
        };
        Ok(Self(Timestamp::from_millis(millis).min(Timestamp::MAX)))
    }
}

/// The part of an unverified token that says where its key is to be looked for.
#[derive(Deserialize)]
struct Peek {
    project: String,
}

impl TokenKeeper {
    /// An access token of the relay's own, and when it ends.
    pub(crate) fn issue(
        &self,
        person: &PersonKey,
        device: Option<&DeviceId>,
        now: Timestamp,
        lasts_millis: i64,
    ) -> (String, Timestamp) {
        let lasts = lasts_millis.clamp(1_000, ACCESS_TOKEN_MILLIS_MAX).div_euclid(1_000) * 1_000;
        let iat = Timestamp::from_millis(now.as_millis().div_euclid(1_000) * 1_000);
        let exp = iat.plus_millis(lasts);
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: person.recipient.to_string(),
            project: person.project.to_string(),
            iat: NumericDate(iat),
            exp: NumericDate(exp),
            device: device.map(ToString::to_string),
            scope: None,
        };
        (self.vault.sign("JWT", &claims), exp)
    }

    /// Whose a token is, and what it may.
    ///
    /// # Errors
    /// [`TokenError`] says why it is refused.
    pub(crate) async fn check(&self, token: &str) -> Result<DeviceCaller, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let kid = header.kid.ok_or(TokenError::Invalid)?;
        let peek = peek(token).ok_or(TokenError::Invalid)?;
        let project = self.directory.project_named(&peek.project).ok_or(TokenError::Invalid)?;
        let (key, algorithm) = self.key(&kid, &project).await?.ok_or(TokenError::Invalid)?;
        if header.alg != algorithm {
            return Err(TokenError::Invalid);
        }
        let claims = verified(token, &key, algorithm)?;
        if claims.exp.0 <= self.node.clock.now() {
            return Err(TokenError::Expired);
        }
        self.admit(&project.id, claims).await
    }

    /// The key that a `kid` stands for, with the one algorithm that it is used with.
    async fn key(
        &self,
        kid: &str,
        project: &ProjectRow,
    ) -> Result<Option<(DecodingKey, Algorithm)>, TokenError> {
        if let Some(own) = self.vault.public(kid) {
            return Ok(Some((own, Algorithm::EdDSA)));
        }
        let configuration = load_configuration(&self.node, &project.id, project.configuration)
            .await
            .map_err(|_| TokenError::Unavailable)?;
        let Some(tokens) = &configuration.tokens else { return Ok(None) };
        if let Some(key) = tokens.keys.iter().find(|key| key.kid == kid) {
            let pem = key.public.as_bytes();
            let (key, algorithm) = match key.algorithm {
                TokenAlgorithm::EdDsa => (DecodingKey::from_ed_pem(pem), Algorithm::EdDSA),
                TokenAlgorithm::Es256 => (DecodingKey::from_ec_pem(pem), Algorithm::ES256),
                TokenAlgorithm::Rs256 => (DecodingKey::from_rsa_pem(pem), Algorithm::RS256),
            };
            return Ok(key.ok().map(|key| (key, algorithm)));
        }
        let Some(secret) = tokens.development.as_ref().filter(|_| kid == DEVELOPMENT_KID) else {
            return Ok(None);
        };
        let row = self.node.registry.secret(&project.id, &secret.0).await;
        let Some(row) = row.map_err(|_| TokenError::Unavailable)? else { return Ok(None) };
        let name = secret_name(&project.id, &row.name);
        let value = self.vault.open_sealed(&name, &row.sealed).map_err(|_| TokenError::Unavailable)?;
        Ok(Some((DecodingKey::from_secret(&value), Algorithm::HS256)))
    }

    /// Asks the store whether person and device still stand.
    async fn admit(&self, project: &ProjectId, claims: Claims) -> Result<DeviceCaller, TokenError> {
        let recipient = RecipientId::new(claims.sub).map_err(|_| TokenError::Invalid)?;
        let device = claims.device.map(DeviceId::new).transpose().map_err(|_| TokenError::Invalid)?;
        let standing = self.sign_in.standing(project, &recipient, device.as_ref()).await;
        let (erased_at, revoked_at) = standing.map_err(|_| TokenError::Unavailable)?;
        let NumericDate(issued_at) = claims.iat;
        if erased_at.is_some_and(|at| issued_at <= at) {
            return Err(TokenError::Erased);
        }
        if revoked_at.is_some_and(|at| issued_at <= at) {
            return Err(TokenError::Revoked);
        }
        let read_only = match claims.scope.as_deref() {
            None => false,
            Some(scope) => !scope.split(' ').any(|word| word == "write"),
        };
        let person = PersonKey { project: project.clone(), recipient };
        let NumericDate(expires_at) = claims.exp;
        Ok(DeviceCaller { verified: VerifiedDevice { person, device, issued_at, expires_at }, read_only })
    }
}

#[async_trait]
impl TokenVerifier for TokenKeeper {
    async fn verify(&self, token: &str) -> Result<VerifiedDevice, TokenError> {
        let caller = self.check(token).await?;
        // A session acknowledges what it is sent: a token that may only read opens none.
        if caller.read_only { Err(TokenError::Invalid) } else { Ok(caller.verified) }
    }
}

impl std::fmt::Debug for TokenKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeeper").finish_non_exhaustive()
    }
}

/// What a project's secret is sealed under.
pub(crate) fn secret_name(project: &ProjectId, name: &str) -> String {
    format!("{project}/{name}")
}

fn peek(token: &str) -> Option<Peek> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1)?;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn verified(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["aud", "exp", "sub"]);
    // The relay's own clock decides when a token ends, not the machine's.
    validation.validate_exp = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|_| TokenError::Invalid)
}
