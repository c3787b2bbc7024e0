//! Which accounts this app has, and what it remembers for itself. Two small files in the app's folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::problem::Problem;
use crate::secrets::{SecretPlace, write_private};

/// Accounts on one computer at most: each holds a connection.
pub(crate) const ACCOUNTS_MAX: usize = 16;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its id in this app, and the name of its folder.
    pub(crate) id: String,
    /// The relay's address.
    pub(crate) relay: String,
    /// Where its key is kept.
    pub(crate) secret: SecretPlace,
}

/// What the app remembers for itself; none of it leaves this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct LocalPreferences {
    /// The language of the window.
    pub language: Language,
    /// Light, dark or as the system has it.
    pub theme: Theme,
    /// How much room a row takes.
    pub density: Density,
    /// Whether movement is left out whatever the system says.
    pub less_motion: bool,
    /// Whether popups make no sound.
    pub silent: bool,
    /// Whether the person was told that closing the window minimises it.
    pub told_closing: bool,
    /// The newest version of the app that the person does not want to be told of any more.
    pub passed_version: Option<String>,
}

/// The language of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// As the system has it.
    #[default]
    System,
    /// English.
    En,
    /// German.
    De,
    /// Simplified Chinese.
    Zh,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// How much room a row takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    /// Two lines a row.
    #[default]
    Comfortable,
    /// One line a row.
    Compact,
}

/// The two files.
#[derive(Debug)]
pub(crate) struct Roster {
    folder: PathBuf,
}

impl Roster {
    pub(crate) fn new(folder: &Path) -> Result<Self, Problem> {
        fs::create_dir_all(folder.join("accounts")).map_err(|error| Problem::file(&error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder of one account.
    pub(crate) fn folder_of(&self, account: &str) -> PathBuf {
        self.folder.join("accounts").join(account)
    }

    pub(crate) fn accounts(&self) -> Vec<Entry> {
        self.read("accounts.json")
    }

    pub(crate) fn save_accounts(&self, accounts: &[Entry]) -> Result<(), Problem> {
        self.write("accounts.json", &accounts)
    }

    pub(crate) fn local(&self) -> LocalPreferences {
        self.read("desktop.json")
    }

    pub(crate) fn save_local(&self, local: &LocalPreferences) -> Result<(), Problem> {
        self.write("desktop.json", local)
    }

    /// A file that cannot be read counts as empty: it is set aside, so that nothing that was in it is overwritten.
    fn read<T: Default + serde::de::DeserializeOwned>(&self, name: &str) -> T {
        let path = self.folder.join(name);
        let Ok(text) = fs::read_to_string(&path) else { return T::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(file = name, %error, "the file cannot be read; it is set aside");
            if let Err(error) = fs::rename(&path, path.with_extension("damaged")) {
                tracing::warn!(file = name, %error, "and it could not be set aside");
            }
            T::default()
        })
    }

    fn write<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), Problem> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Problem::new("storage_failed", error.to_string()))?;
        write_private(&self.folder.join(name), &text).map_err(|error| Problem::file(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let roster = Roster::new(folder.path()).unwrap();
        let entry = Entry { id: "a".into(), relay: "https://r.example".into(), secret: SecretPlace::File };
        roster.save_accounts(std::slice::from_ref(&entry)).unwrap();
        let local = LocalPreferences { theme: Theme::Dark, ..LocalPreferences::default() };
        roster.save_local(&local).unwrap();
        let again = Roster::new(folder.path()).unwrap();
        assert_eq!((again.accounts(), again.local()), (vec![entry], local));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let roster = Roster::new(folder.path()).unwrap();
        fs::write(folder.path().join("accounts.json"), "{").unwrap();
        assert_eq!(roster.accounts(), []);
        assert_eq!(fs::read_to_string(folder.path().join("accounts.damaged")).unwrap(), "{");
    }
}
