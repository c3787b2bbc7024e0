//! Whatever the configuration and whatever happens: nothing is handed over that a gate forbids, the books balance, and
//! every story ends with its reason.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use tidings_core::act::Act;
use tidings_core::calendar::day_of;
use tidings_core::model::Notification;
use tidings_core::quiet_hours::QuietHours;
use tidings_protocol::{Channel, Decision, NotificationState, Reason, Timestamp};

use crate::documents::with;
use crate::racing::in_a_file;
use crate::scene::{NOON, Scene, instant, person};

const CAP: usize = 3;
const QUIET: &str = "22:00-08:00";
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const ZONES: [&str; 4] = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"];

/// Parts of a rule; each may be there or not.
const PARTS: [&str; 9] = [
    "once_per: data.k",
    "collapse: data.k",
    "throttle: {count: 2, per: 1h, over: defer}",
    "delay: 90m",
    "expires: 30h",
    "cancel_on: {event: done, match: data.k}",
    "send: {window: \"09:00-20:00\", latest: 12h}",
    "digest: {window: 2h, max: 4, template: several}",
    "deliver: [{channels: [inapp]}, {after: 10m, unless: read, channels: [sms]}, {after: 20m, unless: acknowledged, notify: '\"bob\"', channels: [inapp]}]",
];

#[derive(Clone, Debug)]
enum Happens {
    Fact { who: usize, rule: usize, k: u8 },
    Done { who: usize, k: u8 },
    Waits { minutes: i64 },
    Receives { who: usize },
    Reads { who: usize },
    Chooses { who: usize, wanted: bool },
    Consents { who: usize, granted: bool },
    Moves { who: usize, zone: usize },
    Pauses { who: usize, hours: i64 },
    TakesBack { which: usize },
    Replays { which: usize },
    Erases { who: usize },
}

fn happens() -> impl Strategy<Value = Happens> {
    let who = 0..PEOPLE.len();
    prop_oneof![
        12 => (who.clone(), 0..2_usize, 0..4_u8).prop_map(|(who, rule, k)| Happens::Fact { who, rule, k }),
        2 => (who.clone(), 0..4_u8).prop_map(|(who, k)| Happens::Done { who, k }),
        8 => (1..900_i64).prop_map(|minutes| Happens::Waits { minutes }),
        2 => who.clone().prop_map(|who| Happens::Receives { who }),
        1 => who.clone().prop_map(|who| Happens::Reads { who }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, wanted)| Happens::Chooses { who, wanted }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, granted)| Happens::Consents { who, granted }),
        1 => (who.clone(), 0..ZONES.len()).prop_map(|(who, zone)| Happens::Moves { who, zone }),
        1 => (who.clone(), 0..48_i64).prop_map(|(who, hours)| Happens::Pauses { who, hours }),
        1 => any::<prop::sample::Index>().prop_map(|which| Happens::TakesBack { which: which.index(40) }),
        1 => any::<prop::sample::Index>().prop_map(|which| Happens::Replays { which: which.index(40) }),
        1 => who.prop_map(|who| Happens::Erases { who }),
    ]
}

fn document(parts: &[Vec<bool>], over: &str, categories: &[&str]) -> String {
    let rules: Vec<String> = parts
        .iter()
        .zip(categories)
        .enumerate()
        .map(|(n, (chosen, category))| {
            let keys = PARTS.iter().zip(chosen).filter(|(_, chosen)| **chosen).map(|(part, _)| *part);
            let keys: Vec<&str> = keys.collect();
            let comma = if keys.is_empty() { "" } else { ", " };
            format!("  r{n}: {{on: e{n}, template: plain, category: {category}{comma}{}}}", keys.join(", "))
        })
        .collect();
    with(&format!(
        "caps: {{day: {CAP}, over: {over}}}\nquiet_hours: {{default: \"{QUIET}\", pass: [urgent]}}\nrules:\n{}",
        rules.join("\n")
    ))
}

/// What holds for a recipient over time, to judge hand-overs by.
#[derive(Default)]
struct Known {
    zone: BTreeMap<Timestamp, &'static str>,
    granted: BTreeMap<Timestamp, bool>,
}

struct Play {
    scene: Scene,
    known: BTreeMap<&'static str, Known>,
    handed: BTreeMap<String, (Timestamp, Notification)>,
    moved: bool,
}

impl Play {
    async fn step(&mut self, what: &Happens) {
        let scene = &self.scene.clone();
        // Each thing at an instant of its own, so that it is known what held when something was handed over.
        scene.clock.move_to(scene.now().plus_millis(1));
        match what {
            Happens::Fact { who, rule, k } => {
                // One fact in eight cannot be put into words.
                let data = if *k == 3 && *rule == 1 { json!({"k": k}) } else { json!({"k": k, "n": k}) };
                scene.event(&format!("e{rule}"), PEOPLE[*who], data).await;
            }
            Happens::Done { who, k } => drop(scene.event("done", PEOPLE[*who], json!({"k": k})).await),
            Happens::Waits { minutes } => scene.minutes(*minutes).await,
            Happens::Receives { who } => scene.receive(PEOPLE[*who]).await,
            Happens::Reads { who } => self.read(PEOPLE[*who]).await,
            Happens::Chooses { who, wanted } => {
                scene.choose(PEOPLE[*who], "orders", Channel::Inapp, *wanted).await;
            }
            Happens::Consents { who, granted } => {
                let decision = if *granted { Decision::Granted } else { Decision::Withdrawn };
                scene.consent(PEOPLE[*who], "offers", &[], decision).await;
                self.known.entry(PEOPLE[*who]).or_default().granted.insert(scene.now(), *granted);
            }
            Happens::Moves { who, zone } => {
                scene.zone(PEOPLE[*who], ZONES[*zone]).await;
                self.known.entry(PEOPLE[*who]).or_default().zone.insert(scene.now(), ZONES[*zone]);
                self.moved = true;
            }
            Happens::Pauses { who, hours } => {
                let until = scene.now().plus_millis(hours * 3_600_000).to_string();
                scene.pause(PEOPLE[*who], Some(&until)).await;
            }
            Happens::TakesBack { which } => {
                if let Some(row) = scene.all().await.get(*which) {
                    scene.act(Act::Retract(row.id.clone())).await;
                }
            }
            Happens::Replays { which } => {
                let failed =
                    scene.all().await.into_iter().filter(|row| row.state == NotificationState::Failed);
                if let Some(row) = failed.take(*which + 1).last() {
                    scene.act(Act::Replay(row.id)).await;
                }
            }
            Happens::Erases { who } => {
                self.note().await;
                scene.act(Act::Erase(PEOPLE[*who].parse().unwrap())).await;
                let known = self.known.entry(PEOPLE[*who]).or_default();
                known.granted.insert(scene.now(), false);
                known.zone.insert(scene.now(), "UTC");
                // A token of the same instant counts as one from before.
                scene.minutes(1).await;
            }
        }
        self.scene.balanced().await;
    }

    async fn read(&self, who: &str) {
        self.scene.receive(who).await;
        let rows = self.scene.all().await;
        let seen = |row: &&Notification| row.person == person(who) && row.is_visible();
        if let Some(row) = rows.iter().rev().find(seen) {
            self.scene.receipt(who, &row.id, "read").await;
        }
    }

    /// Remembers what was handed over before an erasure forgets it.
    async fn note(&mut self) {
        for row in self.scene.all().await {
            if let Some(at) = self.scene.placed_at(&row.id).await {
                self.handed.entry(row.id.to_string()).or_insert((at, row));
            }
        }
    }

    fn zone_at(&self, who: &str, at: Timestamp) -> &'static str {
        let known = self.known.get(who).and_then(|known| known.zone.range(..=at).next_back());
        known.map_or("UTC", |(_, zone)| zone)
    }

    fn judge(&self) {
        let quiet: QuietHours = QUIET.parse().unwrap();
        let mut days: BTreeMap<(String, i32), usize> = BTreeMap::new();
        for (at, row) in self.handed.values() {
            let who = row.person.recipient.as_str();
            let zone = self.zone_at(who, *at).parse().unwrap();
            if row.category.as_str() == "alarms" {
                continue;
            }
            if row.category.as_str() != "calls" {
                assert_eq!(quiet.quiet_until(*at, &zone), None, "{who} was woken at {at} in {zone:?}");
            }
            if row.category.as_str() == "offers" {
                let granted = self.known.get(who).and_then(|known| known.granted.range(..=*at).next_back());
                assert!(granted.is_some_and(|(_, granted)| *granted), "{who} never agreed, at {at}");
            }
            if row.taken.is_some() {
                *days.entry((who.to_owned(), day_of(*at, &zone).number())).or_default() += 1;
            }
        }
        // Who moves to another zone has another day; and who is erased begins with nothing counted.
        let most = days.values().max().copied().unwrap_or(0);
        assert!(self.moved || most <= CAP, "{days:?}");
    }

    async fn stories_end(&self) {
        for row in self.scene.all().await {
            if row.state == NotificationState::Erased {
                continue;
            }
            let told = self.scene.told(&row.id).await;
            let reason = row.stopped.as_ref().map(|stopped| stopped.reason);
            match row.state {
                NotificationState::Active | NotificationState::Reached => {
                    assert!(told.iter().any(|line| line == "render pass rendered"), "{told:#?}");
                }
                NotificationState::Held
                | NotificationState::Failed
                | NotificationState::Expired
                | NotificationState::Suppressed
                | NotificationState::Merged
                | NotificationState::Cancelled
                | NotificationState::Retracted
                | NotificationState::Erased => {
                    let word = reason.map(Reason::as_str).unwrap_or_else(|| panic!("{row:?} has no reason"));
                    let last = told.iter().rfind(|line| line.split(' ').any(|part| part == word));
                    assert!(last.is_some(), "{word} is not in {told:#?}");
                }
            }
        }
    }
}

async fn play(scene: Scene, happens: &[Happens]) {
    let mut play = Play { scene, known: BTreeMap::new(), handed: BTreeMap::new(), moved: false };
    let mut erased = false;
    for what in happens {
        // The counters of somebody who was erased are gone: their day begins anew.
        erased |= matches!(what, Happens::Erases { .. });
        play.step(what).await;
    }
    play.moved |= erased;
    play.note().await;
    play.judge();
    play.stories_end().await;
    play.scene.run(instant(NOON).plus_millis(200 * 86_400_000)).await;
    play.note().await;
    play.judge();
    play.stories_end().await;
    let pending = play.scene.all().await.into_iter().filter(Notification::is_pending).count();
    assert_eq!(pending, 0, "after 90 days nothing waits");
}

const CATEGORIES: [&str; 7] = ["orders", "news", "offers", "calls", "alarms", "gathered", "mixed"];

fn configuration() -> impl Strategy<Value = String> {
    let parts = prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.3), PARTS.len()), 2);
    let over = prop::sample::select(vec!["defer", "suppress"]);
    let categories = prop::collection::vec(prop::sample::select(CATEGORIES.to_vec()), 2);
    (parts, over, categories).prop_map(|(parts, over, categories)| document(&parts, over, &categories))
}

fn on_a_runtime(plays: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(plays);
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn whatever_happens_no_gate_is_passed_that_forbids(
        document in configuration(), what in prop::collection::vec(happens(), 1..60),
    ) {
        on_a_runtime(async { play(Scene::from(&document, NOON).await, &what).await });
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn whatever_happens_in_a_file_no_gate_is_passed_that_forbids(
        document in configuration(), what in prop::collection::vec(happens(), 1..40),
    ) {
        on_a_runtime(async {
            let (store, _folder) = in_a_file().await;
            play(Scene::on(store, &document, NOON).await, &what).await;
        });
    }
}
