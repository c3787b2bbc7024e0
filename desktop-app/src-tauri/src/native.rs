//! Popups of the operating system. One thread waits for the answer of each popup that is on the screen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use notify_rust::{Hint, Notification, NotificationHandle, NotificationResponse, Timeout};
use tokio::sync::mpsc;

use crate::port::{Popup, PopupAnswer, PopupKey, Screen, Urgency};
use crate::problem::Problem;
use crate::text::without_markup;

/// Popups on the screen at most, each with a thread that waits: nobody reads more, and older ones are in the inbox.
const POPUPS_MAX: usize = 24;
/// What a daemon calls a click on the popup itself.
const CLICK: &str = "default";
/// The name of the desktop file and of the picture, by which a desktop finds both.
const DESKTOP_FILE: &str = "tidings-desktop";

/// Popups of the operating system.
#[derive(Debug)]
pub struct NativeScreen {
    answers: mpsc::Sender<PopupAnswer>,
    shown: Arc<Mutex<Shown>>,
}

/// What is on the screen.
#[derive(Debug, Default)]
struct Shown {
    by_key: BTreeMap<PopupKey, Place>,
    /// Counts popups, so that the thread of one that was replaced does not speak for the one in its place.
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The daemon's number for it.
    id: u32,
    number: u64,
}

impl NativeScreen {
    /// A screen whose answers go into a queue.
    #[must_use]
    pub fn new(answers: mpsc::Sender<PopupAnswer>) -> Self {
        Self { answers, shown: Arc::default() }
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more: the oldest goes.
    fn make_room(&self) {
        let oldest = {
            let shown = self.shown();
            let oldest = shown.by_key.iter().min_by_key(|(_, place)| place.number);
            oldest.filter(|_| shown.by_key.len() >= POPUPS_MAX).map(|(key, _)| key.clone())
        };
        if let Some(oldest) = oldest {
            self.withdraw(&oldest);
        }
    }
}

impl Screen for NativeScreen {
    fn show(&self, popup: &Popup) -> Result<(), Problem> {
        self.make_room();
        let replaced = popup.replaces.as_ref().or(Some(&popup.key));
        let place = replaced.and_then(|key| self.shown().by_key.get(key).copied());
        let handle =
            described(popup, place).show().map_err(|error| Problem::new("no_popups", error.to_string()))?;
        let number = {
            let mut shown = self.shown();
            if let Some(replaced) = &popup.replaces {
                shown.by_key.remove(replaced);
            }
            shown.count += 1;
            let number = shown.count;
            shown.by_key.insert(popup.key.clone(), Place { id: handle.id(), number });
            number
        };
        let (shown, answers, key) = (Arc::clone(&self.shown), self.answers.clone(), popup.key.clone());
        let waiting = thread::Builder::new().name("popup".into()).stack_size(256 * 1024);
        let waiting = waiting.spawn(move || wait(handle, &shown, &answers, key, number));
        // Without a thread the popup stands, and its click is lost.
        waiting.map(drop).map_err(|error| Problem::new("popup_without_answer", error.to_string())).or_else(
            |problem| {
                tracing::warn!(
                    code = problem.code,
                    detail = problem.detail,
                    "nothing waits for a popup's answer"
                );
                Ok(())
            },
        )
    }

    fn withdraw(&self, key: &PopupKey) {
        let place = self.shown().by_key.remove(key);
        if let Some(place) = place {
            close(place.id);
        }
    }
}

fn described(popup: &Popup, place: Option<Place>) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Tidings")
        .summary(&popup.title)
        .body(&without_markup(&popup.body))
        .icon(DESKTOP_FILE)
        .hint(Hint::DesktopEntry(DESKTOP_FILE.to_owned()))
        .urgency(match popup.urgency {
            Urgency::Low => notify_rust::Urgency::Low,
            Urgency::Normal => notify_rust::Urgency::Normal,
            Urgency::Critical => notify_rust::Urgency::Critical,
        })
        .timeout(if popup.stays { Timeout::Never } else { Timeout::Default })
        // The words for a click are read out by some desktops.
        .action(CLICK, &popup.title);
    if popup.silent {
        notification.hint(Hint::SuppressSound(true));
    } else {
        notification.hint(Hint::SoundName("message-new-instant".to_owned()));
    }
    for (id, label) in &popup.actions {
        notification.action(id, label);
    }
    if let Some(place) = place {
        notification.id(place.id);
    }
    notification.finalize()
}

/// Waits for what becomes of a popup, and says it unless another one took its place.
fn wait(
    handle: NotificationHandle,
    shown: &Mutex<Shown>,
    answers: &mpsc::Sender<PopupAnswer>,
    key: PopupKey,
    number: u64,
) {
    let mut response = None;
    let waited = handle.wait_for_response(|answer: &NotificationResponse| response = Some(answer.clone()));
    if let Err(error) = waited {
        tracing::warn!(%error, "a popup's answer is lost");
    }
    {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.by_key.get(&key).is_none_or(|place| place.number != number) {
            return;
        }
        shown.by_key.remove(&key);
    }
    let answer = match response {
        Some(NotificationResponse::Default) => PopupAnswer::Opened(key),
        Some(NotificationResponse::Action(action)) => PopupAnswer::Chosen(key, action),
        Some(NotificationResponse::Closed(notify_rust::CloseReason::Dismissed)) => {
            PopupAnswer::Dismissed(key)
        }
        Some(_) | None => return,
    };
    if answers.blocking_send(answer).is_err() {
        tracing::debug!("the app ends; a popup's answer is not heard");
    }
}

/// notify-rust closes a popup only from the thread that would have to stop waiting for it.
#[cfg(target_os = "linux")]
fn close(id: u32) {
    let closing = async {
        let bus = zbus::Connection::session().await?;
        let name = Some("org.freedesktop.Notifications");
        bus.call_method(name, "/org/freedesktop/Notifications", name, "CloseNotification", &(id,)).await?;
        zbus::Result::Ok(())
    };
    if let Err(error) = zbus::block_on(closing) {
        tracing::debug!(%error, "a popup could not be withdrawn");
    }
}

#[cfg(not(target_os = "linux"))]
fn close(_: u32) {}
