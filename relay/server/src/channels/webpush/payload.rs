//! What a browser decrypts: the word to look, and as much of the words as the project lets push services carry.

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_core::configuration::PushContent;
use tidings_core::delivery::{Form, Handover};

use crate::channels::beside::beside;

/// Bytes of a payload before it is encrypted: what `web-push` takes. RFC 8291 leaves 3,993 of a body of 4,096; the rest is
/// not worth an encryption beside the crate's, because the browser fetches what does not fit (docs/channels/push.md).
pub(super) const PLAINTEXT_BYTES_MAX: usize = 3_052;

/// A payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Payload<'a> {
    /// The format.
    tidings: u8,
    notification: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collapse: Option<&'a str>,
    /// There are words beside the title, and they stayed at home.
    #[serde(skip_serializing_if = "is_false")]
    more: bool,
    #[serde(flatten)]
    beside: BTreeMap<&'static str, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Payload<'a> {
    /// As much as the project allows and fits: the body goes first, because the browser can fetch it.
    pub(super) fn of(handover: &'a Handover) -> Self {
        let bare = Self::content_free(handover);
        let Form::Push(form) = &handover.form else { return bare };
        let link = form.link.as_deref();
        let body = Some(&*form.body).filter(|body| !body.is_empty());
        let titled = Self {
            title: Some(&form.title),
            more: body.is_some() || link.is_some(),
            beside: beside(handover),
            ..bare.clone()
        };
        let choices = match form.content {
            PushContent::None => vec![],
            PushContent::Title => vec![titled],
            PushContent::Full => vec![
                Self { body, link, more: false, ..titled.clone() },
                Self { link, more: body.is_some(), ..titled.clone() },
                titled,
            ],
        };
        choices.into_iter().find(|choice| choice.text().len() <= PLAINTEXT_BYTES_MAX).unwrap_or(bare)
    }

    /// The word to look, and nothing that tells at what.
    pub(super) fn content_free(handover: &'a Handover) -> Self {
        let collapse = handover.collapse.as_deref();
        Self {
            tidings: 1,
            notification: handover.notification.as_str(),
            title: None,
            body: None,
            link: None,
            collapse,
            more: false,
            beside: BTreeMap::new(),
        }
    }

    /// Whether it says nothing of what the notification says.
    pub(super) const fn is_content_free(&self) -> bool {
        self.title.is_none()
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts are always JSON")
    }
}
