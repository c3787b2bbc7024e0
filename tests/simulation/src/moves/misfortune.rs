//! What goes wrong beyond a single call: crashes, wires, clocks, lost files.

use tidings_sdk_core::DeviceStore;

use crate::executor::at_once;
use crate::run::{Event, Simulation};

impl Simulation {
    /// Something goes wrong that is not a single call.
    pub(super) fn misfortune(&mut self) {
        if self.world.inside().trouble == 0 {
            return;
        }
        let roll = self.world.inside().chance.below(20);
        let device = self.world.inside().chance.below(self.devices.len());
        let node = self.world.inside().chance.below(self.nodes.len());
        let soon = self.world.inside().chance.between(100, 120_000);
        match roll {
            0..2 if self.nodes[node].up && self.world.fault("node crashes", 1_000) => {
                self.crash_node(node);
                self.after(soon, Event::NodeStarts { node });
            }
            2..5 if self.devices[device].sync.is_some() && self.world.fault("device crashes", 1_000) => {
                self.crash_device(device);
                self.after(soon, Event::DeviceStarts { device });
            }
            5..8 => self.break_wire(device, roll, soon),
            8..10 if self.world.fault("device offline", 1_000) => self.go_offline(device, soon * 20),
            10..12 if self.world.fault("partition", 1_000) => self.split(soon),
            12..14 => self.turn_clock(node, soon),
            14..17 => self.catch_up_elsewhere(device),
            _ => self.lose_cursor(device),
        }
    }

    fn break_wire(&mut self, device: usize, roll: usize, _soon: i64) {
        let Some(wire) = self.devices[device].wire else { return };
        if roll == 5 {
            if self.world.fault("wire dies silently", 1_000) {
                self.kill(wire);
            }
        } else if self.world.fault("wire cut", 1_000) {
            self.cut(wire);
        }
    }

    pub(super) fn go_offline(&mut self, device: usize, for_ms: i64) {
        self.devices[device].offline = true;
        if let Some(wire) = self.devices[device].wire {
            self.cut(wire);
        }
        self.after(for_ms, Event::Online { device });
    }

    /// Half of the wires stand still.
    fn split(&mut self, for_ms: i64) {
        let ids: Vec<u64> = self.wires.keys().copied().collect();
        for wire in ids {
            if self.world.inside().chance.happens(500) {
                self.partition(wire, true);
                self.after(for_ms, Event::Heals { wire });
                // A push wakes the second process meanwhile.
                let device = self.wires[&wire].device;
                self.after(for_ms / 2, Event::Elsewhere { device });
            }
        }
    }

    /// A node's clock is set: a little at once; a large jump makes its due work wait until the clock is back.
    fn turn_clock(&mut self, node: usize, for_ms: i64) {
        if self.world.inside().chance.happens(700) {
            if self.world.fault("clock step", 1_000) {
                let error = self.world.inside().chance.between(-25_000, 25_000);
                self.nodes[node].clock.error_ms.store(error, std::sync::atomic::Ordering::Relaxed);
                self.world.trace(|| format!("clock of node {node} is {error} ms off"));
            }
        } else if self.world.fault("clock jump", 1_000) {
            self.nodes[node].jumped = true;
            let life = self.nodes[node].life;
            self.after(for_ms, Event::ClockBack { node, life });
        }
    }

    /// The device's file is restored from an older copy in which the cursor is another: the relay says what follows.
    fn lose_cursor(&mut self, device: usize) {
        let known = self.devices[device].sync.is_some() && self.devices[device].store.cursor().is_some();
        if known && !self.devices[device].resetting && self.world.fault("content dropped", 150) {
            self.crash_device(device);
            let Ok(()) = at_once(self.devices[device].store.drop_content());
            self.after(1_000, Event::DeviceStarts { device });
        }
    }
}
