//! What is the app's own: its preferences, its files, its surroundings.

use std::fs;
use std::path::Path;
use std::sync::PoisonError;

use super::{Controller, Slot};
use crate::account::system_zone;
use crate::port::AppEvent;
use crate::problem::Problem;
use crate::roster::LocalPreferences;
use crate::view::{Computer, Overview, StoredView};

impl Controller {
    /// Everything that the window needs to begin.
    pub async fn overview(&self) -> Result<Overview, Problem> {
        let ids: Vec<String> = self.roster.accounts().into_iter().map(|entry| entry.id).collect();
        let mut accounts = Vec::new();
        for id in ids {
            accounts.extend(self.view_of(&id).await);
        }
        Ok(Overview { accounts, local: self.desk.local(), computer: self.computer() })
    }

    /// What happened before the window was there, in order.
    #[expect(clippy::unused_async, reason = "commands are async, so that none of them blocks the window")]
    pub async fn missed(&self) -> Result<Vec<AppEvent>, Problem> {
        Ok(self.waiting_events())
    }

    /// Sets what the app remembers for itself.
    #[expect(clippy::unused_async, reason = "commands are async, so that none of them blocks the window")]
    pub async fn set_local(&self, local: LocalPreferences) -> Result<(), Problem> {
        self.roster.save_local(&local)?;
        *self.desk.local.lock().unwrap_or_else(PoisonError::into_inner) = local;
        self.desk.shell.tell(&AppEvent::Local);
        Ok(())
    }

    /// What the app remembers for itself.
    pub fn local(&self) -> LocalPreferences {
        self.desk.local()
    }

    /// Notes that the person was told what closing the window does.
    pub fn told_closing(&self) {
        let mut local = self.desk.local();
        local.told_closing = true;
        if let Err(problem) = self.roster.save_local(&local) {
            tracing::warn!(code = problem.code, detail = problem.detail, "it will be told again");
        }
        *self.desk.local.lock().unwrap_or_else(PoisonError::into_inner) = local;
    }

    /// Lets the app start when the person signs in to the computer, or not.
    #[expect(clippy::unused_async, reason = "commands are async, so that none of them blocks the window")]
    pub async fn set_autostart(&self, on: bool) -> Result<(), Problem> {
        self.desk.shell.set_autostart(on)
    }

    /// Ends the app.
    #[expect(clippy::unused_async, reason = "commands are async, so that none of them blocks the window")]
    pub async fn quit(&self) -> Result<(), Problem> {
        self.desk.shell.quit();
        Ok(())
    }

    /// Opens a link that the window shows: a policy, a sender's page.
    #[expect(clippy::unused_async, reason = "commands are async, so that none of them blocks the window")]
    pub async fn open_link(&self, link: String) -> Result<(), Problem> {
        self.desk.shell.open_link(&crate::link::outward(&link)?)
    }

    /// Writes everything that the relay has of a recipient into a file; answers where.
    pub async fn export(&self, account: String) -> Result<String, Problem> {
        let account = self.account(&account).await?;
        let document = account.client.export().await?;
        let owner = account.client.owner().await?;
        let name: String = owner.map_or_else(
            || "export".to_owned(),
            |(_, recipient)| recipient.as_str().chars().filter(|c| c.is_alphanumeric()).take(40).collect(),
        );
        let written = write_new(self.downloads(), &format!("tidings-{name}"), &document);
        written.map_err(|error| Problem::file(&error))
    }

    /// What is stored of an account on this computer.
    pub async fn stored(&self, account: String) -> Result<StoredView, Problem> {
        let entry = self.slots.read().await.get(&account).map(Slot::entry).cloned();
        let entry = entry.ok_or_else(|| Problem::new("no_account", "there is no such account"))?;
        let folder = self.folder_of(&entry.id);
        Ok(StoredView {
            bytes: bytes_in(&folder).map_err(|error| Problem::file(&error))?,
            folder: folder.display().to_string(),
            secret: entry.secret,
        })
    }

    fn computer(&self) -> Computer {
        Computer {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time_zone: system_zone(),
            tray: self.desk.shell.has_tray(),
            autostart: self.desk.shell.autostart(),
            newer: self.desk.newest(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size of this kind has less than 53 bits")]
fn bytes_in(folder: &Path) -> std::io::Result<f64> {
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes as f64)
}

/// Writes a file under a name that no other has, never over one.
fn write_new(folder: &Path, stem: &str, document: &[u8]) -> std::io::Result<String> {
    use std::io::Write as _;
    fs::create_dir_all(folder)?;
    let names = std::iter::once(format!("{stem}.json")).chain((2..).map(|n| format!("{stem}-{n}.json")));
    for name in names {
        let path = folder.join(name);
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(document)?;
                return Ok(path.display().to_string());
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_never_overwrites_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = write_new(folder.path(), "tidings-alice", b"1").unwrap();
        let second = write_new(folder.path(), "tidings-alice", b"2").unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read(first).unwrap(), b"1");
        assert!((bytes_in(folder.path()).unwrap() - 2.0).abs() < f64::EPSILON);
    }
}
