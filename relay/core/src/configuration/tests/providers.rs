//! What a document may say of a provider that is spoken to over HTTP.

use rstest::rstest;

use super::*;
use crate::configuration::Account;
use crate::configuration::http::{Authentication, Body, HttpAccount, Meaning, Pattern, Piece, Variable};

/// A document with one provider, whose keys begin at column 5 of line 5.
fn document(keys: &str) -> String {
    format!("tidings: 1\nproviders:\n  sms:\n    {{channel: sms, kind: http,\n     {keys}}}\n")
}

fn account(keys: &str) -> HttpAccount {
    let document = document(keys);
    let configuration =
        checked(&document).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(&document)));
    let Account::Http(account) = &configuration.providers["sms"].account else { panic!("kind http") };
    (**account).clone()
}

#[rstest]
#[case::preset(
    "preset: twillio, password: {secret: s}, user: a, from: b",
    "unknown_preset",
    5,
    14,
    "/providers/sms/preset",
    Some("twilio")
)]
#[case::user("preset: vonage, password: {secret: s}, from: b", "missing_key", 3, 3, "/providers/sms", None)]
#[case::password("preset: vonage, user: a, from: b", "missing_key", 3, 3, "/providers/sms", None)]
#[case::variable(
    "url: 'https://h.example', body: {form: {T: '{{ txt }}'}}",
    "unknown_variable",
    5,
    53,
    "/providers/sms/body/form/T",
    Some("text")
)]
#[case::open(
    "url: 'https://h.example', body: {form: {T: '{{ text'}}",
    "bad_template",
    5,
    50,
    "/providers/sms/body/form/T",
    None
)]
#[case::text_in_url("url: 'https://h.example/{{ text }}'", "bad_call", 5, 33, "/providers/sms/url", None)]
#[case::password_in_url(
    "url: 'https://h.example/{{ password }}'",
    "bad_call",
    5,
    33,
    "/providers/sms/url",
    None
)]
#[case::host("url: 'https://{{ user }}/x', user: a", "bad_url", 5, 11, "/providers/sms/url", None)]
#[case::half_a_host("url: 'https://h{{ user }}/x', user: a", "bad_url", 5, 11, "/providers/sms/url", None)]
#[case::login_in_url("url: 'https://me:secret@h.example/'", "bad_url", 5, 11, "/providers/sms/url", None)]
#[case::no_url("url: h.example", "bad_url", 5, 11, "/providers/sms/url", None)]
#[case::text_in_header(
    "url: 'https://h.example', headers: {X: '{{ text }}'}",
    "bad_call",
    5,
    49,
    "/providers/sms/headers/X",
    None
)]
#[case::own_header(
    "url: 'https://h.example', headers: {Host: x}",
    "bad_call",
    5,
    42,
    "/providers/sms/headers/Host",
    Some("for a secret see `authentication`, for a media type `body`")
)]
#[case::header_name(
    "url: 'https://h.example', headers: {'X Y': x}",
    "bad_call",
    5,
    42,
    "/providers/sms/headers/X Y",
    None
)]
#[case::header_lines(
    "url: 'https://h.example', headers: {X: \"a\\nb\"}",
    "bad_call",
    5,
    45,
    "/providers/sms/headers/X",
    None
)]
#[case::two_bodies(
    "url: 'https://h.example', body: {form: {}, json: {}}",
    "bad_call",
    5,
    38,
    "/providers/sms/body",
    None
)]
#[case::raw_type(
    "url: 'https://h.example', body: {raw: x, type: application/xmll}",
    "unknown_word",
    5,
    53,
    "/providers/sms/body/type",
    Some("application/xml")
)]
#[case::get(
    "url: 'https://h.example', method: GET, body: {form: {}}",
    "bad_call",
    5,
    45,
    "/providers/sms/body",
    Some("put the values into `query`, or leave `method` out")
)]
#[case::method(
    "url: 'https://h.example', method: DELETE",
    "unknown_word",
    5,
    40,
    "/providers/sms/method",
    None
)]
#[case::segments(
    "url: 'https://h.example', segments_max: 11",
    "bad_number",
    5,
    46,
    "/providers/sms/segments_max",
    None
)]
#[case::no_segments(
    "url: 'https://h.example', segments_max: 0",
    "bad_number",
    5,
    46,
    "/providers/sms/segments_max",
    None
)]
#[case::pointer(
    "url: 'https://h.example', answer: {id: sid}",
    "bad_pointer",
    5,
    45,
    "/providers/sms/answer/id",
    Some("write /sid")
)]
#[case::status(
    "url: 'https://h.example', answer: {accepted: [302]}",
    "bad_number",
    5,
    52,
    "/providers/sms/answer/accepted/0",
    None
)]
#[case::codes(
    "url: 'https://h.example', answer: {ok: [0]}",
    "bad_call",
    5,
    41,
    "/providers/sms/answer/ok",
    None
)]
#[case::meaning(
    "url: 'https://h.example', answer: {error: /e, errors: {a: gonne}}",
    "unknown_word",
    5,
    64,
    "/providers/sms/answer/errors/a",
    Some("gone")
)]
#[case::authentication(
    "url: 'https://h.example', authentication: digest",
    "unknown_word",
    5,
    48,
    "/providers/sms/authentication",
    None
)]
#[case::inbound(
    "url: 'https://h.example', inbound: {secrt: s}",
    "unknown_key",
    5,
    42,
    "/providers/sms/inbound/secrt",
    Some("secret")
)]
fn a_mistake_in_a_call_says_where_and_what(
    #[case] keys: &str,
    #[case] code: &str,
    #[case] line: u32,
    #[case] column: u32,
    #[case] pointer: &str,
    #[case] hint: Option<&str>,
) {
    let document = document(keys);
    let found = mistakes(&document);
    assert_eq!(found.total, 1, "{}", found.render(&document));
    let one = &found.items[0];
    let place = (one.code, one.line, one.column, one.pointer.as_str(), one.hint.as_deref());
    assert_eq!(place, (code, line, column, pointer, hint), "{}", found.render(&document));
}

#[test]
fn mail_and_push_are_not_sent_over_http() {
    let document = "tidings: 1\nproviders: {a: {channel: email, kind: http, url: 'https://h.example'}}\n";
    assert_eq!(mistakes(document).items[0].code, "wrong_channel");
}

#[test]
fn every_preset_is_right_in_itself() {
    for preset in ["twilio", "vonage", "vendor_a", "vendor_b"] {
        let account = account(&format!("preset: {preset}, user: u, from: f, password: {{secret: s}}"));
        assert_eq!(account.url.is_some(), !preset.starts_with("vendor_"), "{preset}");
        assert!(account.uses(Variable::Password) && account.uses(Variable::Text), "{preset}");
        assert!(account.uses(Variable::To) || account.uses(Variable::ToDigits), "{preset}");
    }
    assert_eq!(account("preset: vendor_a").answer.errors["busy"], Meaning::Transient);
}

#[test]
fn what_the_document_says_goes_before_the_preset() {
    let account = account(
        "preset: vendor_b, password: {secret: s}, url: 'https://h.example/{{ user }}', user: u, body: {json: {t: '{{ text }}'}}, segments_max: 10",
    );
    let url = Pattern(vec![Piece::Text("https://h.example/".to_owned()), Piece::Value(Variable::User)]);
    assert_eq!((account.url, account.segments_max), (Some(url), 10));
    assert!(matches!(account.body, Body::Json(_)));
    assert_eq!(account.authentication, Authentication::Header("X-Api-Key".to_owned()));
}

#[rstest]
#[case::nothing("", Authentication::None)]
#[case::token(", password: {secret: s}", Authentication::Bearer)]
#[case::account(", user: u, password: {secret: s}", Authentication::Basic)]
#[case::in_the_body(", password: {secret: s}, body: {form: {key: '{{ password }}'}}", Authentication::None)]
#[case::said(", user: u, password: {secret: s}, authentication: {header: X-Key}", Authentication::Header("X-Key".to_owned()))]
fn a_document_that_does_not_say_how_an_account_is_proven_gets_the_usual_way(
    #[case] keys: &str,
    #[case] way: Authentication,
) {
    assert_eq!(account(&format!("url: 'https://h.example'{keys}")).authentication, way);
}
