//! What each channel beside the inbox says: rendered with the inbox's own words, so that a template that cannot be
//! rendered for one of them stops the notification before anything of it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_protocol::Channel;
use tidings_protocol::item::ContentItem;

use crate::configuration::{Configuration, PushContent};
use crate::delivery::{Form, PushForm, WebhookForm};
use crate::template::{EmailContent, Forms, RenderError, RenderScope, SMS_CHARS_MAX};

/// The words of each channel beside the inbox.
pub(crate) type ChannelForms = BTreeMap<Channel, Form>;

/// What a template says on these channels. `content` is what it says in the inbox.
pub(super) fn of_template(
    configuration: &Configuration,
    channels: &[Channel],
    forms: &Forms,
    scope: &RenderScope<'_>,
    content: &Arc<ContentItem>,
) -> Result<ChannelForms, RenderError> {
    let mut made = ChannelForms::new();
    for channel in channels {
        let form = match channel {
            Channel::Inapp => continue,
            Channel::Push => {
                let short = forms.push(scope)?;
                Form::Push(PushForm {
                    content: push_content(configuration),
                    title: short.title.into(),
                    body: short.body.into(),
                    link: content.link.as_deref().map(Into::into),
                })
            }
            Channel::Email => Form::Email(Box::new(forms.email(scope)?)),
            Channel::Sms => Form::Sms(forms.sms(scope)?.into()),
            Channel::Webhook => Form::Webhook(match forms.webhook(scope)? {
                Some(body) => WebhookForm::Body(body.into()),
                None => WebhookForm::Content(Arc::clone(content)),
            }),
        };
        made.insert(*channel, form);
    }
    Ok(made)
}

/// What a direct send's own words are on these channels.
pub(super) fn of_content(
    configuration: &Configuration,
    channels: &[Channel],
    content: &Arc<ContentItem>,
) -> ChannelForms {
    let form = |channel: &Channel| Some((*channel, form_of_content(configuration, *channel, content)?));
    channels.iter().filter_map(form).collect()
}

/// What the inbox's words are on another channel; none for the inbox itself.
pub(crate) fn form_of_content(
    configuration: &Configuration,
    channel: Channel,
    content: &Arc<ContentItem>,
) -> Option<Form> {
    let both = || {
        let ContentItem { title, body, .. } = &**content;
        if body.is_empty() { title.clone() } else { format!("{title}\n{body}") }
    };
    match channel {
        Channel::Inapp => None,
        Channel::Push => Some(Form::Push(PushForm {
            content: push_content(configuration),
            title: content.title.as_str().into(),
            body: content.body.as_str().into(),
            link: content.link.as_deref().map(Into::into),
        })),
        Channel::Email => Some(Form::Email(Box::new(EmailContent {
            subject: content.title.clone(),
            text: both(),
            html: None,
        }))),
        Channel::Sms => Some(Form::Sms(both().chars().take(SMS_CHARS_MAX).collect::<String>().into())),
        Channel::Webhook => Some(Form::Webhook(WebhookForm::Content(Arc::clone(content)))),
    }
}

fn push_content(configuration: &Configuration) -> PushContent {
    configuration.channels.get(&Channel::Push).map(|settings| settings.content).unwrap_or_default()
}
