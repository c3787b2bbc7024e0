//! `tidings send`: tell one person, or a topic, something without a rule.

use serde_json::Value;
use tidings_protocol::http::{
    ContentBody, MadeForResponse, SendRequest, SendResponse, StoppedBy, ToRequest, ToResponse,
};
use tidings_protocol::limits::TITLE_CHARS_MAX;
use tidings_protocol::{CategoryId, NotificationState, Priority, RecipientId, Timestamp, TopicId};

use crate::context::Context;
use crate::error::CommandError;

/// Tell one person, or the members of a topic, something
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "tidings send RECIPIENT TEXT…\n       tidings send --topic TOPIC TEXT…\n       \
                            tidings send RECIPIENT --template NAME [--data JSON]",
    after_help = "With --template, --data '{…}' is what \
                            the template reads as `data`; a --data that is no JSON object is the data folder."
)]
pub(crate) struct Send {
    /// Who, unless --topic says it; then the text
    #[arg(value_name = "RECIPIENT TEXT")]
    words: Vec<String>,
    /// To the members of a topic
    #[arg(long)]
    topic: Option<TopicId>,
    /// One line above the text
    #[arg(long)]
    title: Option<String>,
    /// About what; the category general if nothing is said
    #[arg(long)]
    category: Option<CategoryId>,
    /// low, normal, high or urgent; the category's if nothing is said
    #[arg(long)]
    priority: Option<Priority>,
    /// Where a click leads
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// A template of the project in the place of a text
    #[arg(long, value_name = "NAME", conflicts_with_all = ["title", "link"])]
    template: Option<String>,
}

/// Where it goes, and the text if there is one.
#[derive(Debug, PartialEq)]
struct Wanted {
    recipient: Option<RecipientId>,
    text: Option<String>,
}

pub(crate) async fn run(context: &Context, send: Send) -> Result<(), CommandError> {
    let wanted = wanted(&send)?;
    let data = template_data(context, &send)?;
    let calls = context.calls()?;
    match wanted {
        Wanted { recipient: Some(recipient), text: Some(text) } => {
            let Send { title, category, priority, link, .. } = send;
            let body = ToRequest { title, body: Some(text), category, priority, link };
            let answer = calls.post(&["v1", "to", recipient.as_str()], &body).await?;
            let told: ToResponse = answer.read()?;
            context.output.answer(&answer.value, || {
                sentence(
                    told.id.as_str(),
                    &told.recipient,
                    told.state,
                    told.stopped_by.as_ref().or(told.held_by.as_ref()),
                    told.due,
                )
            })
        }
        Wanted { recipient, text } => {
            let answer = calls.post(&["v1", "notifications"], &request(send, recipient, text, data)).await?;
            let told: SendResponse = answer.read()?;
            context.output.answer(&answer.value, || words(&told))
        }
    }
}

fn wanted(send: &Send) -> Result<Wanted, CommandError> {
    let mut words = send.words.iter();
    let recipient =
        match &send.topic {
            Some(_) => None,
            None => match words.next() {
                Some(recipient) => Some(RecipientId::new(recipient.as_str()).map_err(|error| {
                    CommandError::usage(format!("{recipient:?} is no recipient: {error}"))
                })?),
                None => return Err(CommandError::usage("name a recipient, or a topic with --topic")),
            },
        };
    let text = words.map(String::as_str).collect::<Vec<_>>().join(" ");
    match (text.trim().is_empty(), &send.template) {
        (true, Some(_)) => Ok(Wanted { recipient, text: None }),
        (false, None) => Ok(Wanted { recipient, text: Some(text) }),
        (true, None) => Err(CommandError::usage("write a text, or name a template with --template")),
        (false, Some(_)) => Err(CommandError::usage("a template has its own text: leave yours out")),
    }
}

fn template_data(context: &Context, send: &Send) -> Result<Option<Value>, CommandError> {
    let Some(text) = &context.template_data else { return Ok(None) };
    if send.template.is_none() {
        return Err(CommandError::usage("--data '{…}' is for a template: name it with --template"));
    }
    let read = serde_json::from_str(text);
    read.map(Some).map_err(|error| CommandError::usage(format!("--data is no JSON: {error}")))
}

fn request(
    send: Send,
    recipient: Option<RecipientId>,
    text: Option<String>,
    data: Option<Value>,
) -> SendRequest {
    let Send { topic, title, category, priority, link, template, .. } = send;
    let content = text.map(|text| ContentBody { link, ..content(title, text) });
    SendRequest {
        recipients: recipient.map(|recipient| vec![recipient]),
        topic,
        category,
        content,
        template,
        data,
        priority,
        ..SendRequest::default()
    }
}

/// A text without a title becomes one if it is a line that fits; of a longer one the first line is the title.
fn content(title: Option<String>, text: String) -> ContentBody {
    match title {
        Some(title) => ContentBody { title, body: text, ..ContentBody::default() },
        None if !text.contains('\n') && text.chars().count() <= TITLE_CHARS_MAX => {
            ContentBody { title: text, ..ContentBody::default() }
        }
        None => {
            let first = text.trim_start().lines().next().unwrap_or_default();
            let mut title: String = first.chars().take(TITLE_CHARS_MAX - 1).collect();
            if title.len() < first.len() {
                title.push('…');
            }
            ContentBody { title, body: text, ..ContentBody::default() }
        }
    }
}

fn words(told: &SendResponse) -> String {
    let mut lines: Vec<String> = Vec::new();
    for made in told.notifications.iter().flatten() {
        let MadeForResponse { id, recipient, state, stopped_by, held_by, due } = made;
        lines.push(sentence(id.as_str(), recipient, *state, stopped_by.as_ref().or(held_by.as_ref()), *due));
    }
    if let (true, Some(send)) = (lines.is_empty(), &told.send) {
        let audience = send.audience.map_or_else(String::new, |audience| format!(" to {audience} members"));
        lines.push(format!(
            "send {id} is on its way{audience}; take it back: tidings retract {id}",
            id = send.id
        ));
    }
    lines.join("\n")
}

fn sentence(
    id: &str,
    recipient: &RecipientId,
    state: NotificationState,
    stopped_by: Option<&StoppedBy>,
    due: Option<Timestamp>,
) -> String {
    let mut text = format!("{id} for {recipient}: {state}");
    if let Some(due) = due {
        text.push_str(&format!(" until {due}"));
    }
    if let Some(stopped) = stopped_by {
        text.push_str(&format!(", {}", stopped.text));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn parse(words: &[&str]) -> Send {
        let words = ["tidings", "send"].iter().chain(words);
        match Arguments::try_parse_from(words).unwrap().command {
            Some(Command::Send(send)) => send,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_word_is_the_recipient_and_the_others_are_the_text() {
        let wanted = wanted(&parse(&["alice", "Backup", "finished"])).unwrap();
        assert_eq!(wanted.recipient.unwrap().as_str(), "alice");
        assert_eq!(wanted.text.unwrap(), "Backup finished");
    }

    #[test]
    fn with_a_topic_all_words_are_the_text() {
        let wanted = wanted(&parse(&["--topic", "staff", "Shop", "closed"])).unwrap();
        assert_eq!(wanted, Wanted { recipient: None, text: Some("Shop closed".into()) });
    }

    #[test]
    fn a_template_takes_the_place_of_the_text() {
        let words =
            ["tidings", "send", "alice", "--template", "hello", "--data", "{\"n\":1}", "--data", "folder"];
        let Arguments { everywhere, command: Some(Command::Send(send)) } =
            Arguments::try_parse_from(words).unwrap()
        else {
            panic!("this is a send")
        };
        let context = Context::new(everywhere);
        let data = template_data(&context, &send).unwrap();
        let Wanted { recipient, text } = wanted(&send).unwrap();
        let request = request(send, recipient, text, data);
        assert_eq!(request.template.unwrap(), "hello");
        assert_eq!(request.data.unwrap()["n"], 1);
        assert_eq!(request.content, None);
        assert_eq!(context.data, std::path::Path::new("folder"));
    }

    #[test]
    fn a_text_is_needed_unless_a_template_has_it() {
        assert!(matches!(wanted(&parse(&["alice"])), Err(CommandError::Usage { .. })));
        assert!(matches!(wanted(&parse(&[])), Err(CommandError::Usage { .. })));
        assert!(matches!(wanted(&parse(&["a", "b", "--template", "t"])), Err(CommandError::Usage { .. })));
        assert!(matches!(wanted(&parse(&["a/b", "hi"])), Err(CommandError::Usage { .. })));
    }

    #[test]
    fn a_long_text_has_its_first_line_as_title() {
        assert_eq!(content(None, "hi".into()).title, "hi");
        let two = content(None, "Closed\nUntil Monday".into());
        assert_eq!((two.title.as_str(), two.body.as_str()), ("Closed", "Closed\nUntil Monday"));
        assert_eq!(content(None, "a".repeat(200)).title.chars().count(), 200);
        assert_eq!(content(None, "a".repeat(201)).title.chars().count(), 200);
    }
}
