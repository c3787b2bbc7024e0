//! Notifications as they are read, taken back and replayed; deliveries.

use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tidings_core::act::{Act, Answer};
use tidings_core::model::{Delivery, Entry, Event, Notification};
use tidings_core::ports::{DeliveryFilter, EventRef, NotificationFilter};
use tidings_protocol::http::{
    ContentBody, DeliveryResponse, EventName, NotificationResponse, Page, ReplayedResponse, ReplaysResponse,
    StoryEntry, StoryResponse,
};
use tidings_protocol::limits::LIST_LIMIT_MAX;
use tidings_protocol::{
    Channel, DeliveryState, EventId, NotificationId, ProjectId, Reason, RecipientId, Timestamp,
};

use super::answer::{Answered, act};
use super::body::Sent;
use super::problem::Problem;
use super::query::{Query, next};
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who};
use super::wording::{by_contract, held_by, sentence, stopped_by};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

const FILTER: [&str; 10] =
    ["recipient", "event", "source", "category", "rule", "state", "since", "until", "limit", "after"];

const DELIVERY_FILTER: [&str; 9] =
    ["state", "channel", "provider", "recipient", "reason", "since", "until", "limit", "after"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/notifications", Who::Key(Scope::Read), list, |call| {
            call.about("Notifications, newest first, stopped ones too.")
                .query(&[
                    ("recipient", "Only this recipient's"),
                    ("event", "Only of this event or send, by the relay's id or the event's own"),
                    ("source", "Where the event comes from, if its own id is not the only one"),
                    ("category", "Only of this category"),
                    ("rule", "Only of this rule"),
                    ("state", "Only in this state"),
                    ("since", "Made at or after"),
                    ("until", "Made before"),
                    ("limit", "1 to 500, default 50"),
                    ("after", "next of the page before"),
                ])
                .page::<NotificationResponse>("A page")
        })
        .get("/v1/notifications/{id}", Who::Key(Scope::Read), show, |call| {
            call.about("The story of a notification.")
                .answer::<StoryResponse>(200, "Every decision, in order")
        })
        .delete("/v1/notifications/{id}", Who::Key(Scope::Send), retract, |call| {
            call.about("Takes a notification back.").answer::<ReplayedResponse>(200, "Where it stands")
        })
        .post("/v1/notifications/{id}/replay", Who::Key(Scope::Send), replay, |call| {
            call.about("Revives a notification that failed.")
                .answer::<ReplayedResponse>(202, "Where it stands")
        })
        .get("/v1/deliveries", Who::Key(Scope::Read), deliveries, |call| {
            call.about("Deliveries, newest first; state=dead are the dead letters.")
                .query(&[
                    ("state", "Only in this state"),
                    ("channel", "Only on this channel"),
                    ("provider", "Only those that this provider has, or had last"),
                    ("recipient", "Only this recipient's"),
                    ("reason", "Only those that stand there for this reason"),
                    ("since", "Made at or after"),
                    ("until", "Made before"),
                    ("limit", "1 to 500"),
                    ("after", "next of the page before"),
                ])
                .page::<DeliveryResponse>("A page")
        })
        .post("/v1/deliveries/{id}/replay", Who::Key(Scope::Send), replay_delivery, |call| {
            call.about("Revives a dead delivery.").answer::<ReplaysResponse>(202, "How many were revived")
        })
        .post("/v1/deliveries/replay", Who::Key(Scope::Send), replay_deliveries, |call| {
            call.about(
                "Revives every dead delivery that the filter in the body names, in the words of the list: {\"state\": \"dead\", \"provider\": \"sms_a\"}.",
            )
            .answer::<ReplaysResponse>(202, "How many were revived")
        })
}

/// The place of a notification in the list: its time and id.
struct Place(Timestamp, NotificationId);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        let at = at.parse().map_err(|_| ())?;
        Ok(Self(Timestamp::from_millis(at), NotificationId::new(id).map_err(|_| ())?))
    }
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&FILTER)?;
    let limit = query.limit()?;
    let filter = NotificationFilter {
        recipient: query.parsed("recipient")?,
        event: event_of(&app, &caller.project, &query).await?,
        category: query.parsed("category")?,
        rule: query.parsed("rule")?,
        state: query.parsed("state")?,
        since: query.instant("since")?,
        until: query.instant("until")?,
        before: query.after::<Place>()?.map(|Place(at, id)| (at, id)),
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    let mut rows = app.ports.stories.notifications(&caller.project, &filter).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let place = rows.last().map(|row| next(format!("{} {}", row.created_at.as_millis(), row.id)));
    let items = rows.iter().map(item).collect();
    Ok(Answered::ok(&Page { items, next: place.filter(|_| more) }).response())
}

/// The event that a query names, by the relay's id or by its own. An id that nobody knows stands for itself: it has no
/// notifications.
async fn event_of(app: &App, project: &ProjectId, query: &Query) -> Result<Option<EventId>, Box<Problem>> {
    let source = query.text("source");
    let Some(id) = query.parsed::<EventId>("event")? else {
        return match source {
            None => Ok(None),
            Some(_) => Err(Problem::invalid("?source", "source goes with event: name the event's own id.")),
        };
    };
    if source.is_none() && app.ports.stories.event(project, &EventRef::Id(id.clone())).await?.is_some() {
        return Ok(Some(id));
    }
    let mut named = app.ports.stories.events_named(project, id.as_str()).await?;
    if let Some(source) = source {
        named.retain(|(from, _)| from.as_deref() == Some(source));
    }
    if named.len() > 1 {
        let from: Vec<&str> = named.iter().map(|(from, _)| from.as_deref().unwrap_or("none")).collect();
        let detail =
            format!("Several sources have an event {id}: name one with source ({}).", from.join(", "));
        return Err(Problem::invalid("?source", detail));
    }
    Ok(Some(named.pop().map_or(id, |(_, event)| event)))
}

pub(super) fn item(row: &Notification) -> NotificationResponse {
    NotificationResponse {
        id: row.id.clone(),
        recipient: row.person.recipient.clone(),
        rule: row.cause.rule.clone(),
        category: row.category.clone(),
        priority: row.priority,
        state: row.state,
        stopped_by: stopped_by(row.state, row.stopped.as_ref()),
        held_by: held_by(row.state, row.stopped.as_ref()),
        due: row.due,
        event: row.cause.event.clone(),
        created_at: row.created_at,
    }
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<NotificationId>,
) -> Result<Response, Box<Problem>> {
    let story = read_story(&app, &caller.project, &id).await?;
    let (story, _) = story.ok_or_else(|| Problem::not_found("notification", id.as_str()))?;
    Ok(Answered::ok(&story).response())
}

/// A notification's story, with the row itself.
pub(super) async fn read_story(
    app: &App,
    project: &ProjectId,
    id: &NotificationId,
) -> Result<Option<(StoryResponse, Notification)>, Box<Problem>> {
    let Some((row, entries, deliveries)) = app.ports.stories.story(project, id).await? else {
        return Ok(None);
    };
    let event = app.ports.stories.event(project, &EventRef::Id(row.cause.event.clone())).await?;
    let mut story = story(&row, &entries, &deliveries, event.as_ref());
    let configuration = app.live(project).await?;
    let category = configuration.categories.get(&row.category);
    let name = category.and_then(|category| category.name.get(&configuration.project.locale));
    let name = name.map_or(row.category.as_str(), String::as_str);
    for entry in story.timeline.iter_mut().filter(|entry| entry.reason == Some(Reason::ServiceBasisContract))
    {
        entry.text = Some(by_contract(name));
    }
    Ok(Some((story, row)))
}

pub(super) fn story(
    row: &Notification,
    entries: &[Entry],
    deliveries: &[Delivery],
    event: Option<&Event>,
) -> StoryResponse {
    let inapp = inapp_delivery(row).into_iter();
    StoryResponse {
        id: row.id.clone(),
        recipient: row.person.recipient.clone(),
        category: row.category.clone(),
        priority: row.priority,
        rule: row.cause.rule.clone(),
        state: row.state,
        stopped_by: stopped_by(row.state, row.stopped.as_ref()),
        held_by: held_by(row.state, row.stopped.as_ref()),
        configuration: row.configuration,
        due: row.due,
        created_at: row.created_at,
        expires_at: row.expires_at,
        event: event.map(|event| EventName {
            id: event.body.external_id.as_deref().map(str::to_owned),
            source: event.body.source.as_deref().map(str::to_owned),
            event_type: event.body.event_type.to_string(),
            event: event.id.clone(),
        }),
        variant: row.variant.as_deref().map(str::to_owned),
        converted_at: row.flags.converted_at,
        content: row.content.as_deref().map(ContentBody::from),
        deliveries: inapp.chain(deliveries.iter().map(delivery)).collect(),
        timeline: entries.iter().map(entry).collect(),
    }
}

/// The delivery in the inbox, which has no row of its own.
fn inapp_delivery(row: &Notification) -> Option<DeliveryResponse> {
    let inapp = row.inapp?;
    Some(DeliveryResponse {
        id: row.inapp_id().into(),
        notification: row.id.clone(),
        recipient: row.person.recipient.clone(),
        channel: Channel::Inapp,
        state: inapp.state,
        reason: None,
        provider: None,
        attempts: 0,
        code: None,
        due: None,
        made_at: inapp.made_at,
        changed_at: inapp.changed_at,
    })
}

fn entry(entry: &Entry) -> StoryEntry {
    StoryEntry {
        at: entry.at,
        kind: entry.kind,
        gate: entry.gate,
        verdict: entry.verdict,
        reason: entry.reason,
        due: entry.due,
        delivery: entry.delivery.as_deref().map(str::to_owned),
        channel: entry.channel,
        provider: entry.provider.as_deref().map(str::to_owned),
        attempt: entry.attempt,
        state: entry.state.map(str::to_owned),
        step: entry.step,
        receipt: entry.receipt,
        action: entry.action.as_deref().map(str::to_owned),
        device: entry.device.clone(),
        text: entry.text.as_deref().or_else(|| entry.reason.map(sentence)).map(str::to_owned),
    }
}

fn delivery(row: &Delivery) -> DeliveryResponse {
    let way = row.way.as_deref();
    let waits = row.state == DeliveryState::Waiting;
    DeliveryResponse {
        provider: way.map(|way| way.provider.to_string()),
        attempts: way.map_or(0, |way| way.attempts),
        code: way.and_then(|way| way.code.as_deref()).map(str::to_owned),
        due: way.filter(|_| waits).map(|way| way.due),
        id: row.id.to_string(),
        notification: row.notification.clone(),
        recipient: row.person.recipient.clone(),
        channel: row.channel,
        state: row.state,
        reason: row.reason,
        made_at: row.made_at,
        changed_at: row.changed_at,
    }
}

async fn retract(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<NotificationId>,
) -> Result<Response, Box<Problem>> {
    Ok(act(&app, &caller, None, Act::Retract(id), standing(StatusCode::OK)).await?.response())
}

async fn replay(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<NotificationId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let answered = act(&app, &caller, Some(&sent), Act::Replay(id), standing(StatusCode::ACCEPTED)).await?;
    Ok(answered.response())
}

fn standing(status: StatusCode) -> impl Fn(&Answer) -> Answered + Send + Sync + 'static {
    move |answer| {
        let Answer::Notification { id, state, too_late } = answer else { return Answered::nothing() };
        Answered::new(status, &ReplayedResponse { id: id.clone(), state: *state, too_late: *too_late })
    }
}

async fn deliveries(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&DELIVERY_FILTER)?;
    let limit = query.limit()?;
    let filter = DeliveryFilter {
        state: query.parsed("state")?,
        channel: query.parsed("channel")?,
        provider: query.parsed::<String>("provider")?.map(Into::into),
        recipient: query.parsed("recipient")?,
        reason: query.parsed("reason")?,
        since: query.instant("since")?,
        until: query.instant("until")?,
        before: query.after::<String>()?.map(Into::into),
        limit: limit + 1,
    };
    let mut rows: Vec<(Box<str>, DeliveryResponse)> = Vec::new();
    if filter.channel != Some(Channel::Inapp) {
        let found = app.ports.stories.deliveries(&caller.project, &filter).await?;
        rows.extend(found.iter().map(|row| (row.id.clone(), delivery(row))));
    }
    // The inbox has no provider, and what stands there needs no reason.
    let inbox = filter.channel.is_none_or(|channel| channel == Channel::Inapp);
    if inbox && filter.provider.is_none() && filter.reason.is_none() {
        let upto = filter.before.as_deref().and_then(made_at).unwrap_or(Timestamp::MAX);
        let found = app.ports.stories.inapp_deliveries(&caller.project, &filter, upto).await?;
        rows.extend(found.iter().filter_map(|row| Some((row.id.as_str().into(), inapp_delivery(row)?))));
    }
    // Ids begin with the time at which they were made.
    rows.sort_by(|(one, _), (other, _)| other.cmp(one));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let place = rows.last().map(|(id, _)| next(id)).filter(|_| more);
    Ok(Answered::ok(&Page { items: rows.into_iter().map(|(_, row)| row).collect(), next: place }).response())
}

/// When an id was made, if it is one of the relay's own (UUIDv7: its first 48 bits are milliseconds).
fn made_at(id: &str) -> Option<Timestamp> {
    let id = uuid::Uuid::parse_str(id).ok().filter(|id| id.get_version_num() == 7)?;
    Some(Timestamp::from_millis(i64::try_from(id.as_u128() >> 80).ok()?))
}

/// Which dead deliveries to revive.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReplayFilter {
    state: Option<DeliveryState>,
    channel: Option<Channel>,
    provider: Option<String>,
    recipient: Option<RecipientId>,
    reason: Option<Reason>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

async fn replay_delivery(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let act_body = Act::ReplayDelivery(id.as_str().into());
    Ok(act(&app, &caller, Some(&sent), act_body, replays).await?.response())
}

fn replays(answer: &Answer) -> Answered {
    let revived = matches!(answer, Answer::Delivery { revived: true, .. });
    Answered::new(StatusCode::ACCEPTED, &ReplaysResponse { replayed: u64::from(revived) })
}

async fn replay_deliveries(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let filter: ReplayFilter = sent.json_or_default()?;
    if filter.state.is_some_and(|state| state != DeliveryState::Dead) {
        return Err(Problem::invalid("/state", "Only dead deliveries can be revived."));
    }
    let keeping = match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        channel: filter.channel,
        provider: filter.provider.map(Into::into),
        recipient: filter.recipient,
        reason: filter.reason,
        since: filter.since,
        until: filter.until,
        before: None,
        limit: LIST_LIMIT_MAX,
    };
    let replayed = revive(&app, &caller, filter).await?;
    let answered = Answered::new(StatusCode::ACCEPTED, &ReplaysResponse { replayed });
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

/// Revives dead deliveries, page by page. A revived one is dead no more, so that the call can be repeated until it
/// answers 0.
async fn revive(app: &App, caller: &KeyCaller, mut filter: DeliveryFilter) -> Result<u64, Box<Problem>> {
    let mut replayed = 0;
    loop {
        let rows = app.ports.stories.deliveries(&caller.project, &filter).await?;
        let Some(last) = rows.last() else { return Ok(replayed) };
        filter.before = Some(last.id.clone());
        for row in &rows {
            let answered = act(app, caller, None, Act::ReplayDelivery(row.id.clone()), replays).await?;
            replayed += answered.read::<ReplaysResponse>()?.replayed;
        }
    }
}
