use rstest::rstest;
use tidings_core::configuration::{FcmAccount, Provider};
use tidings_protocol::{Channel, Span};

use super::super::breaker::FAILURES_MAX;
use super::address::{BUSY_MAX, REST_MILLIS};
use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const BUSY: &str = "fcm:busy";

fn provider(rate: Option<u32>) -> Provider {
    Provider {
        rate,
        account: Account::Fcm(FcmAccount::default()),
        channel: Channel::Push,
        ..Provider::webpush()
    }
}

fn key(name: &str) -> LaneKey {
    (ProjectId::new("shop").expect("an id"), name.into())
}

fn came<'a>(host: &'a str, outcome: &'a Outcome) -> Ended<'a> {
    Ended { host, address: BUSY, outcome, probe: false }
}

fn busy(wish: Option<i64>) -> Outcome {
    Outcome::AddressBusy { code: "http_429".into(), retry_after: wish.map(Span::from_millis) }
}

#[test]
fn a_lane_takes_so_many_at_a_time_and_another_is_not_kept_waiting() {
    let (lanes, provider) = (Lanes::default(), provider(None));
    for _ in 0..IN_FLIGHT_LANE_MAX {
        assert_ne!(lanes.admits((&key("a"), ""), &provider, NOW), Admitted::Full);
        lanes.begun((&key("a"), ""));
    }
    assert_eq!(lanes.admits((&key("a"), ""), &provider, NOW), Admitted::Full);
    assert_eq!(lanes.admits((&key("b"), ""), &provider, NOW), Admitted::Now(IN_FLIGHT_LANE_MAX));
    lanes.ended(&key("a"), &provider, came("", &Outcome::accepted(None)), NOW);
    assert_eq!(lanes.admits((&key("a"), ""), &provider, NOW), Admitted::Now(1));
}

#[test]
fn a_rate_lets_so_many_through_in_a_second() {
    let (lanes, provider) = (Lanes::default(), provider(Some(2)));
    assert_eq!(lanes.admits((&key("a"), ""), &provider, NOW), Admitted::Now(2));
    lanes.begun((&key("a"), ""));
    lanes.begun((&key("a"), ""));
    let Admitted::From(at) = lanes.admits((&key("a"), ""), &provider, NOW) else {
        panic!("the second is used up")
    };
    assert!(at.millis_since(NOW) > 0 && at.millis_since(NOW) <= 501, "{at}");
    assert_eq!(lanes.admits((&key("a"), ""), &provider, at), Admitted::Now(1));
}

#[test]
fn a_recipients_own_url_does_not_close_the_lane_of_all() {
    let lanes = Lanes::default();
    let own = Provider { channel: Channel::Push, ..Provider::webpush() };
    for (name, settings) in [("a", provider(None)), ("b", own)] {
        for _ in 0..FAILURES_MAX {
            lanes.begun((&key(name), ""));
            lanes.ended(&key(name), &settings, came("", &Outcome::transient("http_503")), NOW);
        }
        let closed = matches!(settings.account, Account::Webpush(_));
        let admitted = lanes.admits((&key(name), ""), &settings, NOW);
        assert_eq!(matches!(admitted, Admitted::Now(_)), closed, "{settings:?}");
    }
}

#[test]
fn a_server_that_answers_nothing_holds_a_few_and_the_others_go_on() {
    let (lanes, own, hook) = (Lanes::default(), Provider::webpush(), key("hook"));
    for _ in 0..IN_FLIGHT_SERVER_MAX {
        assert!(matches!(lanes.admits((&hook, "slow"), &own, NOW), Admitted::Now(_)));
        lanes.begun((&hook, "slow"));
    }
    assert_eq!(lanes.admits((&hook, "slow"), &own, NOW), Admitted::Full);
    assert_eq!(lanes.admits((&hook, "quick"), &own, NOW), Admitted::Now(IN_FLIGHT_SERVER_MAX));
    lanes.ended(&hook, &own, came("slow", &Outcome::accepted(None)), NOW);
    assert_eq!(lanes.admits((&hook, "slow"), &own, NOW), Admitted::Now(1));
}

#[test]
fn many_servers_that_answer_nothing_leave_room_to_other_providers() {
    let (lanes, own, hook) = (Lanes::default(), Provider::webpush(), key("hook"));
    let mut begun = 0;
    for n in 0..IN_FLIGHT_SERVERS_MAX {
        let host = format!("slow{n}");
        while let Admitted::Now(_) = lanes.admits((&hook, &host), &own, NOW) {
            lanes.begun((&hook, &host));
            begun += 1;
        }
    }
    assert_eq!(begun, IN_FLIGHT_SERVERS_MAX);
    assert_eq!(lanes.admits((&key("mail"), ""), &own, NOW), Admitted::Now(IN_FLIGHT_LANE_MAX));
}

#[test]
fn a_server_that_is_down_is_left_alone_by_itself_until_one_gets_through() {
    let (lanes, own, hook) = (Lanes::default(), Provider::webpush(), key("hook"));
    let down = Outcome::transient("connect");
    for _ in 0..FAILURES_MAX {
        lanes.begun((&hook, "down"));
        let opened = lanes.ended(&hook, &own, came("down", &down), NOW);
        assert!(!opened, "no operator can help a recipient's server");
    }
    let Admitted::From(at) = lanes.admits((&hook, "down"), &own, NOW) else { panic!("it is asked on") };
    assert_eq!(lanes.admits((&hook, "up"), &own, NOW), Admitted::Now(IN_FLIGHT_SERVER_MAX));
    assert_eq!(lanes.admits((&hook, "down"), &own, at), Admitted::Now(1));
    assert!(lanes.begun((&hook, "down")), "it is the one that shows");
    let taken = Outcome::accepted(None);
    let up = Ended { probe: true, ..came("down", &taken) };
    lanes.ended(&hook, &own, up, at);
    assert_eq!(lanes.admits((&hook, "down"), &own, at), Admitted::Now(IN_FLIGHT_SERVER_MAX));
    assert_eq!(lanes.locked().servers, 0, "one that is well is not remembered");
}

#[rstest]
#[case::a_time(Some(60_000), 60_000)]
#[case::no_time(None, REST_MILLIS)]
#[case::longer_than_an_hour(Some(86_400_000), 3_600_000)]
fn an_address_that_is_busy_rests_alone(#[case] wish: Option<i64>, #[case] rests: i64) {
    let (lanes, provider) = (Lanes::default(), provider(None));
    for _ in 0..2 * FAILURES_MAX {
        lanes.begun((&key("a"), ""));
        lanes.ended(&key("a"), &provider, came("", &busy(wish)), NOW);
    }
    let until = NOW.plus_millis(rests);
    assert_eq!(lanes.address_rests(&key("a"), BUSY, NOW), Some(until));
    assert_eq!(lanes.address_rests(&key("a"), BUSY, until), None);
    assert_eq!(lanes.address_rests(&key("a"), "fcm:other", NOW), None);
    assert_eq!(lanes.address_rests(&key("b"), BUSY, NOW), None);
    assert_eq!(lanes.admits((&key("a"), ""), &provider, NOW), Admitted::Now(IN_FLIGHT_LANE_MAX));
}

#[test]
fn of_too_many_busy_addresses_those_that_rest_no_more_make_room() {
    let mut addresses = BusyAddresses::default();
    for n in 0..=BUSY_MAX {
        addresses.note(&format!("fcm:{n}"), None, NOW);
    }
    assert_eq!(addresses.until(&format!("fcm:{BUSY_MAX}"), NOW), None, "there was no room");
    let later = NOW.plus_millis(REST_MILLIS);
    addresses.note("fcm:new", None, later);
    assert!(addresses.until("fcm:new", later).is_some());
}
