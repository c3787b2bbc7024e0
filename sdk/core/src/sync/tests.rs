use proptest::prelude::*;
use rstest::rstest;
use tidings_protocol::frame::{Bye, ChangesPage, DeviceFrame, RelayFrame};
use tidings_protocol::item::{Item, NotificationItem};
use tidings_protocol::operation::{Operation, Request};

use super::*;
use crate::backoff::CEILING_MILLIS;
use crate::store::{DeviceStore as _, MemoryDeviceStore};
use crate::testing::{at, cursor, item, mark_read, notification, now_or_never, queued};

const HALF: Jitter = Jitter(1 << 31);

/// A machine on a store in memory; acts on what it can and keeps the rest for the test to look at.
struct Device {
    sync: Sync,
    store: MemoryDeviceStore,
    now: i64,
    attempt: u64,
    sent: Vec<DeviceFrame>,
    other: Vec<Command>,
}

impl Device {
    fn new() -> Self {
        let identity = Identity { device: "laptop".parse().unwrap(), nonce: "n".to_owned() };
        Self::on(MemoryDeviceStore::new(identity))
    }

    fn on(store: MemoryDeviceStore) -> Self {
        let settings = Settings { platform: "test".to_owned(), sdk: "test/1".to_owned() };
        let sync = Sync::new(settings);
        Self { sync, store, now: 0, attempt: 0, sent: Vec::new(), other: Vec::new() }
    }

    fn act(&mut self) {
        while let Some(command) = self.sync.poll_command() {
            let now = at(self.now);
            match command {
                Command::Load => self.sync.handle_loaded(now, now_or_never(self.store.load()).unwrap()),
                Command::FetchToken { .. } => {
                    self.other.push(command);
                    self.sync.handle_token(now, "token".to_owned(), None);
                }
                Command::Connect { attempt, .. } => self.attempt = attempt,
                Command::Send { attempt, frame } => {
                    assert_eq!(attempt, self.attempt, "sent on a connection that is gone");
                    self.sent.push(frame);
                }
                Command::Apply(batch) => {
                    let applied = now_or_never(self.store.apply(&batch)).unwrap();
                    self.sync.handle_applied(now, applied);
                }
                Command::Settle(settlement) => {
                    now_or_never(self.store.settle(&settlement)).unwrap();
                    self.sync.handle_settled(now);
                }
                Command::DropContent => {
                    now_or_never(self.store.drop_content()).unwrap();
                    self.sync.handle_dropped(now);
                }
                Command::Disconnect { .. }
                | Command::RememberContact { .. }
                | Command::Present
                | Command::NewIdentity
                | Command::Wipe => self.other.push(command),
            }
        }
    }

    fn frame(&mut self, frame: RelayFrame) {
        self.sync.handle_frame(at(self.now), self.attempt, frame, HALF);
        self.act();
    }

    /// Starts, connects, says hello.
    fn greet(&mut self) {
        self.sync.handle_start(at(self.now));
        self.act();
        self.sync.handle_opened(at(self.now), self.attempt);
        self.act();
    }

    fn welcome(&mut self, head: u64, reset: bool) {
        self.frame(RelayFrame::Welcome {
            session: "s".to_owned(),
            server_time: at(self.now + 500),
            head: cursor(head),
            reset,
            ping_seconds: 20,
            features: Vec::new(),
        });
    }

    fn live() -> Self {
        let mut device = Self::new();
        device.greet();
        device.welcome(1, true);
        device.frame(page(None, 1, false, true, vec![item("first", 1)]));
        device.sent.clear();
        device.other.clear();
        device
    }

    fn bye(&mut self, code: Bye, reconnect_after_ms: u64) {
        self.frame(RelayFrame::Bye { code, reconnect_after_ms });
    }

    fn timeout(&mut self) {
        self.now = self.sync.poll_timeout().unwrap().as_millis();
        self.sync.handle_timeout(at(self.now), HALF);
        self.act();
    }

    fn names(&self) -> Vec<String> {
        self.store.rows().iter().map(|row| row.item.id.to_string()).collect()
    }

    fn wait(&self) -> i64 {
        let Connection::Offline { next_try: Some(next_try), .. } = self.sync.connection() else {
            panic!("not waiting: {:?}", self.sync.connection())
        };
        next_try.as_millis() - self.now
    }
}

fn page(from: Option<u64>, to: u64, more: bool, reset: bool, items: Vec<Item>) -> RelayFrame {
    RelayFrame::Changes(ChangesPage { from: from.map(cursor), to: cursor(to), more, reset, items })
}

fn held(number: u64) -> DeviceFrame {
    DeviceFrame::Held { cursor: cursor(number) }
}

fn resume(number: u64) -> DeviceFrame {
    DeviceFrame::Resume { cursor: Some(cursor(number)) }
}

#[test]
fn a_page_is_stored_before_it_is_said_to_be_held() {
    let mut device = Device::new();
    device.greet();
    let DeviceFrame::Hello(hello) = &device.sent[0] else { panic!("no hello") };
    assert_eq!((hello.cursor.as_ref(), hello.nonce.as_str()), (None, "n"));
    device.welcome(2, true);
    assert_eq!(device.sync.connection(), Connection::CatchingUp);
    device.sync.handle_frame(at(0), device.attempt, page(None, 2, false, true, vec![item("a", 1)]), HALF);
    let Some(Command::Apply(batch)) = device.sync.poll_command() else { panic!("no page to store") };
    assert_eq!(device.sync.poll_command(), None, "nothing is said before the page is stored");
    let applied = now_or_never(device.store.apply(&batch)).unwrap();
    device.sync.handle_applied(at(0), applied);
    device.act();
    assert_eq!(device.sent.last(), Some(&held(2)));
    assert_eq!(device.sync.connection(), Connection::Live);
    assert_eq!(device.sync.completeness(), Completeness::Complete { as_of: at(0) });
}

#[test]
fn pages_that_come_one_after_the_other_are_stored_and_held_together() {
    let mut device = Device::live();
    device.frame(page(Some(1), 2, true, false, vec![item("a", 2)]));
    device.frame(page(Some(2), 3, true, false, vec![item("b", 3)]));
    assert_eq!((device.names(), &*device.sent), (vec!["first".to_owned()], &[][..]));
    device.frame(page(Some(3), 4, false, false, vec![item("c", 4)]));
    assert_eq!(device.names(), ["a", "b", "c", "first"]);
    assert_eq!(device.sent, [held(4)]);
}

#[test]
fn a_page_that_none_follows_soon_is_stored_by_itself() {
    let mut device = Device::live();
    device.frame(page(Some(1), 2, true, false, vec![item("a", 2)]));
    let came = device.now;
    device.timeout();
    assert_eq!(device.now - came, 100);
    assert_eq!((device.names().len(), &*device.sent), (2, &[held(2)][..]));
    device.frame(page(Some(2), 3, true, false, vec![item("b", 3)]));
    device.now -= 3_600_000;
    device.frame(page(Some(3), 4, true, false, vec![item("c", 4)]));
    assert_eq!(device.names().len(), 4, "a clock that was put back keeps nothing");
}

#[test]
fn a_page_of_many_waits_for_nothing() {
    let mut device = Device::live();
    let many = (0..500).map(|number| item(&format!("n{number}"), 2)).collect();
    device.frame(page(Some(1), 2, true, false, many));
    assert_eq!((device.names().len(), &*device.sent), (501, &[held(2)][..]));
}

#[test]
fn a_gap_is_answered_with_resume_and_nothing_is_stored() {
    let mut device = Device::live();
    device.frame(page(Some(2), 3, false, false, vec![item("c", 3)]));
    assert_eq!(device.sent, [resume(1)]);
    assert_eq!(device.names(), ["first"]);
    assert_eq!(device.sync.connection(), Connection::CatchingUp);
    device.frame(page(Some(3), 4, false, false, vec![item("d", 4)]));
    assert_eq!(device.sent.len(), 1, "one resume is enough");
    device.frame(page(Some(1), 4, false, false, vec![item("b", 2), item("c", 3), item("d", 4)]));
    assert_eq!(device.names(), ["b", "c", "d", "first"]);
    assert_eq!(device.sync.connection(), Connection::Live);
}

#[test]
fn a_resume_without_an_answer_ends_the_connection() {
    let mut device = Device::live();
    device.frame(page(Some(2), 3, false, false, Vec::new()));
    device.timeout();
    assert!(matches!(device.sync.connection(), Connection::Offline { .. }));
}

#[test]
fn a_silent_relay_is_left_after_two_pings_and_a_margin() {
    let mut device = Device::live();
    let silent_at = device.sync.poll_timeout().unwrap();
    assert_eq!(silent_at, at(45_000));
    device.sync.handle_timeout(at(44_999), HALF);
    assert_eq!(device.sync.connection(), Connection::Live);
    device.now = 44_999;
    device.sync.handle_heard(at(44_999), device.attempt);
    assert_eq!(device.sync.poll_timeout(), Some(at(89_999)));
    device.timeout();
    assert!(matches!(device.sync.connection(), Connection::Offline { .. }));
    assert_eq!(device.sync.completeness(), Completeness::Incomplete { missing_after: Some(at(44_999)) });
}

#[test]
fn a_reset_deletes_what_no_page_named_only_at_its_last_page() {
    let mut device = Device::live();
    device.bye(Bye::Restart, 0);
    device.timeout();
    device.sync.handle_opened(at(device.now), device.attempt);
    device.act();
    device.welcome(9, true);
    device.frame(page(None, 7, true, true, vec![item("second", 2)]));
    device.timeout();
    assert_eq!(device.names(), ["first", "second"]);
    device.frame(page(Some(7), 9, false, true, vec![item("third", 3)]));
    assert_eq!(device.names(), ["second", "third"]);
}

#[test]
fn a_crash_in_the_middle_of_a_reset_does_not_keep_what_is_gone() {
    let mut device = Device::live();
    device.sync.handle_closed(at(0), device.attempt, HALF);
    device.timeout();
    device.sync.handle_opened(at(device.now), device.attempt);
    device.act();
    device.welcome(9, true);
    device.frame(page(None, 7, true, true, vec![item("second", 2)]));
    device.timeout();
    let mut device = Device::on(device.store);
    device.greet();
    device.welcome(9, false);
    device.frame(page(Some(7), 9, false, false, vec![item("third", 3)]));
    assert_eq!(device.names(), ["second", "third"]);
}

#[test]
fn an_unexpected_page_from_nothing_does_not_empty_the_inbox() {
    let mut device = Device::live();
    device.frame(page(None, 1, false, true, Vec::new()));
    assert_eq!(device.names(), ["first"]);
    assert_eq!(device.sent, [resume(1)]);
}

#[test]
fn another_process_that_moved_the_cursor_makes_the_device_resume_from_there() {
    let mut device = Device::live();
    let elsewhere = Batch {
        expected: Some(cursor(1)),
        to: cursor(2),
        begins_reset: false,
        ends: true,
        after_absence: false,
        items: vec![item("b", 2)],
    };
    assert_eq!(now_or_never(device.store.apply(&elsewhere)).unwrap(), Applied::Moved);
    device.frame(page(Some(1), 2, false, false, vec![item("b", 2)]));
    assert_eq!(device.sent, [resume(2)]);
}

#[test]
fn pages_that_came_together_are_stored_together() {
    let mut device = Device::live();
    for number in 1..5 {
        let more = (2..4).contains(&number);
        let frame = page(Some(number), number + 1, more, false, vec![item(&number.to_string(), 2)]);
        device.sync.handle_frame(at(0), device.attempt, frame, HALF);
    }
    device.act();
    let held_cursors = device.sent.clone();
    assert_eq!(held_cursors, [held(2), held(5)], "the first alone, the others while it was stored");
    assert_eq!(device.sync.connection(), Connection::Live);
}

#[test]
fn the_wait_grows_with_full_jitter_up_to_the_ceiling() {
    let mut device = Device::new();
    device.greet();
    let mut waits = Vec::new();
    for _ in 0..9 {
        device.sync.handle_closed(at(device.now), device.attempt, HALF);
        waits.push(device.wait());
        device.timeout();
    }
    assert_eq!(waits[..3], [250, 500, 1_000]);
    assert_eq!(waits[8], CEILING_MILLIS / 2);
}

#[test]
fn the_relays_own_wait_is_honoured() {
    let mut device = Device::live();
    device.bye(Bye::Restart, 7_000);
    assert_eq!(device.wait(), 7_000);
}

#[rstest]
#[case(Bye::Revoked, SignedOut::Revoked)]
#[case(Bye::Erased, SignedOut::Erased)]
fn some_byes_sign_the_device_out(#[case] code: Bye, #[case] why: SignedOut) {
    let mut device = Device::live();
    device.bye(code, 0);
    assert_eq!(device.sync.connection(), Connection::SignedOut { why });
    assert_eq!(device.other.contains(&Command::Wipe), code == Bye::Erased);
}

#[rstest]
#[case(Bye::Restart)]
#[case(Bye::Replaced)]
#[case(Bye::TooManySessions)]
#[case(Bye::Slow)]
#[case(Bye::ProtocolError)]
#[case(Bye::Unknown)]
#[case(Bye::TokenExpired)]
#[case(Bye::Unauthorized)]
#[case(Bye::DeviceConflict)]
fn after_other_byes_the_device_comes_back(#[case] code: Bye) {
    let mut device = Device::live();
    device.bye(code, 10);
    let before = device.attempt;
    device.timeout();
    assert!(device.attempt > before);
    let fetched = device.other.contains(&Command::FetchToken { why: TokenWanted::Rejected });
    assert_eq!(fetched, matches!(code, Bye::TokenExpired | Bye::Unauthorized));
    assert_eq!(device.other.contains(&Command::NewIdentity), code == Bye::DeviceConflict);
}

#[test]
fn a_third_token_that_is_not_taken_signs_the_device_out() {
    let mut device = Device::new();
    device.greet();
    for _ in 0..2 {
        device.sync.handle_unauthorized(at(device.now), device.attempt, HALF);
        device.timeout();
    }
    device.sync.handle_unauthorized(at(device.now), device.attempt, HALF);
    let why = SignedOut::Unauthorized;
    assert_eq!(device.sync.connection(), Connection::SignedOut { why });
}

#[rstest]
#[case::a_minute_before(180_000, 120_000)]
#[case::half_way(90_000, 45_000)]
#[case::half_way_of_seconds(5_000, 2_500)]
#[case::not_without_end(500, 1_000)]
fn a_token_is_renewed_before_it_runs_out(#[case] lasts: i64, #[case] renewed: i64) {
    let mut device = Device::live();
    device.sync.handle_token(at(0), "short".to_owned(), Some(at(lasts)));
    device.act();
    device.sync.handle_heard(at(renewed), device.attempt);
    assert_eq!(device.sync.poll_timeout(), Some(at(renewed)));
    device.timeout();
    assert!(device.other.contains(&Command::FetchToken { why: TokenWanted::Expiring }));
    assert_eq!(device.sent.last(), Some(&DeviceFrame::Token { token: "token".to_owned() }));
}

#[test]
fn a_clock_that_is_wrong_by_hours_does_not_ask_for_tokens_for_ever() {
    let mut device = Device::new();
    device.now = 7_200_000;
    device.sync.handle_start(at(device.now));
    assert_eq!(device.sync.poll_command(), Some(Command::Load));
    let loaded = now_or_never(device.store.load()).unwrap();
    device.sync.handle_loaded(at(device.now), loaded);
    assert_eq!(device.sync.poll_command(), Some(Command::FetchToken { why: TokenWanted::First }));
    device.sync.handle_token(at(device.now), "token".to_owned(), Some(at(3_600_000)));
    device.act();
    assert_eq!(device.attempt, 1);
}

impl Device {
    fn asks(&mut self, queued: &Queued) {
        let queued = now_or_never(self.store.queue(&queued.operation)).unwrap().unwrap();
        self.sync.handle_queued(at(self.now), queued).unwrap();
        self.act();
    }

    fn done(&mut self, number: u64) {
        let done = vec![format!("op-{number}").parse().unwrap()];
        self.frame(RelayFrame::Done { done, refused: Vec::new() });
    }

    /// What a person sees.
    fn view(&self, name: &str) -> tidings_protocol::item::View {
        now_or_never(self.store.row(&name.parse().unwrap())).unwrap().unwrap().view
    }
}

#[test]
fn what_was_done_stays_on_top_until_its_page_is_stored() {
    let mut device = Device::live();
    let mark = |number, read, archived| {
        let notification = "first".parse().unwrap();
        queued(number, Request::Mark { notification, read, archived, snoozed_until: None })
    };
    let told = |view: tidings_protocol::item::View| {
        Item::Notification(Box::new(NotificationItem { view, ..notification("first", 1) }))
    };
    device.asks(&mark(1, Some(true), None));
    device.asks(&mark(2, None, Some(true)));
    device.done(1);
    // The page with what the first one did comes after the second was asked for, and does not have it.
    let read = tidings_protocol::item::View { read_at: Some(at(9)), ..Default::default() };
    device.frame(page(Some(1), 2, false, false, vec![told(read.clone())]));
    device.done(2);
    assert!(device.view("first").archived_at.is_some(), "the old value does not come back meanwhile");
    assert_eq!(now_or_never(device.store.load()).unwrap().outbox.len(), 1);
    let archived = tidings_protocol::item::View { archived_at: Some(at(9)), ..read };
    device.frame(page(Some(2), 3, false, false, vec![told(archived.clone())]));
    assert_eq!(device.view("first"), archived);
    assert!(now_or_never(device.store.load()).unwrap().outbox.is_empty());
}

#[test]
fn operations_are_sent_when_live_and_forgotten_when_done() {
    let mut device = Device::live();
    device.asks(&mark_read(1, "first"));
    let DeviceFrame::Ops { ops } = &device.sent[0] else { panic!("no operations: {:?}", device.sent) };
    let sent = Operation::read(ops[0].clone()).unwrap();
    assert_eq!(sent.id.as_str(), "op-1");
    device.done(1);
    assert!(device.sync.outbox().is_empty(), "it is not sent again");
    // No page has what it did: the relay had it so already.
    device.timeout();
    assert!(now_or_never(device.store.load()).unwrap().outbox.is_empty());
    assert!(device.store.rows()[0].item.view.read_at.is_some(), "what was done stays done");
}

#[test]
fn after_ninety_days_without_contact_the_content_is_dropped_and_the_outbox_kept() {
    for (days, rows) in [(89, 1), (90, 0)] {
        let mut later = Device::on(Device::live().store);
        now_or_never(later.store.remember_contact(at(0), 0)).unwrap();
        now_or_never(later.store.queue(&mark_read(1, "first").operation)).unwrap();
        later.now = days * 86_400_000;
        later.greet();
        assert_eq!(later.store.rows().len(), rows, "after {days} days");
        assert_eq!(later.sync.outbox().len(), 1);
        let DeviceFrame::Hello(hello) = &later.sent[0] else { panic!("no hello") };
        assert_eq!(hello.cursor.is_some(), rows == 1);
    }
}

#[test]
fn a_store_that_fails_is_read_again_before_anything_else() {
    let mut device = Device::live();
    let frame = page(Some(1), 2, false, false, vec![item("b", 2)]);
    device.sync.handle_frame(at(0), device.attempt, frame, HALF);
    assert!(matches!(device.sync.poll_command(), Some(Command::Apply(_))));
    device.sync.handle_storage_failed(at(0), HALF);
    device.act();
    device.timeout();
    device.sync.handle_opened(at(device.now), device.attempt);
    device.act();
    let Some(DeviceFrame::Hello(hello)) = device.sent.last() else { panic!("no hello") };
    assert_eq!(hello.cursor, Some(cursor(1)));
}

proptest! {
    /// The relay's log is the numbers 1, 2, 3 …; a page from a to b carries those in between. Pages come in any order,
    /// overlapping, twice, with crashes: what is stored is always the whole log up to the cursor.
    #[test]
    fn the_cursor_never_moves_past_a_gap(pages in prop::collection::vec((0..12_u64, 1..5_u64, 0..8_u8), 0..60)) {
        let mut device = Device::new();
        device.greet();
        device.welcome(16, true);
        for (from, length, kind) in pages {
            match kind {
                0 => {
                    device = Device::on(device.store);
                    device.greet();
                    device.welcome(16, false);
                }
                1 => {
                    device.sync.handle_closed(at(device.now), device.attempt, HALF);
                    device.timeout();
                    device.sync.handle_opened(at(device.now), device.attempt);
                    device.act();
                    device.welcome(16, false);
                }
                _ => {
                    let to = from + length;
                    let items = (from + 1..=to).map(|number| item(&format!("{number:02}"), 1)).collect();
                    let from = (from > 0).then_some(from);
                    device.frame(page(from, to, kind % 2 == 0, from.is_none(), items));
                }
            }
            let stored = device.names();
            let end = device.store.cursor().map_or(0, |cursor| {
                cursor.as_str().trim_start_matches("e.").parse::<u64>().unwrap()
            });
            let expected: Vec<String> = (1..=end).map(|number| format!("{number:02}")).collect();
            // A row beyond the cursor is no gap: a reset that began again keeps what it had until its last page.
            prop_assert!(expected.iter().all(|name| stored.contains(name)), "{expected:?} {stored:?}");
            let held_beyond = device.sent.iter().any(|frame| matches!(frame, DeviceFrame::Held { cursor: held }
                if held.as_str().trim_start_matches("e.").parse::<u64>().unwrap() > 16));
            prop_assert!(!held_beyond);
        }
    }
}
