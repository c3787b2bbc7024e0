use rstest::rstest;
use serde_json::json;

use super::*;
use crate::calendar::{day_of, week_of};
use crate::configuration::{Bundle, check};
use crate::model::{Inbox, PersonKey, Recipient};

/// Every gate has something to ask, and lets through at noon what comes once.
const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: UTC, currency: EUR}
quiet_hours: {default: "22:00-08:00"}
caps: {day: 2, over: defer}
categories:
  orders: {name: {en: Orders}, legal: service, priority: high, channels: [inapp], cap: {day: 1, over: suppress}}
rules:
  r: {on: e, category: orders, template: t, cohort: {percent: 100}, holdout: {percent: 0}, once_per: data.k,
      throttle: {count: 1, per: 1h, over: suppress}, send: {window: "09:00-21:00"}}
templates: {t: {en: {title: "Hello {{ data.n }}"}}}
"#;
/// Noon of a Monday in UTC, and 23:00 of it.
const NOON: i64 = 1_795_435_200_000;
const NIGHT: i64 = NOON + 11 * 3_600_000;

struct Asked {
    configuration: Configuration,
    person: Person,
    stop: StopSwitch,
    data: Value,
    phase: Phase,
    now: Timestamp,
    sandbox: bool,
}

impl Asked {
    fn new() -> Self {
        let recipient = "alice".parse().unwrap();
        let mut person = Person::unknown(PersonKey { project: "shop".parse().unwrap(), recipient });
        person.recipient = Some(Recipient::default());
        person.inbox = Some(Inbox::new(1));
        Self {
            configuration: check(DOCUMENT, &Bundle::default(), 1).unwrap(),
            person,
            stop: StopSwitch::default(),
            data: json!({"n": 1}),
            phase: Phase::New { created: false },
            now: Timestamp::from_millis(NOON),
            sandbox: false,
        }
    }

    /// So many were counted against a scope today.
    fn counted(mut self, scope: &CapScope, count: u32) -> Self {
        let (day, week) =
            (day_of(self.now, &"UTC".parse().unwrap()), week_of(self.now, &"UTC".parse().unwrap()));
        let counters = &mut self.person.inbox.as_mut().unwrap().counters;
        for _ in 0..count {
            counters.take(scope, day, week);
        }
        self
    }

    fn plan(&self) -> Plan {
        let (id, category_id) = (NotificationId::new("n").unwrap(), "orders".parse().unwrap());
        let rule = self.configuration.rules.values().next().map(Arc::as_ref);
        let keys = Keys { once: Some("s:k".into()), throttle: Some("".into()), ..Keys::default() };
        let step = PlannedStep {
            channels: vec![tidings_protocol::Channel::Inapp],
            after: tidings_protocol::Span::ZERO,
            unless: None,
            repeat: None,
            linked: false,
        };
        let proposal = Proposal {
            id: &id,
            configuration: &self.configuration,
            stop: &self.stop,
            rule,
            category_id: &category_id,
            category: &self.configuration.categories[&category_id],
            priority: Priority::High,
            created_at: self.now,
            expires_at: self.now.plus_millis(90 * 86_400_000),
            not_before: None,
            keys: &keys,
            steps: vec![step],
            words: Words::Template(&self.configuration.templates["t"]),
            data: &self.data,
            event: &json!({}),
            digest: None,
            variant: None,
            phase: self.phase,
            unplanned: false,
            sandbox: self.sandbox,
        };
        decide(&proposal, &self.person, Seen::default(), self.now)
    }
}

fn gates(plan: &Plan) -> Vec<Gate> {
    plan.told.iter().filter_map(|entry| entry.gate).collect()
}

#[test]
fn the_gates_are_asked_in_the_order_that_the_law_gives_them() {
    let plan = Asked::new().plan();
    use Gate::{
        Cap, ChannelPlan, Cohort, Consent, Holdout, Once, Preference, QuietHours, Recipient, Render, Stop,
        StopList, Throttle,
    };
    let order = [
        Stop,
        Recipient,
        Cohort,
        Holdout,
        StopList,
        Consent,
        Preference,
        Once,
        Throttle,
        QuietHours,
        Cap,
        ChannelPlan,
        Render,
    ];
    assert_eq!(gates(&plan), order);
    assert!(plan.told.iter().all(|entry| entry.verdict == Some(Verdict::Pass)));
    let Outcome::Go { scopes, .. } = plan.outcome else { panic!("{plan:?}") };
    assert_eq!(scopes, [CapScope::Category("orders".parse().unwrap()), CapScope::Project]);
}

#[test]
fn an_earlier_gate_speaks_before_a_later_one_and_nothing_is_asked_after_it() {
    // Everything that can stop it does; taking the first away lets the next one speak.
    let mut asked =
        Asked { data: json!({}), ..Asked::new() }.counted(&CapScope::Category("orders".parse().unwrap()), 1);
    asked.stop.project = true;
    let known = asked.person.recipient.take();
    let stops = |asked: &Asked| {
        let plan = asked.plan();
        let last = plan.told.last().unwrap();
        assert_ne!(last.verdict, Some(Verdict::Pass));
        (last.gate.unwrap(), last.reason.unwrap())
    };
    assert_eq!(stops(&asked), (Gate::Stop, Reason::ProjectStopped));
    asked.stop.project = false;
    assert_eq!(stops(&asked), (Gate::Recipient, Reason::UnknownRecipient));
    asked.person.recipient = known;
    asked.now = Timestamp::from_millis(NIGHT);
    assert_eq!(stops(&asked).1, Reason::SendWindow, "time holds before the cap is asked");
    asked.now = Timestamp::from_millis(NOON);
    assert_eq!(stops(&asked), (Gate::Cap, Reason::Cap));
    (asked.person.inbox, asked.sandbox) = (Some(Inbox::new(1)), true);
    assert_eq!(stops(&asked), (Gate::Render, Reason::Template), "the sandbox puts into words too");
    asked.data = Asked::new().data;
    assert_eq!(stops(&asked), (Gate::ChannelPlan, Reason::Sandbox));
}

#[rstest]
#[case(6, true)]
#[case(7, false)]
fn the_seventh_deferral_is_the_last(#[case] deferrals: u8, #[case] waits: bool) {
    let phase = Phase::Released { deferrals, throttled: true, hour_came: false };
    let plan = Asked { phase, ..Asked::new() }.counted(&CapScope::Project, 2).plan();
    match plan.outcome {
        Outcome::Hold { deferred, stopped, .. } => {
            assert!(waits && deferred && stopped.reason == Reason::Cap)
        }
        Outcome::Stop(stopped) => assert!(!waits && stopped.reason == Reason::Cap),
        other @ (Outcome::Fail(_) | Outcome::Collect(_) | Outcome::Survives | Outcome::Go { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn a_replay_is_asked_neither_by_caps_nor_by_the_throttle_and_takes_from_none() {
    let plan = Asked { phase: Phase::Replayed, ..Asked::new() }.counted(&CapScope::Project, 2).plan();
    let Outcome::Go { scopes, .. } = plan.outcome else { panic!("{plan:?}") };
    assert!(scopes.is_empty());
}

#[test]
fn a_member_of_a_digest_is_asked_neither_for_its_time_nor_for_caps_nor_for_words() {
    let asked =
        Asked { phase: Phase::Member, now: Timestamp::from_millis(NIGHT), data: json!({}), ..Asked::new() };
    let plan = asked.counted(&CapScope::Project, 2).plan();
    assert!(matches!(plan.outcome, Outcome::Survives), "{plan:?}");
    assert_eq!(gates(&plan).last(), Some(&Gate::Throttle));
}

#[test]
fn asking_changes_nothing() {
    let asked = Asked::new();
    let (first, second) = (asked.plan(), asked.plan());
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}
