//! Variants that are counted and compared, and the one that wins.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, PreferenceChange};
use tidings_core::configuration::WinnerMeasure;
use tidings_core::delivery::Outcome;
use tidings_core::model::Win;
use tidings_core::statistics::{By, Sums, sum_up};
use tidings_core::trial::Tally;
use tidings_protocol::{Channel, Gate, NotificationId, RuleId};

use crate::converting::stores;
use crate::documents::with;
use crate::scene::{NOON, Scene, person, project};

const VARIANTS: &str = "variants: {long: {weight: 1, template: plain}, short: {weight: 1, template: brief}}";

fn document(keys: &str) -> String {
    let document = with(&format!("rules:\n  r: {{on: e, category: news, {VARIANTS}, {keys}}}"));
    document.replace("  plain: {en:", "  brief: {en: {title: \"Hi {{ data.n }}\"}}\n  plain: {en:")
}

fn by(measure: &str, after: u32) -> String {
    document(&format!(
        "winner: {{by: {measure}, after: {after}, confidence: 0.95}}, conversion: {{event: ordered, within: 1h}}"
    ))
}

fn rule_id() -> RuleId {
    RuleId::new("r").unwrap()
}

async fn counted(scene: &Scene, variant: &str) -> Tally {
    let trials = scene.store.trials(&project(), &rule_id()).await.unwrap();
    trials
        .tallies
        .iter()
        .filter(|(key, _)| &*key.variant == variant)
        .fold(Tally::default(), |sum, (_, more)| sum.and(*more))
}

async fn wins(scene: &Scene) -> Vec<Win> {
    scene.store.trials(&project(), &rule_id()).await.unwrap().wins
}

async fn variant(scene: &Scene, id: &NotificationId) -> String {
    scene.row(id).await.variant.unwrap_or_default().into()
}

/// Shows one to each of so many people, of whom those who got `short` click. Answers how many of each variant there were.
async fn shown_to(scene: &Scene, people: std::ops::Range<u32>) -> [u64; 2] {
    let mut of = [0, 0];
    for n in people {
        let who = format!("r{n}");
        let id = scene.e(&who, n).await;
        let short = variant(scene, &id).await == "short";
        of[usize::from(short)] += 1;
        scene.receipt(&who, &id, "displayed").await;
        if short {
            scene.receipt(&who, &id, "clicked").await;
        }
    }
    of
}

/// What the story says of the variant: reason and text.
async fn told_of(scene: &Scene, id: &NotificationId) -> Vec<(String, String)> {
    let story = scene.story(id).await.into_iter().filter(|entry| entry.gate == Some(Gate::Variant));
    story.map(|entry| (entry.reason.unwrap().to_string(), entry.text.unwrap_or_default().into())).collect()
}

#[tokio::test]
async fn each_notification_is_counted_once_in_its_variant_however_often_it_is_told() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &by("click", 1_000), NOON).await;
        let id = scene.e("alice", 1).await;
        let name = variant(&scene, &id).await;
        assert_eq!(counted(&scene, &name).await, Tally::default(), "nobody saw it");
        let mut expected = Tally { displayed: 1, ..Tally::default() };
        scene.receipt("alice", &id, "displayed").await;
        assert_eq!(counted(&scene, &name).await, expected);
        for receipt in ["displayed", "read", "clicked", "read", "acknowledged", "displayed", "clicked"] {
            scene.receipt("alice", &id, receipt).await;
        }
        (expected.read, expected.clicked) = (1, 1);
        assert_eq!(counted(&scene, &name).await, expected);
        for _ in 0..2 {
            scene.event("ordered", "alice", json!({})).await;
        }
        expected.converted = 1;
        assert_eq!(counted(&scene, &name).await, expected);
        let other = if name == "short" { "long" } else { "short" };
        assert_eq!(counted(&scene, other).await, Tally::default());
        let answered = scene.e("alice", 2).await;
        scene.receipt("alice", &answered, "read").await;
        expected.displayed += 1;
        expected.read += 1;
        assert_eq!(counted(&scene, &name).await, expected, "whoever reads it saw it");
    }
}

#[tokio::test]
async fn the_better_variant_is_everybodys_after_its_displays_and_the_rule_and_each_story_say_so() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &by("click", 20), NOON).await;
        let drawn = scene.e("early", 0).await;
        let name = variant(&scene, &drawn).await;
        assert_eq!(told_of(&scene, &drawn).await, [("drawn".to_owned(), format!("{name}, drawn among 2"))]);
        let mut of = [0, 0];
        let mut people = 0;
        while of.iter().any(|shown| *shown < 20) {
            assert!(wins(&scene).await.is_empty(), "{of:?}");
            let more = shown_to(&scene, people..people + 1).await;
            (of[0], of[1], people) = (of[0] + more[0], of[1] + more[1], people + 1);
        }
        let won = wins(&scene).await;
        assert_eq!(won.len(), 1);
        assert_eq!((&*won[0].variant, won[0].by, won[0].at), ("short", WinnerMeasure::Click, scene.now()));
        let of_long = format!("beside 0.0 % of {} of long", of[0]);
        assert!(
            won[0].text.starts_with("100.0 % of 20 clicked, ") || won[0].text.contains(&of_long),
            "{won:?}"
        );
        for n in 1_000..1_020 {
            let id = scene.e(&format!("r{n}"), n).await;
            assert_eq!(
                (variant(&scene, &id).await.as_str(), scene.title(&id).await),
                ("short", format!("Hi {n}"))
            );
            let text = format!("short, which won: {}", won[0].text);
            assert_eq!(told_of(&scene, &id).await, [("won".to_owned(), text)]);
        }
        shown_to(&scene, 2_000..2_010).await;
        assert_eq!(wins(&scene).await, won, "it is written once");
        let another = scene.another_node();
        let id = another.e("late", 1).await;
        assert_eq!(
            told_of(&another, &id).await[0].0,
            "won",
            "what is stored decides, not what a node remembers"
        );
    }
}

#[rstest]
#[case::read("read", "read")]
#[case::click("click", "clicked")]
#[case::conversion("conversion", "converted")]
#[tokio::test]
async fn what_is_compared_is_what_the_rule_says(#[case] measure: &str, #[case] done: &str) {
    let scene = Scene::new(&by(measure, 20)).await;
    for n in 0..70 {
        let who = format!("r{n}");
        let id = scene.e(&who, n).await;
        scene.receipt(&who, &id, "displayed").await;
        if variant(&scene, &id).await == "short" {
            match done {
                "converted" => drop(scene.event("ordered", &who, json!({})).await),
                receipt => scene.receipt(&who, &id, receipt).await,
            }
        }
    }
    let won = wins(&scene).await;
    assert_eq!(won.len(), 1);
    assert!(won[0].text.contains(done), "{}", won[0].text);
}

#[tokio::test]
async fn what_became_of_notifications_is_summed_up_by_template_variant_and_channel() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &by("click", 1_000), NOON).await;
        let [long, short] = shown_to(&scene, 0..20).await;
        let (from, to) = (scene.now().plus_millis(-1), scene.now().plus_millis(1));
        let counted = scene.store.sums(&project(), from, to).await.unwrap();
        let of = |by| sum_up(&counted, by);
        let value = |name: &str| (None, Some(name.into()));
        let said = of(By::Template);
        let shown = |made, clicked| Sums { made, reached: made, displayed: made, clicked, ..Sums::default() };
        assert_eq!((said[&value("plain")], said[&value("brief")]), (shown(long, 0), shown(short, short)));
        let variant = (Some(rule_id()), Some("short".into()));
        assert_eq!(of(By::Variant)[&variant], shown(short, short));
        assert_eq!(of(By::Rule)[&value("r")], of(By::Category)[&value("news")]);
        let channels = scene.store.sums_of_channels(&project(), from, to).await.unwrap();
        assert_eq!(channels, [(Channel::Inapp, shown(20, short))]);
    }
}

#[tokio::test]
async fn equal_variants_go_on_being_drawn() {
    let scene = Scene::new(&by("click", 5)).await;
    for n in 0..60 {
        let who = format!("r{n}");
        let id = scene.e(&who, n).await;
        scene.receipt(&who, &id, "displayed").await;
        if n % 3 == 0 {
            scene.receipt(&who, &id, "clicked").await;
        }
    }
    assert!(wins(&scene).await.is_empty());
    let id = scene.e("late", 1).await;
    assert_eq!(told_of(&scene, &id).await[0].0, "drawn");
}

#[tokio::test]
async fn without_winner_variants_are_counted_and_drawn_for_ever_and_a_winner_that_comes_later_uses_the_counts()
 {
    let scene = Scene::new(&document("conversion: {event: ordered, within: 1h}")).await;
    let of = shown_to(&scene, 0..70).await;
    assert_eq!([counted(&scene, "long").await.displayed, counted(&scene, "short").await.clicked], of);
    assert!(wins(&scene).await.is_empty());
    scene.apply(&by("click", 20)).await;
    shown_to(&scene, 70..71).await;
    assert_eq!(wins(&scene).await.len(), 1);
    scene.apply(&document("conversion: {event: ordered, within: 1h}")).await;
    let id = scene.e("late", 1).await;
    assert_eq!(told_of(&scene, &id).await[0].0, "drawn", "the rule allows no winner any more");
}

#[rstest]
#[case::other_words("Hi {{ data.n }}", "Hey {{ data.n }}", true)]
#[case::another_name("short: {weight", "brisk: {weight", true)]
#[case::another_conversion("within: 1h", "within: 2h", true)]
#[case::another_measure("by: click", "by: read", true)]
#[case::weights("short: {weight: 1", "short: {weight: 3", false)]
#[case::after("after: 20", "after: 30", false)]
#[case::confidence("confidence: 0.95", "confidence: 0.99", false)]
#[case::what_is_beside("category: news, ", "category: news, delay: 1m, ", false)]
#[tokio::test]
async fn a_win_holds_until_something_else_is_compared(
    #[case] before: &str,
    #[case] after: &str,
    #[case] ends: bool,
) {
    let scene = Scene::new(&by("click", 20)).await;
    shown_to(&scene, 0..70).await;
    assert_eq!(wins(&scene).await.len(), 1);
    let changed = by("click", 20).replace(before, after);
    assert_ne!(changed, by("click", 20));
    scene.apply(&changed).await;
    let id = scene.e("late", 1).await;
    let reason = if ends { "drawn" } else { "won" };
    assert_eq!(told_of(&scene, &id).await[0].0, reason);
    assert_eq!(wins(&scene).await.len(), 1, "the story of the rule stays");
    scene.apply(&by("click", 20)).await;
    let id = scene.e("later", 1).await;
    assert_eq!(told_of(&scene, &id).await[0].0, "won", "what is compared is what it was");
}

#[tokio::test]
async fn what_waits_keeps_the_variant_that_it_was_given_and_is_counted_in_it() {
    let scene = Scene::new(&by("click", 20).replace("category: news, ", "category: news, delay: 1h, ")).await;
    let mut held = Vec::new();
    for n in 0..8 {
        held.push((format!("h{n}"), scene.e(&format!("h{n}"), n).await));
    }
    let mut of = Vec::new();
    for (_, id) in &held {
        of.push(variant(&scene, id).await);
    }
    assert!(of.iter().any(|name| name == "long"), "one of eight is drawn so");
    scene.apply(&by("click", 20)).await;
    shown_to(&scene, 0..70).await;
    assert_eq!(wins(&scene).await.len(), 1);
    scene.minutes(61).await;
    let before = counted(&scene, "long").await.displayed;
    let mut more = 0;
    for ((who, id), name) in held.iter().zip(of) {
        assert_eq!(variant(&scene, id).await, name);
        let title = scene.title(id).await;
        assert_eq!(title.starts_with("Hello"), name == "long", "{name}: {title}");
        assert_eq!(told_of(&scene, id).await.len(), 1, "its story says once how it came to it");
        more += u64::from(name == "long");
        scene.receipt(who, id, "displayed").await;
    }
    assert_eq!(counted(&scene, "long").await.displayed, before + more);
}

#[tokio::test]
async fn what_is_told_of_words_that_are_not_said_any_more_makes_nobody_win() {
    let scene = Scene::new(&by("click", 20)).await;
    let mut shown = Vec::new();
    for n in 0..70 {
        shown.push((format!("r{n}"), scene.e(&format!("r{n}"), n).await));
    }
    let other_words = by("click", 20).replace("Hi {{ data.n }}", "Hey {{ data.n }}");
    scene.apply(&other_words).await;
    for (who, id) in &shown {
        scene.receipt(who, id, "displayed").await;
        if variant(&scene, id).await == "short" {
            scene.receipt(who, id, "clicked").await;
        }
    }
    assert!(counted(&scene, "short").await.clicked >= 20, "they are counted where they belong");
    assert!(wins(&scene).await.is_empty());
}

#[tokio::test]
async fn what_waited_is_counted_among_the_words_that_it_says() {
    let waits = |words: &str| {
        let document = by("click", 20).replace("category: news, ", "category: news, delay: 1h, ");
        document.replace("Hi {{ data.n }}", words)
    };
    let scene = Scene::new(&waits("Hi {{ data.n }}")).await;
    let id = scene.e("alice", 1).await;
    let before = scene.row(&id).await.trial;
    scene.apply(&waits("Hey {{ data.n }}")).await;
    scene.minutes(60).await;
    scene.receipt("alice", &id, "displayed").await;
    let trials = scene.store.trials(&project(), &rule_id()).await.unwrap();
    let of: Vec<_> = trials.tallies.iter().map(|(key, _)| Some(key.trial.clone())).collect();
    assert_eq!((of.len(), of[0] == before), (1, false), "{trials:?}");
}

#[tokio::test]
async fn a_mail_counts_as_shown_when_its_provider_took_it() {
    let document = by("conversion", 20).replace("category: news", "category: letters").replace(
        "rules:",
        "providers: {m: {channel: email, kind: smtp, host: m.example, from: \"S <s@shop.example>\"}}\nrules:",
    );
    let scene = Scene::new(&document).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    let id = scene.e("alice", 1).await;
    let name = variant(&scene, &id).await;
    let claimed = scene.claim().await;
    assert_eq!(counted(&scene, &name).await, Tally::default(), "it is on its way");
    scene.conclude(&claimed[0], Outcome::accepted(None)).await;
    assert_eq!(counted(&scene, &name).await.displayed, 1);
    scene.event("ordered", "alice", json!({})).await;
    assert_eq!(counted(&scene, &name).await, Tally { displayed: 1, converted: 1, ..Tally::default() });
}

#[tokio::test]
async fn what_was_converted_before_a_showing_was_told_is_counted_with_the_showing() {
    let scene = Scene::new(&by("conversion", 20)).await;
    let id = scene.e("alice", 1).await;
    scene.receive("alice").await;
    scene.event("ordered", "alice", json!({})).await;
    let name = variant(&scene, &id).await;
    assert_eq!(counted(&scene, &name).await, Tally::default(), "held by a device, seen by nobody");
    scene.receipt("alice", &id, "displayed").await;
    assert_eq!(counted(&scene, &name).await, Tally { displayed: 1, converted: 1, ..Tally::default() });
}

#[tokio::test]
async fn counts_are_nobodys_so_they_stay_when_somebody_refuses_profiling_or_is_erased() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &by("click", 20), NOON).await;
        let change = PreferenceChange { profiling: Some(false), replace: true, ..Scene::change("alice") };
        scene.act(Act::PutPreferences(Box::new(change))).await;
        let id = scene.e("alice", 1).await;
        scene.receipt("alice", &id, "displayed").await;
        let name = variant(&scene, &id).await;
        assert_eq!(counted(&scene, &name).await.displayed, 1);
        scene.act(Act::Erase(person("alice").recipient)).await;
        assert_eq!(counted(&scene, &name).await.displayed, 1);
        let left = scene.row(&id).await;
        assert_eq!((left.variant, left.trial), (None, None), "nothing tells which of them she was");
    }
}
