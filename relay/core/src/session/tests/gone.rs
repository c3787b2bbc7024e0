//! What a device had said before it went.

use super::*;

#[test]
fn what_a_device_said_before_it_went_is_still_done() {
    let mut rig = Rig::open(None, 7);
    assert!(rig.session.is_settled());
    rig.held(3);
    rig.ops(json!([{"id": "op-1", "op": "pause", "until": null}]));
    rig.held(7);
    rig.session.handle_gone(rig.now);
    assert_eq!(rig.operations().1.len(), 1, "the first one was begun before the others came");
    assert!(!rig.session.is_settled());
    rig.settled(operated(&["held:e1.3"]));
    assert_eq!(rig.operations().1.len(), 2);
    rig.settled(operated(&["op-1", "held:e1.7"]));
    assert!(rig.next().is_none() && rig.session.is_settled(), "nobody is there to be answered");
    rig.hint(live(7, 8));
    assert!(rig.next().is_none());
    rig.wait(SLOW_MILLIS_MAX + 1);
    assert!(!rig.session.is_closed(), "nothing waits to be read by it");
}

#[test]
fn a_device_that_goes_after_its_hello_is_greeted_all_the_same() {
    let mut rig = Rig::new(Some(credential()));
    rig.frame(hello(Some(place(4))));
    rig.session.handle_gone(rig.now);
    assert!(!rig.session.is_settled());
    assert!(matches!(rig.next(), Some(SessionCommand::Register { .. })));
    assert!(matches!(rig.act(), Act::Greet { .. }));
    rig.settled(Ok(Answer::Greeted { epoch: EPOCH, head: 9, place: Some(4) }));
    assert!(matches!(rig.next(), Some(SessionCommand::Replace)));
    assert!(rig.next().is_none() && rig.session.is_settled(), "no page is read for nobody");
}
