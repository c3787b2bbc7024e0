//! A recipient's settings in their own language.

use std::collections::BTreeMap;

use tidings_protocol::item::{CategoryItem, PolicyItem, ProfileItem, SettingsItem};
use tidings_protocol::{CategoryId, Channel, LegalClass};

use crate::configuration::{Basis, Category, Configuration};
use crate::consent;
use crate::model::{Person, Preferences};
use crate::template::Locale;

/// The settings of a recipient, whole.
#[must_use]
pub fn settings_item(person: &Person, configuration: &Configuration) -> SettingsItem {
    let recipient = person.recipient.as_ref();
    let wanted: Option<Locale> =
        recipient.and_then(|known| known.locale.as_deref()).and_then(|text| text.parse().ok());
    let preferences = recipient.map(|known| &known.preferences);
    let in_words = |texts: &BTreeMap<Locale, String>| words(texts, wanted.as_ref(), configuration);
    let categories = configuration.categories.iter().map(|(id, category)| CategoryItem {
        id: id.clone(),
        name: in_words(&category.name).unwrap_or_else(|| id.as_str().to_owned()),
        legal: category.legal,
        basis: basis(category).to_owned(),
        channels: category.channels.clone(),
        chosen: chosen(person, id, category),
        consent: Channel::ALL
            .iter()
            .filter_map(|&channel| {
                Some((channel, consent::decided(id, category, channel, &person.consents)?))
            })
            .collect(),
    });
    SettingsItem {
        profile: ProfileItem {
            recipient: Some(person.key.recipient.clone()),
            time_zone: recipient.and_then(|known| known.time_zone.clone()),
            locale: recipient.and_then(|known| known.locale.clone()),
        },
        categories: categories.collect(),
        policy: configuration.policy.as_ref().and_then(|policy| {
            Some(PolicyItem {
                version: policy.version.clone()?,
                url: policy.url.clone(),
                text: in_words(&policy.text).unwrap_or_default(),
            })
        }),
        quiet_hours: preferences.and_then(|likes| likes.quiet_hours.as_ref()).and_then(|set| set.0.clone()),
        paused_until: preferences.and_then(|likes| likes.paused_until.as_ref()).and_then(|set| set.0),
        profiling: preferences.is_none_or(Preferences::allows_profiling),
    }
}

/// The text for a reader: their locale, each of its fallbacks, the project's, then whatever there is.
fn words(
    texts: &BTreeMap<Locale, String>,
    wanted: Option<&Locale>,
    configuration: &Configuration,
) -> Option<String> {
    let wanted = wanted.into_iter().flat_map(Locale::fallbacks);
    let mut order = wanted.chain(configuration.project.locale.fallbacks());
    order.find_map(|locale| texts.get(&locale)).or_else(|| texts.values().next()).cloned()
}

/// What a category rests on, as the contract words it.
const fn basis(category: &Category) -> &'static str {
    match (category.legal, category.basis) {
        (LegalClass::Essential, _) => "none",
        (LegalClass::Marketing, _) | (LegalClass::Service, Basis::Consent) => "consent",
        (LegalClass::Service, Basis::Contract) => "contract",
    }
}

/// Whether the recipient wants a category, by channel. Who chose nothing wants it.
fn chosen(person: &Person, id: &CategoryId, category: &Category) -> BTreeMap<Channel, bool> {
    let choices = person.recipient.as_ref().map(|known| &known.preferences.choices);
    let on = |channel: Channel| {
        choices.and_then(|all| all.get(&(id.clone(), channel))).is_none_or(|choice| choice.chosen)
    };
    category.channels.iter().map(|&channel| (channel, on(channel))).collect()
}
