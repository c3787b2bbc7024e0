//! Limits of what people get to read, from both sides, and what is cleaned out of it.

use tidings_protocol::limits::{ACTIONS_MAX, BODY_CHARS_MAX, CONTENT_BYTES_MAX, TITLE_CHARS_MAX};

use super::super::{EMAIL_BYTES_MAX, LABEL_CHARS_MAX, LINK_BYTES_MAX, SMS_CHARS_MAX, WEBHOOK_BYTES_MAX};
use super::*;

fn fixture(value: &str) -> Fixture {
    Fixture::new("en", json!({"value": value}))
}

fn titled_content() -> Content {
    Content { title: "Order 1001".to_owned(), ..Content::default() }
}

fn action(id: &str) -> ContentAction {
    ContentAction { id: id.to_owned(), label: "Track".to_owned(), ..ContentAction::default() }
}

#[test]
fn a_title_has_at_most_200_characters_of_any_language() {
    let forms = titled("{{ data.value }}");
    assert!(forms.content(&fixture(&"订".repeat(TITLE_CHARS_MAX)).scope()).is_ok());
    let over = forms.content(&fixture(&"订".repeat(TITLE_CHARS_MAX + 1)).scope());
    let expected =
        RenderError::TooLong { field: "title", limit: TITLE_CHARS_MAX, actual: TITLE_CHARS_MAX + 1 };
    assert!(matches!(over, Err(RenderError::TooLong { field: "title", .. })), "{over:?}");
    let direct = Content { title: "订".repeat(TITLE_CHARS_MAX + 1), ..Content::default() };
    assert_eq!(check_content(&direct), Err(expected));
}

#[test]
fn a_body_has_at_most_4000_characters() {
    let forms = Forms { body: Some(text("{{ data.value }}")), ..titled("t") };
    assert!(forms.content(&fixture(&"x".repeat(BODY_CHARS_MAX)).scope()).is_ok());
    assert!(forms.content(&fixture(&"x".repeat(BODY_CHARS_MAX + 1)).scope()).is_err());
}

#[test]
fn content_has_at_most_16_kib_of_json() {
    let with_body = |length: usize| Content { body: "\u{1F600}".repeat(length), ..titled_content() };
    assert!(check_content(&with_body(4_000)).is_ok());
    let link = |bytes: usize| Some(format!("https://shop.example/{}", "a".repeat(bytes - 21)));
    let with_links = Content { link: link(1_000), icon: link(1_000), image: link(1_000), ..with_body(4_000) };
    let refused = check_content(&with_links);
    assert!(
        matches!(refused, Err(RenderError::TooLong { field: "content", limit: CONTENT_BYTES_MAX, .. })),
        "{refused:?}"
    );
    let smaller = Content { body: "x".repeat(4_000), ..with_links };
    assert!(check_content(&smaller).is_ok());
}

#[test]
fn there_are_at_most_4_actions() {
    let with = |count: usize| Content { actions: vec![action("a"); count], ..titled_content() };
    assert!(check_content(&with(ACTIONS_MAX)).is_ok());
    let over = RenderError::TooManyActions { limit: ACTIONS_MAX, actual: ACTIONS_MAX + 1 };
    assert_eq!(check_content(&with(ACTIONS_MAX + 1)), Err(over));
}

#[test]
fn a_label_has_at_most_60_characters() {
    let with = |length: usize| Content {
        actions: vec![ContentAction { label: "x".repeat(length), ..action("a") }],
        ..titled_content()
    };
    assert!(check_content(&with(LABEL_CHARS_MAX)).is_ok());
    assert!(check_content(&with(LABEL_CHARS_MAX + 1)).is_err());
    assert_eq!(check_content(&with(0)), Err(RenderError::Empty { field: "actions.label" }));
}

#[test]
fn an_action_has_an_id_of_bounded_length() {
    let with = |id: &str| Content { actions: vec![action(id)], ..titled_content() };
    assert!(check_content(&with(&"i".repeat(128))).is_ok());
    assert!(check_content(&with(&"i".repeat(129))).is_err());
    assert!(check_content(&with("")).is_err());
}

#[test]
fn a_text_message_has_at_most_ten_parts() {
    let forms = Forms { sms: Some(text("{{ data.value }}")), ..titled("t") };
    assert!(forms.sms(&fixture(&"x".repeat(SMS_CHARS_MAX)).scope()).is_ok());
    assert!(forms.sms(&fixture(&"x".repeat(SMS_CHARS_MAX + 1)).scope()).is_err());
}

#[test]
fn a_text_message_without_its_own_form_is_cut_and_not_refused() {
    let forms = Forms { body: Some(text("{{ data.value }}")), ..titled("t") };
    let exactly = "x".repeat(SMS_CHARS_MAX - 2);
    assert_eq!(forms.sms(&fixture(&exactly).scope()).unwrap(), format!("t\n{exactly}"));
    let cut = forms.sms(&fixture(&"x".repeat(SMS_CHARS_MAX - 1)).scope()).unwrap();
    assert_eq!((cut.chars().count(), cut.chars().last()), (SMS_CHARS_MAX, Some('…')));
}

#[test]
fn a_mail_and_a_webhook_have_their_own_limits() {
    let forms = Forms {
        webhook: Some(text("{% for a in data.list %}{{ data.value }}{% endfor %}")),
        email: Some(EmailForm {
            subject: text("s"),
            text: None,
            html: Some(text("{% for a in data.list %}{{ data.value }}{% endfor %}")),
        }),
        ..titled("t")
    };
    let fixture =
        |kib: usize| Fixture::new("en", json!({"value": "x".repeat(1 << 10), "list": vec![1; kib]}));
    assert!(forms.webhook(&fixture(WEBHOOK_BYTES_MAX >> 10).scope()).is_ok());
    assert!(forms.webhook(&fixture((WEBHOOK_BYTES_MAX >> 10) + 1).scope()).is_err());
    assert!(forms.email(&fixture(EMAIL_BYTES_MAX >> 10).scope()).is_ok());
    assert!(forms.email(&fixture((EMAIL_BYTES_MAX >> 10) + 1).scope()).is_err());
}

#[rstest::rstest]
#[case("https://shop.example/o/1?x=1#y")]
#[case("http://localhost:8080")]
#[case("HTTPS://SHOP.EXAMPLE")]
#[case("shop://order/1001")]
#[case("com.example.shop://o")]
fn a_link_to_the_web_or_into_an_application_is_kept(#[case] link: &str) {
    let forms = Forms { link: Some(text("{{ data.value }}")), ..titled("t") };
    assert_eq!(forms.content(&fixture(link).scope()).unwrap().link.as_deref(), Some(link));
}

#[rstest::rstest]
#[case("javascript:alert(1)")]
#[case("javascript://shop.example/%0aalert(1)")]
#[case("JavaScript://x")]
#[case("data:text/html,x")]
#[case("data://x")]
#[case("file:///etc/passwd")]
#[case("vbscript://x")]
#[case("intent://x#Intent;end")]
#[case("content://x")]
#[case("mailto:a@example.org")]
#[case("//shop.example")]
#[case("/o/1")]
#[case("shop.example")]
#[case("https://")]
#[case("https:///x")]
#[case("https://shop.example/a b")]
#[case("https://shop.example/\u{7}")]
#[case("https://shop.example/\"onclick=")]
#[case("1https://x")]
#[case("")]
fn a_link_that_no_device_should_open_is_refused(#[case] link: &str) {
    let forms = Forms { link: Some(text("{{ data.value }}")), ..titled("t") };
    let outcome = forms.content(&fixture(link).scope());
    assert!(matches!(outcome, Err(RenderError::Link { field: "link", .. })), "{outcome:?}");
    let direct = Content { image: Some(link.to_owned()), ..titled_content() };
    assert!(matches!(check_content(&direct), Err(RenderError::Link { field: "image", .. })));
}

#[test]
fn a_link_has_at_most_2048_bytes() {
    let with = |bytes: usize| Content {
        link: Some(format!("https://{}", "a".repeat(bytes - 8))),
        ..titled_content()
    };
    assert!(check_content(&with(LINK_BYTES_MAX)).is_ok());
    assert!(check_content(&with(LINK_BYTES_MAX + 1)).is_err());
}

#[test]
fn control_characters_are_left_out_and_a_title_is_one_line() {
    let forms = Forms { body: Some(text("{{ data.value }}")), ..titled("{{ data.value }}") };
    let content = forms.content(&fixture("a\u{0}b\u{1b}[31m\r\nc\td\u{202e}e").scope()).unwrap();
    assert_eq!(content.title, "ab[31m c d\u{202e}e");
    assert_eq!(content.body, "ab[31m\nc\td\u{202e}e");
    let direct = Content { title: "a\nb\u{0}".to_owned(), body: "x\u{0}".to_owned(), ..Content::default() };
    assert_eq!(
        direct.cleaned(),
        Content { title: "a b".to_owned(), body: "x".to_owned(), ..Content::default() }
    );
}

#[rstest::rstest]
#[case("")]
#[case("  \n")]
#[case("\u{0}")]
fn a_title_says_something(#[case] title: &str) {
    let outcome = titled("{{ data.value }}").content(&fixture(title).scope());
    assert_eq!(outcome, Err(RenderError::Empty { field: "title" }));
}

#[test]
fn values_are_escaped_in_markup_and_nowhere_else() {
    let forms = Forms {
        email: Some(EmailForm {
            subject: text("{{ data.value }}"),
            text: Some(text("{{ data.value }}")),
            html: Some(text(
                "<b title=\"{{ data.value }}\">{{ data.value | upper ~ '<i>' }}</b>{{ '<br>' }}{{ 'a\"' | tojson }}",
            )),
        }),
        ..titled("{{ data.value }}")
    };
    let hostile = "<a href='x'>&\"</a>";
    let fixture = fixture(hostile);
    let email = forms.email(&fixture.scope()).unwrap();
    let escaped = "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;";
    assert_eq!((email.subject.as_str(), email.text.as_str()), (hostile, hostile));
    let expected =
        format!("<b title=\"{escaped}\">{}&lt;i&gt;</b>&lt;br&gt;&quot;a\\&quot;&quot;", escaped_upper());
    assert_eq!(email.html, Some(expected));
    assert_eq!(forms.content(&fixture.scope()).unwrap().title, hostile);
}

fn escaped_upper() -> &'static str {
    "&lt;A HREF=&#39;X&#39;&gt;&amp;&quot;&lt;/A&gt;"
}

#[rstest::rstest]
#[case("{{ data }}", "data")]
#[case("{{ data.list }}", "data.list")]
#[case("{{ data.list | join }}", "data.list[1]")]
fn a_list_or_an_object_is_no_text(#[case] source: &str, #[case] path: &str) {
    let fixture = Fixture::new("en", json!({"list": [1, {"a": 1}]}));
    assert_eq!(fixture.text(source), Err(RenderError::NotText { field: path.to_owned() }));
}

#[test]
fn a_mail_without_a_form_has_the_title_and_the_body() {
    let forms = Forms { body: Some(text("Two items")), ..titled("Order 1001") };
    let email = forms.email(&fixture("").scope()).unwrap();
    assert_eq!((email.subject.as_str(), email.text.as_str()), ("Order 1001", "Order 1001\nTwo items"));
    assert_eq!(forms.webhook(&fixture("").scope()), Ok(None));
}

#[test]
fn every_text_of_a_form_is_listed_for_checks() {
    let form = |source: &str| Some(text(source));
    let forms = Forms {
        title: text("1"),
        body: form("2"),
        link: form("3"),
        icon: form("4"),
        image: form("5"),
        actions: vec![ActionForm {
            id: "a".to_owned(),
            label: text("8"),
            link: form("9"),
            acknowledges: true,
        }],
        sms: form("6"),
        email: Some(EmailForm { subject: text("10"), text: form("11"), html: form("12") }),
        push: Some(ShortForm { title: text("13"), body: form("14") }),
        webhook: form("7"),
    };
    let listed: Vec<_> = forms.texts().map(TemplateText::source).collect();
    assert_eq!(listed, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"]);
}

#[test]
fn every_root_that_any_text_of_a_form_names_can_be_read() {
    let mut fixture = fixture("v");
    fixture.digest = Some(DigestScope { count: 2, items: vec![DigestItem::default(); 2] });
    for (source, expected) in [
        ("{{ data.value }}", "v"),
        ("{{ event.type }}", "order.placed"),
        ("{{ recipient.id }}", "alice"),
        ("{{ project['name'] }}", "shop"),
        ("{{ digest.count }}", "2"),
        ("{% for item in digest.items %}x{% endfor %}", "xx"),
        ("{{ 1 | money }}", "€1.00"),
        ("{% if data %}x{% endif %}", "x"),
    ] {
        assert_eq!(titled(source).content(&fixture.scope()).unwrap().title, expected, "{source}");
        let forms = Forms { webhook: Some(text(source)), sms: Some(text(source)), ..titled("t") };
        assert_eq!(forms.webhook(&fixture.scope()).unwrap().as_deref(), Some(expected), "{source}");
        assert_eq!(forms.sms(&fixture.scope()).unwrap(), expected, "{source}");
    }
}

#[rstest::rstest]
#[case(RenderError::MissingField { path: "data.a".to_owned() }, "data.a is missing; send it, or write a default: {{ data.a | default('…') }}")]
#[case(RenderError::Fuel, "the template takes too much work; loop over fewer items")]
#[case(RenderError::TooLong { field: "title", limit: 200, actual: 201 }, "title is longer than 200: 201; shorten it with truncate")]
fn an_error_says_what_to_do_next(#[case] error: RenderError, #[case] expected: &str) {
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_mistake_says_what_to_write() {
    let error = TemplateText::compile("{{ dta.a }}").unwrap_err();
    let expected = "nothing is called \"dta\"; a name starts with data, event, recipient, project or digest: did you mean data?";
    assert_eq!(error.to_string(), expected);
}
