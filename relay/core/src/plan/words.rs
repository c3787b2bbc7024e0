//! The last two gates: which channels carry it, and can it be put into words.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_protocol::item::{ActionItem, ContentItem};
use tidings_protocol::{Channel, Gate, Priority, Reason, Timestamp, Verdict};

use super::forms::{self, ChannelForms};
use super::{Asking, Ends, Outcome, Words, zone_of};
use crate::cap::CapScope;
use crate::configuration::Configuration;
use crate::delivery;
use crate::model::{DigestScope as DigestOf, Entry, Person, PlannedStep, Stopped};
use crate::template::{Content, DigestScope, Forms, Locale, RenderError, RenderScope, Template};

impl Asking<'_> {
    /// Which channels carry it. What is of low priority goes on the cheapest that reaches the recipient, unless its rule
    /// or sender planned otherwise.
    pub(super) fn channel_plan(&mut self, steps: &mut [PlannedStep]) -> Ends {
        if self.proposal.priority == Priority::Low && self.proposal.unplanned {
            self.cheapest_only(steps);
        }
        let reached = |channel: &Channel| self.reach(*channel).is_ok();
        if steps.iter().any(|step| step.linked || step.channels.iter().any(reached)) {
            return self.pass(Gate::ChannelPlan, Reason::Planned);
        }
        // Nothing carries it: the notification goes on, to end as suppressed with the reason of each channel.
        let channels = steps.iter().flat_map(|step| &step.channels);
        let causes: Vec<Reason> = channels.filter_map(|channel| self.reach(*channel).err()).collect();
        let no_provider = causes.contains(&Reason::NoProvider) || causes.is_empty();
        self.pass(Gate::ChannelPlan, if no_provider { Reason::NoProvider } else { Reason::NoEndpoint })
    }

    /// Whether a channel leads to the recipient at all.
    fn reach(&self, channel: Channel) -> Result<(), Reason> {
        reach(self.proposal.configuration, self.person, channel)
    }

    fn cheapest_only(&mut self, steps: &mut [PlannedStep]) {
        let configuration = self.proposal.configuration;
        let cost = |channel: &Channel| delivery::cost(configuration, *channel);
        let reached = |channel: &&Channel| reach(configuration, self.person, **channel).is_ok();
        let all = steps.iter().flat_map(|step| &step.channels).filter(reached).map(cost);
        let Some(least) = all.min_by(f64::total_cmp) else { return };
        let mut dear = Vec::new();
        for step in steps.iter_mut().filter(|step| !step.linked) {
            dear.extend(step.channels.extract_if(.., |channel| cost(channel) > least));
        }
        for channel in dear {
            let mut entry =
                Entry::decided(self.now, Gate::ChannelPlan, Verdict::Stop, Reason::CheaperChannel);
            entry.channel = Some(channel);
            self.told.push(entry);
        }
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
        let channels = self.to_render(&steps);
        let rendered = match proposal.words {
            Words::Literal(content) => {
                let forms = forms::of_content(proposal.configuration, &channels, content);
                Ok((Arc::clone(content), forms))
            }
            Words::Template(template) => {
                let scope = Rendering {
                    template,
                    configuration: proposal.configuration,
                    data: proposal.data,
                    event: proposal.event,
                    digest: proposal.digest,
                    now: self.now,
                };
                render(&scope, &channels, self.person).map_err(|error| error.to_string())
            }
            Words::Gone => Err("its template is not in the configuration any more".to_owned()),
        };
        match rendered {
            Ok((content, forms)) => {
                self.pass(Gate::Render, Reason::Rendered);
                if proposal.sandbox {
                    self.show_forms(&forms);
                    let text = "the sandbox does everything but the hand-over".to_owned();
                    return Outcome::Stop(self.halted(Gate::ChannelPlan, Reason::Sandbox, Some(text)));
                }
                Outcome::Go { steps, scopes, content, forms, unreached: self.unreached.take() }
            }
            Err(detail) => {
                let Stopped { gate, reason, text } =
                    self.halted(Gate::Render, Reason::Template, Some(detail));
                Outcome::Fail(Stopped { gate, reason, text })
            }
        }
    }

    /// The channels whose words are needed: those of its own steps that lead to the recipient now. One that leads there
    /// only later says what the inbox says.
    fn to_render(&self, steps: &[PlannedStep]) -> Vec<Channel> {
        let own = steps.iter().filter(|step| !step.linked).flat_map(|step| step.channels.iter().copied());
        let mut channels: Vec<Channel> =
            own.filter(|channel| *channel != Channel::Inapp && self.reach(*channel).is_ok()).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// The sandbox shows what would have been handed over.
    fn show_forms(&mut self, forms: &ChannelForms) {
        for (channel, form) in forms {
            let mut entry = Entry::decided(self.now, Gate::Render, Verdict::Pass, Reason::Rendered);
            (entry.channel, entry.text) = (Some(*channel), Some(form.shown().into()));
            self.told.push(entry);
        }
    }
}

/// Whether a channel leads to a recipient: there is an address that may be used, and somebody who delivers to it.
pub(crate) fn reach(configuration: &Configuration, person: &Person, channel: Channel) -> Result<(), Reason> {
    if channel == Channel::Inapp {
        return Ok(());
    }
    let mut addresses = person.endpoints.iter().filter(|e| e.channel == channel && !e.stopped).peekable();
    if addresses.peek().is_none() {
        return Err(Reason::NoEndpoint);
    }
    let served = |address: &str| !delivery::providers(configuration, channel, address).is_empty();
    if addresses.any(|endpoint| served(&endpoint.address)) { Ok(()) } else { Err(Reason::NoProvider) }
}

/// What a template is rendered with.
struct Rendering<'a> {
    template: &'a Template,
    configuration: &'a Configuration,
    data: &'a Value,
    event: &'a Value,
    digest: Option<&'a DigestScope>,
    now: Timestamp,
}

/// Renders the inbox's form, and those of the other channels, in the recipient's language.
fn render(
    rendering: &Rendering<'_>,
    channels: &[Channel],
    person: &Person,
) -> Result<(Arc<ContentItem>, ChannelForms), RenderError> {
    let project = &rendering.configuration.project;
    let recipient = person.recipient.as_ref();
    let wanted: Option<Locale> =
        recipient.and_then(|recipient| recipient.locale.as_deref()).and_then(|tag| tag.parse().ok());
    let chosen = rendering.template.choose(wanted.as_ref(), &project.locale);
    let (locale, forms) = chosen.expect("the check refuses a template without any locale");
    let zone = zone_of(person, rendering.configuration);
    let event = with_data(rendering, forms);
    let alone = digest_of_one(rendering, forms);
    let scope = RenderScope {
        data: rendering.data,
        event: event.as_ref().unwrap_or(rendering.event),
        recipient: &recipient_root(person, rendering.now),
        project: &json!({"name": project.name, "locale": project.locale.as_str(), "currency": project.currency}),
        digest: rendering.digest.or(alone.as_ref()),
        zone: zone.name(),
        locale,
        reader: wanted.as_ref().unwrap_or(&project.locale),
    };
    let content = Arc::new(item_of(forms.content(&scope)?));
    let others = forms::of_template(rendering.configuration, channels, forms, &scope, &content)?;
    Ok((content, others))
}

/// A template of a digest is asked for a single one as well: the last that is left, or one that nothing joined.
fn digest_of_one(rendering: &Rendering<'_>, forms: &Forms) -> Option<DigestScope> {
    (rendering.digest.is_none() && forms.asks_for("digest"))
        .then(|| DigestScope::of_one(rendering.data.clone(), rendering.event.clone()))
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

/// The recipient as CEL and templates see it at an instant.
pub(crate) fn recipient_root(person: &Person, now: Timestamp) -> Value {
    let recipient = person.recipient.as_ref();
    json!({
        "id": person.key.recipient.as_str(),
        "attributes": recipient.map_or_else(|| json!({}), |recipient| recipient.attributes.clone()),
        "time_zone": recipient.and_then(|recipient| recipient.time_zone.as_deref()),
        "locale": recipient.and_then(|recipient| recipient.locale.as_deref()),
        "interests": interests(person, now),
    })
}

/// A number from 0 to 1 for each tag that was shown to the recipient, and none for any other.
fn interests(person: &Person, now: Timestamp) -> Value {
    let learned = person.inbox.iter().flat_map(|inbox| inbox.learned.interests.numbers(now));
    Value::Object(learned.map(|(tag, number)| (tag.to_owned(), number.into())).collect())
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
