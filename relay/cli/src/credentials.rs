//! `credentials.json` in a data folder: the relay that runs on it, and the key that its first start made.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;

const FILE: &str = "credentials.json";
/// For its owner only: the file has a key.
const MODE: u32 = 0o600;

/// A relay and a key of it.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) relay: String,
    pub(crate) project: String,
    pub(crate) key: Option<SecretString>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    relay: String,
    #[serde(default)]
    project: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Credentials {
    /// What a folder's file says; none if there is no file.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, CommandError> {
        let path = path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(source) => return Err(CommandError::File { path, source }),
        };
        let stored: Stored = serde_json::from_str(&text).map_err(|_| CommandError::Credentials { path })?;
        let key = stored.key.map(SecretString::from);
        Ok(Some(Self { relay: stored.relay, project: stored.project, key }))
    }

    fn to_text(&self) -> String {
        let stored = Stored {
            relay: self.relay.clone(),
            project: self.project.clone(),
            key: self.key.as_ref().map(|key| key.expose_secret().to_owned()),
        };
        serde_json::to_string_pretty(&stored).expect("texts are always JSON")
    }

    /// Puts the file in its place as a whole.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, CommandError> {
        let path = path(folder);
        let mut text = self.to_text();
        text.push('\n');
        let part = folder.join(format!("{FILE}.{}.part", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&part)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&part, &path));
        match written {
            Ok(()) => Ok(path),
            Err(source) => Err(CommandError::File { path, source }),
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn credentials_are_for_their_owner_only_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let key = Some(SecretString::from("tdk_live_1"));
        let path = Credentials { relay: "http://127.0.0.1:1".into(), project: "default".into(), key }
            .write(folder.path())
            .unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Credentials::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.relay, "http://127.0.0.1:1");
        assert_eq!(read.key.unwrap().expose_secret(), "tdk_live_1");
    }

    #[test]
    fn a_folder_without_the_file_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Credentials::read(&folder.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn a_file_of_something_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "[]").unwrap();
        assert!(matches!(Credentials::read(folder.path()), Err(CommandError::Credentials { .. })));
    }
}
