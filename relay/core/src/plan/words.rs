//! The last two gates: which channels carry it, and can it be put into words.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_protocol::item::{ActionItem, ContentItem};
use tidings_protocol::{Channel, Gate, Reason};

use super::{Asking, Ends, Outcome, Words, zone_of};
use crate::cap::CapScope;
use crate::configuration::Configuration;
use crate::model::{DigestScope as DigestOf, Person, PlannedStep, Stopped};
use crate::template::{Content, DigestScope, Forms, Locale, RenderError, RenderScope, Template};

impl Asking<'_> {
    pub(super) fn channel_plan(&mut self, steps: &[PlannedStep]) -> Ends {
        let reaches = |step: &PlannedStep| step.linked || step.channels.contains(&Channel::Inapp);
        if steps.iter().any(reaches) {
            return self.pass(Gate::ChannelPlan, Reason::Planned);
        }
        // Channels beside the inbox have no providers yet: each of their deliveries is suppressed, which the act that
        // follows the plan writes down. The notification itself goes on, to end as suppressed.
        self.pass(Gate::ChannelPlan, Reason::NoProvider)
    }

    /// It joins a digest. The sandbox has none: its members would be sent with those that are live.
    pub(super) fn collect(&mut self, scope: DigestOf) -> Outcome {
        if !self.proposal.sandbox {
            return Outcome::Collect(scope);
        }
        let of = match scope {
            DigestOf::Rule(rule) => format!("rule {rule}"),
            DigestOf::Category(category) => format!("category {category}"),
        };
        let text = format!("the sandbox collects nothing: it would wait for the digest of {of}");
        Outcome::Stop(self.halted(Gate::Digest, Reason::Sandbox, Some(text)))
    }

    pub(super) fn words(&mut self, steps: Vec<PlannedStep>, scopes: Vec<CapScope>) -> Outcome {
        let proposal = self.proposal;
        let rendered = match proposal.words {
            Words::Literal(content) => Ok(Arc::clone(content)),
            Words::Template(template) => {
                let scope = Rendering {
                    template,
                    configuration: proposal.configuration,
                    data: proposal.data,
                    event: proposal.event,
                    digest: proposal.digest,
                };
                render(&scope, self.person)
                    .map(|(content, _)| Arc::new(content))
                    .map_err(|error| error.to_string())
            }
            Words::Gone => Err("its template is not in the configuration any more".to_owned()),
        };
        match rendered {
            Ok(content) => {
                self.pass(Gate::Render, Reason::Rendered);
                if proposal.sandbox {
                    let text = "the sandbox does everything but the hand-over".to_owned();
                    return Outcome::Stop(self.halted(Gate::ChannelPlan, Reason::Sandbox, Some(text)));
                }
                Outcome::Go { steps, scopes, content, unreached: self.unreached.take() }
            }
            Err(detail) => {
                let Stopped { gate, reason, text } =
                    self.halted(Gate::Render, Reason::Template, Some(detail));
                Outcome::Fail(Stopped { gate, reason, text })
            }
        }
    }
}

/// What a template is rendered with.
struct Rendering<'a> {
    template: &'a Template,
    configuration: &'a Configuration,
    data: &'a Value,
    event: &'a Value,
    digest: Option<&'a DigestScope>,
}

/// Renders the inbox's form in the recipient's language; answers the language too.
fn render(rendering: &Rendering<'_>, person: &Person) -> Result<(ContentItem, Locale), RenderError> {
    let project = &rendering.configuration.project;
    let recipient = person.recipient.as_ref();
    let wanted = recipient.and_then(|recipient| recipient.locale.as_deref()).and_then(|tag| tag.parse().ok());
    let chosen = rendering.template.choose(wanted.as_ref(), &project.locale);
    let (locale, forms) = chosen.expect("the check refuses a template without any locale");
    let zone = zone_of(person, rendering.configuration);
    let event = with_data(rendering, forms);
    let scope = RenderScope {
        data: rendering.data,
        event: event.as_ref().unwrap_or(rendering.event),
        recipient: &recipient_root(person),
        project: &json!({"name": project.name, "locale": project.locale.as_str(), "currency": project.currency}),
        digest: rendering.digest,
        zone: zone.name(),
        locale,
    };
    forms.content(&scope).map(|content| (item_of(content), locale.clone()))
}

/// `event.data` is the same as `data`. It is copied in only for the rare text that asks for it that way.
fn with_data(rendering: &Rendering<'_>, forms: &Forms) -> Option<Value> {
    let asks = forms.texts().any(|text| text.fields().iter().any(|field| field.starts_with("event.data")));
    asks.then(|| {
        let mut event = rendering.event.clone();
        event["data"] = rendering.data.clone();
        event
    })
}

/// The recipient as CEL and templates see it.
pub(crate) fn recipient_root(person: &Person) -> Value {
    let recipient = person.recipient.as_ref();
    json!({
        "id": person.key.recipient.as_str(),
        "attributes": recipient.map_or_else(|| json!({}), |recipient| recipient.attributes.clone()),
        "time_zone": recipient.and_then(|recipient| recipient.time_zone.as_deref()),
        "locale": recipient.and_then(|recipient| recipient.locale.as_deref()),
        "interests": {},
    })
}

fn item_of(content: Content) -> ContentItem {
    let action = |action: crate::template::ContentAction| ActionItem {
        id: action.id,
        label: action.label,
        link: action.link,
        acknowledges: action.acknowledges,
    };
    ContentItem {
        title: content.title,
        body: content.body,
        link: content.link,
        icon: content.icon,
        image: content.image,
        actions: content.actions.into_iter().map(action).collect(),
    }
}
