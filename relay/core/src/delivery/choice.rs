//! Which providers can deliver to an address, in which order, and what a channel costs.

use std::sync::LazyLock;

use tidings_protocol::Channel;

use crate::configuration::{Account, Configuration, Provider};

/// The provider that every project has, whatever its document says.
pub const WEBPUSH: &str = "webpush";

static BUILT_IN: LazyLock<Provider> = LazyLock::new(Provider::webpush);

/// The provider of a name: one of the document's, or the built-in one.
#[must_use]
pub fn provider<'c>(configuration: &'c Configuration, name: &str) -> Option<&'c Provider> {
    let named = configuration.providers.get(name);
    named.or_else(|| (name == WEBPUSH && !speaks_webpush(configuration)).then_some(&*BUILT_IN))
}

/// Providers that can deliver to an address of a channel, in the order in which they are tried: the document's, or the
/// cheapest first.
#[must_use]
pub fn providers<'c>(
    configuration: &'c Configuration,
    channel: Channel,
    address: &str,
) -> Vec<(&'c str, &'c Provider)> {
    let mut found = of_channel(configuration, channel);
    found.retain(|(_, provider)| provider.serves(address));
    found
}

/// The least that one hand-over on a channel costs, in the project's currency. The inbox is free.
#[must_use]
pub fn cost(configuration: &Configuration, channel: Channel) -> f64 {
    let costs =
        of_channel(configuration, channel).into_iter().map(|(_, provider)| provider.cost.unwrap_or(0.0));
    costs.min_by(f64::total_cmp).unwrap_or(0.0)
}

fn of_channel(configuration: &Configuration, channel: Channel) -> Vec<(&str, &Provider)> {
    let ordered = configuration.channels.get(&channel).map(|settings| &settings.providers);
    if let Some(names) = ordered.filter(|names| !names.is_empty()) {
        let named = names.iter().filter_map(|name| configuration.providers.get_key_value(name));
        let mut found: Vec<(&str, &Provider)> = named.map(|(name, row)| (name.as_str(), row)).collect();
        found.extend(built_in(configuration, channel));
        return found;
    }
    let all = configuration.providers.iter().filter(|(_, provider)| provider.channel == channel);
    let mut found: Vec<(&str, &Provider)> = all.map(|(name, provider)| (name.as_str(), provider)).collect();
    found.extend(built_in(configuration, channel));
    found.sort_by(|(a, x), (b, y)| {
        x.cost.unwrap_or(0.0).total_cmp(&y.cost.unwrap_or(0.0)).then_with(|| a.cmp(b))
    });
    found
}

fn built_in(configuration: &Configuration, channel: Channel) -> Option<(&str, &Provider)> {
    let has = channel == Channel::Push && !speaks_webpush(configuration);
    (has && !configuration.providers.contains_key(WEBPUSH)).then_some((WEBPUSH, &*BUILT_IN))
}

/// Whether the document names a provider of browsers' push services itself.
fn speaks_webpush(configuration: &Configuration) -> bool {
    configuration.providers.values().any(|provider| matches!(provider.account, Account::Webpush(_)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::configuration::{Bundle, check};

    fn configuration(text: &str) -> Configuration {
        check(text, &Bundle::from_body(text), 1).expect("the document is right")
    }

    const SMS: &str = "tidings: 1
categories: {general: {name: General, legal: service, channels: [inapp]}}
providers:
  dear: {channel: sms, kind: http, preset: vendor_a, cost: 0.09}
  cheap: {channel: sms, kind: http, preset: vendor_b, cost: 0.07}
  free: {channel: email, kind: smtp, host: mail.example, from: a@b.example}
";

    #[rstest]
    #[case(SMS.to_owned(), vec!["cheap", "dear"])]
    #[case(format!("{SMS}channels: {{sms: {{providers: [dear, cheap]}}}}\n"), vec!["dear", "cheap"])]
    #[case(format!("{SMS}channels: {{sms: {{providers: [dear]}}}}\n"), vec!["dear"])]
    fn the_document_orders_providers_or_their_cost_does(#[case] text: String, #[case] order: Vec<&str>) {
        let configuration = configuration(&text);
        let names: Vec<&str> =
            providers(&configuration, Channel::Sms, "+4930").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, order);
        assert!(
            (cost(&configuration, Channel::Sms) - if order == ["dear"] { 0.09 } else { 0.07 }).abs() < 1e-9
        );
    }

    #[rstest]
    #[case("{\"endpoint\":\"https://push.example/1\"}", &[WEBPUSH])]
    #[case("fcm:token", &[])]
    fn browsers_are_reached_without_a_word_in_the_document(#[case] address: &str, #[case] names: &[&str]) {
        let configuration = configuration(SMS);
        let found = providers(&configuration, Channel::Push, address);
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
        assert!(provider(&configuration, WEBPUSH).is_some());
    }
}
