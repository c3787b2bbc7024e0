//! The backend: it asks nodes for acts, and asks again with the same ids until it has an answer.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_core::act::{
    Act, Answer, ConsentRequest, EventAnswer, PreferenceChange, RecipientChange, Refusal, Render, RepeatKey,
    SendTo, Settled, Unit,
};
use tidings_core::model::{DirectSend, EntryHash, EventBody, SendContent};
use tidings_protocol::item::ContentItem;
use tidings_protocol::{EventId, NotificationId, NotificationState, Priority, RecipientId, SendId};

use crate::node::{Reply, answer_word};
use crate::run::{Event, Simulation};

/// After so long without an answer the backend asks again, in milliseconds.
const PATIENCE: i64 = 10_000;

/// What the backend wants, until it is answered.
pub(crate) struct Request {
    act: Act,
    sandbox: bool,
    /// Whether a repetition must not have a second effect.
    keyed: bool,
}

/// What the backend remembers of what it was told, to ask for it later.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) notifications: Vec<NotificationId>,
    pub(crate) failed: Vec<NotificationId>,
    pub(crate) sends: Vec<SendId>,
    pub(crate) events: u64,
}

impl Simulation {
    /// Asks some node, and again until there is an answer.
    pub(crate) fn request(&mut self, act: Act, sandbox: bool) {
        let keyed = matches!(act, Act::Send { .. } | Act::DecideConsent(_));
        self.next_request += 1;
        let id = self.next_request;
        self.world.trace(|| format!("request {id}: {}", act_word(&act)));
        self.requests.insert(id, Request { act, sandbox, keyed });
        self.try_request(id);
        if self.world.fault("request sent twice", 60) {
            self.try_request(id);
        }
    }

    /// One try; does nothing if there was an answer.
    pub(crate) fn try_request(&mut self, id: u64) {
        if !self.requests.contains_key(&id) {
            return;
        }
        let node = self.world.inside().chance.below(self.nodes.len());
        let delay = self.delay();
        let life = self.nodes[node].life;
        if self.nodes[node].up && !self.world.fault("request lost", 40) {
            self.after(delay, Event::Arrive { node, life, request: id });
        }
        self.after(PATIENCE, Event::Retry { request: id });
    }

    pub(crate) fn arrive(&mut self, node: usize, id: u64) {
        let Some(request) = self.requests.get(&id) else { return };
        let repeat = request.keyed.then(|| RepeatKey {
            route: "simulated".into(),
            key: format!("key-{id}").into(),
            fingerprint: [u8::try_from(id % 256).expect("below 256"); 32],
            render: Render(Arc::new(|answer| (202, answered_ids(answer).into()))),
        });
        let unit = Unit {
            project: self.project.clone(),
            sandbox: request.sandbox,
            repeat,
            act: request.act.clone(),
        };
        self.submit(node, unit, Reply::Request(id));
    }

    pub(crate) fn answer_request(&mut self, node: usize, id: u64, settled: &Settled) {
        self.world.trace(|| format!("node {node} answers request {id}: {}", answer_word(&settled.answer)));
        if settled.answer.as_ref().is_err_and(Refusal::is_transient) || self.world.fault("answer lost", 60) {
            // Who was told nothing asks again.
            return;
        }
        if let (Some((_, body)), Ok(_)) = (&settled.replay, &settled.answer) {
            for made in body.split_whitespace() {
                self.note_notification(&made.parse().expect("ids were written"));
            }
        }
        if let Ok(answer) = &settled.answer {
            self.note(answer);
        }
        self.requests.remove(&id);
    }

    fn note(&mut self, answer: &Answer) {
        match answer {
            Answer::Events(events) => {
                for event in events {
                    match event {
                        EventAnswer::Accepted { event, notifications, .. } => {
                            self.oracle.was_accepted(event);
                            for made in notifications {
                                self.note_notification(&made.id);
                                if made.state == NotificationState::Failed {
                                    self.notes.failed.push(made.id.clone());
                                }
                            }
                        }
                        EventAnswer::Duplicate { event } => self.oracle.was_accepted(event),
                        EventAnswer::Refused(_) => {}
                    }
                }
            }
            Answer::Sent { send, notifications, .. } => {
                self.oracle.was_accepted(&EventId::new(send.as_str()).expect("a send's id is an event's"));
                self.notes.sends.push(send.clone());
                for made in notifications {
                    self.note_notification(&made.id);
                }
            }
            Answer::Recipient { .. }
            | Answer::Erased(_)
            | Answer::Consent { .. }
            | Answer::Notification { .. }
            | Answer::Delivery { .. }
            | Answer::SmsHeard { .. }
            | Answer::Handover(_)
            | Answer::SendStopped { .. }
            | Answer::Greeted { .. }
            | Answer::Operated(_)
            | Answer::Done => {}
        }
    }

    fn note_notification(&mut self, id: &NotificationId) {
        self.oracle.was_announced(id);
        self.notes.notifications.push(id.clone());
    }

    /// States a fact.
    pub(crate) fn event(&mut self, event_type: &str, data: Value) {
        self.notes.events += 1;
        let body = EventBody {
            source: Some("shop".into()),
            external_id: Some(format!("e{}", self.notes.events).into()),
            event_type: event_type.into(),
            recipient: None,
            time: self.world.clock(0),
            digest: digest_of(event_type, &data),
            data,
            extensions: json!({}),
            send: None,
        };
        let sandbox = self.world.inside().chance.happens(25);
        self.request(Act::accept(vec![body]), sandbox);
    }

    /// Sends directly.
    pub(crate) fn send(&mut self, category: &str, priority: Option<Priority>, to: SendTo) {
        let (now, number) = (self.world.clock(0), self.next_request);
        let (collapse, delay, expires) = {
            let chance = &mut self.world.inside().chance;
            let collapse = chance.happens(300).then(|| format!("c{}", chance.below(2)).into());
            let delay = chance.happens(100).then(|| now.plus_millis(chance.between(60_000, 7_200_000)));
            let longest = if chance.happens(700) { 600_000 } else { 36_000_000 };
            let expires = chance.happens(450).then(|| now.plus_millis(chance.between(60_000, longest)));
            (collapse, delay, expires)
        };
        let content = ContentItem { title: format!("sent {number}"), ..ContentItem::default() };
        let body = EventBody {
            source: None,
            external_id: None,
            event_type: "tidings.send".into(),
            recipient: None,
            time: now,
            data: json!({}),
            extensions: json!({}),
            digest: EntryHash::default(),
            send: Some(DirectSend {
                category: category.parse().expect("a good id"),
                content: SendContent::Literal(Arc::new(content)),
                priority,
                collapse,
                expires_at: expires,
                deliver: None,
                not_before: delay,
            }),
        };
        self.request(Act::Send { body: Box::new(body), to }, false);
    }
}

/// Two facts are the same if they say the same.
fn digest_of(event_type: &str, data: &Value) -> EntryHash {
    let mut digest = [0_u8; 32];
    for (place, byte) in event_type.bytes().chain(data.to_string().bytes()).enumerate() {
        digest[place % 32] = digest[place % 32].wrapping_mul(31).wrapping_add(byte);
    }
    EntryHash(digest)
}

/// What a stored answer keeps.
fn answered_ids(answer: &Answer) -> String {
    let Answer::Sent { notifications, .. } = answer else { return String::new() };
    notifications.iter().map(|made| made.id.as_str()).collect::<Vec<_>>().join(" ")
}

fn act_word(act: &Act) -> String {
    match act {
        Act::AcceptEvents(bodies) => format!("event {} {}", bodies[0].event_type, bodies[0].data),
        Act::Send { body, to } => {
            format!("send {:?} to {to:?}", body.send.as_ref().map(|send| &send.category))
        }
        Act::PutRecipient(change) => format!("recipient {:?} zone {:?}", change.recipient, change.time_zone),
        Act::Erase(recipient) => format!("erase {recipient}"),
        Act::DecideConsent(request) => {
            format!("consent {} {} {}", request.recipient, request.decision, request.category)
        }
        Act::PutPreferences(change) => format!("preferences {change:?}"),
        Act::PutEndpoint { recipient, channel, .. } => format!("endpoint {recipient} {channel}"),
        Act::PutMembership { recipient, topic, member } => format!("membership {recipient} {topic} {member}"),
        Act::Retract(id) => format!("retract {id}"),
        Act::StopSend(id) => format!("stop {id}"),
        Act::Replay(id) => format!("replay {id}"),
        Act::ReplayDelivery(id) => format!("replay delivery {id}"),
        Act::Report { delivery, report } => format!("report {delivery} {report:?}"),
        Act::HandOver { .. }
        | Act::Conclude { .. }
        | Act::HearSms(_)
        | Act::RemoveEndpoint { .. }
        | Act::Greet { .. }
        | Act::Operate { .. }
        | Act::Advance(_)
        | Act::Expire(..) => "of the relay".to_owned(),
    }
}

/// A recipient with a zone; one that is replaced may also be new.
pub(crate) fn recipient_in(recipient: &RecipientId, zone: &str, replace: bool) -> Act {
    Act::PutRecipient(Box::new(RecipientChange {
        recipient: Some(recipient.clone()),
        replace,
        time_zone: Some(Some(zone.into())),
        ..RecipientChange::default()
    }))
}

/// A decision on consent that the backend brings.
pub(crate) fn consent(recipient: &RecipientId, category: &str, decision: tidings_protocol::Decision) -> Act {
    Act::DecideConsent(Box::new(ConsentRequest {
        recipient: recipient.clone(),
        decision,
        category: category.parse().expect("a good id"),
        channels: Vec::new(),
        policy_version: None,
        text_shown: None,
        collected: None,
    }))
}

/// A change of preferences that the backend brings.
pub(crate) fn preferences(recipient: &RecipientId) -> PreferenceChange {
    PreferenceChange { recipient: Some(recipient.clone()), ..PreferenceChange::default() }
}
