//! What the controller needs of the desktop around it: the screen's popups, and the window with its tray. Ports, so
//! that it runs without either.

use serde::Serialize;
use ts_rs::TS;
use url::Url;

use crate::problem::Problem;
use crate::view::{AccountView, NewerView, PendingView};

/// Which notification of which account a popup is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PopupKey {
    /// The account's id in this app.
    pub account: String,
    /// The notification's id; none for a summary.
    pub notification: Option<String>,
}

/// One popup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Popup {
    /// What it is about.
    pub key: PopupKey,
    /// Whose place it takes, if that one is on the screen.
    pub replaces: Option<PopupKey>,
    /// Its title, plain.
    pub title: String,
    /// Its text, plain.
    pub body: String,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Its buttons: what comes back, and what they say.
    pub actions: Vec<(String, String)>,
    /// Whether it stays until something is done about it.
    pub stays: bool,
    /// Whether it makes no sound.
    pub silent: bool,
}

/// How urgent a popup is, as notification daemons count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Can wait.
    Low,
    /// The usual.
    Normal,
    /// At once.
    Critical,
}

/// What a person did with a popup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PopupAnswer {
    /// Clicked on it.
    Opened(PopupKey),
    /// Chose one of its buttons.
    Chosen(PopupKey, String),
    /// Swept it away.
    Dismissed(PopupKey),
}

/// Where popups are shown. Calls block for as long as the notification daemon takes.
pub trait Screen: Send + Sync {
    /// Shows a popup.
    ///
    /// # Errors
    /// `no_popups` if nothing took it: then it was not displayed.
    fn show(&self, popup: &Popup) -> Result<(), Problem>;

    /// Takes a popup off the screen, if it is there.
    fn withdraw(&self, key: &PopupKey);
}

/// The window, the tray, and what lies outside of the app.
pub trait Shell: Send + Sync {
    /// Tells the window, if there is one.
    fn tell(&self, event: &AppEvent);

    /// Brings the window up; it is made if there is none.
    fn show_window(&self);

    /// Opens a checked link in the browser or the mail program.
    ///
    /// # Errors
    /// `link_refused` if nothing opens it.
    fn open_link(&self, link: &Url) -> Result<(), Problem>;

    /// Shows how many are unread, all accounts together.
    fn badge(&self, unread: u32);

    /// Whether the app has a place in the tray.
    fn has_tray(&self) -> bool;

    /// Whether the app starts with the session.
    fn autostart(&self) -> bool;

    /// Lets the app start with the session, or not.
    ///
    /// # Errors
    /// `autostart_failed`, with the system's words.
    fn set_autostart(&self, on: bool) -> Result<(), Problem>;

    /// Ends the app.
    fn quit(&self);
}

/// What the window is told without having asked.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AppEvent {
    /// An account came, went or changed in what its view says.
    Account {
        /// Which one.
        account: String,
        /// Its view; none if it is gone.
        view: Option<Box<AccountView>>,
    },
    /// Something in an account's inbox or settings changed: look again.
    Changed {
        /// Which account.
        account: String,
    },
    /// A popup was clicked: show this notification.
    Open {
        /// Which account.
        account: String,
        /// Which notification; none for the inbox.
        notification: Option<String>,
    },
    /// A connect link was opened; the person has to agree to it in the window.
    Connect {
        /// The link.
        link: String,
        /// The relay it names, for people.
        relay: String,
    },
    /// The relay refused what was asked here, and it was put back.
    Refused {
        /// Which account.
        account: String,
        /// The stable word.
        code: String,
        /// Why, as a sentence.
        detail: String,
        /// What was asked; none if it does not concern the person.
        asked: Option<PendingView>,
    },
    /// Whether a popup was taken by the notification daemon.
    Popup {
        /// Which account.
        account: String,
        /// Which notification.
        notification: String,
        /// Why it was not shown; none if it was.
        problem: Option<Problem>,
    },
    /// The system's time zone is another one, and quiet hours moved with it.
    ZoneMoved {
        /// Which account.
        account: String,
        /// The former zone.
        from: String,
        /// The new one.
        to: String,
    },
    /// Another version of this app is offered.
    Newer {
        /// The newest; none if none is newer than this one.
        newer: Option<NewerView>,
    },
    /// Preferences of the app itself changed elsewhere, in the tray for one.
    Local,
}
