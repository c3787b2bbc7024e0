//! The documents of the simulated project, and beside them what the oracle has to know of them, written by hand: it
//! must not learn the rules from the code that it checks.

use tidings_protocol::Channel;

/// The first document. Its caps are small and its windows narrow, so that every gate has something to say.
pub const FIRST: &str = r#"
tidings: 1
project: {name: simulated, locale: en, time_zone: Europe/Berlin, currency: EUR, unknown_recipient: create}
policy: {version: "1", text: {en: What we send}}
collect: {order.placed: {recipient: data.who, keep: 30d}}
channels:
  inapp: {cap: {day: 12, over: defer}}
  email: {cap: {day: 2, over: suppress}}
  sms: {cap: {day: 3, over: defer}, budget: {day: 0.30}}
providers:
  post: {channel: email, kind: smtp, host: mail.example, from: shop@example.org}
  sms_a: {channel: sms, kind: http, preset: vendor_a, cost: 0.07}
  sms_b: {channel: sms, kind: http, preset: vendor_b, cost: 0.09}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp, push]}
  alerts:  {name: {en: Alerts}, legal: essential, priority: urgent, channels: [inapp, push]}
  orders:  {name: {en: Orders}, legal: service, priority: high, channels: [inapp], cap: {day: 3, over: defer}}
  urgent:  {name: {en: Urgent}, legal: service, priority: urgent, channels: [inapp]}
  offers:  {name: {en: Offers}, legal: marketing, priority: low, channels: [inapp], cap: {day: 1, over: digest}, digest: {at: "18:00", template: digest}}
  news:    {name: {en: News}, legal: marketing, priority: normal, channels: [inapp, email], cap: {week: 2, over: suppress}}
  tips:    {name: {en: Tips}, legal: service, priority: low, channels: [inapp, sms]}
  letters: {name: {en: Letters}, legal: service, priority: normal, channels: [email]}
  calls:   {name: {en: Calls}, legal: service, priority: high, channels: [sms, push]}
caps: {day: 7, over: defer}
quiet_hours: {default: "22:00-07:00", pass: [urgent]}
segments: {buyers: {when: "history('order.placed', '30d') >= 1"}}
rules:
  order: {on: order.placed, notify: data.who, category: orders, template: order, once_per: data.order, cancel_on: {event: order.cancelled, match: data.order}, expires: 20h}
  moved: {on: order.moved, notify: data.who, category: general, template: order, collapse: data.order, throttle: {count: 1, per: 1h, key: data.order, over: suppress}}
  late: {on: order.late, notify: data.who, category: general, variants: {one: {template: order}, other: {template: order}}, winner: {by: read, after: 100, confidence: 0.9}, conversion: {event: order.placed, within: 12h}, throttle: {count: 1, per: 2h, key: data.order, over: defer}}
  reminder: {on: cart.left, notify: data.who, category: general, template: order, delay: 2h, cancel_on: {event: order.placed, match: data.who}, holdout: {percent: 50}}
  offer: {on: offer.made, notify: {topic: fans}, category: offers, template: order, send: {window: "09:00-20:00", days: [mon, tue, wed, thu, fri]}, cohort: {percent: 50, include: {topic: staff}}}
  hour: {on: hour.offered, notify: data.who, category: general, template: order, send: {window: "09:00-20:00", best_hour: true, latest: 24h}}
  buyers: {on: sale.begun, notify: {segment: buyers}, category: general, template: order}
  parcel: {on: parcel.came, notify: data.who, category: general, template: order, digest: {key: data.who, window: 30m, max: 3, template: digest}}
  payment:
    on: payment.failed
    notify: data.who
    category: urgent
    template: asked
    deliver:
      - {channels: [inapp], repeat: {every: 5m, times: 2, until: acknowledged}}
      - {after: 5m, unless: received, channels: [sms]}
      - {after: 6m, unless: displayed, channels: [sms]}
      - {after: 7m, unless: read, channels: [sms]}
      - {after: 20m, unless: acknowledged, notify: data.backup, channels: [inapp]}
    cancel_on: {event: payment.done, match: data.order}
  slow:
    on: slow.step
    notify: data.who
    category: news
    template: order
    deliver: [{channels: [email]}, {after: 3h, channels: [inapp]}]
  alarm:
    on: alarm.rang
    notify: data.who
    category: calls
    template: asked
    deliver:
      - {channels: [push, email]}
      - {after: 4m, unless: read, channels: [sms]}
      - {after: 9m, unless: acknowledged, notify: data.backup, channels: [sms, push]}
    cancel_on: {event: alarm.off, match: data.order}
  gone: {on: gone.soon, notify: data.who, category: general, template: order, delay: 3h}
  bad: {on: bad.words, notify: data.who, category: general, template: broken}
templates:
  order: {en: {title: "{{ data.order }}"}}
  asked: {en: {title: "{{ data.order }}", actions: [{id: take, label: Take, acknowledges: true}, {id: look, label: Look}]}}
  broken: {en: {title: "{{ data.nothing }}"}}
  digest: {en: {title: "{{ digest.count }} of them"}}
"#;

/// The second: other caps and providers, another policy, a rule fewer, and tips and calls need a consent that they did not need before.
#[must_use]
pub fn second() -> String {
    let without: Vec<&str> = FIRST.lines().filter(|line| !line.starts_with("  gone:")).collect();
    let text = without.join("\n");
    let text = text.replace("version: \"1\"", "version: \"2\"");
    let text = text.replace("cap: {day: 3, over: defer}", "cap: {day: 2, over: defer}");
    let text = text.replace("{en: Tips}, legal: service,", "{en: Tips}, legal: service, basis: consent,");
    // Another mail provider, and one of text messages fewer.
    let text = text.replace("  post: {", "  mail: {");
    let text = text.replace("  sms_a: {channel: sms, kind: http, preset: vendor_a, cost: 0.07}\n", "");
    let text = text.replace("{en: Calls}, legal: service,", "{en: Calls}, legal: service, basis: consent,");
    text.replace("unknown_recipient: create", "unknown_recipient: refuse")
}

/// Whether a category needs a grant on a channel, under a version of the document. A service needs none in the inbox.
#[must_use]
pub fn needs_grant(category: &str, channel: Channel, version: u64) -> bool {
    let service = matches!(category, "tips" | "calls") && version == 2 && channel != Channel::Inapp;
    matches!(category, "offers" | "news") || service
}

/// What one hand-over of a provider costs, in cents of the project's currency.
#[must_use]
pub fn cost(provider: &str) -> u32 {
    match provider {
        "sms_a" => 7,
        "sms_b" => 9,
        _ => 0,
    }
}

/// What text messages may cost in a day, in cents of the project's currency.
pub const SMS_BUDGET: u32 = 30;

/// How many a channel beside the inbox takes for one recipient in a local day, under a version of the document.
#[must_use]
pub const fn channel_cap(channel: Channel, version: u64) -> Option<usize> {
    match channel {
        Channel::Sms if version == 1 => Some(3),
        Channel::Email | Channel::Sms => Some(2),
        Channel::Inapp | Channel::Push | Channel::Webhook => None,
    }
}

/// How far apart the rounds of a repeated step are, in milliseconds.
pub const REPEAT_EVERY: i64 = 300_000;

/// Whether nothing but a delay holds a category back.
#[must_use]
pub fn is_essential(category: &str) -> bool {
    category == "alerts"
}

/// How many a local day and a week let through: by scope, under a version of the document.
#[must_use]
pub fn caps(category: &str, version: u64) -> Vec<Limit> {
    if is_essential(category) {
        return Vec::new();
    }
    let mut limits = vec![Limit { scope: Scope::Project, day: Some(7), week: None, collects: false }];
    limits.extend(match category {
        "orders" => Some(Limit {
            scope: Scope::Category,
            day: Some(if version == 1 { 3 } else { 2 }),
            week: None,
            collects: false,
        }),
        "offers" => Some(Limit { scope: Scope::Category, day: Some(1), week: None, collects: true }),
        "news" => Some(Limit { scope: Scope::Category, day: None, week: Some(2), collects: false }),
        _ => None,
    });
    limits
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Project,
    /// The notification's own category.
    Category,
}

/// A limit of a scope.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What it counts.
    pub scope: Scope,
    /// In one local date.
    pub day: Option<usize>,
    /// In one week from Monday.
    pub week: Option<usize>,
    /// What is over it is collected into a digest.
    pub collects: bool,
}

/// The project's quiet hours, as minutes of the local day.
pub const QUIET: (u32, u32) = (22 * 60, 7 * 60);
/// The project's zone, for who has none.
pub const ZONE: &str = "Europe/Berlin";
