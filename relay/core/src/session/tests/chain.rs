//! Whatever is committed, heard, lost or overtaken: what goes out is one unbroken chain of cursors, every change is in
//! it, and when nothing happens any more the device is at the head.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Rows of one page of the model's store, small so that pages are many.
const PAGE_ROWS: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// So many rows change, in one commit; the hint is on its way.
    Commit(u8),
    /// The hint at this place among those on their way arrives.
    Deliver(prop::sample::Index),
    /// It arrives, and stays on its way as well.
    Repeat(prop::sample::Index),
    /// It is lost, and nobody knows.
    Lose(prop::sample::Index),
    /// The hub lost a hint, and says so.
    Missed,
    /// The page that is asked for is read: its snapshot is of this moment.
    Read,
    /// What was read arrives.
    Arrive,
    /// The page cannot be read.
    Fail,
    /// So many frames go out.
    Write(u8),
    /// The device starts again from a place that it had, or from nothing.
    Resume(Option<prop::sample::Index>),
    /// The device says that it holds what it has.
    Hold,
    /// The recipient is erased and made again.
    Erase,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (1..4_u8).prop_map(Step::Commit),
        6 => index().prop_map(Step::Deliver),
        1 => index().prop_map(Step::Repeat),
        1 => index().prop_map(Step::Lose),
        1 => Just(Step::Missed),
        4 => Just(Step::Read),
        4 => Just(Step::Arrive),
        1 => Just(Step::Fail),
        4 => (1..8_u8).prop_map(Step::Write),
        1 => prop::option::of(index()).prop_map(Step::Resume),
        2 => Just(Step::Hold),
        1 => Just(Step::Erase),
    ]
}

/// A store, hints on their way, a session and a device.
struct World {
    rig: Rig,
    epoch: u32,
    head: u64,
    hints: Vec<LiveChange<ChangesPage>>,
    asked: Option<Option<Cursor>>,
    read: Option<Vec<ChangesPage>>,
    unwritten: VecDeque<RelayFrame>,
    device: Device,
}

/// Applies pages as the contract tells it to.
#[derive(Default)]
struct Device {
    cursor: Option<Cursor>,
    has: BTreeSet<u64>,
    /// It said resume; what does not fit is left out until something does.
    resuming: bool,
    /// It said resume at some time: frames that were on their way then may make it say so again.
    resumed: bool,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::greeted(None, 0);
        let asked = Some(rig.read_after());
        let device = Device::default();
        let (hints, unwritten) = (Vec::new(), VecDeque::new());
        Self { rig, epoch: EPOCH, head: 0, hints, asked, read: None, unwritten, device }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(rows) => self.commit(u64::from(*rows)),
            Step::Deliver(index) if !self.hints.is_empty() => {
                let hint = self.hints.remove(index.index(self.hints.len()));
                self.rig.hint(hint);
            }
            Step::Repeat(index) if !self.hints.is_empty() => {
                let hint = index.get(&self.hints).clone();
                self.rig.hint(hint);
            }
            Step::Lose(index) if !self.hints.is_empty() => {
                self.hints.remove(index.index(self.hints.len()));
            }
            Step::Missed => self.rig.session.handle_missed(self.rig.now),
            Step::Read => self.read_store(),
            Step::Arrive => {
                if let Some(page) = self.read.take() {
                    self.rig.page(page);
                }
            }
            Step::Fail => {
                if self.asked.take().is_some() || self.read.take().is_some() {
                    self.rig.session.handle_page(None, self.rig.now);
                }
            }
            Step::Write(frames) => self.write(usize::from(*frames)),
            Step::Resume(place) => self.resume_at(place.as_ref()),
            Step::Hold => {
                if let Some(cursor) = self.device.cursor.clone() {
                    self.rig.frame(DeviceFrame::Held { cursor });
                }
            }
            Step::Erase => {
                self.epoch += 1;
                self.head = 0;
                self.commit(1);
            }
            Step::Deliver(_) | Step::Repeat(_) | Step::Lose(_) => {}
        }
        self.obey();
    }

    fn commit(&mut self, rows: u64) {
        let (from, to) = (self.head, self.head + rows);
        self.head = to;
        let frame = ChangesPage {
            from: Some(cursor(self.epoch, from)),
            to: cursor(self.epoch, to),
            more: false,
            reset: false,
            items: items(from, to),
        };
        self.hints.push(LiveChange { epoch: self.epoch, from, to, frame: Some(frame) });
    }

    /// A page in two frames, as the store is at this moment.
    fn read_store(&mut self) {
        let Some(after) = self.asked.take() else { return };
        let place = after.as_ref().and_then(parse_cursor);
        let place =
            place.filter(|(epoch, seq)| *epoch == self.epoch && *seq <= self.head).map(|(_, seq)| seq);
        let from = place.unwrap_or(0);
        let to = self.head.min(from + PAGE_ROWS);
        let middle = from.midpoint(to);
        let (epoch, reset, more) = (self.epoch, place.is_none(), to < self.head);
        let frame = |from: Option<u64>, to: u64, more| ChangesPage {
            from: from.map(|from| cursor(epoch, from)),
            to: cursor(epoch, to),
            more,
            reset,
            items: items(from.unwrap_or(0), to),
        };
        self.read = Some(if middle > from {
            vec![frame(place, middle, true), frame(Some(middle), to, more)]
        } else {
            vec![frame(place, to, more)]
        });
    }

    fn write(&mut self, frames: usize) {
        let frames = frames.min(self.unwritten.len());
        for _ in 0..frames {
            let Some(RelayFrame::Changes(page)) = self.unwritten.pop_front() else { continue };
            if !self.device.apply(&page) {
                self.resume(self.device.cursor.clone());
            }
        }
        self.rig.written(frames);
    }

    fn resume_at(&mut self, place: Option<&prop::sample::Index>) {
        let had = self.device.cursor.as_ref().and_then(parse_cursor);
        let chosen = had.and_then(|(epoch, seq)| {
            let seq = place?.index(usize::try_from(seq).unwrap() + 1);
            Some(cursor(epoch, u64::try_from(seq).unwrap()))
        });
        self.resume(chosen);
    }

    fn resume(&mut self, cursor: Option<Cursor>) {
        self.device.cursor.clone_from(&cursor);
        self.device.resuming = true;
        self.device.resumed = true;
        self.rig.frame(DeviceFrame::Resume { cursor });
    }

    fn obey(&mut self) {
        while let Some(command) = self.rig.next() {
            match command {
                SessionCommand::Send(frame) => self.unwritten.push_back(*frame),
                SessionCommand::SendLive(page) => self.unwritten.push_back(RelayFrame::Changes(page)),
                SessionCommand::ReadPage { after, .. } => {
                    assert!(self.asked.is_none() && self.read.is_none(), "one page is read at a time");
                    self.asked = Some(after);
                }
                SessionCommand::Commit(act) => self.operate(*act),
                SessionCommand::Close(code) => assert_eq!((code, self.epoch != EPOCH), (Bye::Erased, true)),
                other => panic!("nothing else is due: {other:?}"),
            }
            assert!(self.unwritten.len() <= UNWRITTEN_FRAMES_MAX + 2, "the queue is bounded");
        }
    }

    fn operate(&mut self, act: Act) {
        let Act::Operate { sent, operations, .. } = act else { panic!("operations were due") };
        for operation in operations {
            let Request::Held { cursor } = operation.unwrap().request else { panic!("only held is asked") };
            let (epoch, held) = parse_cursor(&cursor).unwrap();
            assert!(Some(held) <= sent, "held is clamped to what was sent");
            assert!(epoch != self.epoch || held <= self.head);
        }
        self.rig.settled(operated(&[]));
    }

    /// Nothing happens any more: every wait ends, and the heads are compared.
    fn heal(&mut self) {
        self.hints.clear();
        for _ in 0..200 {
            self.step(&Step::Write(u8::MAX));
            self.step(&Step::Read);
            self.step(&Step::Arrive);
            self.rig.wait(RETRY_MILLIS);
            self.rig.hint(LiveChange { epoch: self.epoch, from: self.head, to: self.head, frame: None });
            self.obey();
        }
    }
}

impl Device {
    /// Whether the page fits, or is left out without a word.
    fn apply(&mut self, page: &ChangesPage) -> bool {
        assert_eq!(
            parse_cursor(&page.to).map(|(epoch, _)| epoch),
            Some(EPOCH),
            "what came after an erasure stays here"
        );
        if page.from.is_some() && page.from != self.cursor {
            assert!(self.resumed, "the chain is unbroken");
            return self.resuming;
        }
        if page.from.is_none() {
            assert!(page.reset);
            self.has.clear();
        }
        self.resuming = false;
        self.has.extend(page.items.iter().map(|item| match item {
            Item::Retracted { id } => id.as_str().parse::<u64>().unwrap(),
            other => panic!("the model has no {other:?}"),
        }));
        self.cursor = Some(page.to.clone());
        true
    }
}

fn items(from: u64, to: u64) -> Vec<Item> {
    (from + 1..=to).map(|seq| Item::Retracted { id: seq.to_string().parse().unwrap() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_is_one_chain_and_ends_at_the_head(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.heal();
        prop_assert_eq!(world.rig.session.is_closed(), world.epoch != EPOCH);
        if world.epoch != EPOCH {
            return Ok(());
        }
        prop_assert_eq!(world.device.cursor.clone(), Some(cursor(world.epoch, world.head)));
        let all: BTreeSet<u64> = (1..=world.head).collect();
        prop_assert_eq!(&world.device.has, &all);
    }
}
