//! What all accounts share on this desktop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::account::numbers;
use crate::port::{AppEvent, PopupKey, Screen, Shell};
use crate::roster::LocalPreferences;
use crate::view::NewerView;

/// What all accounts share on this desktop.
pub(crate) struct Desk {
    pub(crate) shell: Arc<dyn Shell>,
    pub(crate) screen: Arc<dyn Screen>,
    pub(crate) local: Mutex<LocalPreferences>,
    /// Which notification is open before the person's eyes.
    pub(crate) looking_at: Mutex<Option<PopupKey>>,
    /// Unread notifications by account, for the badge.
    pub(crate) unread: Mutex<BTreeMap<String, u32>>,
    /// Newer apps that relays offer, by account.
    pub(crate) offers: Mutex<BTreeMap<String, NewerView>>,
    /// Accounts that have to be opened anew, because their file is damaged.
    pub(crate) damaged: mpsc::Sender<String>,
}

impl Desk {
    pub(crate) fn local(&self) -> LocalPreferences {
        self.local.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how many are unread in an account (none if it is gone), and shows the sum if it is another one.
    pub(crate) fn count_unread(&self, account: &str, unread: Option<u32>) {
        let sum =
            |counts: &BTreeMap<String, u32>| counts.values().fold(0_u32, |sum, n| sum.saturating_add(*n));
        let mut counts = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sum(&counts);
        match unread {
            Some(unread) => counts.insert(account.to_owned(), unread),
            None => counts.remove(account),
        };
        let after = sum(&counts);
        drop(counts);
        if before != after {
            self.shell.badge(after);
        }
    }

    /// The newest app of those that relays offer.
    pub(crate) fn newest(&self) -> Option<NewerView> {
        let offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        offers.values().max_by_key(|offer| numbers(&offer.version)).cloned()
    }

    /// Notes which newer app an account's relay offers, and tells the window if that changes what is the newest.
    pub(crate) fn offer(&self, account: &str, offer: Option<NewerView>) {
        let before = self.newest();
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        match offer {
            Some(offer) => offers.insert(account.to_owned(), offer),
            None => offers.remove(account),
        };
        drop(offers);
        let newer = self.newest();
        if before != newer {
            self.shell.tell(&AppEvent::Newer { newer });
        }
    }

    /// Takes a popup off the screen. A notification daemon takes its time, and others go on meanwhile.
    pub(crate) async fn withdraw(&self, key: PopupKey) {
        let screen = Arc::clone(&self.screen);
        if let Err(error) = tokio::task::spawn_blocking(move || screen.withdraw(&key)).await {
            tracing::warn!(%error, "a popup is not withdrawn");
        }
    }

    pub(crate) fn is_looked_at(&self, key: &PopupKey) -> bool {
        self.looking_at.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(key)
    }
}
