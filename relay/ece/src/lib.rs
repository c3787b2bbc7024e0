//! The encryption of Web Push payloads (RFC 8291 over RFC 8188) on aws-lc-rs.
//!
//! The crate `web-push` encrypts with a crate of this name, which links OpenSSL. This one stands in its place
//! (`[patch.crates-io]`), with what `web-push` calls and nothing else, so that the relay keeps one provider of
//! cryptography and needs no library of the system. It sends only: a relay never decrypts.

pub mod legacy;
mod seal;

pub use seal::encrypt;

/// See [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `p256dh` is no point of P-256 in its uncompressed form of 65 bytes.
    #[error("the receiver's public key is no point of P-256")]
    InvalidKey,
    /// `auth` does not have 16 bytes.
    #[error("the authentication secret has 16 bytes")]
    InvalidAuthSecret,
    /// The system gives no random numbers, or the cipher failed.
    #[error("the cryptography failed")]
    Crypto,
    /// The encoding of 2016 drafts, which no browser of today needs.
    #[error("the encoding aesgcm is not spoken here: use aes128gcm")]
    Legacy,
}
