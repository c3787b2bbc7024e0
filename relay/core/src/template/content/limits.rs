//! The limits of what people get to read, for a template's outcome and for a direct send's own words alike.

use tidings_protocol::limits::{
    ACTIONS_MAX, BODY_CHARS_MAX, CONTENT_BYTES_MAX, ID_BYTES_MAX, TITLE_CHARS_MAX,
};

use super::super::error::RenderError;
use super::super::{LABEL_CHARS_MAX, LINK_BYTES_MAX};
use super::{Content, without_controls};

/// Holds content to the limits of the contract, whether a template made it or a direct send wrote it.
///
/// # Errors
/// The first field that is too long, empty, or a link that must not be followed.
pub fn check_content(content: &Content) -> Result<(), RenderError> {
    not_empty("title", &content.title)?;
    within("title", &content.title, TITLE_CHARS_MAX)?;
    within("body", &content.body, BODY_CHARS_MAX)?;
    let links = [("link", &content.link), ("icon", &content.icon), ("image", &content.image)];
    for (field, link) in links {
        link.as_deref().map_or(Ok(()), |link| check_link(field, link))?;
    }
    if content.actions.len() > ACTIONS_MAX {
        return Err(RenderError::TooManyActions { limit: ACTIONS_MAX, actual: content.actions.len() });
    }
    for action in &content.actions {
        not_empty("actions.id", &action.id)?;
        if action.id.len() > ID_BYTES_MAX {
            return Err(RenderError::TooLong {
                field: "actions.id",
                limit: ID_BYTES_MAX,
                actual: action.id.len(),
            });
        }
        not_empty("actions.label", &action.label)?;
        within("actions.label", &action.label, LABEL_CHARS_MAX)?;
        action.link.as_deref().map_or(Ok(()), |link| check_link("actions.link", link))?;
    }
    let actual = json_bytes(content);
    if actual > CONTENT_BYTES_MAX {
        return Err(RenderError::TooLong { field: "content", limit: CONTENT_BYTES_MAX, actual });
    }
    Ok(())
}

pub(super) fn within(field: &'static str, text: &str, limit: usize) -> Result<(), RenderError> {
    let actual = text.chars().count();
    if actual > limit { Err(RenderError::TooLong { field, limit, actual }) } else { Ok(()) }
}

pub(super) fn not_empty(field: &'static str, text: &str) -> Result<(), RenderError> {
    if text.trim().is_empty() { Err(RenderError::Empty { field }) } else { Ok(()) }
}

/// Schemes that run code, read the device's files, or mean nothing outside a browser's own pages.
const SCHEMES_REFUSED: [&str; 12] = [
    "javascript",
    "data",
    "file",
    "vbscript",
    "blob",
    "filesystem",
    "about",
    "chrome",
    "content",
    "intent",
    "jar",
    "view-source",
];

/// A link is `http://`, `https://` or an application's own `scheme://`, with something behind it.
pub(super) fn check_link(field: &'static str, link: &str) -> Result<(), RenderError> {
    if link.len() > LINK_BYTES_MAX {
        return Err(RenderError::TooLong { field, limit: LINK_BYTES_MAX, actual: link.len() });
    }
    let refused = || RenderError::Link { field, link: without_controls(link).chars().take(80).collect() };
    let (scheme, rest) = link.split_once("://").ok_or_else(refused)?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let is_clean =
        !link.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\'));
    let is_web = matches!(scheme.as_str(), "http" | "https");
    let lacks_host = is_web && rest.starts_with(['/', '?', '#', ':', '@']);
    if is_scheme && is_clean && !rest.is_empty() && !lacks_host && !SCHEMES_REFUSED.contains(&scheme.as_str())
    {
        return Ok(());
    }
    Err(refused())
}

/// The length that the content has as JSON on the wire, within a few bytes of the exact one.
fn json_bytes(content: &Content) -> usize {
    let text = |text: &str| serde_json::Value::from(text).to_string().len();
    let optional =
        |value: &Option<String>| value.as_deref().map_or(0, |value| text(value) + r#","image":"#.len());
    let actions = content.actions.iter().map(|action| {
        r#"{"id":,"label":,"acknowledges":false},"#.len()
            + text(&action.id)
            + text(&action.label)
            + optional(&action.link)
    });
    r#"{"title":,"body":,"actions":[]}"#.len()
        + text(&content.title)
        + text(&content.body)
        + optional(&content.link)
        + optional(&content.icon)
        + optional(&content.image)
        + actions.sum::<usize>()
}
