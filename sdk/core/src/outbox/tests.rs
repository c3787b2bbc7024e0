use proptest::prelude::*;
use tidings_protocol::limits::OPERATIONS_WAITING_MAX;
use tidings_protocol::operation::{Feedback, Request};

use super::*;
use crate::testing::{at, id, mark_read, queued};

fn refused(number: u64, permanent: bool) -> Refused {
    Refused {
        id: format!("op-{number}").parse().unwrap(),
        code: "stale".into(),
        detail: "the policy has changed".into(),
        permanent,
        value: None,
    }
}

fn ids(operations: &[Operation]) -> Vec<&str> {
    operations.iter().map(|operation| operation.id.as_str()).collect()
}

fn filled(count: u64) -> Outbox {
    Outbox::new((1..=count).map(|number| mark_read(number, "n")))
}

#[test]
fn operations_go_out_in_order_and_one_frame_at_a_time() {
    let mut outbox = Outbox::default();
    outbox.queue(mark_read(2, "b")).unwrap();
    outbox.queue(mark_read(1, "a")).unwrap();
    assert_eq!(ids(&outbox.next_frame(at(0)).unwrap()), ["op-1", "op-2"]);
    outbox.queue(mark_read(3, "c")).unwrap();
    assert_eq!(outbox.next_frame(at(0)), None);
    let done = ["op-1".parse().unwrap(), "op-2".parse().unwrap()];
    let settlement = outbox.handle_answer(at(1), &done, Vec::new(), Jitter::default());
    assert_eq!(settlement.done.len(), 2);
    assert_eq!(ids(&outbox.next_frame(at(1)).unwrap()), ["op-3"]);
}

#[test]
fn a_frame_has_five_hundred_operations_at_most() {
    assert_eq!(filled(500).next_frame(at(0)).unwrap().len(), 500);
    assert_eq!(filled(501).next_frame(at(0)).unwrap().len(), 500);
}

#[test]
fn a_frame_stays_below_the_limit_in_bytes() {
    let long = |number| {
        let address = "x".repeat(20_000);
        queued(number, Request::Endpoint { channel: tidings_protocol::Channel::Push, address, code: None })
    };
    let mut outbox = Outbox::new((1..=4).map(long));
    assert_eq!(ids(&outbox.next_frame(at(0)).unwrap()), ["op-1", "op-2", "op-3"]);
}

#[test]
fn the_outbox_takes_ten_thousand_and_not_one_more() {
    let full = u64::try_from(OPERATIONS_WAITING_MAX).unwrap();
    let mut outbox = filled(full - 1);
    outbox.queue(mark_read(full, "n")).unwrap();
    assert_eq!(outbox.queue(mark_read(full + 1, "n")), Err(OutboxFull));
    assert_eq!(outbox.queue(mark_read(1, "n")), Ok(()), "one that is known is no new one");
}

#[test]
fn what_was_not_answered_is_sent_again_after_a_reconnect() {
    let mut outbox = filled(2);
    let first = outbox.next_frame(at(0));
    outbox.handle_disconnected();
    assert_eq!(outbox.next_frame(at(1)), first);
}

#[test]
fn a_permanent_refusal_leaves_and_a_transient_one_waits() {
    let mut outbox = filled(3);
    outbox.next_frame(at(0)).unwrap();
    let answers = vec![refused(1, true), refused(2, false)];
    let settlement = outbox.handle_answer(at(0), &[], answers, Jitter::default());
    assert_eq!(settlement.refused.len(), 1);
    assert_eq!(outbox.len(), 2, "the one after the transient refusal was not come to");
    assert_eq!(outbox.next_frame(at(0)), None);
    let again = outbox.poll_timeout().unwrap();
    assert_eq!(ids(&outbox.next_frame(again).unwrap()), ["op-2", "op-3"]);
}

#[test]
fn a_frame_without_an_answer_is_noticed() {
    let mut outbox = filled(1);
    outbox.next_frame(at(0)).unwrap();
    let overdue = outbox.poll_timeout().unwrap();
    assert!(!outbox.is_overdue(overdue.plus_millis(-1)));
    assert!(outbox.is_overdue(overdue));
}

#[derive(Clone, Debug)]
enum Step {
    Queue,
    Send,
    Disconnect,
    Answer(Vec<(u64, u8)>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answers = prop::collection::vec((1..30_u64, 0..3_u8), 0..6);
    let step = prop_oneof![
        3 => Just(Step::Queue),
        3 => Just(Step::Send),
        1 => Just(Step::Disconnect),
        3 => answers.prop_map(Step::Answer),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn an_operation_leaves_only_by_a_final_answer(steps in steps()) {
        let mut outbox = Outbox::default();
        let mut owed = BTreeSet::new();
        let mut number = 0;
        let mut now = 0;
        for step in steps {
            now += 1_000;
            match step {
                Step::Queue => {
                    number += 1;
                    let feedback = Request::Feedback { notification: id("n"), value: Feedback::Useful };
                    outbox.queue(queued(number, feedback)).unwrap();
                    owed.insert(number);
                }
                Step::Send => {
                    if let Some(frame) = outbox.next_frame(at(now)) {
                        let expected: Vec<String> =
                            owed.iter().take(frame.len()).map(|number| format!("op-{number}")).collect();
                        prop_assert_eq!(ids(&frame), expected);
                    }
                }
                Step::Disconnect => outbox.handle_disconnected(),
                Step::Answer(answers) => {
                    let (mut done, mut no) = (Vec::new(), Vec::new());
                    for (number, kind) in answers {
                        match kind {
                            0 => done.push(format!("op-{number}").parse().unwrap()),
                            kind => no.push(refused(number, kind == 1)),
                        }
                        if kind < 2 {
                            owed.remove(&number);
                        }
                    }
                    outbox.handle_answer(at(now), &done, no, Jitter::default());
                }
            }
            let waiting: BTreeSet<u64> = outbox.waiting().map(|queued| queued.number).collect();
            prop_assert_eq!(&waiting, &owed);
        }
    }
}
