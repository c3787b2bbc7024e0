//! The wires between devices and nodes. Each direction of a wire keeps its order, as TCP does; between wires there is
//! none. What is lost is lost with the wire: it is cut, or stands still while a partition lasts.

use std::collections::VecDeque;
use std::sync::Arc;

use tidings_core::model::PersonKey;
use tidings_core::session::{Session, SessionSettings};
use tidings_protocol::frame::{DeviceFrame, RelayFrame};

use crate::coverage::Kind;
use crate::run::{Event, Simulation};

/// How often the relay pings, in seconds. Pings are not sent one by one: whether they would have arrived is asked when
/// somebody would miss them.
pub(crate) const PING_SECONDS: u32 = 300;

/// One connection.
pub struct Wire {
    pub(crate) device: usize,
    /// The device's life and try: what belongs to an older one is not heard.
    pub(crate) device_life: u64,
    pub(crate) attempt: u64,
    pub(crate) node: usize,
    pub(crate) session: Session<Arc<RelayFrame>>,
    pub(crate) registered: Option<PersonKey>,
    pub(crate) timeout_at: Option<i64>,
    down: VecDeque<(i64, Down)>,
    up: VecDeque<(i64, Up)>,
    /// Whether this side still has the wire open.
    device_open: bool,
    relay_open: bool,
    /// Nothing gets through for the moment.
    pub(crate) partitioned: bool,
    /// Nothing gets through any more, and neither side knows.
    pub(crate) dead: bool,
}

enum Down {
    Opened,
    Frame(Arc<RelayFrame>),
    Closed,
}

enum Up {
    Frame(DeviceFrame),
    Closed,
}

impl Wire {
    pub(crate) fn is_healthy(&self) -> bool {
        self.device_open && self.relay_open && !self.partitioned && !self.dead
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("device", &self.device).field("node", &self.node).finish_non_exhaustive()
    }
}

impl Simulation {
    /// A device opens a wire to some node; it fails if the node is down.
    pub(crate) fn open_wire(&mut self, device: usize, attempt: u64) {
        let node = self.world.inside().chance.below(self.nodes.len());
        let device_life = self.devices[device].life;
        let delay = self.delay();
        let (up, offline) = (self.nodes[node].up, self.devices[device].offline);
        if !up || offline || self.world.fault("connection refused", 30) {
            self.after(delay, Event::Refused { device, life: device_life, attempt });
            return;
        }
        let id = self.next_wire;
        self.next_wire += 1;
        let settings = SessionSettings {
            id: format!("s{id}").into(),
            ping_seconds: PING_SECONDS,
            jitter: self.world.inside().chance.word(),
        };
        let mut wire = Wire {
            device,
            device_life,
            attempt,
            node,
            session: Session::new(settings, None, self.nodes[node].now()),
            registered: None,
            timeout_at: None,
            down: VecDeque::new(),
            up: VecDeque::new(),
            device_open: true,
            relay_open: true,
            partitioned: false,
            dead: false,
        };
        let at = self.world.now() + delay;
        wire.down.push_back((at, Down::Opened));
        self.wires.insert(id, wire);
        self.devices[device].wire = Some(id);
        self.at(at, Event::Down { wire: id });
        self.obey(id);
    }

    /// How long something takes to arrive, in milliseconds.
    pub(crate) fn delay(&mut self) -> i64 {
        let slow = self.world.fault("delay", 60);
        let mut inside = self.world.inside();
        if slow { inside.chance.between(500, 8_000) } else { inside.chance.between(0, 80) }
    }

    pub(crate) fn send_down(&mut self, wire: u64, frame: Arc<RelayFrame>) {
        let delay = self.delay();
        self.push_down(wire, delay, Down::Frame(frame));
    }

    fn push_down(&mut self, wire: u64, delay: i64, what: Down) {
        let now = self.world.now();
        let Some(open) = self.wires.get_mut(&wire) else { return };
        let at = open.down.back().map_or(now, |(last, _)| *last).max(now + delay);
        open.down.push_back((at, what));
        self.at(at, Event::Down { wire });
    }

    pub(crate) fn send_up(&mut self, wire: u64, frame: DeviceFrame) {
        let delay = self.delay();
        self.push_up(wire, delay, Up::Frame(frame));
    }

    fn push_up(&mut self, wire: u64, delay: i64, what: Up) {
        let now = self.world.now();
        let Some(open) = self.wires.get_mut(&wire) else { return };
        let at = open.up.back().map_or(now, |(last, _)| *last).max(now + delay);
        open.up.push_back((at, what));
        self.at(at, Event::Up { wire });
    }

    /// The next thing on its way to the device arrives, if it can.
    pub(crate) fn deliver_down(&mut self, wire: u64) {
        let now = self.world.now();
        let Some(open) = self.wires.get_mut(&wire) else { return };
        if open.partitioned || open.dead || open.down.front().is_none_or(|(at, _)| *at > now) {
            return;
        }
        // A device that is busy reads later.
        let (device, life, attempt) = (open.device, open.device_life, open.attempt);
        let listens = open.device_open && self.devices[device].life == life;
        if listens && self.devices[device].is_full() {
            self.after(200, Event::Down { wire });
            return;
        }
        let open = self.wires.get_mut(&wire).expect("it was found above");
        let (_, what) = open.down.pop_front().expect("it was looked at above");
        match what {
            Down::Frame(frame) => {
                if open.relay_open {
                    let now = self.nodes[open.node].now();
                    open.session.handle_written(1, now);
                    self.obey(wire);
                }
                if listens {
                    self.world.count(Kind::Frame, relay_frame_word(&frame));
                    if let RelayFrame::Bye { code, .. } = &*frame {
                        self.world.count(Kind::Bye, code.as_str());
                    }
                    self.device_frame(device, attempt, (*frame).clone());
                }
            }
            Down::Opened if listens => self.device_opened(device, attempt),
            Down::Closed => {
                open.device_open = false;
                if listens {
                    self.device_closed(device, attempt);
                }
            }
            Down::Opened => {}
        }
        self.forget_if_closed(wire);
    }

    /// The next thing on its way to the relay arrives, if it can.
    pub(crate) fn deliver_up(&mut self, wire: u64) {
        let now = self.world.now();
        let Some(open) = self.wires.get_mut(&wire) else { return };
        if open.partitioned || open.dead || open.up.front().is_none_or(|(at, _)| *at > now) {
            return;
        }
        if open.relay_open && !open.session.wants_frames() {
            self.after(200, Event::Up { wire });
            return;
        }
        let (_, what) = open.up.pop_front().expect("it was looked at above");
        match what {
            Up::Frame(frame) if open.relay_open => {
                self.world.count(Kind::Frame, device_frame_word(&frame));
                let now = self.nodes[open.node].now();
                open.session.handle_frame(frame, now);
                self.obey(wire);
            }
            Up::Closed => self.relay_side_gone(wire),
            Up::Frame(_) => {}
        }
        self.forget_if_closed(wire);
    }

    /// The session said its bye: what waits is still written, then the wire is closed.
    pub(crate) fn close_down(&mut self, wire: u64) {
        self.push_down(wire, 0, Down::Closed);
        self.unregister(wire);
    }

    /// The device ends the wire.
    pub(crate) fn close_up(&mut self, wire: u64) {
        if let Some(open) = self.wires.get_mut(&wire) {
            open.device_open = false;
            self.push_up(wire, 0, Up::Closed);
            self.forget_if_closed(wire);
        }
    }

    /// The relay's side ends without a bye: the node crashed, or heard that the wire is closed.
    pub(crate) fn relay_side_gone(&mut self, wire: u64) {
        self.unregister(wire);
        if let Some(open) = self.wires.get_mut(&wire)
            && open.relay_open
        {
            open.relay_open = false;
            open.session.handle_close(tidings_protocol::frame::Bye::Unknown);
            while open.session.poll_command().is_some() {}
            self.push_down(wire, 0, Down::Closed);
        }
        self.forget_if_closed(wire);
    }

    fn unregister(&mut self, wire: u64) {
        let Some(open) = self.wires.get_mut(&wire) else { return };
        if let Some(person) = open.registered.take()
            && let Some(sessions) = self.nodes[open.node].registered.get_mut(&person)
        {
            sessions.remove(&wire);
            if sessions.is_empty() {
                self.nodes[open.node].registered.remove(&person);
            }
        }
    }

    /// Everything that is on its way is lost; both sides hear of it sooner or later.
    pub(crate) fn cut(&mut self, wire: u64) {
        let Some(open) = self.wires.get_mut(&wire) else { return };
        open.down.clear();
        open.up.clear();
        self.world.trace(|| format!("wire {wire} is cut"));
        let (down, up) = (self.delay(), self.delay());
        self.push_down(wire, down, Down::Closed);
        self.push_up(wire, up, Up::Closed);
    }

    /// Nothing gets through any more, and only silence tells. The relay gives up after two and a half pings.
    pub(crate) fn kill(&mut self, wire: u64) {
        let Some(open) = self.wires.get_mut(&wire) else { return };
        open.dead = true;
        self.world.trace(|| format!("wire {wire} is dead"));
        self.after(i64::from(PING_SECONDS) * 2_500, Event::Silent { wire });
    }

    /// A partition begins or ends.
    pub(crate) fn partition(&mut self, wire: u64, begins: bool) {
        let Some(open) = self.wires.get_mut(&wire) else { return };
        open.partitioned = begins;
        if !begins {
            let (down, up) = (open.down.len(), open.up.len());
            for _ in 0..down {
                self.after(0, Event::Down { wire });
            }
            for _ in 0..up {
                self.after(0, Event::Up { wire });
            }
        }
    }

    pub(crate) fn silent(&mut self, wire: u64) {
        if self.wires.get(&wire).is_some_and(|open| !open.is_healthy()) {
            self.relay_side_gone(wire);
            self.wires.remove(&wire);
        }
    }

    fn forget_if_closed(&mut self, wire: u64) {
        if let Some(open) = self.wires.get(&wire) {
            let silent = !open.device_open && open.up.is_empty();
            if silent && (!open.relay_open || open.session.is_closed()) {
                self.unregister(wire);
                self.wires.remove(&wire);
            }
        }
    }
}

const fn relay_frame_word(frame: &RelayFrame) -> &'static str {
    match frame {
        RelayFrame::Welcome { .. } => "welcome",
        RelayFrame::Changes(_) => "changes",
        RelayFrame::Done { .. } => "done",
        RelayFrame::Bye { .. } => "bye",
        RelayFrame::Unknown => "unknown to the device",
    }
}

const fn device_frame_word(frame: &DeviceFrame) -> &'static str {
    match frame {
        DeviceFrame::Hello(_) => "hello",
        DeviceFrame::Held { .. } => "held",
        DeviceFrame::Ops { .. } => "ops",
        DeviceFrame::Token { .. } => "token",
        DeviceFrame::Resume { .. } => "resume",
        DeviceFrame::Active { .. } => "active",
        DeviceFrame::Unknown => "unknown to the relay",
    }
}
