use tidings_protocol::item::{ActionItem, CategoryItem};
use tidings_protocol::{CategoryId, Channel, Decision, LegalClass};

use super::*;
use crate::testing::{at, cursor, id, mark_read, notification, queued};

fn mark(number: u64, read: Option<bool>, snoozed_until: Option<Timestamp>) -> Queued {
    queued(number, Request::Mark { notification: id("n"), read, archived: None, snoozed_until })
}

fn read_up_to(number: u64, category: Option<CategoryId>) -> Queued {
    queued(number, Request::ReadUpTo { cursor: cursor(1), category })
}

#[test]
fn a_pending_mark_lies_over_the_relays_view() {
    let item = notification("n", 1);
    assert!(!local_view(&item, 1, []).is_read());
    assert_eq!(local_view(&item, 1, [&mark_read(1, "n")]).view.read_at, Some(at(1_000)));
    assert!(!local_view(&item, 1, [&mark_read(1, "other")]).is_read());
    let both = [mark_read(1, "n"), mark(2, Some(false), None)];
    assert!(!local_view(&item, 1, &both).is_read(), "the later one wins");
}

#[test]
fn read_up_to_means_what_had_arrived() {
    let item = notification("n", 1);
    assert!(local_view(&item, 1, [&read_up_to(1, None)]).is_read());
    assert!(!local_view(&item, 2, [&read_up_to(1, None)]).is_read());
    assert!(local_view(&item, 1, [&read_up_to(1, Some("orders".parse().unwrap()))]).is_read());
    assert!(!local_view(&item, 1, [&read_up_to(1, Some("news".parse().unwrap()))]).is_read());
}

#[test]
fn a_settled_read_up_to_leaves_what_was_marked_unread_to_the_relay() {
    let mut item = notification("n", 1);
    assert!(settled_view(&item, 1, &read_up_to(1, None)).is_read());
    item.view.unread = Some(Stamp { at: at(999), by: "op-9".into() });
    assert!(
        local_view(&item, 1, [&read_up_to(1, None)]).is_read(),
        "while it is pending, it is what was asked last"
    );
    assert_eq!(settled_view(&item, 1, &read_up_to(1, None)).view, item.view);
    assert!(settled_view(&item, 1, &mark_read(1, "n")).is_read());
}

#[test]
fn a_snooze_begins_a_round_and_sleeps_until_its_time() {
    let local = local_view(&notification("n", 1), 1, [&mark(1, None, Some(at(50)))]);
    assert_eq!(local.round, 1);
    assert!(local.is_snoozed(at(49)));
    assert!(!local.is_snoozed(at(50)));
}

#[test]
fn an_action_acknowledges_only_if_it_says_so() {
    let mut item = notification("n", 1);
    let action = |id: &str, acknowledges| ActionItem {
        id: id.to_owned(),
        label: id.to_owned(),
        link: None,
        acknowledges,
    };
    item.content.actions = vec![action("confirm", true), action("track", false)];
    let acted = |name: &str| {
        let receipt = DeviceReceipt::Acted;
        queued(1, Request::Receipt { notification: id("n"), receipt, action: Some(name.to_owned()) })
    };
    assert!(local_view(&item, 1, [&acted("confirm")]).view.acknowledged_at.is_some());
    assert!(local_view(&item, 1, [&acted("track")]).view.acknowledged_at.is_none());
}

#[test]
fn settings_show_what_was_asked_for() {
    let category = CategoryItem {
        id: "news".parse().unwrap(),
        name: "News".to_owned(),
        legal: LegalClass::Marketing,
        basis: "consent".to_owned(),
        channels: vec![Channel::Inapp, Channel::Email],
        chosen: std::collections::BTreeMap::new(),
        consent: std::collections::BTreeMap::new(),
    };
    let server = SettingsItem { categories: vec![category], ..SettingsItem::default() };
    let news: CategoryId = "news".parse().unwrap();
    let asked = [
        Request::Preference { category: news.clone(), channel: None, chosen: false },
        Request::Preference { category: news.clone(), channel: Some(Channel::Email), chosen: true },
        Request::Consent {
            category: news,
            channels: vec![Channel::Email],
            decision: Decision::Granted,
            policy_version: None,
            text_shown: None,
            cursor: None,
        },
        Request::Pause { until: Some(at(9)) },
        Request::Profile { time_zone: Some("Asia/Shanghai".to_owned()), locale: None },
    ];
    let asked = asked.map(|request| queued(1, request).operation);
    let local = local_settings(&server, &asked);
    assert_eq!(local.categories[0].chosen, [(Channel::Inapp, false), (Channel::Email, true)].into());
    assert_eq!(local.categories[0].consent, [(Channel::Email, Decision::Granted)].into());
    assert_eq!(local.paused_until, Some(at(9)));
    assert_eq!(local.profile.time_zone.as_deref(), Some("Asia/Shanghai"));
    assert_eq!(local.profile.locale, None);
}
