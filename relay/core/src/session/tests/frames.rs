//! Every frame as it stands on the wire.

use tidings_protocol::operation::Refused;

use super::*;

#[test]
fn every_frame_of_the_relay_is_written_as_the_contract_says() {
    let mut rig = Rig::new(Some(credential()));
    rig.frame(hello(None));
    rig.next();
    rig.act();
    rig.settled(Ok(Answer::Greeted { epoch: EPOCH, head: 4, place: None }));
    rig.next();
    let welcome = rig.sent();
    rig.read_after();
    let retracted = Item::Retracted { id: "n3".parse().unwrap() };
    rig.page(vec![ChangesPage { items: vec![retracted], ..changes(None, 4, false) }]);
    let page = rig.sent();
    rig.written(2);
    rig.hint(live(4, 5));
    let live = rig.sent();
    rig.ops(json!([{"id": "op-1", "op": "pause", "until": null}, {"id": "op-2", "op": "dance"}]));
    rig.act();
    let refused = Refused {
        id: "op-2".parse().unwrap(),
        code: "unknown_operation".into(),
        detail: "there is no operation dance".into(),
        permanent: true,
        value: None,
    };
    let done = vec!["op-1".parse().unwrap()];
    rig.settled(Ok(Answer::Operated(Answered { done, refused: vec![refused] })));
    let done = rig.sent();
    rig.session.handle_shutdown();
    let bye = rig.sent();
    insta::assert_json_snapshot!("relay_frames", [welcome, page, live, done, bye]);
}

#[test]
fn every_frame_of_a_device_is_read_as_the_contract_says() {
    let frames = [
        hello(Some(place(3))),
        DeviceFrame::Held { cursor: place(4) },
        DeviceFrame::Ops { ops: vec![json!({"id": "op-1", "op": "held", "cursor": "e1.4"})] },
        DeviceFrame::Token { token: "eyJ".into() },
        DeviceFrame::Resume { cursor: None },
        DeviceFrame::Active { until: at(60_000) },
    ];
    for frame in &frames {
        let text = serde_json::to_string(frame).unwrap();
        assert_eq!(serde_json::from_str::<DeviceFrame>(&text).unwrap(), *frame);
    }
    insta::assert_json_snapshot!("device_frames", frames);
}

#[test]
fn presence_is_remembered_until_the_device_says_otherwise() {
    let mut rig = Rig::open(Some(2), 2);
    assert_eq!(rig.session.active_until(), None);
    rig.frame(DeviceFrame::Active { until: at(60_000) });
    assert_eq!(rig.session.active_until(), Some(at(60_000)));
}
