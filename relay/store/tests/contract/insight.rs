//! What was counted of variants, and which of them won.

use tidings_core::configuration::WinnerMeasure;
use tidings_core::model::{Changes, Notification, PersonKey, TallyKey, Win};
use tidings_core::ports::{Need, Trials};
use tidings_core::statistics::{Kind, Sums};
use tidings_core::trial::Tally;
use tidings_protocol::{Channel, DeliveryState, NotificationState};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    counts_of_variants_add_up_and_are_of_one_rule_and_set,
    a_win_is_written_once_and_every_transaction_sees_it,
    sums_are_of_a_span_and_of_what_became_of_each,
);

fn key(of: &str, trial: &str, variant: &str) -> TallyKey {
    TallyKey { project: project(of), rule: rule("r"), trial: trial.into(), variant: variant.into() }
}

pub(crate) fn win(of: &str, trial: &str, by: WinnerMeasure, variant: &str) -> Win {
    Win {
        project: project(of),
        rule: rule("r"),
        trial: trial.into(),
        by,
        variant: variant.into(),
        at: at(1),
        configuration: 3,
        text: "by a lot".into(),
    }
}

async fn counts_of_variants_add_up_and_are_of_one_rule_and_set(store: impl Whole) {
    let one = Tally { displayed: 2, read: 1, clicked: 1, converted: 0 };
    let two = Tally { displayed: 1, read: 0, clicked: 1, converted: 1 };
    let counting =
        |rows: Vec<(TallyKey, Tally)>| Changes { tallies: rows.into_iter().collect(), ..Changes::default() };
    write(&store, 1, &counting(vec![(key("p", "t", "a"), one), (key("p", "t", "b"), two)])).await;
    let more = vec![(key("p", "t", "a"), two), (key("p", "u", "a"), one), (key("q", "t", "a"), one)];
    write(&store, 2, &counting(more)).await;
    let found = read(&store, &[Need::Tallies(project("p"), rule("r"), "t".into())]).await;
    assert_eq!(found.tallies, [(key("p", "t", "a"), one.and(two)), (key("p", "t", "b"), two)]);
    let all = store.trials(&project("p"), &rule("r")).await.unwrap();
    let tallies =
        vec![(key("p", "t", "a"), one.and(two)), (key("p", "t", "b"), two), (key("p", "u", "a"), one)];
    assert_eq!(all, Trials { tallies, wins: Vec::new() });
    assert_eq!(store.trials(&project("p"), &rule("s")).await.unwrap(), Trials::default());
}

/// What came of some notifications: each with the day on which it was made.
fn some() -> Changes {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let made = |id: &str, of: &PersonKey, day: i64| {
        let mut row = placed(of, id, &format!("e-{id}"), 1);
        (row.template, row.variant) = (Some("t".into()), Some("a".into()));
        row.created_at = at(day * DAY);
        row.released_at = Some(at(day * DAY));
        row
    };
    let reached = |mut row: Notification| {
        row.state = NotificationState::Reached;
        row.inapp.as_mut().unwrap().state = DeliveryState::Received;
        row
    };
    let mut read = reached(made("n2", &anna, 0));
    read.flags.read_at = Some(at(1));
    let mut all = reached(made("n3", &ben, 0));
    all.flags.displayed_at = Some(at(1));
    all.flags.clicked_at = Some(at(1));
    all.flags.acted = Some((at(1), "track".into()));
    all.flags.converted_at = Some(at(1));
    let mut mailed = reached(made("n4", &ben, 1));
    (mailed.inapp, mailed.variant, mailed.released_at) = (None, None, None);
    (mailed.flags.opened_by_program, mailed.flags.followed_by_program) = (true, true);
    Changes {
        notifications_new: vec![
            made("n1", &anna, 0),
            read,
            all,
            mailed,
            reached(made("n5", &ben, 2)),
            reached(made("nq", &person("q", "anna"), 0)),
        ],
        deliveries_new: vec![mail(&ben, "n3", DeliveryState::Waiting), mail(&ben, "n4", DeliveryState::Sent)],
        ..Changes::default()
    }
}

async fn sums_are_of_a_span_and_of_what_became_of_each(store: impl Whole) {
    write(&store, 1, &some()).await;
    let kind = |variant: Option<&str>, band| Kind {
        category: category("orders"),
        rule: Some(rule("r")),
        template: Some("t".into()),
        variant: variant.map(Into::into),
        band,
    };
    let none = Sums::default();
    let programs = Sums { opened_by_program: 1, followed_by_program: 1, ..none };
    let answered = Sums { displayed: 2, read: 1, clicked: 1, acted: 1, converted: 1, ..none };
    let of_app = Sums { made: 3, reached: 2, ..answered };
    let of_mail = Sums { made: 1, reached: 1, ..programs };
    let (from, to) = (at(0), at(2 * DAY));
    // The first instant of the samples is 09:00 of UTC.
    let expected = [(kind(None, None), of_mail), (kind(Some("a"), Some(3)), of_app)];
    assert_eq!(store.sums(&project("p"), from, to).await.unwrap(), expected);
    let channels = store.sums_of_channels(&project("p"), from, to).await.unwrap();
    let mails = Sums { made: 2, ..of_mail };
    assert_eq!(channels, [(Channel::Inapp, of_app), (Channel::Email, mails)]);
    assert_eq!(store.sums(&project("p"), at(3 * DAY), at(4 * DAY)).await.unwrap(), []);
    assert_eq!(store.sums_of_channels(&project("p"), at(3 * DAY), at(4 * DAY)).await.unwrap(), []);
}

async fn a_win_is_written_once_and_every_transaction_sees_it(store: impl Whole) {
    let wins = [Need::Wins(project("p"))];
    assert!(read(&store, &wins).await.wins.is_empty());
    let first = win("p", "t", WinnerMeasure::Click, "a");
    let won = |win: &Win| Changes { wins: vec![win.clone()], ..Changes::default() };
    write(&store, 1, &won(&first)).await;
    assert_eq!(
        read(&store, &wins).await.wins,
        std::slice::from_ref(&first),
        "the one that asked before sees it, too"
    );
    write(&store, 2, &won(&win("p", "t", WinnerMeasure::Click, "b"))).await;
    write(&store, 3, &won(&win("q", "t", WinnerMeasure::Click, "b"))).await;
    let read_later = win("p", "t", WinnerMeasure::Read, "b");
    write(&store, 4, &won(&read_later)).await;
    for _ in 0..2 {
        assert_eq!(read(&store, &wins).await.wins, [first.clone(), read_later.clone()]);
    }
    assert_eq!(store.trials(&project("p"), &rule("r")).await.unwrap().wins, [first, read_later]);
}
