//! Popups: what the SDK decided to show, as the screen shows it, and what a person answered.

use std::sync::{Arc, PoisonError};

use tidings_sdk::{Error, InboxItem, NotificationId, Presentation, Priority};

use super::Account;
use crate::port::{AppEvent, Popup, PopupKey, Urgency};
use crate::problem::Problem;
use crate::text::{LINE_CHARS_MAX, POPUP_CHARS_MAX, line, paragraphs};
use crate::words::words;

/// What comes back from the button that acknowledges. Ids of senders have no colon.
pub(crate) const ACKNOWLEDGE: &str = "tidings:acknowledge";

impl Account {
    pub(super) async fn present_all(self: Arc<Self>) {
        let mut presentations = self.client.presentations();
        loop {
            match presentations.next().await {
                Ok(Some(presentation)) => {
                    *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    self.present(presentation).await;
                }
                Ok(None) => return,
                Err(error) => {
                    if !self.outlasts(error).await {
                        return;
                    }
                }
            }
        }
    }

    async fn present(&self, presentation: Presentation) {
        match presentation {
            Presentation::Show(item) => self.show(&item, None).await,
            Presentation::Update { item, replaces } => self.show(&item, Some(&replaces)).await,
            Presentation::Withdraw(id) => self.desk.withdraw(self.key(&id)).await,
            Presentation::Summary { count } => {
                let popup = self.summary(count);
                if let Err(problem) = self.on_screen(popup).await {
                    tracing::warn!(code = problem.code, detail = problem.detail, "a summary was not shown");
                }
            }
            other => tracing::warn!(?other, "a presentation that this version does not know"),
        }
    }

    async fn show(&self, item: &InboxItem, replaces: Option<&NotificationId>) {
        let key = self.key(&item.id);
        if self.desk.is_looked_at(&key) {
            // It is before the person's eyes already.
            return;
        }
        let popup = self.popup(item, replaces);
        let shown = self.on_screen(popup).await;
        if let Err(problem) = &shown {
            tracing::warn!(code = problem.code, detail = problem.detail, "a popup was not shown");
        } else if let Err(error) = self.client.shown(&item.id).await {
            tracing::warn!(%error, "that a popup was shown is not reported");
        }
        self.desk.shell.tell(&AppEvent::Popup {
            account: self.entry.id.clone(),
            notification: item.id.as_str().to_owned(),
            problem: shown.err(),
        });
    }

    /// A notification daemon takes its time; the loops of other accounts go on meanwhile.
    async fn on_screen(&self, popup: Popup) -> Result<(), Problem> {
        let screen = Arc::clone(&self.desk.screen);
        let shown = tokio::task::spawn_blocking(move || screen.show(&popup)).await;
        shown.unwrap_or_else(|error| Err(Problem::new("no_popups", error.to_string())))
    }

    fn popup(&self, item: &InboxItem, replaces: Option<&NotificationId>) -> Popup {
        let local = self.desk.local();
        let awaits = item.needs_acknowledgement && item.view.acknowledged_at.is_none();
        let mut actions: Vec<(String, String)> =
            item.content.actions.iter().map(|action| (action.id.clone(), line(&action.label, 40))).collect();
        if awaits && !item.content.actions.iter().any(|action| action.acknowledges) {
            actions.insert(0, (ACKNOWLEDGE.to_owned(), words(local.language).acknowledge.to_owned()));
        }
        Popup {
            key: self.key(&item.id),
            replaces: replaces.map(|id| self.key(id)),
            title: line(&item.content.title, LINE_CHARS_MAX),
            body: paragraphs(&item.content.body, POPUP_CHARS_MAX),
            urgency: match item.priority {
                Priority::Low => Urgency::Low,
                Priority::Normal | Priority::High => Urgency::Normal,
                Priority::Urgent => Urgency::Critical,
            },
            actions,
            stays: awaits,
            silent: local.silent,
        }
    }

    fn summary(&self, count: usize) -> Popup {
        let local = self.desk.local();
        let key = PopupKey { account: self.entry.id.clone(), notification: None };
        Popup {
            key: key.clone(),
            replaces: Some(key),
            title: words(local.language).summary(count),
            body: String::new(),
            urgency: Urgency::Normal,
            actions: Vec::new(),
            stays: false,
            silent: local.silent,
        }
    }

    pub(crate) fn key(&self, id: &NotificationId) -> PopupKey {
        PopupKey { account: self.entry.id.clone(), notification: Some(id.as_str().to_owned()) }
    }

    /// A button of a popup or of the window was chosen; answers the link that it leads to.
    pub(crate) async fn act(&self, id: &NotificationId, action: &str) -> Result<Option<String>, Error> {
        if action == ACKNOWLEDGE {
            self.client.acknowledge(id).await?;
            return Ok(None);
        }
        let item = self.client.inbox().item(id).await?;
        self.client.act(id, action).await?;
        let chosen = item.and_then(|item| item.content.actions.into_iter().find(|known| known.id == action));
        Ok(chosen.and_then(|chosen| chosen.link))
    }
}
