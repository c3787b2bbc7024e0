//! Many devices at once, and when what arrived on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::relay::Relay;
use crate::wire::device::{Device, Identity, plain_field};

/// Devices that connect at the same time: a handshake more in flight would only wait.
const CONNECTING_MAX: usize = 128;
/// A device that never saw an order's arrival.
const NEVER: u64 = 0;

/// When each order reached its device first.
#[derive(Debug)]
pub(crate) struct Arrivals {
    began: Instant,
    /// Nanoseconds since the beginning, by the order's number.
    first: Box<[AtomicU64]>,
    /// Items that arrived, all of them.
    items: AtomicU64,
    again: AtomicU64,
    frames: AtomicU64,
}

impl Arrivals {
    /// Room for orders with numbers below `orders`.
    pub(crate) fn new(orders: usize) -> Arc<Self> {
        let first = (0..orders).map(|_| AtomicU64::new(NEVER)).collect();
        let zero = AtomicU64::default;
        Arc::new(Self { began: Instant::now(), first, items: zero(), again: zero(), frames: zero() })
    }

    fn note(&self, frame: &str) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        let at = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        for rest in frame.split("\"title\":\"Order ").skip(1) {
            let number = rest.split(' ').next().and_then(|number| number.parse::<usize>().ok());
            self.items.fetch_add(1, Ordering::Relaxed);
            let Some(place) = number.and_then(|number| self.first.get(number)) else { continue };
            if place.compare_exchange(NEVER, at, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                self.again.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts the items of one read on a wire whose items have no numbers.
    pub(crate) fn count(&self, items: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items, Ordering::Relaxed);
    }

    /// When an order arrived.
    pub(crate) fn of(&self, number: usize) -> Option<Instant> {
        let nanos = self.first.get(number)?.load(Ordering::Relaxed);
        (nanos != NEVER).then(|| self.began + Duration::from_nanos(nanos))
    }

    pub(crate) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Items that came to one device more than once, where each order has one device.
    pub(crate) fn again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    /// Waits until so many items arrived.
    ///
    /// # Errors
    /// If nothing more arrives for a while.
    pub(crate) async fn wait_for(&self, items: u64, patience: Duration) -> anyhow::Result<()> {
        let mut last = (self.items(), Instant::now());
        while self.items() < items {
            tokio::time::sleep(Duration::from_millis(2)).await;
            if self.items() > last.0 {
                last = (self.items(), Instant::now());
            }
            if last.1.elapsed() > patience {
                anyhow::bail!("{} of {items} items arrived, and then no more", self.items());
            }
        }
        Ok(())
    }
}

/// What the devices of a crowd do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) recipients: u64,
    /// Devices of each recipient; at most 32.
    pub(crate) devices: u64,
    /// Whether each page is answered by `held`, as a device that stores it does.
    pub(crate) holds: bool,
}

/// Devices that are connected and read.
#[derive(Debug)]
pub(crate) struct Crowd {
    tasks: JoinSet<()>,
    caught_up: u64,
}

impl Crowd {
    /// Connects them all. Each is a task that notes what arrives.
    ///
    /// # Errors
    /// If one cannot connect.
    pub(crate) async fn gather(
        relay: &Relay,
        manner: Manner,
        arrivals: &Arc<Arrivals>,
    ) -> anyhow::Result<Self> {
        Self::gather_from(relay, manner, 0, arrivals).await
    }

    /// The same with devices of each recipient that are counted from another one on.
    ///
    /// # Errors
    /// If one cannot connect.
    pub(crate) async fn gather_from(
        relay: &Relay,
        manner: Manner,
        first: u64,
        arrivals: &Arc<Arrivals>,
    ) -> anyhow::Result<Self> {
        let gate = Arc::new(Semaphore::new(CONNECTING_MAX));
        let mut connecting = JoinSet::new();
        for recipient in 0..manner.recipients {
            for device in first..first + manner.devices {
                let name = format!("d{device}");
                let identity =
                    Identity { token: relay.signing.token(&format!("r{recipient}"), &name)?, device: name };
                let (gate, to) = (Arc::clone(&gate), relay.address);
                connecting.spawn(async move {
                    let _place = gate.acquire_owned().await?;
                    Device::open(to, None, &identity, None, manner.holds).await
                });
            }
        }
        let (mut tasks, mut caught_up) = (JoinSet::new(), 0);
        while let Some(device) = connecting.join_next().await {
            let (device, notifications) = device?.context("a device of the crowd")?;
            caught_up += notifications;
            tasks.spawn(read(device, manner.holds, Arc::clone(arrivals)));
        }
        Ok(Self { tasks, caught_up })
    }

    /// Notifications that were read while the devices connected.
    pub(crate) const fn caught_up(&self) -> u64 {
        self.caught_up
    }

    /// How many are still connected.
    pub(crate) fn connected(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }
}

async fn read(mut device: Device, holds: bool, arrivals: Arc<Arrivals>) {
    while let Ok(Some(frame)) = device.next().await {
        arrivals.note(&frame);
        if holds
            && let Some(to) = plain_field(&frame, "to")
            && device.hold(to).await.is_err()
        {
            return;
        }
    }
}
