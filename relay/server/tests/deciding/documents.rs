//! Documents for the scenes: one project, a category for each legal class, and what a test adds.

/// What every document has. `TOP` and `CATEGORY` are replaced by what a test says.
const FRAME: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: UTC, currency: EUR, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: "What we send you and why"}}
categories:
  orders: {name: {en: Orders}, legal: service, priority: high, channels: [inapp]}
  news: {name: {en: News}, legal: service, priority: normal, channels: [inapp]}
  calls: {name: {en: Calls}, legal: service, priority: urgent, channels: [inapp, sms]}
  mixed: {name: {en: Mixed}, legal: service, priority: high, channels: [inapp, email]}
  letters: {name: {en: Letters}, legal: service, priority: high, channels: [email]}
  offers: {name: {en: Offers}, legal: marketing, priority: high, channels: [inapp, email]}
  surveys: {name: {en: Surveys}, legal: service, basis: consent, priority: high, channels: [inapp]}
  asked: {name: {en: Asked}, legal: service, basis: consent, priority: high, channels: [email]}
  alarms: {name: {en: Alarms}, legal: essential, priority: high, channels: [inapp]}
  dues: {name: {en: Dues}, legal: essential, priority: high, channels: [email]}
  capped: {name: {en: Capped}, legal: service, priority: high, channels: [inapp], cap: {day: 2, over: suppress}}
  gathered: {name: {en: Gathered}, legal: service, priority: high, channels: [inapp], cap: {day: 1, over: digest}, digest: {at: "18:00", template: several}}
templates:
  plain: {en: {title: "Hello {{ data.n }}"}}
  several: {en: {title: "{{ digest.count }} things, the last is {{ data.n }}"}}
"#;

/// A document with these lines added; each is `key: value` at the top, like `quiet_hours: {…}`.
pub(crate) fn with(lines: &str) -> String {
    format!("{FRAME}{lines}\n")
}

/// A document with one rule `r` on `e`, whose other keys are given; `data.n` names the notification in its title.
pub(crate) fn rule(keys: &str) -> String {
    ruled(keys, "")
}

/// The same with lines at the top.
pub(crate) fn ruled(keys: &str, lines: &str) -> String {
    with(&format!("{lines}\nrules:\n  r: {{on: e, template: plain, {keys}}}"))
}
