//! Lists and single notifications.

use serde::{Deserialize, Serialize};
use tidings_sdk::{Because, CategoryId, InboxItem, PageToken, Query, Story, StoryEntry, Timestamp};
use ts_rs::TS;

use super::millis;
use crate::problem::Problem;
use crate::text::{BODY_CHARS_MAX, LINE_CHARS_MAX, line, paragraphs};

/// Which notifications are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, TS)]
pub struct ListQuery {
    /// Only this category.
    pub category: Option<String>,
    /// Only unread ones.
    pub unread_only: bool,
    /// Only those with all these words.
    pub text: Option<String>,
    /// Where to look.
    pub shelf: Shelf,
}

/// Where a notification lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// In the inbox, awake.
    #[default]
    Inbox,
    /// In the inbox, asleep.
    Snoozed,
    /// Archived.
    Archive,
}

impl TryFrom<ListQuery> for Query {
    type Error = Problem;

    fn try_from(query: ListQuery) -> Result<Self, Problem> {
        let category = query.category.map(CategoryId::new).transpose();
        Ok(Self {
            category: category.map_err(|error| Problem::new("invalid_category", error.to_string()))?,
            unread: query.unread_only.then_some(true),
            text: query.text.filter(|text| !text.trim().is_empty()),
            archived: query.shelf == Shelf::Archive,
            asleep: match query.shelf {
                Shelf::Inbox => Some(false),
                Shelf::Snoozed => Some(true),
                Shelf::Archive => None,
            },
        })
    }
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct PageView {
    /// The rows.
    pub rows: Vec<RowView>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// A notification in a list.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct RowView {
    /// The relay's id.
    pub id: String,
    /// Its place in the list; a page may begin after it.
    pub place: String,
    /// What it is about.
    pub category: String,
    /// Its title, in one line.
    pub title: String,
    /// The beginning of its body, in one line.
    pub preview: String,
    /// `low`, `normal`, `high` or `urgent`.
    #[ts(type = "\"low\" | \"normal\" | \"high\" | \"urgent\"")]
    pub priority: String,
    /// Whether it was not read yet.
    pub unread: bool,
    /// Whether it was archived.
    pub archived: bool,
    /// Until when it sleeps.
    pub snoozed_until: Option<f64>,
    /// Whether its sender still waits for an acknowledgement.
    pub awaits_acknowledgement: bool,
    /// When the relay made it.
    pub created_at: f64,
}

impl From<&InboxItem> for RowView {
    fn from(item: &InboxItem) -> Self {
        Self {
            id: item.id.as_str().to_owned(),
            place: place(item.created_at, item.id.as_str()),
            category: item.category.as_str().to_owned(),
            title: line(&item.content.title, LINE_CHARS_MAX),
            preview: line(&item.content.body, LINE_CHARS_MAX),
            priority: item.priority.as_str().to_owned(),
            unread: item.view.read_at.is_none(),
            archived: item.view.archived_at.is_some(),
            snoozed_until: item.view.snoozed_until.map(millis),
            awaits_acknowledgement: item.needs_acknowledgement && item.view.acknowledged_at.is_none(),
            created_at: millis(item.created_at),
        }
    }
}

/// What [`PageToken`] reads: a row is a place in the list, too.
fn place(created_at: Timestamp, id: &str) -> String {
    format!("{}.{id}", created_at.as_millis())
}

/// A place as the window names it.
pub(crate) fn read_place(place: Option<&str>) -> Result<Option<PageToken>, Problem> {
    Ok(place.map(str::parse).transpose()?)
}

/// A notification with everything that it says.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ItemView {
    /// What the list shows of it.
    pub row: RowView,
    /// What it says, in lines.
    pub body: String,
    /// Where it leads; only what may be opened.
    pub link: Option<String>,
    /// What can be done from it.
    pub actions: Vec<ActionView>,
    /// Why it came.
    pub because: BecauseView,
    /// When it was read.
    pub read_at: Option<f64>,
    /// When it was acknowledged.
    pub acknowledged_at: Option<f64>,
    /// After this time it is not shown as a popup any more.
    pub expires_at: f64,
}

impl From<&InboxItem> for ItemView {
    fn from(item: &InboxItem) -> Self {
        Self {
            row: RowView { title: line(&item.content.title, LINE_CHARS_MAX * 8), ..RowView::from(item) },
            body: paragraphs(&item.content.body, BODY_CHARS_MAX),
            link: item
                .content
                .link
                .as_deref()
                .and_then(|link| crate::link::outward(link).ok())
                .map(Into::into),
            actions: item.content.actions.iter().map(ActionView::from).collect(),
            because: BecauseView::from(&item.because),
            read_at: item.view.read_at.map(millis),
            acknowledged_at: item.view.acknowledged_at.map(millis),
            expires_at: millis(item.expires_at),
        }
    }
}

/// One button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ActionView {
    /// The sender's id for it.
    pub id: String,
    /// What it says.
    pub label: String,
    /// Whether it leads out of the app.
    pub leads_out: bool,
    /// Whether it also acknowledges.
    pub acknowledges: bool,
}

impl From<&tidings_sdk::ActionItem> for ActionView {
    fn from(action: &tidings_sdk::ActionItem) -> Self {
        Self {
            id: action.id.clone(),
            label: line(&action.label, 60),
            leads_out: action.link.is_some(),
            acknowledges: action.acknowledges,
        }
    }
}

/// Why a notification came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct BecauseView {
    /// A sentence for the recipient.
    pub text: String,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The type of the event behind it.
    pub event_type: Option<String>,
}

impl From<&Because> for BecauseView {
    fn from(because: &Because) -> Self {
        Self {
            text: line(&because.text, LINE_CHARS_MAX * 2),
            rule: because.rule.clone(),
            event_type: because.event_type.clone(),
        }
    }
}

/// A change of the recipient's own state of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, TS)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum MarkChange {
    /// It was read.
    Read,
    /// It is unread again.
    Unread,
    /// Out of the inbox.
    Archive,
    /// Back into the inbox.
    Unarchive,
    /// It sleeps.
    Snooze {
        /// Until then; a time that has passed wakes it.
        until: f64,
    },
}

/// Why a notification came and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StoryView {
    /// Its state at the relay.
    pub state: String,
    /// What happened, oldest first.
    pub lines: Vec<StoryLine>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StoryLine {
    /// When.
    pub at: Option<f64>,
    /// What kind of thing.
    pub kind: String,
    /// Which check decided.
    pub gate: Option<String>,
    /// The stable word for the reason.
    pub reason: Option<String>,
    /// The relay's sentence for people.
    pub text: Option<String>,
}

impl From<Story> for StoryView {
    fn from(story: Story) -> Self {
        Self { state: story.state, lines: story.timeline.into_iter().map(StoryLine::from).collect() }
    }
}

impl From<StoryEntry> for StoryLine {
    fn from(entry: StoryEntry) -> Self {
        Self {
            at: entry.at.map(millis),
            kind: entry.kind,
            gate: entry.gate,
            reason: entry.reason,
            text: entry.text.map(|text| line(&text, LINE_CHARS_MAX * 2)),
        }
    }
}
