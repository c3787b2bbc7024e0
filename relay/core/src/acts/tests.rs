use super::testing::{NOON, Numbers, World, project};
use super::*;

#[test]
fn what_an_events_words_decide_is_found_once_however_often_it_is_asked() {
    let world = World::new();
    let ids = Numbers::default();
    let work = world.work(&ids);
    let time = tidings_protocol::Timestamp::from_millis(NOON);
    let fact = World::fact("order.placed", "alice", time, serde_json::json!({"total": 30}));
    let act = Act::accept(vec![fact]);
    let unit = Unit { project: project(), sandbox: false, repeat: None, act };
    let mut prepared = Prepared::new(&unit);
    let place =
        |prepared: &Prepared<'_>| prepared.heard.as_ref().and_then(|all| all.front()).map(std::ptr::from_ref);
    needs(&mut prepared, &work);
    let first = place(&prepared);
    assert!(first.is_some());
    for _ in 0..3 {
        needs(&mut prepared, &work);
        assert_eq!(place(&prepared), first);
    }
}
