//! One case at least for each kind of mistake: its code, its place and its hint.

use rstest::rstest;

use super::*;
use crate::configuration::{Account, Count, SmtpTls};

/// The only mistake of a document that is [`HEAD`] (three lines) and `rest`: code, line, column, pointer, hint.
fn only(rest: &str) -> (&'static str, u32, u32, String, Option<String>) {
    let document = format!("{HEAD}{rest}");
    let mistakes = mistakes(&document);
    assert_eq!(mistakes.total, 1, "{}", mistakes.render(&document));
    let one = mistakes.items.into_iter().next().unwrap();
    (one.code, one.line, one.column, one.pointer, one.hint)
}

/// A rule in line 4 that is right but for `rest`.
fn rule(rest: &str) -> String {
    format!("rules: {{r: {{on: e, category: general, template: hello, {rest}}}}}\n")
}

/// Where `rest` begins in the line of [`rule`], from 1.
const REST: u32 = 56;

#[test]
fn the_rule_of_these_tests_is_right_without_more() {
    let document = format!("{HEAD}{}", rule("tags: data.tags"));
    assert!(checked(&document).is_ok());
    assert_eq!(rule("x").find('x'), Some(REST as usize - 1));
}

#[rstest]
// References.
#[case::category(
    "rules: {r: {on: e, category: genral, template: hello}}",
    "unknown_category",
    30,
    "/rules/r/category",
    Some("general")
)]
#[case::template(
    "rules: {r: {on: e, category: general, template: helo}}",
    "unknown_template",
    49,
    "/rules/r/template",
    Some("hello")
)]
#[case::segment(
    "segments: {vips: {when: recipient.attributes.vip}}\nrules: {r: {on: e, category: general, template: hello, notify: {segment: vip}}}",
    "unknown_segment",
    74,
    "/rules/r/notify/segment",
    Some("vips")
)]
#[case::provider(
    "providers: {mail_a: {channel: sms, kind: http, preset: vendor_a}}\nchannels: {sms: {providers: [mail_b]}}",
    "unknown_provider",
    30,
    "/channels/sms/providers/0",
    Some("mail_a")
)]
#[case::channel("channels: {psh: {content: none}}", "unknown_channel", 12, "/channels/psh", Some("push"))]
#[case::channel_of_category("categories2: {}", "unknown_key", 1, "/categories2", Some("categories"))]
#[case::provider_channel(
    "providers: {a: {channel: sms, kind: smtp, host: h, from: f@x.example}}",
    "wrong_channel",
    37,
    "/providers/a/kind",
    None
)]
#[case::mail_sender(
    "providers: {a: {channel: email, kind: smtp, host: h, from: Shop}}",
    "bad_address",
    60,
    "/providers/a/from",
    None
)]
#[case::mail_bounces(
    "providers: {a: {channel: email, kind: smtp, host: h, from: f@x.example, bounces: \"b@x, c@x\"}}",
    "bad_address",
    82,
    "/providers/a/bounces",
    None
)]
#[case::mail_plain_password(
    "providers: {a: {channel: email, kind: smtp, host: h, from: f@x.example, user: u, password: {secret: s}, tls: none}}",
    "insecure",
    110,
    "/providers/a/tls",
    None
)]
#[case::mail_no_password(
    "providers: {a: {channel: email, kind: smtp, host: h, from: f@x.example, user: u}}",
    "missing_key",
    13,
    "/providers/a",
    None
)]
#[case::mail_tls(
    "providers: {a: {channel: email, kind: smtp, host: h, from: f@x.example, tls: start_tls}}",
    "unknown_word",
    78,
    "/providers/a/tls",
    Some("starttls")
)]
#[case::wrong_channel(
    "providers: {a: {channel: sms, kind: http, preset: vendor_a}}\nchannels: {push: {providers: [a]}}",
    "wrong_channel",
    31,
    "/channels/push/providers/0",
    None
)]
// Project.
#[case::zone(
    "project: {time_zone: Europe/Berlni}",
    "bad_zone",
    22,
    "/project/time_zone",
    Some("did you mean `Europe/Berlin`?")
)]
#[case::locale("project: {locale: english_language}", "bad_locale", 19, "/project/locale", None)]
#[case::currency("project: {currency: eur}", "bad_currency", 21, "/project/currency", Some("write EUR"))]
#[case::word(
    "project: {unknown_recipient: creat}",
    "unknown_word",
    30,
    "/project/unknown_recipient",
    Some("create")
)]
#[case::wrong_type("project: {name: [a]}", "wrong_type", 17, "/project/name", None)]
#[case::number_for_text(
    "policy: {version: 2026}",
    "wrong_type",
    19,
    "/policy/version",
    Some("put it into quotes")
)]
#[case::url("policy: {url: shop.example}", "bad_url", 15, "/policy/url", None)]
#[case::map_wanted("quiet_hours: always", "wrong_type", 14, "/quiet_hours", None)]
// Times.
#[case::time("quiet_hours: {default: \"22:00-8:00\"}", "bad_time", 31, "/quiet_hours/default", None)]
#[case::sexagesimal(
    "quiet_hours: {default: 1320}",
    "bad_time",
    24,
    "/quiet_hours/default",
    Some("a tool for YAML 1.1 turns 22:00 into 1320: quote the time (\"22:00\") for that tool")
)]
#[case::duration(
    "retention: {inbox: 90}",
    "bad_duration",
    20,
    "/retention/inbox",
    Some("give it a unit: 90s or 90m")
)]
#[case::duration_unit("retention: {inbox: 90 days}", "bad_duration", 20, "/retention/inbox", None)]
#[case::no_duration("retention: {inbox: 0d}", "bad_duration", 20, "/retention/inbox", None)]
// Operations.
#[case::secret(
    "providers: {a: {channel: sms, kind: http, preset: vendor_a, password: hunter2}}",
    "bad_secret",
    71,
    "/providers/a/password",
    None
)]
#[case::hook_event(
    "hooks: {b: {url: 'https://h.example', on: [receipt.actd]}}",
    "unknown_word",
    44,
    "/hooks/b/on/0",
    Some("receipt.acted")
)]
#[case::alert(
    "alerts: {notify: {topic: ops}, on: [residu]}",
    "unknown_word",
    37,
    "/alerts/on/0",
    Some("residue")
)]
#[case::alert_to_a_name("alerts: {notify: alice}", "bad_cel", 18, "/alerts/notify", None)]
#[case::alert_to_an_events_recipient(
    "alerts: {notify: data.customer}",
    "bad_cel",
    18,
    "/alerts/notify",
    None
)]
#[case::alert_to_nobody("alerts: {notify: '[]'}", "bad_cel", 18, "/alerts/notify", None)]
#[case::alert_to_no_id("alerts: {notify: \"'a/b'\"}", "bad_cel", 18, "/alerts/notify", None)]
#[case::private_key(
    "tokens: {keys: [{kid: a, alg: EdDSA, public: '-----BEGIN PRIVATE KEY-----'}]}",
    "bad_key",
    46,
    "/tokens/keys/0/public",
    None
)]
#[case::private_key_beside_the_public_one(
    "tokens: {keys: [{kid: a, alg: EdDSA, public: '-----BEGIN PUBLIC KEY----- -----BEGIN PRIVATE KEY-----'}]}",
    "bad_key",
    46,
    "/tokens/keys/0/public",
    None
)]
#[case::one_kid_for_two_keys(
    "tokens: {keys: [{kid: a, alg: EdDSA, public: '-----BEGIN PUBLIC KEY-----'}, {kid: a, alg: ES256, public: '-----BEGIN PUBLIC KEY-----'}]}",
    "duplicate_key",
    77,
    "/tokens/keys/1",
    None
)]
#[case::algorithm(
    "tokens: {keys: [{kid: a, alg: HS256, public: '-----BEGIN PUBLIC KEY-----'}]}",
    "unknown_word",
    31,
    "/tokens/keys/0/alg",
    Some("ES256")
)]
#[case::cost(
    "providers: {a: {channel: sms, kind: http, preset: vendor_a, cost: -1}}",
    "bad_number",
    67,
    "/providers/a/cost",
    None
)]
#[case::id("segments: {a/b: {when: recipient.attributes.vip}}", "bad_id", 12, "/segments/a~1b", None)]
#[case::missing_key("providers: {a: {channel: sms, kind: http}}", "missing_key", 13, "/providers/a", None)]
// CEL outside of rules.
#[case::segment_without_event(
    "segments: {s: {when: data.total > 0}}",
    "unknown_variable",
    22,
    "/segments/s/when",
    None
)]
#[case::history(
    "segments: {s: {when: \"history('order.placed', '90d') > 1\"}}",
    "unknown_event",
    32,
    "/segments/s/when",
    None
)]
#[case::history_near(
    "collect: {order.placed: {recipient: data.customer}}\nsegments: {s: {when: \"history('order.place', '9d') > 1\"}}",
    "unknown_event",
    32,
    "/segments/s/when",
    Some("order.placed")
)]
#[case::segment_never("segments: {s: {when: \"'yes'\"}}", "bad_plan", 22, "/segments/s/when", None)]
// Caps.
#[case::cap_digest(
    "caps: {day: 3, over: digest}",
    "bad_plan",
    22,
    "/caps/over",
    Some("give the category a `digest`, or write `over: defer`")
)]
#[case::channel_cap_digest(
    "channels: {push: {cap: {day: 3, over: digest}}}",
    "bad_plan",
    39,
    "/channels/push/cap/over",
    Some("give the category a `digest`, or write `over: defer`")
)]
#[case::cap_of_nothing("caps: {over: defer}", "missing_key", 1, "/caps", None)]
#[case::adapt("caps: {day: 3, adapt: {min: 9, max: 2}}", "bad_plan", 23, "/caps/adapt", None)]
#[case::zero_cap("caps: {day: 0}", "bad_number", 13, "/caps/day", None)]
#[case::content("channels: {sms: {content: full}}", "bad_plan", 18, "/channels/sms/content", None)]
fn a_mistake_outside_of_rules_says_where_and_what(
    #[case] rest: &str,
    #[case] code: &str,
    #[case] column: u32,
    #[case] pointer: &str,
    #[case] hint: Option<&str>,
) {
    let line = 3 + u32::try_from(rest.lines().count()).unwrap();
    let (found, at, from, path, said) = only(rest);
    assert_eq!((found, at, from, path.as_str(), said.as_deref()), (code, line, column, pointer, hint));
}

#[rstest]
#[case::unknown_key("expire: 5m", "unknown_key", 0, "/expire", Some("expires"))]
#[case::merge_key("<<: {}", "unknown_key", 0, "/<<", None)]
#[case::duplicate_key(
    "on: f",
    "duplicate_key",
    0,
    "/on",
    Some("the first one is in line 4; keep one of them")
)]
#[case::yaml_1_1(
    "true: f",
    "yaml_1_1",
    0,
    "/true",
    Some("a tool for YAML 1.1 turns `on` into `true`: write `on`, and quote it (\"on\") for that tool")
)]
#[case::yaml_1_1_json(
    "\"true\": f",
    "yaml_1_1",
    0,
    "/true",
    Some("a tool for YAML 1.1 turns `on` into `true`: write `on`, and quote it (\"on\") for that tool")
)]
#[case::cel("when: data.total >", "bad_cel", 18, "/when", None)]
#[case::cel_variable("when: dta.total > 1", "unknown_variable", 6, "/when", Some("data"))]
#[case::cel_quoted("when: \"dta.total > 1\"", "unknown_variable", 7, "/when", Some("data"))]
#[case::cel_list(
    "tags: [data.tags]",
    "wrong_type",
    6,
    "/tags",
    Some("in `{…}` and `[…]`, quote CEL that has `[ ] { } ,`")
)]
#[case::event_field("when: event.tyep == 'x'", "unknown_variable", 12, "/when", Some("type"))]
#[case::template_root("when: digest.count > 1", "unknown_variable", 6, "/when", None)]
#[case::percent("holdout: {percent: 101}", "bad_percent", 19, "/holdout/percent", None)]
#[case::negative_percent("cohort: {percent: -1}", "bad_percent", 18, "/cohort/percent", None)]
#[case::percent_text("cohort: {percent: 10 %}", "bad_percent", 18, "/cohort/percent", None)]
#[case::when_number("when: 5", "bad_plan", 6, "/when", None)]
#[case::when_text("when: \"'yes'\"", "bad_plan", 6, "/when", None)]
#[case::when_count("when: size(data.items)", "bad_plan", 6, "/when", None)]
#[case::when_root("when: data", "bad_plan", 6, "/when", None)]
#[case::long_delay("delay: 91d", "limit", 7, "/delay", None)]
#[case::long_expires("expires: 91d", "limit", 9, "/expires", None)]
#[case::expires_before_delay("expires: 1h, delay: 1h", "bad_plan", 9, "/expires", None)]
#[case::expires_before_step(
    "expires: 5m, deliver: [{channels: [inapp]}, {after: 5m, channels: [sms]}]",
    "bad_plan",
    9,
    "/expires",
    Some("raise `expires`, or lower the step's `after`")
)]
#[case::no_steps("deliver: []", "bad_plan", 9, "/deliver", None)]
#[case::no_channels("deliver: [{channels: []}]", "bad_plan", 21, "/deliver/0/channels", None)]
#[case::channel_twice("deliver: [{channels: [sms, sms]}]", "bad_plan", 27, "/deliver/0/channels/1", None)]
#[case::channel("deliver: [{channels: [smss]}]", "unknown_channel", 22, "/deliver/0/channels/0", Some("sms"))]
#[case::first_after(
    "deliver: [{after: 5m, channels: [sms]}]",
    "bad_plan",
    11,
    "/deliver/0/after",
    Some("use the rule's `delay`")
)]
#[case::first_unless("deliver: [{unless: read, channels: [sms]}]", "bad_plan", 11, "/deliver/0/unless", None)]
#[case::first_notify(
    "deliver: [{notify: data.b, channels: [sms]}]",
    "bad_plan",
    11,
    "/deliver/0/notify",
    Some("use the rule's `notify`")
)]
#[case::unless_at_once(
    "deliver: [{channels: [inapp]}, {unless: read, channels: [sms]}]",
    "bad_plan",
    32,
    "/deliver/1/unless",
    None
)]
#[case::unless_unseen(
    "deliver: [{channels: [sms]}, {after: 5m, unless: acknowledged, channels: [inapp]}]",
    "bad_plan",
    49,
    "/deliver/1/unless",
    Some("put inapp, push or email into an earlier step")
)]
#[case::after_falls(
    "deliver: [{channels: [inapp]}, {after: 5m, channels: [sms]}, {after: 4m, channels: [sms]}]",
    "bad_plan",
    69,
    "/deliver/2/after",
    Some("`after` counts from the moment the notification left its holds, not from the last step")
)]
#[case::endless_repeat(
    "deliver: [{channels: [inapp], repeat: {every: 5m, times: 3}}]",
    "bad_plan",
    30,
    "/deliver/0/repeat",
    None
)]
#[case::repeat_by_sms(
    "deliver: [{channels: [sms], repeat: {every: 5m, times: 3, until: read}}]",
    "bad_plan",
    28,
    "/deliver/0/repeat",
    Some("put inapp or push into the step")
)]
#[case::digest_never("digest: {max: 3}", "bad_plan", 0, "/digest", None)]
#[case::digest_twice("digest: {window: 5m, at: '18:00'}", "bad_plan", 21, "/digest/at", None)]
#[case::digest_time("digest: {at: sun 18}", "bad_time", 17, "/digest/at", None)]
#[case::digest_day("digest: {at: son 18:00}", "bad_time", 13, "/digest/at", None)]
#[case::digest_sexagesimal(
    "digest: {at: 1080}",
    "bad_time",
    13,
    "/digest/at",
    Some("a tool for YAML 1.1 turns 18:00 into 1080: quote the time (\"18:00\") for that tool")
)]
#[case::throttle_digest(
    "throttle: {count: 1, per: 1h, over: digest}",
    "bad_plan",
    10,
    "/throttle",
    Some("give the rule or its category a `digest`")
)]
#[case::throttle_key("throttle: {count: 1, pr: 1h, per: 1h}", "unknown_key", 21, "/throttle/pr", Some("per"))]
#[case::own_event(
    "cancel_on: {event: e}",
    "bad_plan",
    11,
    "/cancel_on",
    Some("to replace an older notification by a newer one, use `collapse`")
)]
#[case::window("send: {window: 8-20}", "bad_time", 15, "/send/window", None)]
#[case::window_empty("send: {window: '08:00-08:00'}", "bad_time", 16, "/send/window", None)]
#[case::day("send: {window: '08:00-20:00', days: [mon, tues]}", "bad_time", 42, "/send/days/1", Some("tue"))]
#[case::no_day("send: {window: '08:00-20:00', days: []}", "bad_plan", 36, "/send/days", None)]
#[case::send_nothing("send: {latest: 5m}", "bad_plan", 0, "/send", None)]
#[case::winner_alone("winner: {by: read, after: 5, confidence: 0.9}", "bad_plan", 8, "/winner", None)]
#[case::confidence(
    "variants: {a: {template: hello}, b: {template: hello}}, winner: {by: read, after: 5, confidence: 95}",
    "bad_number",
    97,
    "/winner/confidence",
    None
)]
#[case::winner_conversion(
    "variants: {a: {template: hello}, b: {template: hello}}, winner: {by: conversion, after: 5, confidence: 0.9}",
    "bad_plan",
    64,
    "/winner",
    None
)]
#[case::no_variant("variants: {}", "bad_plan", 10, "/variants", None)]
#[case::two_audiences("notify: {topic: a, segment: s}", "bad_plan", 8, "/notify", None)]
#[case::conversion("conversion: {event: paid}", "missing_key", 0, "/conversion", None)]
#[case::priority("priority: hihg", "unknown_word", 10, "/priority", Some("high"))]
fn a_mistake_in_a_rule_says_where_and_what(
    #[case] rest: &str,
    #[case] code: &str,
    #[case] offset: u32,
    #[case] pointer: &str,
    #[case] hint: Option<&str>,
) {
    let segment =
        if rest.contains("segment: s") { "segments: {s: {when: recipient.attributes.vip}}\n" } else { "" };
    let (found, line, column, path, said) = only(&format!("{}{segment}", rule(rest)));
    let wanted = (code, 4, REST + offset, format!("/rules/r{pointer}"), hint);
    assert_eq!((found, line, column, path, said.as_deref()), wanted);
}

#[rstest]
#[case::variable("{en: {title: '{{ dta.x }}'}}", "unknown_variable", 18, "/en/title", Some("data"))]
#[case::field(
    "{en: {title: '{{ recipient.atributes.name }}'}}",
    "unknown_variable",
    28,
    "/en/title",
    Some("attributes")
)]
#[case::digest_field(
    "{en: {title: '{{ data.x }} {{ digest.cuont }}'}}",
    "unknown_variable",
    38,
    "/en/title",
    Some("count")
)]
#[case::filter("{en: {title: '{{ data.x | mony }}'}}", "bad_template", 27, "/en/title", None)]
#[case::unclosed("{en: {title: '{{ data.x'}}", "bad_template", 24, "/en/title", None)]
#[case::no_title("{en: {body: Hi}}", "missing_key", 2, "/en", None)]
#[case::form("{en: {title: Hi, emial: {subject: Hi}}}", "unknown_key", 18, "/en/emial", Some("email"))]
#[case::locale(
    "{en: {title: Hi}, english_language: {title: Hi}}",
    "bad_locale",
    19,
    "/english_language",
    None
)]
#[case::locale_twice(
    "{en-us: {title: Hi}, en-US: {title: Hi}, en: {title: Hi}}",
    "duplicate_key",
    22,
    "/en-US",
    None
)]
#[case::no_project_locale("{de: {title: Hi}}", "missing_locale", -2, "", None)]
#[case::file(
    "{en: {title: Hi, email: {subject: Hi, mjml: {file: mail/x.mjml}}}}",
    "missing_file",
    52,
    "/en/email/mjml/file",
    Some("paths are relative to the document's folder")
)]
#[case::file_outside("{en: {title: Hi, body: {file: ../x}}}", "bad_file", 31, "/en/body/file", None)]
#[case::file_absolute("{en: {title: Hi, body: {file: /etc/passwd}}}", "bad_file", 31, "/en/body/file", None)]
#[case::two_bodies(
    "{en: {title: Hi, email: {subject: Hi, html: a, mjml: <mjml><mj-body></mj-body></mjml>}}}",
    "bad_plan",
    48,
    "/en/email/mjml",
    None
)]
#[case::action_twice(
    "{en: {title: Hi, actions: [{id: a, label: A}, {id: a, label: B}]}}",
    "duplicate_key",
    52,
    "/en/actions/1/id",
    None
)]
#[case::five_actions(
    "{en: {title: Hi, actions: [{id: a, label: A}, {id: b, label: A}, {id: c, label: A}, {id: d, label: A}, {id: e, label: A}]}}",
    "limit",
    104,
    "/en/actions/4",
    None
)]
fn a_mistake_in_a_template_says_where_and_what(
    #[case] template: &str,
    #[case] code: &str,
    #[case] offset: i32,
    #[case] pointer: &str,
    #[case] hint: Option<&str>,
) {
    let document = format!("tidings: 1\ntemplates:\n  x: {template}\n");
    let mistakes = mistakes(&document);
    assert_eq!(mistakes.total, 1, "{}", mistakes.render(&document));
    let one = &mistakes.items[0];
    let hint_matters = code != "bad_template";
    let wanted = (code, 3, u32::try_from(5 + offset).unwrap(), format!("/templates/x{pointer}"));
    assert_eq!((one.code, one.line, one.column, one.pointer.clone()), wanted);
    assert!(!hint_matters || one.hint.as_deref() == hint, "{:?}", one.hint);
}

#[rstest]
#[case::no_legal("{channels: [inapp]}", "missing_key", 3, "")]
#[case::no_category_channels("{legal: service, channels: []}", "bad_plan", 33, "/channels")]
#[case::essential_cap("{legal: essential, channels: [inapp], cap: {day: 1}}", "bad_plan", 44, "/cap")]
#[case::marketing_basis("{legal: marketing, channels: [inapp], basis: contract}", "bad_plan", 44, "/basis")]
#[case::cap_without_digest(
    "{legal: service, channels: [inapp], cap: {day: 1, over: digest}}",
    "bad_plan",
    62,
    "/cap/over"
)]
#[case::digest_key(
    "{legal: service, channels: [inapp], digest: {key: data.a, at: '18:00', template: t}}",
    "unknown_key",
    51,
    "/digest/key"
)]
#[case::legal("{legal: legal, channels: [inapp]}", "unknown_word", 14, "/legal")]
fn a_mistake_in_a_category_says_where_and_what(
    #[case] category: &str,
    #[case] code: &str,
    #[case] column: u32,
    #[case] pointer: &str,
) {
    let document =
        format!("tidings: 1\ntemplates: {{t: {{en: {{title: T}}}}}}\ncategories:\n  c: {category}\n");
    let mistakes = mistakes(&document);
    assert_eq!(mistakes.total, 1, "{}", mistakes.render(&document));
    let one = &mistakes.items[0];
    assert_eq!(
        (one.code, one.line, one.column, one.pointer.clone()),
        (code, 4, column, format!("/categories/c{pointer}"))
    );
}

#[rstest]
#[case::no_format("project: {name: a}\n", 1, 1)]
#[case::other_format("project: {name: a}\ntidings: 2\n", 2, 10)]
fn a_document_says_its_format(#[case] document: &str, #[case] line: u32, #[case] column: u32) {
    let one = mistakes(document).items.remove(0);
    assert_eq!((one.code, one.line, one.column), ("bad_format", line, column));
    assert_eq!(one.expected.as_deref(), Some("`tidings: 1`"));
}

#[test]
fn a_rule_needs_what_it_says_and_when() {
    let codes: Vec<_> = mistakes(&format!("{HEAD}rules: {{r: {{category: general}}}}\n"))
        .items
        .into_iter()
        .map(|one| (one.code, one.column, one.detail))
        .collect();
    assert_eq!(codes.len(), 2);
    assert_eq!(codes[0], ("missing_key", 9, "a rule needs the key `on`".to_owned()));
    assert_eq!(codes[1].2, "a rule needs the key `template`, or `variants` with theirs");
}

#[test]
fn what_people_do_with_an_essential_mail_is_not_counted() {
    let document = |legal: &str| {
        format!(
            "tidings: 1\ncategories: {{a: {{legal: {legal}, channels: [email], count: {{links: true}}}}}}\n"
        )
    };
    let one = mistakes(&document("essential")).items.remove(0);
    assert_eq!((one.code, one.pointer.as_str()), ("bad_plan", "/categories/a/count"));
    let counted = checked(&document("marketing")).unwrap();
    let counts: Vec<_> = counted.categories.values().map(|category| category.count).collect();
    assert!(counts.contains(&Count { links: true, opens: false }), "{counts:?}");
}

#[test]
fn a_mail_server_has_the_usual_port_and_encryption_unless_the_document_says_otherwise() {
    let ways = |more: &str| {
        let document = format!(
            "tidings: 1\nproviders: {{a: {{channel: email, kind: smtp, host: h, from: f@x.example{more}}}}}\n"
        );
        match &checked(&document).unwrap().providers["a"].account {
            Account::Smtp(account) => (account.tls, account.port),
            other @ (Account::Http(_)
            | Account::Webhook(_)
            | Account::Webpush(_)
            | Account::Fcm(_)
            | Account::Apns(_)) => {
                panic!("{other:?}")
            }
        }
    };
    assert_eq!(ways(""), (SmtpTls::StartTls, 587));
    assert_eq!(ways(", port: 465"), (SmtpTls::Implicit, 465));
    assert_eq!(ways(", tls: implicit"), (SmtpTls::Implicit, 465));
    assert_eq!(ways(", tls: none"), (SmtpTls::None, 25));
    assert_eq!(ways(", port: 2525"), (SmtpTls::StartTls, 2525));
}

#[test]
fn a_mistake_in_a_block_text_stands_on_its_line() {
    let document = "tidings: 1\ntemplates:\n  x:\n    en:\n      title: T\n      body: |\n        one\n        two {{ dta.x }}\n";
    let one = mistakes(document).items.remove(0);
    assert_eq!((one.code, one.line, one.column), ("unknown_variable", 8, 16));
}

#[test]
fn a_mistake_in_a_file_says_where_in_the_file() {
    let mut shop = shop();
    shop.files.insert("mail/promotion.en.mjml".to_owned(), "<mjml>\n  {{ dta.x }}</mjml>".to_owned());
    let mistakes = check(&shop.document, &shop, 1).unwrap_err();
    assert_eq!(mistakes.total, 1);
    let one = &mistakes.items[0];
    assert_eq!((one.code, one.pointer.as_str()), ("unknown_variable", "/templates/promotion/en/email/mjml"));
    assert_eq!(one.detail, "nothing is called `dta` (in the file, line 2, column 6)");
}

#[test]
fn all_mistakes_are_told_at_once_and_shown_like_a_compiler_does() {
    let document = "\
tidings: 1
project: {name: shop, time_zone: Europe/Berlni, currency: euro}
categories:
  general: {name: {en: General, zh: 通用}, legal: service, priorty: normal, channels: [inapp, puhs]}
quiet_hours: {default: 1320, pass: [urgnt]}
rules:
  order_placed:
    true: order.placed
    when: dta.total > 0
    category: orders
    template: order_placd
    expires: 5m
    deliver:
      - {channels: [inapp]}
      - {after: 10m, unless: recieved, channels: [sms]}
templates:
  order_placed:
    en: {title: \"Order {{ data.order_id\"}
    zh: {title: \"订单 {{ daten.order_id }} 已确认\", titel: x}
";
    insta::assert_snapshot!(mistakes(document).render(document));
}

#[rstest]
#[case::title_fits(200, 1, "hello", None)]
#[case::title(201, 1, "hello", Some(("/templates/hello/en/title", 200, 201)))]
#[case::body_fits(1, 4_000, "hello", None)]
#[case::body(1, 4_001, "hello", Some(("/templates/hello/en/body", 4_000, 4_001)))]
#[case::filled_in(201, 1, "{{ data.n }}", None)]
fn words_with_nothing_to_fill_in_are_as_long_as_they_are_written(
    #[case] title: usize,
    #[case] body: usize,
    #[case] lead: &str,
    #[case] expected: Option<(&str, usize, usize)>,
) {
    let written = |chars: usize| format!("{lead}{}", "é".repeat(chars.saturating_sub(lead.chars().count())));
    let body = if body == 1 { "b".to_owned() } else { written(body) };
    let title = if title == 1 { "t".to_owned() } else { written(title) };
    let document = HEAD.replace("title: Hello", &format!("title: \"{title}\", body: \"{body}\""));
    let Some((pointer, limit, actual)) = expected else {
        assert!(checked(&document).is_ok());
        return;
    };
    let mistakes = mistakes(&document);
    let [mistake] = mistakes.items.as_slice() else { panic!("one mistake") };
    assert_eq!((mistake.code, mistake.line, mistake.pointer.as_str()), ("limit", 3, pointer));
    let over = mistake.over.expect("a limit");
    assert_eq!((over.limit, over.actual), (limit, actual));
}

#[rstest]
#[case::inside("23:00-05:00", "22:00-08:00", "", true)]
#[case::the_same("22:00-08:00", "22:00-08:00", "", true)]
#[case::some_minutes_outside("21:59-08:00", "22:00-08:00", "", false)]
#[case::day("08:00-21:00", "22:00-08:00", "", false)]
#[case::passes("23:00-05:00", "22:00-08:00", "priority: urgent, ", false)]
fn a_window_within_the_quiet_hours_is_a_plan_that_cannot_work(
    #[case] window: &str,
    #[case] quiet: &str,
    #[case] priority: &str,
    #[case] wrong: bool,
) {
    let rest = format!("{priority}send: {{window: \"{window}\"}}");
    let document = format!("{HEAD}{}quiet_hours: {{default: \"{quiet}\", pass: [urgent]}}\n", rule(&rest));
    if !wrong {
        assert!(checked(&document).is_ok());
        return;
    }
    let mistakes = mistakes(&document);
    let [mistake] = mistakes.items.as_slice() else { panic!("one mistake") };
    assert_eq!((mistake.code, mistake.pointer.as_str()), ("bad_plan", "/rules/r/send/window"));
    assert_eq!((mistake.line, mistake.column), (4, REST + 15));
}
