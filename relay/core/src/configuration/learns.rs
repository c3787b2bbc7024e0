//! What a configuration makes use of, so that it has to be learned of recipients. Nothing else is.

use super::model::{Configuration, Notify, Rule};
use crate::expression::Expression;
use crate::template::Forms;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learns {
    /// A rule sends at the best hour.
    pub hours: bool,
    /// A rule has tags, and something reads `recipient.interests`.
    pub interests: bool,
}

impl Learns {
    pub(super) fn of(configuration: &Configuration) -> Self {
        let rules = || configuration.rules.values();
        let best_hour = |send: &super::SendPlan| send.best_hour;
        Self {
            hours: rules().any(|rule| rule.send.as_ref().is_some_and(best_hour)),
            interests: rules().any(|rule| rule.tags.is_some()) && asks_for_interests(configuration),
        }
    }
}

fn asks_for_interests(configuration: &Configuration) -> bool {
    let of_rules = configuration.rules.values().flat_map(|rule| expressions(rule));
    let segments = configuration.segments.values().map(|segment| &segment.when);
    let digests =
        configuration.categories.values().filter_map(|category| category.digest.as_ref()?.key.as_ref());
    let mut asked = of_rules.chain(segments).chain(digests).flat_map(|expression| &expression.uses().fields);
    let forms = configuration.templates.values().flat_map(|template| template.locales.values());
    asked.any(|path| is_of_interests(path))
        || forms.flat_map(Forms::texts).flat_map(|text| text.fields()).any(|path| is_of_interests(path))
}

/// Everything of a rule that may read the recipient's record.
fn expressions(rule: &Rule) -> impl Iterator<Item = &Expression> {
    let notify = match &rule.notify {
        Notify::Expression(notify) => Some(notify),
        Notify::Event | Notify::Topic(_) | Notify::Segment(_) => None,
    };
    let throttle = rule.throttle.as_ref().and_then(|throttle| throttle.key.as_ref());
    let digest = rule.digest.as_ref().and_then(|digest| digest.key.as_ref());
    let once = rule.once_per.as_ref().map(|once| &once.key);
    let single =
        [rule.when.as_ref(), rule.tags.as_ref(), rule.collapse.as_ref(), notify, throttle, digest, once];
    let cancels = rule.cancel_on.iter().filter_map(|cancel| cancel.match_key.as_ref());
    let steps = rule.deliver.iter().flatten().filter_map(|step| step.notify.as_ref());
    single.into_iter().flatten().chain(cancels).chain(steps)
}

/// `recipient` as a whole, its interests as a whole, or one of them. The document has no other field of this beginning.
fn is_of_interests(path: &str) -> bool {
    path == "recipient" || path.starts_with("recipient.interests")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::configuration::{Bundle, check};

    #[rstest]
    #[case("rules: {r: {on: e, template: t, category: c, tags: data.tags}}", "hello", false)]
    #[case("segments: {s: {when: recipient.interests.running > 0.5}}", "hello", false)]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags}}\nsegments: {s: {when: recipient.interests.running > 0.5}}",
        "hello",
        true
    )]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags, when: has(recipient.interests.running)}}",
        "hello",
        true
    )]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags, when: \"'running' in recipient.interests\"}}",
        "hello",
        true
    )]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags, once_per: recipient.interests}}",
        "hello",
        true
    )]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags}}",
        "{{ recipient.interests['trail-running'] }}",
        true
    )]
    #[case(
        "rules: {r: {on: e, template: t, category: c, tags: data.tags}}",
        "{{ recipient.attributes.interests }}",
        false
    )]
    fn interests_are_learned_where_a_rule_has_tags_and_something_reads_them(
        #[case] lines: &str,
        #[case] title: &str,
        #[case] learned: bool,
    ) {
        let document = format!(
            "tidings: 1\nproject: {{name: p}}\ncategories: {{c: {{legal: service, channels: [inapp]}}}}\n{lines}\ntemplates: {{t: {{en: {{title: \"{title}\"}}}}}}\n"
        );
        let configuration = check(&document, &Bundle::default(), 1).unwrap();
        assert_eq!(configuration.learns.interests, learned);
        assert!(!configuration.learns.hours);
    }
}
