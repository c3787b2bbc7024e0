//! The file of a Google service account: who signs, with what, and where tokens are had.

use jsonwebtoken::EncodingKey;
use serde::Deserialize;
use url::Url;

/// A service account.
pub(super) struct ServiceAccount {
    /// Google's project.
    pub(super) project: String,
    /// Its mail address, which names it.
    pub(super) email: String,
    /// The key's id.
    pub(super) key_id: Option<String>,
    pub(super) key: EncodingKey,
    /// Where tokens are had, as the file says.
    pub(super) token_uri: String,
    pub(super) token_url: Url,
}

impl ServiceAccount {
    /// Reads the file; none if it is of another kind.
    pub(super) fn read(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct File {
            project_id: String,
            private_key: String,
            private_key_id: Option<String>,
            client_email: String,
            token_uri: String,
        }
        let file: File = serde_json::from_str(text).ok()?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
        if file.project_id.is_empty() || !file.project_id.chars().all(is_name) {
            return None;
        }
        Some(Self {
            project: file.project_id,
            email: file.client_email,
            key_id: file.private_key_id,
            key: EncodingKey::from_rsa_pem(file.private_key.as_bytes()).ok()?,
            token_url: Url::parse(&file.token_uri).ok().filter(|url| url.scheme() == "https")?,
            token_uri: file.token_uri,
        })
    }
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount").field("project", &self.project).finish_non_exhaustive()
    }
}
