//! Caps, quiet hours, pauses, once-keys and consent, each counted in the most naive way there is.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use tidings_core::model::{Changes, FeedKind, Notification, PersonKey};
use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{Channel, Decision, NotificationId, NotificationState, Priority, Reason, Timestamp};

use super::people::PersonSeen;
use super::{Oracle, is_replayed};
use crate::documents::{self, QUIET, Scope, ZONE};

/// A notification that left its holds.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) person: PersonKey,
    id: NotificationId,
    category: String,
    /// The dates under which it counts, for the project and for its category.
    days: [jiff::civil::Date; 2],
    once: Option<(String, String)>,
    /// It is a digest, or was alone in one.
    gathered: bool,
    /// It ended unseen in a later commit, and what it took was given back. The date that it began stays begun.
    given_back: bool,
}

impl Release {
    const fn day(&self, scope: Scope) -> jiff::civil::Date {
        match scope {
            Scope::Project => self.days[0],
            Scope::Category => self.days[1],
        }
    }
}

/// How far two nodes' clocks may be apart, in milliseconds.
const CLOCKS_APART: i64 = 60_000;

type People = BTreeMap<PersonKey, PersonSeen>;

impl Oracle {
    pub(super) fn check_release(
        &mut self,
        old: Option<&Notification>,
        new: &Notification,
        before: &People,
        changes: &Changes,
    ) {
        let given_back = new.state == NotificationState::Suppressed;
        for release in self.releases.iter_mut().filter(|release| given_back && release.id == new.id) {
            release.given_back = true;
        }
        let released = new.released_at.filter(|_| old.is_none_or(|old| old.released_at.is_none()));
        let Some(at) = released else { return };
        let category = new.category.as_str();
        // What nothing carries ends in the commit that released it: it counts for nothing and begins no date.
        if given_back || documents::is_essential(category) {
            return;
        }
        let views = self.views(&new.person, before);
        let twice = changes.feed.iter().filter(|entry| {
            entry.recipient == new.person.recipient
                && matches!(entry.kind, FeedKind::PreferenceChanged | FeedKind::ConsentChanged)
        });
        // Two changes in one transaction may have had another state between them.
        if twice.count() < 2 && new.priority != Priority::Urgent {
            let quiet =
                views.iter().all(|seen| views.iter().all(|zone| is_quiet(seen.quiet.as_ref(), zone, at)));
            self.hold(!quiet, || format!("{} is released in quiet hours at {at}", new.id));
            let paused = views.iter().all(|seen| seen.paused_until.is_some_and(|until| at < until));
            self.hold(!paused, || format!("{} is released in a pause at {at}", new.id));
        }
        let zone = views.last().and_then(|seen| seen.zone.clone());
        let date = local(zone.as_deref(), at).date();
        // A calendar never turns back: who flies west over midnight is still in the day that was begun.
        let days = [Scope::Project, Scope::Category].map(|scope| {
            let earlier = self.counted(&new.person, scope, category, &new.id).map(|other| other.day(scope));
            earlier.max().map_or(date, |latest| latest.max(date))
        });
        let once = once_key(new);
        let release = Release {
            person: new.person.clone(),
            id: new.id.clone(),
            category: category.to_owned(),
            days,
            once,
            gathered: new.cause.digest || new.digest.is_some(),
            given_back: false,
        };
        self.check_once(&release);
        if !is_replayed(new) {
            self.check_caps(&release, new.configuration);
            self.releases.push(release);
        }
    }

    /// A step that repeats waits its time before each further round.
    pub(super) fn check_repeat(&mut self, old: Option<&Notification>, new: &Notification) {
        let Some(old) = old.filter(|old| old.repeats < new.repeats) else { return };
        let again = new.told.iter().find(|line| line.reason == Some(Reason::Repeated));
        let (Some(again), Some(released)) = (again, new.released_at) else { return };
        let rounds = i64::from(old.repeats) + 1;
        let least = released.plus_millis(rounds * documents::REPEAT_EVERY - CLOCKS_APART);
        self.hold(again.at >= least, || format!("{} is repeated at {}, before {least}", new.id, again.at));
    }

    /// What was known of a recipient before the transaction, and what is known after it.
    pub(super) fn views(&self, person: &PersonKey, before: &People) -> Vec<PersonSeen> {
        before.get(person).into_iter().chain(self.people.get(person)).cloned().collect()
    }

    fn check_once(&mut self, release: &Release) {
        let Some(key) = &release.once else { return };
        let same = |other: &&Release| {
            other.person == release.person
                && other.once.as_ref() == Some(key)
                && other.id != release.id
                && !other.given_back
        };
        let other = self.releases.iter().find(same).map(|other| other.id.clone());
        self.hold(other.is_none(), || format!("{} and {other:?} tell {key:?} twice", release.id));
    }

    /// What counted before under a scope, what was given back too.
    fn counted(
        &self,
        person: &PersonKey,
        scope: Scope,
        category: &str,
        but: &NotificationId,
    ) -> impl Iterator<Item = &Release> {
        self.releases.iter().filter(move |other| {
            other.person == *person
                && other.id != *but
                && (scope == Scope::Project || other.category == category)
        })
    }

    fn check_caps(&mut self, release: &Release, version: u64) {
        for limit in documents::caps(&release.category, version) {
            let day = release.day(limit.scope);
            let counted = || self.counted(&release.person, limit.scope, &release.category, &release.id);
            let others = || counted().filter(|other| !other.given_back);
            let days = 1 + others().filter(|other| other.day(limit.scope) == day).count();
            let weeks = 1 + others().filter(|other| monday(other.day(limit.scope)) == monday(day)).count();
            // One digest a period goes beyond a cap that collects into it.
            let more = usize::from(release.gathered && limit.collects);
            let over = limit.day.is_some_and(|most| days > most + more)
                || limit.week.is_some_and(|most| weeks > most + more);
            self.hold(!over, || {
                format!(
                    "{} is number {days} of the day and {weeks} of the week in {:?} of {}, over {limit:?}",
                    release.id, limit.scope, release.category
                )
            });
        }
    }

    pub(super) fn check_placed(
        &mut self,
        old: Option<&Notification>,
        new: &Notification,
        before: &People,
        changes: &Changes,
    ) {
        let was = old.and_then(|old| old.created_seq);
        let (None, Some(_)) = (was, new.created_seq) else { return };
        let category = new.category.as_str();
        if documents::is_essential(category) {
            return;
        }
        let key = (new.category.clone(), Channel::Inapp);
        let views = self.views(&new.person, before);
        let said = |seen: &PersonSeen| seen.consents.get(&key).copied();
        let between = changes.consent_entries.iter().any(|(person, entry)| {
            *person == new.person && entry.category == new.category && entry.decision == Decision::Granted
        });
        let allowed = |seen: &PersonSeen| match said(seen) {
            Some(Decision::Granted) => true,
            Some(Decision::Refused | Decision::Withdrawn) => false,
            None => !documents::needs_grant(category, Channel::Inapp, new.configuration),
        };
        self.hold(between || views.iter().any(allowed), || format!("{} is placed without consent", new.id));
        let wanted = views.iter().any(|seen| !seen.off.contains(&key));
        self.hold(wanted, || format!("{} is placed although {category} is switched off", new.id));
    }
}

fn once_key(row: &Notification) -> Option<(String, String)> {
    let value = row.keys.once.as_deref()?;
    Some((row.cause.rule.as_ref()?.to_string(), value.to_owned()))
}

fn monday(day: jiff::civil::Date) -> jiff::civil::Date {
    let back = i64::from(day.weekday().to_monday_zero_offset());
    day.checked_sub(jiff::Span::new().days(back)).expect("no date here is near the end of time")
}

pub(super) fn local(zone: Option<&str>, at: Timestamp) -> jiff::civil::DateTime {
    let zone = TimeZone::get(zone.unwrap_or(ZONE)).expect("every zone of the simulation is known");
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).expect("within range");
    zone.to_datetime(instant)
}

/// Whether the clock on the recipient's wall shows a time inside a quiet span.
pub(super) fn is_quiet(own: Option<&QuietHoursItem>, zone: &PersonSeen, at: Timestamp) -> bool {
    let own_zone = own.and_then(|own| own.time_zone.as_deref());
    let time = local(own_zone.or(zone.zone.as_deref()), at).time();
    let minute = u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs());
    let inside = |from: u32, to: u32| {
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    };
    match own {
        Some(own) => own.spans.iter().any(|span| inside(minutes(&span.from), minutes(&span.to))),
        None => inside(QUIET.0, QUIET.1),
    }
}

fn minutes(text: &str) -> u32 {
    let (hour, minute) = text.split_once(':').expect("the simulation writes times so");
    hour.parse::<u32>().expect("an hour") * 60 + minute.parse::<u32>().expect("a minute")
}
