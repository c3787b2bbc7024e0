//! What was counted of variants, and which of them won.

use tidings_core::configuration::WinnerMeasure;
use tidings_core::model::{Changes, TallyKey, Win};
use tidings_core::ports::{Need, Trials};
use tidings_core::trial::Tally;

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    counts_of_variants_add_up_and_are_of_one_rule_and_set,
    a_win_is_written_once_and_every_transaction_sees_it,
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

async fn a_win_is_written_once_and_every_transaction_sees_it(store: impl Whole) {
    let wins = [Need::Wins(project("p"))];
    assert!(read(&store, &wins).await.wins.is_empty());
    let first = win("p", "t", WinnerMeasure::Click, "a");
    let won = |win: &Win| Changes { wins: vec![win.clone()], ..Changes::default() };
    write(&store, 1, &won(&first)).await;
    assert_eq!(read(&store, &wins).await.wins, [first.clone()], "the one that asked before sees it, too");
    write(&store, 2, &won(&win("p", "t", WinnerMeasure::Click, "b"))).await;
    write(&store, 3, &won(&win("q", "t", WinnerMeasure::Click, "b"))).await;
    let read_later = win("p", "t", WinnerMeasure::Read, "b");
    write(&store, 4, &won(&read_later)).await;
    for _ in 0..2 {
        assert_eq!(read(&store, &wins).await.wins, [first.clone(), read_later.clone()]);
    }
    assert_eq!(store.trials(&project("p"), &rule("r")).await.unwrap().wins, [first, read_later]);
}
