//! Puts a fact before the plan, and makes what the plan says.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::item::{Because, ContentItem};
use tidings_protocol::limits::HOLD_MILLIS_MAX;
use tidings_protocol::{
    CategoryId, Channel, EventId, NotificationId, NotificationState, Priority, Span, Timestamp,
};

use super::{collapse, digest, steps, trials};
use crate::act::Made;
use crate::calendar::{day_of, week_of};
use crate::cap::CapScope;
use crate::configuration::{Category, Configuration, Rule, Variant};
use crate::model::{
    Cause, Counted, DirectSend, DueKey, EventBody, Flags, Keys, Marks, Notification, OnceKey, PersonKey,
    PlannedStep, SendContent, Stopped, Taken,
};
use crate::plan::{self, Chosen, Outcome, Phase, Plan, Proposal, Seen, Words};
use crate::template::{self, Template};
use crate::work::Work;

/// A fact for one recipient, with everything of it that the plan asks for.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) event: EventId,
    pub(super) body: Arc<EventBody>,
    pub(super) root: Arc<Value>,
    pub(super) sandbox: bool,
    pub(super) rule: Option<Arc<Rule>>,
    pub(super) category: CategoryId,
    pub(super) priority: Priority,
    pub(super) steps: Vec<PlannedStep>,
    pub(super) words: OwnedWords,
    /// Which variant it says, and how it came to it.
    pub(super) variant: Option<Chosen>,
    /// The set of variants that it is counted in.
    pub(super) trial: Option<Box<str>>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
    /// Whether neither rule nor sender planned the steps.
    pub(super) unplanned: bool,
    /// The step of the chain that this is, and the chain.
    pub(super) chain: Option<(NotificationId, u16)>,
}

/// What is said.
#[derive(Clone, Debug)]
pub(super) enum OwnedWords {
    Literal(Arc<ContentItem>),
    Template(Arc<Template>),
    Gone,
}

/// An accepted event or send, shared by everything that it makes.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) event: EventId,
    pub(super) body: Arc<EventBody>,
    pub(super) root: Arc<Value>,
    pub(super) sandbox: bool,
}

impl Subject {
    /// What a rule proposes to a recipient, in the variant that it was given already, if any.
    pub(super) fn of_rule(
        work: &Work<'_>,
        stated: &Stated,
        rule: &Arc<Rule>,
        person: &PersonKey,
        given: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let live = work.live(&person.project);
        let configuration = &live.configuration;
        let category = &configuration.categories[&rule.category];
        let variant = trials::choose(work, rule, person, given);
        let is_chosen = |one: &&Variant| variant.as_ref().is_some_and(|chosen| *chosen.name == *one.name);
        let chosen = rule.variants.iter().find(is_chosen);
        let trial = configuration.trials.get(&rule.id).filter(|_| chosen.is_some());
        let template = chosen.map(|variant| &variant.template).or(rule.template.as_ref());
        let template = template.or_else(|| rule.digest.as_ref().and_then(|digest| digest.template.as_ref()));
        let words = template
            .and_then(|name| configuration.templates.get(name))
            .map_or(OwnedWords::Gone, |template| OwnedWords::Template(Arc::clone(template)));
        Self {
            event: stated.event.clone(),
            body: Arc::clone(&stated.body),
            root: Arc::clone(&stated.root),
            sandbox: stated.sandbox,
            category: rule.category.clone(),
            priority: rule.priority.unwrap_or(category.priority),
            steps: planned_steps(rule, category),
            words,
            trial: trial.cloned(),
            variant,
            not_before: None,
            expires_at: expiry(rule.expires, now),
            unplanned: rule.deliver.is_none(),
            rule: Some(Arc::clone(rule)),
            chain: None,
        }
    }

    /// What a direct send proposes. The category was checked when it was accepted; if it has gone since, none.
    pub(super) fn of_send(
        stated: &Stated,
        send: &DirectSend,
        configuration: &Configuration,
        now: Timestamp,
    ) -> Option<Self> {
        let category = configuration.categories.get(&send.category)?;
        let words = match &send.content {
            SendContent::Literal(content) => OwnedWords::Literal(Arc::clone(content)),
            SendContent::Template(name) => configuration
                .templates
                .get(&**name)
                .map_or(OwnedWords::Gone, |template| OwnedWords::Template(Arc::clone(template))),
        };
        let longest = now.plus_millis(HOLD_MILLIS_MAX);
        Some(Self {
            event: stated.event.clone(),
            body: Arc::clone(&stated.body),
            root: Arc::clone(&stated.root),
            sandbox: stated.sandbox,
            rule: None,
            category: send.category.clone(),
            priority: send.priority.unwrap_or(category.priority),
            steps: steps_of_send(send, category),
            words,
            variant: None,
            trial: None,
            not_before: send.not_before,
            expires_at: send.expires_at.map_or(longest, |at| at.min(longest)),
            unplanned: send.deliver.is_none(),
            chain: None,
        })
    }

    /// The plan for this, as seen now.
    pub(super) fn decide(
        &self,
        work: &Work<'_>,
        person: &PersonKey,
        made: &Standing<'_>,
        digest: Option<&template::DigestScope>,
    ) -> Plan {
        let live = work.live(&person.project);
        let configuration = &*live.configuration;
        let rule = self.rule.as_deref();
        let once =
            rule.zip(made.keys.once.as_deref()).and_then(|(rule, value)| work.once(person, &rule.id, value));
        let proposal = Proposal {
            id: made.id,
            configuration,
            stop: &live.state.stop,
            rule,
            category_id: &self.category,
            category: &configuration.categories[&self.category],
            priority: self.priority,
            created_at: made.created_at,
            expires_at: self.expires_at,
            not_before: self.not_before,
            keys: made.keys,
            steps: self.steps.clone(),
            words: match &self.words {
                OwnedWords::Literal(content) => Words::Literal(content),
                OwnedWords::Template(template) => Words::Template(template),
                OwnedWords::Gone => Words::Gone,
            },
            data: &self.body.data,
            event: &self.root,
            digest,
            variant: self.variant.as_ref(),
            phase: made.phase,
            unplanned: self.unplanned,
            sandbox: self.sandbox,
        };
        plan::decide(&proposal, work.person(person), Seen { once }, work.now())
    }

    /// In the words of which template.
    pub(super) fn template(&self) -> Option<Box<str>> {
        match &self.words {
            OwnedWords::Template(template) => Some(template.name.as_str().into()),
            OwnedWords::Literal(_) | OwnedWords::Gone => None,
        }
    }

    /// Why the recipient gets it, in words for the recipient.
    fn because(&self, category: &Category, configuration: &Configuration) -> Because {
        let name =
            category.name.get(&configuration.project.locale).map_or(self.category.as_str(), String::as_str);
        let text = match &self.rule {
            Some(_) => format!("{name}: {} happened", self.body.event_type),
            None => format!("{name}: sent to you directly"),
        };
        Because {
            rule: self.rule.as_ref().map(|rule| rule.id.to_string()),
            event_type: self.rule.as_ref().map(|_| self.body.event_type.to_string()),
            text,
        }
    }
}

/// What the plan has to know of the notification itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub(super) id: &'a NotificationId,
    pub(super) created_at: Timestamp,
    pub(super) keys: &'a Keys,
    pub(super) phase: Phase,
}

fn one_step(channels: Vec<Channel>) -> PlannedStep {
    PlannedStep { channels, after: Span::ZERO, unless: None, repeat: None, linked: false }
}

/// A direct send's plan, or its category's channels in one step.
pub(super) fn steps_of_send(send: &DirectSend, category: &Category) -> Vec<PlannedStep> {
    let deliver = send.deliver.as_ref().map(|steps| steps.to_vec());
    deliver.unwrap_or_else(|| vec![one_step(category.channels.clone())])
}

/// A rule's plan, or its category's channels in one step.
pub(super) fn planned_steps(rule: &Rule, category: &Category) -> Vec<PlannedStep> {
    let Some(steps) = &rule.deliver else { return vec![one_step(category.channels.clone())] };
    let planned = steps.iter().map(|step| PlannedStep {
        channels: step.channels.clone(),
        after: step.after.unwrap_or_default(),
        unless: step.unless,
        repeat: step
            .repeat
            .as_ref()
            .map(|repeat| (repeat.every, u16::try_from(repeat.times).unwrap_or(u16::MAX), repeat.until)),
        linked: step.notify.is_some(),
    });
    planned.collect()
}

/// When a rule's notification is no longer worth sending; never later than 90 days.
fn expiry(expires: Option<Span>, now: Timestamp) -> Timestamp {
    now.plus_millis(expires.map_or(HOLD_MILLIS_MAX, |span| span.as_millis().min(HOLD_MILLIS_MAX)))
}

/// Makes the notification of a subject for a recipient who was read, whatever the plan says of it.
pub(super) fn make(
    work: &mut Work<'_>,
    subject: &Subject,
    person: &PersonKey,
    keys: Keys,
    created: bool,
) -> Made {
    let id = NotificationId::from(work.id());
    let standing = Standing { id: &id, created_at: work.now(), keys: &keys, phase: Phase::New { created } };
    let plan = subject.decide(work, person, &standing, None);
    let notification = blank(work, subject, person, &id, keys);
    apply_new(work, subject, notification, plan);
    made(work, &id)
}

/// A notification before anything is decided on it.
pub(super) fn blank(
    work: &Work<'_>,
    subject: &Subject,
    person: &PersonKey,
    id: &NotificationId,
    keys: Keys,
) -> Notification {
    let live = work.live(&person.project);
    let configuration = &live.configuration;
    Notification {
        id: id.clone(),
        person: person.clone(),
        cause: Cause {
            event: subject.event.clone(),
            event_type: subject.rule.as_ref().map(|_| subject.body.event_type.clone()),
            rule: subject.rule.as_ref().map(|rule| rule.id.clone()),
            digest: false,
            step: subject.chain.as_ref().map(|(_, step)| *step),
        },
        category: subject.category.clone(),
        priority: subject.priority,
        keys,
        variant: subject.variant.as_ref().map(|chosen| chosen.name.clone()),
        template: subject.template(),
        trial: subject.trial.clone(),
        counted: Counted::default(),
        chain: subject.chain.as_ref().map(|(root, _)| root.clone()),
        created_at: work.now(),
        expires_at: subject.expires_at,
        configuration: configuration.version,
        state: NotificationState::Active,
        stopped: None,
        due: None,
        deferrals: 0,
        digest: None,
        taken: None,
        released_at: None,
        content: None,
        forms: BTreeMap::new(),
        died: None,
        on_way: 0,
        because: subject.because(&configuration.categories[&subject.category], configuration),
        plan: Arc::from([]),
        steps_begun: 0,
        repeats: 0,
        inapp: None,
        created_seq: None,
        seq: None,
        round: 0,
        flags: Flags::default(),
        marks: Marks::default(),
        told: Vec::new(),
    }
}

/// Takes a new notification in, in the state that the plan gives it.
pub(super) fn apply_new(work: &mut Work<'_>, subject: &Subject, mut notification: Notification, plan: Plan) {
    notification.told = plan.told;
    let (id, person) = (notification.id.clone(), notification.person.clone());
    match plan.outcome {
        Outcome::Stop(stopped) => {
            notification.state = NotificationState::Suppressed;
            notification.stopped = Some(stopped);
            work.add_notification(notification);
            return;
        }
        Outcome::Fail(stopped) => {
            notification.state = NotificationState::Failed;
            notification.stopped = Some(stopped);
            work.add_notification(notification);
            return;
        }
        Outcome::Hold { stopped, due, deferred } => {
            notification.state = NotificationState::Held;
            notification.stopped = Some(stopped);
            notification.due = Some(due);
            notification.deferrals = u8::from(deferred);
            work.add_notification(notification);
            work.set_due(&person, DueKey::Release(id.clone()), due);
            if !subject.sandbox {
                collapse::replace_held(work, &id);
            }
        }
        Outcome::Collect(scope) => {
            notification.state = NotificationState::Held;
            work.add_notification(notification);
            digest::join(work, &id, scope);
        }
        Outcome::Go { steps, scopes, content, forms, unreached } => {
            notification.stopped = unreached;
            notification.forms = forms;
            work.add_notification(notification);
            go(work, &id, steps, scopes, content);
        }
        Outcome::Survives => unreachable!("only members of a digest are asked whether they survive"),
    }
    take_keys(work, subject, &id);
}

/// What a rule counts is taken when its notification is held or active. The sandbox counts nothing: a live one would
/// meet it.
fn take_keys(work: &mut Work<'_>, subject: &Subject, id: &NotificationId) {
    let Some(rule) = subject.rule.as_deref().filter(|_| !subject.sandbox) else { return };
    take_once(work, subject, id);
    let person = work.notification(id).expect("it was made above").person.clone();
    // Somebody unknown, whose plan went on to others, has no inbox to count in.
    if work.person(&person).is_known() {
        take_throttle(work, rule, id);
        work.raise_version(&person);
    }
}

/// The rule told the recipient of this value, unless it did before.
pub(super) fn take_once(work: &mut Work<'_>, subject: &Subject, id: &NotificationId) {
    let Some(rule) = subject.rule.as_deref().filter(|_| !subject.sandbox) else { return };
    let notification = work.notification(id).expect("the caller looked it up");
    let (person, keys) = (notification.person.clone(), notification.keys.clone());
    if let (Some(value), Some(once)) = (keys.once, &rule.once_per)
        && work.once(&person, &rule.id, &value).is_none()
    {
        let until = work.now().plus_millis(once.within.as_millis());
        work.take_once(OnceKey { person, rule: rule.id.clone(), value, notification: id.clone(), until });
    }
}

/// Counts a notification against its rule's throttle, if it has room; one that is over it waits uncounted.
pub(super) fn take_throttle(work: &mut Work<'_>, rule: &Rule, id: &NotificationId) {
    let notification = work.notification(id).expect("the caller looked it up");
    let (person, keys) = (notification.person.clone(), notification.keys.clone());
    let (Some(key), Some(throttle), None) = (keys.throttle, &rule.throttle, keys.throttled_in) else {
        return;
    };
    let now = work.now();
    let throttles = &mut work.inbox_mut(&person).throttles;
    throttles
        .retain(|(name, _), counter| **name != *rule.id.as_str() || counter.ends_at(throttle.throttle) > now);
    let counter = throttles.entry((rule.id.as_str().into(), key)).or_default();
    if counter.room(throttle.throttle, now).is_ok() {
        let window = counter.take(throttle.throttle, now);
        work.notification_mut(id).keys.throttled_in = Some(window);
    }
}

/// A notification leaves its holds, with what keeps it from its own recipient as what stopped it: it takes from the caps, replaces what it collapses with, and its plan begins.
pub(super) fn go(
    work: &mut Work<'_>,
    id: &NotificationId,
    plan: Vec<PlannedStep>,
    scopes: Vec<CapScope>,
    content: Arc<ContentItem>,
) {
    let now = work.now();
    let person = work.notification(id).expect("the caller looked it up").person.clone();
    let configuration = Arc::clone(&work.live(&person.project).configuration);
    let zone = plan::zone_of(work.person(&person), &configuration);
    let unreached = work.notification(id).expect("it was read above").stopped.clone();
    if work.notification(id).expect("it was read above").state == NotificationState::Held {
        work.shift(id, NotificationState::Active, None);
    }
    let (day, week) = (day_of(now, &zone), week_of(now, &zone));
    let mut bucket = (day.number(), week.number());
    let ends_at_once = !plan.iter().any(|step| !step.linked && step.channels.contains(&Channel::Inapp));
    let counted = work.person(&person).inbox.as_ref().filter(|_| ends_at_once);
    let counted = counted.map(|inbox| inbox.counters.clone());
    if work.person(&person).is_known() {
        let counters = &mut work.inbox_mut(&person).counters;
        for scope in &scopes {
            let taken = counters.take(scope, day, week);
            bucket = (taken.day.number(), taken.week.number());
        }
        work.raise_version(&person);
    }
    let notification = work.notification_mut(id);
    notification.taken = (!scopes.is_empty()).then_some(Taken { day: bucket.0, week: bucket.1, scopes });
    notification.content = Some(content);
    notification.plan = plan.into();
    notification.released_at = Some(now);
    notification.stopped = unreached;
    notification.configuration = configuration.version;
    collapse::replace_all(work, id);
    steps::begin(work, id, false);
    let state = work.notification(id).expect("it was read above").state;
    if let (NotificationState::Suppressed, Some(counted)) = (state, counted) {
        // What it took was given back, but a day that it alone began must not stand in place of the one before.
        work.inbox_mut(&person).counters = counted;
    }
}

/// What a request is told about a notification.
pub(super) fn made(work: &Work<'_>, id: &NotificationId) -> Made {
    let notification = work.notification(id).expect("it was made above");
    Made {
        id: id.clone(),
        rule: notification.cause.rule.clone(),
        recipient: notification.person.recipient.clone(),
        category: notification.category.clone(),
        state: notification.state,
        due: notification.due,
        stopped: notification.stopped.clone(),
        story: notification.told.clone(),
    }
}

/// The end of a notification whose rule or category is not in the configuration any more.
pub(super) fn rule_gone() -> Stopped {
    Stopped {
        gate: Some(tidings_protocol::Gate::Stop),
        reason: tidings_protocol::Reason::RuleGone,
        text: Some("its rule or category is not in the configuration any more".into()),
    }
}
