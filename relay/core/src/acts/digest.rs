//! Several notifications become one. There is one open digest for each (scope, recipient, key); its members pass all
//! gates again when it closes, and a lone survivor is sent as itself.

use std::sync::Arc;

use tidings_protocol::{Gate, NotificationId, NotificationState, Reason, StoryKind, Timestamp, Verdict};

use super::propose::{self, OwnedWords, Standing, Stated, Subject};
use super::{advance, expire, learning};
use crate::calendar;
use crate::configuration::{Configuration, Digest, DigestTrigger};
use crate::model::{DigestScope, DueKey, DueRow, Entry, Keys, Notification, OpenDigest, PersonKey, Stopped};
use crate::plan::{self, Outcome, Phase, Plan};
use crate::ports::Need;
use crate::template;
use crate::work::Work;

/// Members beyond this are counted but not shown in the digest's text; each has its own row and story.
const ITEMS_MAX: usize = 100;

fn settings<'a>(configuration: &'a Configuration, scope: &DigestScope) -> Option<&'a Digest> {
    match scope {
        DigestScope::Rule(rule) => configuration.rules.get(rule)?.digest.as_ref(),
        DigestScope::Category(category) => configuration.categories.get(category)?.digest.as_ref(),
    }
}

/// A notification that is held joins the open digest of its scope, or opens one.
pub(super) fn join(work: &mut Work<'_>, id: &NotificationId, scope: DigestScope) {
    let row = work.notification(id).expect("it was made above");
    let person = row.person.clone();
    let key = match &scope {
        DigestScope::Rule(_) => row.keys.digest.clone().unwrap_or_default(),
        DigestScope::Category(_) => Box::default(),
    };
    let configuration = Arc::clone(&work.live(&person.project).configuration);
    let Some(settings) = settings(&configuration, &scope) else { return };
    let mut digest = work.digest(&person, &scope, &key).cloned().unwrap_or_else(|| OpenDigest {
        id: NotificationId::from(work.id()),
        opened_at: work.now(),
        due: closes_at(work, settings, &person, &configuration),
        person: person.clone(),
        scope,
        key,
        members: 0,
    });
    digest.members += 1;
    let full = settings.max.is_some_and(|max| digest.members >= max);
    if full {
        digest.due = work.now();
    }
    let (digest_id, due) = (digest.id.clone(), digest.due);
    work.set_digest(digest);
    if full {
        work.at_once(DueRow { key: due_key(&digest_id), person, at: due });
    }
    let stopped = Stopped { gate: Some(Gate::Digest), reason: Reason::Digest, text: None };
    let row = work.notification_mut(id);
    row.digest = Some(digest_id);
    row.due = Some(due);
    row.stopped = Some(stopped);
    let mut entry = Entry::decided(work.now(), Gate::Digest, Verdict::Hold, Reason::Digest);
    (entry.kind, entry.due) = (StoryKind::Held, Some(due));
    work.tell(id, entry);
}

fn closes_at(
    work: &Work<'_>,
    settings: &Digest,
    person: &PersonKey,
    configuration: &Configuration,
) -> Timestamp {
    match &settings.trigger {
        DigestTrigger::Window(window) => work.now().plus_millis(window.as_millis()),
        DigestTrigger::At { days, time } => {
            let zone = plan::zone_of(work.person(person), configuration);
            calendar::next_time(work.now(), days.iter().copied().collect(), *time, &zone)
        }
    }
}

/// What has to be read before a digest closes.
pub(super) fn needs(digest: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::DigestById(digest.clone()), Need::DigestMembers(digest.clone())];
    for member in work.members(digest) {
        needs.extend(advance::redecide_needs(&member, work));
    }
    needs
}

/// A digest closes: its survivors become one notification, or the lone one itself.
pub(super) fn close(work: &mut Work<'_>, digest: &NotificationId) {
    let Some(open) = work.digest_by_id(digest).cloned() else { return };
    let mut survivors = Vec::new();
    for member in work.members(digest) {
        if expire::if_passed(work, &member) {
            continue;
        }
        match survives(work, &member) {
            Ok(subject) => survivors.push((member, subject)),
            Err(Some(stopped)) => work.shift(&member, NotificationState::Suppressed, Some(stopped)),
            Err(None) => work.shift(&member, NotificationState::Suppressed, Some(propose::rule_gone())),
        }
    }
    match survivors.as_slice() {
        [] => work.close_digest(&open.person, &open.scope, &open.key),
        [(member, subject)] => close_alone(work, &open, member, subject),
        several => close_several(work, &open, several),
    }
}

/// Whether a member passes the gates that are its own; the reason if not, or none if its rule is gone.
fn survives(work: &Work<'_>, member: &NotificationId) -> Result<Subject, Option<Stopped>> {
    let row = work.notification(member).expect("it was found above");
    let subject = advance::subject_of(work, row).ok_or(None)?;
    let standing = Standing { id: member, created_at: row.created_at, keys: &row.keys, phase: Phase::Member };
    match subject.decide(work, &row.person, &standing, None).outcome {
        Outcome::Survives => Ok(subject),
        Outcome::Stop(stopped) | Outcome::Fail(stopped) => Err(Some(stopped)),
        Outcome::Hold { .. } | Outcome::Collect(_) | Outcome::Go { .. } => {
            unreachable!("a member is asked neither for its time nor for its words")
        }
    }
}

fn close_alone(work: &mut Work<'_>, open: &OpenDigest, member: &NotificationId, subject: &Subject) {
    let row = work.notification(member).expect("it survived");
    let standing = Standing {
        id: member,
        created_at: row.created_at,
        keys: &row.keys,
        phase: phase_of(open, row.deferrals),
    };
    let plan = subject.decide(work, &open.person, &standing, None);
    match plan.outcome {
        Outcome::Hold { stopped, due, deferred } => {
            let held = Waits { stopped, due, deferred };
            wait(work, open, std::slice::from_ref(member), &held);
        }
        Outcome::Stop(_)
        | Outcome::Fail(_)
        | Outcome::Collect(_)
        | Outcome::Survives
        | Outcome::Go { .. } => {
            work.close_digest(&open.person, &open.scope, &open.key);
            advance::apply(work, subject, member, plan);
        }
    }
}

fn phase_of(open: &OpenDigest, deferrals: u8) -> Phase {
    Phase::Digest { deferrals, overflow: matches!(open.scope, DigestScope::Category(_)) }
}

/// Why and until when a digest waits after it was due.
struct Waits {
    stopped: Stopped,
    due: Timestamp,
    deferred: bool,
}

/// The digest waits on; its members wait with it, and their stories say for what.
fn wait(work: &mut Work<'_>, open: &OpenDigest, members: &[NotificationId], held: &Waits) {
    work.set_digest(OpenDigest { due: held.due, ..open.clone() });
    for member in members {
        let row = work.notification_mut(member);
        row.due = Some(held.due);
        row.deferrals += u8::from(held.deferred);
        row.stopped = Some(held.stopped.clone());
        let mut entry = Entry::new(work.now(), StoryKind::Held);
        (entry.gate, entry.verdict) = (held.stopped.gate, Some(Verdict::Hold));
        (entry.reason, entry.text) = (Some(held.stopped.reason), held.stopped.text.clone());
        entry.due = Some(held.due);
        work.tell(member, entry);
    }
}

/// The digest cannot be put into words. Nothing of it is sent, and each member can be replayed: it is collected anew.
fn fail(work: &mut Work<'_>, open: &OpenDigest, members: &[NotificationId], stopped: &Stopped) {
    work.close_digest(&open.person, &open.scope, &open.key);
    for member in members {
        work.notification_mut(member).digest = None;
        work.shift(member, NotificationState::Failed, Some(stopped.clone()));
    }
}

fn close_several(work: &mut Work<'_>, open: &OpenDigest, members: &[(NotificationId, Subject)]) {
    let (last, last_subject) = members.last().expect("there are several");
    let subject = digest_subject(work, open, last_subject);
    let ids: Vec<NotificationId> = members.iter().map(|(id, _)| id.clone()).collect();
    let deferrals =
        ids.iter().filter_map(|id| work.notification(id)).map(|row| row.deferrals).max().unwrap_or(0);
    let rows = ids.iter().filter_map(|id| work.notification(id));
    let tags = learning::tags_of_all(rows);
    // What its last event would be a success of, the digest is sent for.
    let conversion = work.notification(last).and_then(|row| row.keys.conversion.clone());
    let keys = Keys { tags, conversion, ..Keys::default() };
    let standing =
        Standing { id: &open.id, created_at: work.now(), keys: &keys, phase: phase_of(open, deferrals) };
    let items = members.iter().take(ITEMS_MAX).map(|(_, subject)| template::DigestItem {
        data: subject.body.data.clone(),
        event: (*subject.root).clone(),
    });
    let scope = template::DigestScope { count: members.len() as u64, items: items.collect() };
    let Plan { told, outcome } = subject.decide(work, &open.person, &standing, Some(&scope));
    match outcome {
        Outcome::Hold { stopped, due, deferred } => wait(work, open, &ids, &Waits { stopped, due, deferred }),
        Outcome::Fail(stopped) => fail(work, open, &ids, &stopped),
        outcome @ (Outcome::Stop(_) | Outcome::Collect(_) | Outcome::Survives | Outcome::Go { .. }) => {
            let expires_at =
                ids.iter().filter_map(|id| work.notification(id)).map(|row| row.expires_at).max();
            let mut notification: Notification = propose::blank(work, &subject, &open.person, &open.id, keys);
            notification.cause.digest = true;
            notification.cause.event = work.notification(last).expect("it survived").cause.event.clone();
            notification.digest = Some(open.id.clone());
            notification.expires_at = expires_at.unwrap_or(notification.expires_at);
            work.close_digest(&open.person, &open.scope, &open.key);
            propose::apply_new(work, &subject, notification, Plan { told, outcome });
            merge(work, &ids, &open.id);
        }
    }
}

fn merge(work: &mut Work<'_>, members: &[NotificationId], digest: &NotificationId) {
    let ended = work.notification(digest).map(|row| (row.state, row.stopped.clone()));
    for member in members {
        // A digest that was stopped takes its members with it; their own stories say so.
        let (state, stopped) = match &ended {
            Some((NotificationState::Suppressed, Some(stopped))) => {
                (NotificationState::Suppressed, stopped.clone())
            }
            Some(_) | None => (
                NotificationState::Merged,
                Stopped {
                    gate: None,
                    reason: Reason::Digest,
                    text: Some(format!("merged into {digest}").into()),
                },
            ),
        };
        work.shift(member, state, Some(stopped));
    }
}

/// The digest as a subject: its last member's event sets the data.
fn digest_subject(work: &Work<'_>, open: &OpenDigest, last: &Subject) -> Subject {
    let live = work.live(&open.person.project);
    let configuration = &live.configuration;
    let template = settings(configuration, &open.scope).and_then(|settings| settings.template.as_ref());
    let words = template
        .and_then(|name| configuration.templates.get(name))
        .map(|template| OwnedWords::Template(Arc::clone(template)));
    let mut subject = match &last.rule {
        Some(rule) => {
            let stated = Stated {
                event: last.event.clone(),
                body: Arc::clone(&last.body),
                root: Arc::clone(&last.root),
                sandbox: last.sandbox,
            };
            let given = last.variant.as_ref().map(|chosen| &*chosen.name);
            Subject::of_rule(work, &stated, rule, &open.person, given, work.now())
        }
        None => last.clone(),
    };
    if let Some(words) = words {
        // A digest with words of its own says none of the variants.
        (subject.words, subject.variant, subject.trial) = (words, None, None);
    }
    subject
}

/// The row of work of a digest.
pub(super) fn due_key(digest: &NotificationId) -> DueKey {
    DueKey::Digest(digest.clone())
}
