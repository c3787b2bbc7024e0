//! Promptness and order of one session; the chain of cursors as a property is in `chain`.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one variant that it expects")]

mod chain;
mod frames;
mod gone;

use std::collections::VecDeque;

use serde_json::{Value, json};
use tidings_protocol::frame::{Bye, ChangesPage, DeviceFrame, Hello, RelayFrame};
use tidings_protocol::operation::{Answered, Operation, Request};
use tidings_protocol::{Cursor, Timestamp};

use super::*;
use crate::model::{cursor, parse_cursor};

const EPOCH: u32 = 0xe1;
const HOUR_MILLIS: i64 = 3_600_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_737_600_000 + millis)
}

fn alice() -> PersonKey {
    PersonKey { project: "shop".parse().unwrap(), recipient: "alice".parse().unwrap() }
}

fn credential() -> VerifiedDevice {
    VerifiedDevice { person: alice(), device: None, issued_at: at(-1_000), expires_at: at(HOUR_MILLIS) }
}

fn hello(cursor: Option<Cursor>) -> DeviceFrame {
    DeviceFrame::Hello(Box::new(Hello {
        token: None,
        device: "laptop".parse().unwrap(),
        platform: "linux".into(),
        nonce: "abc".into(),
        cursor,
        sdk: "tests".into(),
        understands: vec!["settings".into(), "notification".into(), "settings".into()],
    }))
}

fn place(seq: u64) -> Cursor {
    cursor(EPOCH, seq)
}

fn changes(from: Option<u64>, to: u64, more: bool) -> ChangesPage {
    ChangesPage { from: from.map(place), to: place(to), more, reset: from.is_none(), items: Vec::new() }
}

fn live(from: u64, to: u64) -> LiveChange<ChangesPage> {
    LiveChange { epoch: EPOCH, from, to, frame: Some(changes(Some(from), to, false)) }
}

/// A session and what it commanded and was not asked for yet.
struct Rig {
    session: Session<ChangesPage>,
    commands: VecDeque<SessionCommand<ChangesPage>>,
    now: Timestamp,
}

impl Rig {
    fn new(credential: Option<VerifiedDevice>) -> Self {
        let settings = SessionSettings { id: "s1".into(), ping_seconds: 30, jitter: 1 << 31 };
        Self { session: Session::new(settings, credential, at(0)), commands: VecDeque::new(), now: at(0) }
    }

    /// A session that is open at a place, has sent its first page up to `head`, and everything is written.
    fn open(from: Option<u64>, head: u64) -> Self {
        let mut rig = Self::greeted(from, head);
        assert!(matches!(rig.next(), Some(SessionCommand::ReadPage { .. })));
        rig.page(vec![changes(from, head, false)]);
        assert_eq!(rig.frames().len(), 1);
        rig.written(2);
        rig
    }

    fn greeted(from: Option<u64>, head: u64) -> Self {
        let mut rig = Self::new(Some(credential()));
        rig.frame(hello(from.map(place)));
        assert!(matches!(rig.next(), Some(SessionCommand::Register { .. })));
        assert!(matches!(rig.act(), Act::Greet { .. }));
        rig.settled(Ok(Answer::Greeted { epoch: EPOCH, head, place: from }));
        assert!(matches!(rig.next(), Some(SessionCommand::Replace)));
        assert!(matches!(rig.sent(), RelayFrame::Welcome { .. }));
        rig
    }

    fn frame(&mut self, frame: DeviceFrame) {
        self.session.handle_frame(frame, self.now);
    }

    fn ops(&mut self, ops: Value) {
        let Value::Array(ops) = ops else { panic!("operations are a list") };
        self.frame(DeviceFrame::Ops { ops });
    }

    fn held(&mut self, seq: u64) {
        self.frame(DeviceFrame::Held { cursor: place(seq) });
    }

    fn hint(&mut self, change: LiveChange<ChangesPage>) {
        self.session.handle_hint(change, self.now);
    }

    fn page(&mut self, frames: Vec<ChangesPage>) {
        self.session.handle_page(Some(frames), self.now);
    }

    fn settled(&mut self, answer: Result<Answer, Refusal>) {
        self.session.handle_settled(answer, self.now);
    }

    fn written(&mut self, frames: usize) {
        self.session.handle_written(frames, self.now);
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
        self.session.handle_timeout(self.now);
    }

    fn next(&mut self) -> Option<SessionCommand<ChangesPage>> {
        while let Some(command) = self.session.poll_command() {
            self.commands.push_back(command);
        }
        self.commands.pop_front()
    }

    fn act(&mut self) -> Act {
        match self.next() {
            Some(SessionCommand::Commit(act)) => *act,
            other => panic!("an act was due, not {other:?}"),
        }
    }

    fn operations(&mut self) -> (Option<u64>, Vec<Operation>) {
        match self.act() {
            Act::Operate { sent, operations, .. } => {
                (sent, operations.into_iter().map(Result::unwrap).collect())
            }
            other => panic!("operations were due, not {other:?}"),
        }
    }

    fn sent(&mut self) -> RelayFrame {
        match self.next() {
            Some(SessionCommand::Send(frame)) => *frame,
            Some(SessionCommand::SendLive(page)) => RelayFrame::Changes(page),
            other => panic!("a frame was due, not {other:?}"),
        }
    }

    /// Every frame that is due, in order.
    fn frames(&mut self) -> Vec<RelayFrame> {
        let mut frames = Vec::new();
        while let Some(command) = self.next() {
            match command {
                SessionCommand::Send(frame) => frames.push(*frame),
                SessionCommand::SendLive(page) => frames.push(RelayFrame::Changes(page)),
                other => {
                    self.commands.push_front(other);
                    break;
                }
            }
        }
        frames
    }

    fn bye(&mut self) -> Bye {
        let RelayFrame::Bye { code, .. } = self.sent() else { panic!("a bye was due") };
        assert!(matches!(self.next(), Some(SessionCommand::Close(closed)) if closed == code));
        assert!(self.next().is_none() && self.session.is_closed());
        assert_eq!(self.session.poll_timeout(), None, "a closed session waits for nothing");
        code
    }

    fn read_after(&mut self) -> Option<Cursor> {
        match self.next() {
            Some(SessionCommand::ReadPage { after, .. }) => after,
            other => panic!("a page was due, not {other:?}"),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a session is answered")]
fn operated(done: &[&str]) -> Result<Answer, Refusal> {
    let done = done.iter().map(|id| id.parse().unwrap()).collect();
    Ok(Answer::Operated(Answered { done, refused: Vec::new() }))
}

fn unavailable() -> Refusal {
    Refusal::Unavailable { detail: "the store is away".into() }
}

mod beginning {
    use rstest::rstest;

    use super::*;

    #[test]
    fn interest_is_registered_before_the_head_is_read() {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(hello(Some(place(3))));
        assert!(matches!(rig.next(), Some(SessionCommand::Register { person, .. }) if person == alice()));
        let Act::Greet { device, token_issued_at, .. } = rig.act() else { panic!("a greeting was due") };
        assert_eq!((device.cursor.clone(), token_issued_at), (Some(place(3)), at(-1_000)));
        assert_eq!(device.understands, ["notification".into(), Box::<str>::from("settings")]);
        assert!(rig.next().is_none(), "no page before the greeting is answered");
    }

    #[test]
    fn a_first_page_follows_the_welcome_even_if_it_is_empty() {
        let mut rig = Rig::greeted(Some(4), 4);
        assert_eq!(rig.read_after(), Some(place(4)));
        rig.page(vec![changes(Some(4), 4, false)]);
        assert_eq!(rig.frames(), [RelayFrame::Changes(changes(Some(4), 4, false))]);
    }

    #[test]
    fn a_cursor_from_the_future_begins_from_nothing() {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(hello(Some(place(900))));
        rig.next();
        rig.act();
        rig.settled(Ok(Answer::Greeted { epoch: EPOCH, head: 4, place: None }));
        assert!(matches!(rig.next(), Some(SessionCommand::Replace)));
        let RelayFrame::Welcome { reset, head, .. } = rig.sent() else { panic!("a welcome was due") };
        assert_eq!((reset, head), (true, place(4)));
        assert_eq!(rig.read_after(), None);
    }

    #[test]
    fn a_hello_is_waited_for_five_seconds_and_no_longer() {
        let mut rig = Rig::new(None);
        assert_eq!(rig.session.poll_timeout(), Some(at(5_000)));
        rig.wait(4_999);
        assert!(!rig.session.is_closed());
        rig.wait(1);
        assert_eq!(rig.bye(), Bye::ProtocolError);
    }

    #[test]
    fn a_token_in_the_hello_is_verified_first() {
        let mut rig = Rig::new(None);
        let DeviceFrame::Hello(mut said) = hello(None) else { unreachable!() };
        said.token = Some("t".into());
        rig.frame(DeviceFrame::Hello(said));
        assert!(matches!(rig.next(), Some(SessionCommand::Verify { token }) if token == "t"));
        rig.session.handle_token(Ok(credential()), rig.now);
        assert!(matches!(rig.next(), Some(SessionCommand::Register { .. })));
    }

    #[rstest]
    #[case(TokenError::Invalid, Bye::Unauthorized)]
    #[case(TokenError::Expired, Bye::TokenExpired)]
    #[case(TokenError::Revoked, Bye::Revoked)]
    #[case(TokenError::Erased, Bye::Erased)]
    #[case(TokenError::Unavailable, Bye::Restart)]
    fn a_bad_token_says_why(#[case] error: TokenError, #[case] code: Bye) {
        let mut rig = Rig::new(None);
        let DeviceFrame::Hello(mut said) = hello(None) else { unreachable!() };
        said.token = Some("t".into());
        rig.frame(DeviceFrame::Hello(said));
        rig.next();
        rig.session.handle_token(Err(error), rig.now);
        assert_eq!(rig.bye(), code);
    }

    #[test]
    fn without_a_token_or_with_another_devices_there_is_no_session() {
        let mut rig = Rig::new(None);
        rig.frame(hello(None));
        assert_eq!(rig.bye(), Bye::Unauthorized);

        let phone = VerifiedDevice { device: Some("phone".parse().unwrap()), ..credential() };
        let mut rig = Rig::new(Some(phone));
        rig.frame(hello(None));
        assert_eq!(rig.bye(), Bye::Unauthorized);

        let old = VerifiedDevice { expires_at: at(0), ..credential() };
        let mut rig = Rig::new(Some(old));
        rig.frame(hello(None));
        assert_eq!(rig.bye(), Bye::TokenExpired);
    }

    #[rstest]
    #[case(Refusal::AccountErased, Bye::Erased)]
    #[case(Refusal::DeviceRevoked, Bye::Revoked)]
    #[case(Refusal::DeviceConflict, Bye::DeviceConflict)]
    #[case(Refusal::UnknownRecipient { recipient: "alice".parse().unwrap() }, Bye::Unauthorized)]
    #[case(unavailable(), Bye::Restart)]
    fn a_greeting_that_is_refused_says_why(#[case] refusal: Refusal, #[case] code: Bye) {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(hello(None));
        rig.next();
        rig.act();
        rig.settled(Err(refusal));
        assert_eq!(rig.bye(), code);
    }

    #[test]
    fn one_session_too_many_asks_the_store_nothing() {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(hello(None));
        // The shell does not come to the greeting: the hub refused the registration before it.
        assert!(matches!(rig.session.poll_command(), Some(SessionCommand::Register { .. })));
        rig.session.handle_close(Bye::TooManySessions);
        assert_eq!(rig.bye(), Bye::TooManySessions);
    }

    #[rstest]
    #[case::held(DeviceFrame::Held { cursor: place(1) })]
    #[case::ops(DeviceFrame::Ops { ops: Vec::new() })]
    #[case::resume(DeviceFrame::Resume { cursor: None })]
    #[case::token(DeviceFrame::Token { token: "t".into() })]
    fn nothing_comes_before_the_hello(#[case] frame: DeviceFrame) {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(frame);
        assert_eq!(rig.bye(), Bye::ProtocolError);
    }

    #[test]
    fn a_second_hello_and_a_frame_that_cannot_be_read_are_errors() {
        let mut rig = Rig::open(Some(1), 1);
        rig.frame(hello(None));
        assert_eq!(rig.bye(), Bye::ProtocolError);
        let mut rig = Rig::open(Some(1), 1);
        rig.session.handle_malformed();
        assert_eq!(rig.bye(), Bye::ProtocolError);
    }

    #[test]
    fn unknown_frames_are_skipped_and_counted() {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(DeviceFrame::Unknown);
        rig.frame(hello(None));
        assert!(matches!(rig.next(), Some(SessionCommand::Register { .. })));
        rig.frame(DeviceFrame::Unknown);
        assert_eq!(rig.session.counts().skipped_frames, 2);
    }
}

mod live_changes {
    use super::*;

    #[test]
    fn a_change_goes_out_only_where_the_last_frame_ended() {
        let mut rig = Rig::open(Some(2), 5);
        rig.hint(live(3, 5));
        assert!(rig.next().is_none(), "an older one is dropped");
        rig.hint(live(5, 6));
        assert_eq!(rig.frames(), [RelayFrame::Changes(changes(Some(5), 6, false))]);
        rig.written(1);
        rig.hint(live(7, 8));
        assert_eq!(rig.read_after(), Some(place(6)), "a newer one makes it read the store");
        rig.hint(live(8, 9));
        rig.page(vec![changes(Some(6), 8, false)]);
        assert_eq!(rig.frames(), [RelayFrame::Changes(changes(Some(6), 8, false))]);
        assert_eq!(rig.read_after(), Some(place(8)), "what was heard meanwhile is read as well");
    }

    #[test]
    fn what_was_heard_while_reading_and_is_in_the_page_is_not_read_again() {
        let mut rig = Rig::greeted(Some(2), 2);
        rig.read_after();
        rig.hint(live(2, 3));
        rig.page(vec![changes(Some(2), 3, false)]);
        assert_eq!(rig.frames().len(), 1);
        assert!(rig.next().is_none());
    }

    /// Found by simulation (seed 68): the word of an erasure was lost, and a device with a token from before it was shown
    /// what came to the recipient who was made anew.
    #[test]
    fn an_inbox_of_another_epoch_ends_the_session_and_none_of_it_is_sent() {
        let mut rig = Rig::open(Some(2), 5);
        rig.hint(LiveChange { epoch: 9, from: 0, to: 1, frame: Some(changes(Some(0), 1, false)) });
        assert_eq!(rig.read_after(), Some(place(5)));
        let reset = ChangesPage { from: None, to: cursor(9, 1), more: false, reset: true, items: Vec::new() };
        rig.page(vec![reset]);
        assert!(matches!(rig.sent(), RelayFrame::Bye { code: Bye::Erased, .. }));
        assert!(rig.session.is_closed());
    }

    #[test]
    fn a_head_that_is_known_is_nothing_new_and_a_missed_hint_is_looked_for() {
        let mut rig = Rig::open(Some(2), 5);
        rig.hint(LiveChange { epoch: EPOCH, from: 5, to: 5, frame: None });
        assert!(rig.next().is_none());
        rig.hint(LiveChange { epoch: EPOCH, from: 6, to: 6, frame: None });
        assert_eq!(rig.read_after(), Some(place(5)));
        rig.session.handle_missed(rig.now);
        rig.page(vec![changes(Some(5), 6, false)]);
        assert_eq!(rig.frames().len(), 1);
        assert_eq!(rig.read_after(), Some(place(6)));
        rig.page(vec![changes(Some(6), 6, false)]);
        assert!(rig.next().is_none(), "an empty page is not sent");
    }

    #[test]
    fn an_open_session_reads_the_settings_when_another_configuration_is_live() {
        let mut rig = Rig::open(Some(2), 5);
        rig.session.handle_settings(rig.now);
        match rig.next() {
            Some(SessionCommand::ReadPage { after, position, .. }) => {
                assert_eq!((after, position), (Some(place(5)), Position { first: true, resetting: false }));
            }
            other => panic!("the settings were due, not {other:?}"),
        }
        rig.session.handle_settings(rig.now);
        rig.page(vec![changes(Some(5), 5, false)]);
        match rig.next() {
            Some(SessionCommand::ReadPage { position, .. }) => {
                assert!(position.first, "they changed meanwhile")
            }
            other => panic!("the settings were due again, not {other:?}"),
        }
    }

    #[test]
    fn a_reset_lasts_until_its_last_page() {
        let mut rig = Rig::greeted(None, 9);
        let position = |rig: &mut Rig| match rig.next() {
            Some(SessionCommand::ReadPage { position, .. }) => position,
            other => panic!("a page was due, not {other:?}"),
        };
        assert_eq!(position(&mut rig), Position { first: true, resetting: false });
        rig.page(vec![changes(None, 5, true)]);
        rig.frames();
        rig.written(1);
        assert_eq!(position(&mut rig), Position { first: false, resetting: true });
        rig.page(vec![ChangesPage { reset: true, ..changes(Some(5), 9, false) }]);
        rig.frames();
        rig.written(2);
        rig.hint(LiveChange { epoch: EPOCH, from: 10, to: 10, frame: None });
        assert_eq!(position(&mut rig), Position::default());
    }

    #[test]
    fn a_device_may_start_again_from_elsewhere() {
        let mut rig = Rig::open(Some(2), 5);
        rig.frame(DeviceFrame::Resume { cursor: Some(place(3)) });
        assert_eq!(rig.read_after(), Some(place(3)));
        rig.frame(DeviceFrame::Resume { cursor: None });
        assert!(rig.next().is_none(), "one page is read at a time");
        rig.page(vec![changes(Some(3), 5, false)]);
        assert_eq!(rig.read_after(), None, "the page that was under way is thrown away");
        rig.page(vec![changes(None, 5, false)]);
        assert_eq!(rig.frames(), [RelayFrame::Changes(changes(None, 5, false))]);
    }

    #[test]
    fn a_page_that_cannot_be_read_is_asked_for_again_a_second_later() {
        let mut rig = Rig::greeted(Some(2), 5);
        rig.read_after();
        rig.session.handle_page(None, rig.now);
        assert!(rig.next().is_none());
        rig.wait(999);
        assert!(rig.next().is_none());
        rig.wait(1);
        assert_eq!(rig.read_after(), Some(place(2)));
    }

    #[test]
    fn an_inbox_that_is_gone_ends_the_session() {
        let mut rig = Rig::greeted(Some(2), 5);
        rig.read_after();
        rig.page(vec![ChangesPage { items: vec![Item::Erased], ..changes(None, 0, false) }]);
        assert!(matches!(rig.sent(), RelayFrame::Changes(_)));
        assert_eq!(rig.bye(), Bye::Erased);
    }
}

mod operations {
    use super::*;
    use rstest::rstest;

    #[test]
    fn held_is_clamped_to_what_was_sent_and_told_once() {
        let mut rig = Rig::open(Some(2), 5);
        rig.held(900);
        let (sent, operations) = rig.operations();
        assert_eq!(sent, Some(5));
        assert_eq!(operations[0].request, Request::Held { cursor: place(5) });
        assert_eq!(operations[0].id.as_str(), "held:e1.5");
        rig.settled(operated(&["held:e1.5"]));
        rig.held(5);
        rig.held(3);
        assert!(rig.next().is_none(), "there is no answer, and nothing new to tell");
    }

    #[test]
    fn what_hello_named_counts_as_held() {
        let mut rig = Rig::open(Some(2), 2);
        rig.held(2);
        assert!(rig.next().is_none());
    }

    #[test]
    fn operations_go_in_order_one_batch_at_a_time() {
        let mut rig = Rig::open(Some(2), 5);
        rig.ops(json!([{"id": "a", "op": "held", "cursor": "e1.3"}]));
        rig.held(4);
        rig.held(5);
        rig.ops(json!([{"id": "b", "op": "pause", "until": null}]));
        let ids = |operations: Vec<Operation>| {
            operations.into_iter().map(|operation| operation.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ids(rig.operations().1), ["a"]);
        assert!(rig.next().is_none());
        rig.settled(operated(&["a"]));
        assert!(matches!(rig.sent(), RelayFrame::Done { done, .. } if done[0].as_str() == "a"));
        assert_eq!(ids(rig.operations().1), ["held:e1.5", "b"], "held frames are told together");
        rig.settled(operated(&["held:e1.5", "b"]));
        let RelayFrame::Done { done, refused } = rig.sent() else { panic!("an answer was due") };
        assert_eq!((done, refused.len()), (vec!["b".parse().unwrap()], 0), "a held frame is not answered");
    }

    #[rstest]
    #[case(unavailable(), "unavailable")]
    #[case(Refusal::StorageFull, "storage_full")]
    fn while_the_store_is_away_operations_are_refused_for_now_and_held_is_told_later(
        #[case] refusal: Refusal,
        #[case] code: &str,
    ) {
        let mut rig = Rig::open(Some(2), 5);
        rig.held(5);
        rig.operations();
        rig.ops(json!([{"id": "b", "op": "pause", "until": null}]));
        rig.settled(Err(refusal.clone()));
        assert!(rig.next().is_none());
        assert_eq!(rig.session.poll_timeout(), Some(at(1_000)));
        rig.wait(1_000);
        assert_eq!(rig.operations().1.len(), 2);
        rig.settled(Err(refusal));
        let RelayFrame::Done { done, refused } = rig.sent() else { panic!("an answer was due") };
        assert_eq!((done.len(), refused.len(), refused[0].permanent), (0, 1, false));
        assert_eq!(refused[0].code, code);
    }

    #[test]
    fn a_frame_of_too_many_operations_is_an_error() {
        let ops = |count: usize| Value::Array(vec![json!({"id": "a", "op": "dance"}); count]);
        let mut rig = Rig::open(Some(2), 5);
        rig.ops(ops(OPERATIONS_PER_FRAME_MAX));
        assert!(matches!(rig.act(), Act::Operate { operations, .. } if operations.len() == 500));
        rig.ops(ops(OPERATIONS_PER_FRAME_MAX + 1));
        assert_eq!(rig.bye(), Bye::ProtocolError);
    }

    #[test]
    fn a_device_that_asks_faster_than_it_is_answered_has_to_wait() {
        let mut rig = Rig::open(Some(2), 5);
        for _ in 0..=ASKED_FRAMES_MAX {
            assert!(rig.session.wants_frames());
            rig.ops(json!([{"id": "a", "op": "dance"}]));
        }
        assert!(!rig.session.wants_frames());
        rig.settled(operated(&[]));
        assert!(rig.session.wants_frames());
    }

    #[test]
    fn operations_that_come_with_the_hello_wait_for_the_welcome() {
        let mut rig = Rig::new(Some(credential()));
        rig.frame(hello(Some(place(2))));
        rig.ops(json!([{"id": "a", "op": "pause", "until": null}]));
        rig.next();
        assert!(matches!(rig.act(), Act::Greet { .. }));
        rig.settled(Ok(Answer::Greeted { epoch: EPOCH, head: 2, place: Some(2) }));
        rig.next();
        rig.sent();
        assert_eq!(rig.operations().1[0].id.as_str(), "a");
    }
}

mod ending {
    use super::*;

    #[test]
    fn a_device_that_does_not_read_gets_no_live_changes_and_after_thirty_seconds_a_bye() {
        let mut rig = Rig::open(Some(0), 0);
        for seq in 0..100 {
            rig.hint(live(seq, seq + 1));
        }
        assert_eq!(rig.frames().len(), UNWRITTEN_FRAMES_MAX);
        assert!(!rig.session.wants_frames());
        rig.wait(SLOW_MILLIS_MAX - 1);
        assert!(!rig.session.is_closed());
        rig.wait(1);
        assert_eq!(rig.bye(), Bye::Slow);
    }

    #[test]
    fn a_device_that_reads_again_gets_from_the_store_what_it_missed() {
        let mut rig = Rig::open(Some(0), 0);
        for seq in 0..100 {
            rig.hint(live(seq, seq + 1));
        }
        let sent = u64::try_from(rig.frames().len()).unwrap();
        rig.wait(SLOW_MILLIS_MAX - 1);
        rig.written(UNWRITTEN_FRAMES_MAX - READ_AHEAD_FRAMES);
        assert_eq!(rig.read_after(), Some(place(sent)));
        rig.written(READ_AHEAD_FRAMES);
        rig.wait(SLOW_MILLIS_MAX);
        assert!(!rig.session.is_closed());
    }

    #[test]
    fn a_token_that_runs_out_ends_the_session_unless_it_is_renewed() {
        let mut rig = Rig::open(Some(2), 2);
        assert_eq!(rig.session.poll_timeout(), Some(at(HOUR_MILLIS)));
        rig.wait(HOUR_MILLIS);
        assert_eq!(rig.bye(), Bye::TokenExpired);

        let mut rig = Rig::open(Some(2), 2);
        rig.wait(HOUR_MILLIS - 1);
        rig.frame(DeviceFrame::Token { token: "newer".into() });
        assert!(matches!(rig.next(), Some(SessionCommand::Verify { token }) if token == "newer"));
        rig.wait(2);
        assert!(!rig.session.is_closed(), "the verification is given its time");
        let newer = VerifiedDevice { expires_at: at(2 * HOUR_MILLIS), ..credential() };
        rig.session.handle_token(Ok(newer), rig.now);
        assert_eq!(rig.session.poll_timeout(), Some(at(2 * HOUR_MILLIS)));
    }

    #[test]
    fn another_persons_token_renews_nothing() {
        let mut rig = Rig::open(Some(2), 2);
        rig.frame(DeviceFrame::Token { token: "t".into() });
        rig.next();
        let bob = PersonKey { recipient: "bob".parse().unwrap(), ..alice() };
        rig.session.handle_token(Ok(VerifiedDevice { person: bob, ..credential() }), rig.now);
        assert_eq!(rig.bye(), Bye::Unauthorized);
    }

    #[test]
    fn a_verification_that_is_not_possible_for_the_moment_ends_nothing() {
        let mut rig = Rig::open(Some(2), 2);
        rig.frame(DeviceFrame::Token { token: "one".into() });
        rig.frame(DeviceFrame::Token { token: "two".into() });
        assert!(matches!(rig.next(), Some(SessionCommand::Verify { token }) if token == "one"));
        assert!(rig.next().is_none());
        rig.session.handle_token(Err(TokenError::Unavailable), rig.now);
        assert!(matches!(rig.next(), Some(SessionCommand::Verify { token }) if token == "two"));
        assert!(!rig.session.is_closed());
    }

    #[test]
    fn what_was_commanded_before_the_bye_is_written_and_nothing_comes_after_it() {
        let mut rig = Rig::open(Some(2), 2);
        rig.hint(live(2, 3));
        rig.held(3);
        rig.session.handle_shutdown();
        assert!(matches!(rig.sent(), RelayFrame::Changes(_)));
        assert_eq!(rig.bye(), Bye::Restart);
        rig.hint(live(3, 4));
        rig.ops(json!([]));
        rig.settled(operated(&[]));
        rig.page(vec![changes(Some(3), 4, false)]);
        rig.session.handle_token(Ok(credential()), rig.now);
        rig.session.handle_close(Bye::Replaced);
        rig.wait(HOUR_MILLIS);
        assert!(rig.next().is_none());
    }

    #[test]
    fn an_account_that_was_erased_while_operations_were_asked_ends_the_session() {
        let mut rig = Rig::open(Some(2), 2);
        rig.ops(json!([{"id": "b", "op": "pause", "until": null}]));
        rig.operations();
        rig.settled(Err(Refusal::AccountErased));
        assert_eq!(rig.bye(), Bye::Erased);
    }

    #[test]
    fn devices_that_are_sent_away_together_come_back_spread() {
        let delay = |jitter| limits::reconnect_after_ms(Bye::Restart, jitter);
        assert_eq!((delay(0), delay(1 << 31), delay(u32::MAX)), (100, 1_600, 3_099));
    }
}
