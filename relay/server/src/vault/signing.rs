//! The keys that sign: Ed25519, each with a name that tokens carry.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use tidings_protocol::Timestamp;

use super::{key_bytes, random_text};

/// The frame of an Ed25519 private key in PKCS #8 (RFC 8410 section 7) before its 32 bytes.
const ED25519_FRAME: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key as the file has it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SigningRow {
    pub(super) kid: String,
    private: String,
    /// In milliseconds since 1970. The first key of a relay, and one of a relay that never wrote it, is as old as can be.
    #[serde(default)]
    made_at: i64,
}

/// A key that signs.
pub(super) struct SigningKey {
    kid: String,
    private: EncodingKey,
    public: DecodingKey,
}

impl SigningRow {
    pub(super) fn new(made_at: Timestamp) -> Self {
        let kid = format!("relay-{}", &random_text()[..8]);
        Self { kid, private: random_text(), made_at: made_at.as_millis() }
    }

    pub(super) const fn made_at(&self) -> Timestamp {
        Timestamp::from_millis(self.made_at)
    }
}

impl SigningKey {
    pub(super) fn of(row: &SigningRow) -> Option<Self> {
        let der = [ED25519_FRAME.as_slice(), &key_bytes(&row.private)?].concat();
        let private = EncodingKey::from_ed_der(&der);
        let public = Jwk::from_encoding_key(&private, Algorithm::EdDSA).ok()?;
        let public = DecodingKey::from_jwk(&public).ok()?;
        Some(Self { kid: row.kid.clone(), private, public })
    }

    pub(super) fn sign(&self, kind: &str, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.private).expect("an Ed25519 key signs everything")
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) const fn public(&self) -> &DecodingKey {
        &self.public
    }
}
