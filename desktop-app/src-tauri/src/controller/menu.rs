//! What can be asked of the app without its window: the entries of the tray's menu, and what closing the window does.

use std::sync::Arc;

use tidings_sdk::Timestamp;

use crate::controller::Controller;
use crate::port::{Popup, PopupKey, Urgency};
use crate::words::words;

/// An entry of the tray's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuEntry {
    /// A line between others.
    Line,
    /// One that can be chosen.
    Choice {
        /// By which [`Controller::choose`] knows it.
        id: &'static str,
        /// What it says, in the language that is chosen now.
        label: &'static str,
    },
}

impl Controller {
    /// The tray's menu, in the language that is chosen now.
    #[must_use]
    pub fn menu(&self) -> Vec<MenuEntry> {
        let words = words(self.local().language);
        let choice = |id, label| MenuEntry::Choice { id, label };
        vec![
            choice("open", words.open),
            MenuEntry::Line,
            choice("pause_hour", words.pause_hour),
            choice("pause_tomorrow", words.pause_tomorrow),
            choice("resume", words.resume),
            MenuEntry::Line,
            choice("quit", words.quit),
        ]
    }

    /// How many are unread, as the tray says it.
    #[must_use]
    pub fn unread_words(&self, unread: u32) -> String {
        words(self.local().language).unread(usize::try_from(unread).unwrap_or(usize::MAX))
    }

    /// An entry of the menu was chosen.
    pub async fn choose(&self, id: &str) {
        match id {
            "open" => self.desk.shell.show_window(),
            "pause_hour" => self.pause_all(Some(in_an_hour())).await,
            "pause_tomorrow" => self.pause_all(tomorrow()).await,
            "resume" => self.pause_all(None).await,
            "quit" => self.desk.shell.quit(),
            other => tracing::warn!(other, "a tray entry that this version does not know"),
        }
    }

    /// The person closes the window; whether it may go. Without a tray the app would be out of reach: then the window
    /// is minimised, and that is said once.
    pub fn may_close(&self) -> bool {
        if self.desk.shell.has_tray() {
            return true;
        }
        let local = self.local();
        if local.told_closing {
            return false;
        }
        self.told_closing();
        let words = words(local.language);
        let popup = Popup {
            key: PopupKey { account: String::new(), notification: None },
            replaces: None,
            title: words.stays_title.to_owned(),
            body: words.stays_body.to_owned(),
            urgency: Urgency::Low,
            actions: Vec::new(),
            stays: false,
            silent: true,
        };
        let screen = Arc::clone(&self.desk.screen);
        // The daemon takes its time, and the window waits for the answer.
        self.running.spawn_blocking(move || {
            if let Err(problem) = screen.show(&popup) {
                let (code, detail) = (problem.code, problem.detail);
                tracing::warn!(code, detail, "that the app keeps running is not said");
            }
        });
        false
    }

    /// Pauses every account, or ends the pause.
    async fn pause_all(&self, until: Option<Timestamp>) {
        for account in self.open_accounts().await {
            if let Err(error) = account.client.pause(until).await {
                tracing::warn!(%error, "an account is not paused");
            }
        }
    }
}

fn in_an_hour() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()).plus_millis(3_600_000)
}

/// Eight in the morning of the next day, in the zone of this computer.
fn tomorrow() -> Option<Timestamp> {
    let next =
        jiff::Zoned::now().tomorrow().ok()?.with().hour(8).minute(0).second(0).subsec_nanosecond(0).build();
    Some(Timestamp::from_millis(next.ok()?.timestamp().as_millisecond()))
}
