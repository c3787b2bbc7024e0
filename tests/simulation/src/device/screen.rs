//! The screens of a device's two processes, and what the person before them asks for.

use std::sync::Arc;

use tidings_core::ports::InboxReader;
use tidings_core::view::{self, Position};
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::item::Item;
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{Cursor, DeviceReceipt, OperationId, Timestamp};
use tidings_sdk_core::DeviceStore;
use tidings_sdk_core::present::Decision;
use tidings_sdk_core::present::decide;
use tidings_sdk_core::store::{Applied, Batch};

use super::receipt;
use crate::executor::{Owner, at_once};
use crate::node::Done;
use crate::run::{Event, Simulation};

impl Simulation {
    /// Both processes look at what is new; which of them shows it is decided by the store.
    pub(crate) fn wake_screens(&mut self, device: usize) {
        let life = self.devices[device].life;
        let second = self.world.fault("second process", 300);
        for process in 0..=usize::from(second) {
            let delay = self.world.inside().chance.between(0, 100);
            self.after(delay, Event::Screen { device, life, process });
        }
    }

    pub(crate) fn screen(&mut self, device: usize, process: usize) {
        let now = self.device_now(device);
        let store = Arc::clone(&self.devices[device].store);
        if self.devices[device].sync.is_none() {
            return;
        }
        if self.devices[device].screens[process].is_empty() {
            let Ok(screen) = at_once(store.screen());
            let decisions = decide(now, &screen.candidates, &screen.on_screen);
            self.devices[device].screens[process] = decisions.into();
        }
        let Some(decision) = self.devices[device].screens[process].pop_front() else { return };
        let Ok(ours) = at_once(store.claim(&decision));
        if ours {
            self.world.trace(|| format!("device {device} process {process}: {decision:?}"));
            self.oracle.on_screen(device, &self.devices[device], &decision, &self.people);
            if let Decision::Show { id, .. } | Decision::Update { id, .. } = &decision {
                self.ask(device, receipt(id, DeviceReceipt::Displayed));
                self.plan_reaction(device, id);
            }
        }
        if !self.devices[device].screens[process].is_empty() {
            let life = self.devices[device].life;
            self.after(0, Event::Screen { device, life, process });
        }
    }

    /// An operation becomes durable, and goes out when it can.
    pub(crate) fn ask(&mut self, device: usize, request: Request) {
        let now = self.device_now(device);
        let this = &mut self.devices[device];
        this.next_operation += 1;
        let id: OperationId = format!("op-{device}-{}", this.next_operation).parse().expect("a good id");
        let at = this.sync.as_ref().map_or(now, |sync| sync.relay_time(now));
        let operation = Operation { id: id.clone(), at: Some(at), request: request.clone() };
        let Ok(Some(_)) = at_once(this.store.queue(&operation)) else { return };
        self.devices[device].asked.insert(id, request);
        self.world.trace(|| format!("device {device} asks {operation:?}"));
        if self.world.fault("second process asks", 50) {
            // The machine hears of it when it looks at the store.
            let (life, delay) = (self.devices[device].life, self.world.inside().chance.between(0, 2_000));
            self.after(delay, Event::Queued { device, life });
        } else {
            self.hand_queued(device);
        }
    }

    /// Hands in what was queued since, here or in the other process.
    pub(crate) fn hand_queued(&mut self, device: usize) {
        let now = self.device_now(device);
        let Ok(loaded) = at_once(self.devices[device].store.load());
        let last = self.devices[device].last_queued;
        for queued in loaded.outbox.into_iter().filter(|queued| queued.number > last) {
            let number = queued.number;
            if let Some(sync) = &mut self.devices[device].sync
                && sync.handle_queued(now, queued).is_ok()
            {
                self.devices[device].last_queued = number;
            }
        }
        self.follow(device);
    }

    /// A push woke the second process: it catches up over HTTP and moves the store's cursor.
    pub(crate) fn catch_up_elsewhere(&mut self, device: usize) {
        let node = self.world.inside().chance.below(self.nodes.len());
        let after = self.devices[device].store.cursor();
        let (Some(after), true) = (after, self.nodes[node].up) else { return };
        if self.devices[device].resetting || !self.world.fault("second process catches up", 900) {
            return;
        }
        let person = self.people[self.devices[device].person].clone();
        let (reader, operator) = (self.nodes[node].reader.clone(), self.operator.clone());
        let owner = Owner { node, life: self.nodes[node].life };
        self.executor.spawn(owner, async move {
            let page = reader.page(&person, Some(&after), 20).await;
            let page =
                page.ok().map(|page| Box::new(view::page(&page, &operator.live(), Position::default())));
            Done::CaughtUp { device, page }
        });
    }

    pub(crate) fn caught_up_elsewhere(&mut self, device: usize, page: Option<Box<ChangesPage>>) {
        let Some(page) = page.filter(|page| !page.reset) else { return };
        if page.items.iter().any(|item| matches!(item, Item::Erased)) || self.devices[device].sync.is_none() {
            return;
        }
        let batch = Batch {
            expected: page.from,
            to: page.to,
            begins_reset: false,
            ends: !page.more,
            after_absence: true,
            items: page.items,
        };
        let Ok(applied) = at_once(self.devices[device].store.apply(&batch));
        if applied == Applied::Moved {
            self.oracle.applied(device, &self.devices[device], &self.people);
            let (now, cursor): (Timestamp, Option<Cursor>) = (self.device_now(device), Some(batch.to));
            self.with_sync(device, |sync| sync.handle_moved(now, cursor));
            self.wake_screens(device);
            self.follow(device);
        }
    }
}
