//! The desktop around the controller: orders to the window's keeper, the face in the tray, and the system.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::port::{AppEvent, Shell};
use crate::problem::Problem;
use crate::resident::tray::{self, Face};
use crate::resident::window::Order;

/// The desktop around the controller.
#[derive(Debug)]
pub(crate) struct LinuxShell {
    orders: mpsc::Sender<Order>,
    face: watch::Sender<Face>,
    stop: CancellationToken,
    /// Whether the window was not told of something.
    has_lost: AtomicBool,
}

impl LinuxShell {
    pub(crate) fn new(
        orders: mpsc::Sender<Order>,
        face: watch::Sender<Face>,
        stop: CancellationToken,
    ) -> Self {
        Self { orders, face, stop, has_lost: AtomicBool::new(false) }
    }

    /// Whether the window was not told of something since this was asked the last time: then it has to begin anew.
    pub(crate) fn has_lost(&self) -> bool {
        self.has_lost.swap(false, Ordering::Relaxed)
    }

    /// The window is not told of something.
    pub(crate) fn lose(&self) {
        self.has_lost.store(true, Ordering::Relaxed);
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() && !self.stop.is_cancelled() {
            self.lose();
        }
    }
}

impl Shell for LinuxShell {
    fn tell(&self, event: &AppEvent) {
        if matches!(event, AppEvent::Local) {
            self.face.send_modify(|face| face.words += 1);
        }
        match serde_json::value::to_raw_value(event) {
            Ok(event) => self.order(Order::Tell(event)),
            Err(error) => tracing::error!(%error, "the window is not told of something"),
        }
    }

    fn show_window(&self) {
        self.order(Order::Show(BTreeMap::new()));
    }

    fn open_link(&self, link: &Url) -> Result<(), Problem> {
        open::that_detached(link.as_str()).map_err(|error| Problem::new("link_refused", error.to_string()))
    }

    fn badge(&self, unread: u32) {
        self.face.send_modify(|face| face.unread = unread);
    }

    fn has_tray(&self) -> bool {
        tray::is_there()
    }

    fn autostart(&self) -> bool {
        crate::autostart::is_on()
    }

    fn set_autostart(&self, on: bool) -> Result<(), Problem> {
        crate::autostart::set(on)
    }

    fn quit(&self) {
        self.stop.cancel();
    }
}
