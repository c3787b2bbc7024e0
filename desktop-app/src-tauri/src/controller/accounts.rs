//! Adding, opening and leaving accounts.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tidings_sdk::{Access, Connection, SignOut, SignedOut};

use super::{Controller, Slot};
use crate::account::Account;
use crate::link::ConnectLink;
use crate::port::AppEvent;
use crate::problem::Problem;
use crate::roster::{ACCOUNTS_MAX, Entry};
use crate::secrets::{self, SecretPlace};
use crate::view::{AccountView, ConnectionView};

/// How long a person waits for the relay's word on a code.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

impl Controller {
    /// Signs a new account in, or one again that was signed out, with a connect link or a code.
    pub async fn connect(
        &self,
        link: String,
        relay: Option<String>,
        secret: SecretPlace,
        account: Option<String>,
    ) -> Result<AccountView, Problem> {
        let link = ConnectLink::read(&link, relay.as_deref())?;
        let entry = match account {
            Some(id) => self.leave_for_sign_in(&id, &link).await?,
            None => self.new_entry(&link, secret).await?,
        };
        let is_new = !self.roster.accounts().iter().any(|known| known.id == entry.id);
        let signed_in = match self.sign_in(&entry, &link).await {
            Ok(account) if is_new => self.listed(account).await,
            signed_in => signed_in,
        };
        match signed_in {
            Ok(account) => {
                account.follow();
                let view = account.view().await;
                self.slots.write().await.insert(entry.id.clone(), Slot::Open(account));
                let told = AppEvent::Account { account: entry.id, view: Some(Box::new(view.clone())) };
                self.desk.shell.tell(&told);
                Ok(view)
            }
            Err(problem) if is_new => {
                self.forget(&entry).await;
                Err(problem)
            }
            Err(problem) => {
                self.open(entry).await;
                Err(problem)
            }
        }
    }

    /// Writes a new account into the list. Without a place in it the account would be lost at the next start.
    async fn listed(&self, account: Arc<Account>) -> Result<Arc<Account>, Problem> {
        let mut accounts = self.roster.accounts();
        accounts.push(account.entry.clone());
        if let Err(problem) = self.roster.save_accounts(&accounts) {
            account.close().await;
            return Err(problem);
        }
        Ok(account)
    }

    async fn new_entry(&self, link: &ConnectLink, secret: SecretPlace) -> Result<Entry, Problem> {
        if self.slots.read().await.len() >= ACCOUNTS_MAX {
            let detail = format!("there are {ACCOUNTS_MAX} accounts already");
            return Err(Problem::new("too_many_accounts", detail));
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        fs::create_dir_all(self.folder_of(&id)).map_err(|error| Problem::file(&error))?;
        Ok(Entry { id, relay: link.relay.clone(), secret })
    }

    async fn leave_for_sign_in(&self, id: &str, link: &ConnectLink) -> Result<Entry, Problem> {
        let slot = {
            let mut slots = self.slots.write().await;
            match slots.get(id) {
                None => return Err(Problem::new("no_account", "there is no such account")),
                Some(slot) if slot.entry().relay != link.relay => {
                    let detail = "the link is for another relay than this account's";
                    return Err(Problem::new("other_relay", detail));
                }
                Some(_) => slots.remove(id),
            }
        };
        let slot = slot.ok_or_else(|| Problem::new("no_account", "there is no such account"))?;
        if let Slot::Open(account) = &slot {
            account.close().await;
        }
        Ok(slot.entry().clone())
    }

    async fn sign_in(&self, entry: &Entry, link: &ConnectLink) -> Result<Arc<Account>, Problem> {
        let account = self.opened(entry, Access::code(&link.code)).await?;
        let settled = |connection: &Connection| match connection {
            Connection::Live | Connection::CatchingUp => true,
            Connection::SignedOut { why } => *why != SignedOut::NoCredentials,
            Connection::Offline { .. } => false,
        };
        let mut watch = account.client.connection();
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, watch.wait_for(settled)).await;
        let problem = match connection {
            Ok(Some(Connection::Live | Connection::CatchingUp)) => return Ok(account),
            Ok(Some(_)) => Problem::new("code_refused", "the relay does not take this code"),
            Ok(None) => Problem::new("closed", "the app ends"),
            // The relay's own words, if it says any: a certificate that is not trusted, for one.
            Err(_) => match account.client.devices().await {
                Err(error) => match Problem::from(error) {
                    problem if problem.code == "signed_out" => {
                        Problem::new("offline", "the relay was not reached")
                    }
                    problem => problem,
                },
                Ok(_) => Problem::new("offline", "the relay was not reached"),
            },
        };
        account.close().await;
        Err(problem)
    }

    /// Opens an account that was signed in before; if that fails, it is listed with what is wrong.
    pub(super) async fn open(&self, entry: Entry) {
        let slot = match self.opened(&entry, Access::saved()).await {
            Ok(account) => {
                account.follow();
                Slot::Open(account)
            }
            Err(problem) => {
                tracing::warn!(code = problem.code, detail = problem.detail, "an account is not opened");
                Slot::Shut { entry: entry.clone(), problem }
            }
        };
        self.slots.write().await.insert(entry.id, slot);
    }

    async fn opened(&self, entry: &Entry, access: Access) -> Result<Arc<Account>, Problem> {
        let folder = self.folder_of(&entry.id);
        let (keychain, place, id, of_key) =
            (Arc::clone(&self.keychain), entry.secret, entry.id.clone(), folder.clone());
        let key = tokio::task::spawn_blocking(move || secrets::key(&*keychain, place, &id, &of_key)).await;
        let key = key.map_err(|error| Problem::new("no_keychain", error.to_string()))??;
        Account::open(entry.clone(), &folder, key, access, Arc::clone(&self.desk)).await
    }

    /// Tries to open an account again that could not be opened.
    pub async fn retry(&self, account: String) -> Result<(), Problem> {
        let shut = match self.slots.read().await.get(&account) {
            Some(Slot::Shut { entry, .. }) => Some(entry.clone()),
            Some(Slot::Open(_)) | None => None,
        };
        match shut {
            Some(entry) => self.open(entry).await,
            None => self.account(&account).await?.client.network_changed().await,
        }
        let view = self.view_of(&account).await;
        self.desk.shell.tell(&AppEvent::Account { account, view: view.map(Box::new) });
        Ok(())
    }

    /// Signs an account out. What is kept stays readable and is listed as signed out.
    ///
    /// One that could not be opened can be deleted here all the same.
    pub async fn sign_out(&self, account: String, keep: bool) -> Result<(), Problem> {
        match self.account(&account).await {
            Ok(open) if keep => return Ok(open.client.sign_out(SignOut::Keep).await?),
            Ok(open) => open.client.sign_out(SignOut::Wipe).await?,
            Err(problem) if keep || problem.code == "no_account" => return Err(problem),
            Err(_) => {}
        }
        self.remove(&account).await
    }

    /// Erases the recipient at the relay and on this computer.
    pub async fn erase(&self, account: String) -> Result<(), Problem> {
        self.account(&account).await?.client.erase().await?;
        self.remove(&account).await
    }

    async fn remove(&self, account: &str) -> Result<(), Problem> {
        let slot = self.slots.write().await.remove(account);
        let Some(slot) = slot else { return Ok(()) };
        if let Slot::Open(account) = &slot {
            account.close().await;
        }
        let mut accounts = self.roster.accounts();
        accounts.retain(|known| known.id != account);
        self.roster.save_accounts(&accounts)?;
        self.forget(slot.entry()).await;
        self.desk.count_unread(account, None);
        self.desk.offer(account, None);
        self.desk.shell.tell(&AppEvent::Account { account: account.to_owned(), view: None });
        Ok(())
    }

    /// Deletes what an account left on this computer.
    async fn forget(&self, entry: &Entry) {
        if let Err(error) = fs::remove_dir_all(self.folder_of(&entry.id)) {
            tracing::warn!(%error, "the folder of an account stays");
        }
        if entry.secret == SecretPlace::Keychain {
            let (keychain, id) = (Arc::clone(&self.keychain), entry.id.clone());
            let deleted = tokio::task::spawn_blocking(move || keychain.delete(&id)).await;
            if let Ok(Err(problem)) = deleted {
                tracing::warn!(code = problem.code, detail = problem.detail, "a key stays in the keychain");
            }
        }
    }

    pub(super) async fn view_of(&self, id: &str) -> Option<AccountView> {
        let account = match self.slots.read().await.get(id)? {
            Slot::Open(account) => Arc::clone(account),
            Slot::Shut { entry, problem } => return Some(shut_view(entry, problem)),
        };
        Some(account.view().await)
    }
}

fn shut_view(entry: &Entry, problem: &Problem) -> AccountView {
    AccountView {
        id: entry.id.clone(),
        relay: entry.relay.clone(),
        recipient: None,
        connection: ConnectionView::Offline { since: None, next_try: None },
        complete_as_of: None,
        unread: 0,
        unread_by_category: std::collections::BTreeMap::new(),
        pending: 0,
        repaired: false,
        secret: entry.secret,
        problem: Some(problem.clone()),
    }
}
