//! MJML and HTML with placeholders, laid out once and filled in for each recipient.

use serde_json::json;

use super::{Fixture, text};
use crate::template::{ELEMENT_DEPTH_MAX, EmailForm, Forms, MARKUP_BYTES_MAX, Markup, TemplateText};

fn laid_out(source: &str) -> Result<TemplateText, (String, String)> {
    let text = text(source);
    text.compile_markup(Markup::Mjml)
        .map_err(|error| (error.kind.to_string(), source.get(error.range).unwrap_or("?").to_owned()))
}

fn mail(html: TemplateText, data: serde_json::Value) -> String {
    let subject = TemplateText::compile("s").unwrap();
    let forms = Forms {
        email: Some(EmailForm { subject, text: None, html: Some(html) }),
        ..Forms::of_title(TemplateText::compile("t").unwrap())
    };
    forms.email(&Fixture::new("en", data).scope()).unwrap().html.unwrap()
}

fn column(inside: &str) -> String {
    format!("<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>")
}

#[test]
fn a_value_in_a_text_and_in_an_address_is_filled_in_and_escaped() {
    let source = column(
        "<mj-text>Dear {{ data.name }}</mj-text><mj-button href=\"https://s.example/o/{{ data.id }}?a=1&amp;b={{ data.name }}\">Go</mj-button>",
    );
    let html = mail(laid_out(&source).unwrap(), json!({"name": "<b>\"A\" & 'B'", "id": 7}));
    assert!(html.contains("Dear &lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;"), "{html}");
    assert!(html.contains("https://s.example/o/7?a=1&amp;b=&lt;b&gt;&quot;A"), "{html}");
    assert!(!html.contains("tdg"), "{html}");
}

#[test]
fn a_loop_around_elements_of_a_column_repeats_them() {
    let source = column("{% for item in data.items %}<mj-text>· {{ item.name }}</mj-text>{% endfor %}");
    let html = mail(laid_out(&source).unwrap(), json!({"items": [{"name": "Lamp"}, {"name": "Chair"}]}));
    let rows = |html: &str| html.matches("<tr>").count();
    let one = mail(laid_out(&source).unwrap(), json!({"items": [{"name": "Lamp"}]}));
    assert!(html.contains("· Lamp") && html.contains("· Chair"), "{html}");
    assert_eq!(rows(&html), rows(&one) + 1, "a whole row for each item");
    let none = mail(laid_out(&source).unwrap(), json!({"items": []}));
    assert_eq!(rows(&none), rows(&one) - 1);
}

#[test]
fn a_condition_around_a_section_leaves_it_out_whole() {
    let section =
        |text: &str| format!("<mj-section><mj-column><mj-text>{text}</mj-text></mj-column></mj-section>");
    let source = format!(
        "<mjml><mj-body>{}{{% if data.vip %}}{}{{% else %}}{}{{% endif %}}</mj-body></mjml>",
        section("one"),
        section("gold"),
        section("plain")
    );
    let vip = mail(laid_out(&source).unwrap(), json!({"vip": true}));
    let other = mail(laid_out(&source).unwrap(), json!({"vip": false}));
    assert!(vip.contains("gold") && !vip.contains("plain"));
    assert!(other.contains("plain") && !other.contains("gold"));
    for html in [vip, other] {
        let opened = html.matches("<table").count();
        assert_eq!(opened, html.matches("</table>").count(), "{html}");
        assert_eq!(html.matches("<!--[if").count(), html.matches("<![endif]-->").count(), "{html}");
    }
}

#[test]
fn a_loop_repeats_rows_of_a_table_also_where_a_style_sheet_is_written_into_them() {
    let source = "<mjml><mj-head><mj-style inline=\"inline\">.price { color: #123456 }</mj-style></mj-head><mj-body>\
        <mj-section><mj-column><mj-table>{% for item in data.items %}<tr><td class=\"price\">{{ item.name }}</td></tr>\
        {% endfor %}</mj-table></mj-column></mj-section></mj-body></mjml>";
    let html = mail(laid_out(source).unwrap(), json!({"items": [{"name": "Lamp"}, {"name": "Chair"}]}));
    assert!(html.find("Lamp").unwrap() < html.find("Chair").unwrap());
    assert_eq!(html.matches("<td class=\"price\" style=\"color: #123456;\">").count(), 2, "{html}");
}

#[test]
fn comments_of_templates_are_left_out_and_words_like_placeholders_stay() {
    let source = column("<mj-text>tdg0q1z {# not for readers #}{{ data.x }}</mj-text>");
    let html = mail(laid_out(&source).unwrap(), json!({"x": "seen"}));
    assert!(html.contains("tdg0q1z") && html.contains("seen") && !html.contains("not for readers"));
}

#[rstest::rstest]
#[case(
    "<mjml><mj-body>{% if data.a %}<mj-column></mj-column>{% endif %}<mj-section>{% if data.a %}<mj-column></mj-column>{% endif %}</mj-section></mj-body></mjml>",
    "widths of the columns",
    "{% if data.a %}"
)]
#[case(
    "<mjml><mj-body><mj-section><mj-column>{{ data.a }}</mj-column></mj-section></mj-body></mjml>",
    "put it into an mj-text",
    "{{ data.a }}"
)]
#[case(
    "<mjml><mj-head>{% if data.a %}<mj-title>x</mj-title>{% endif %}</mj-head><mj-body></mj-body></mjml>",
    "between the elements of mj-head",
    "{% if data.a %}"
)]
#[case(
    "<mjml><mj-head><mj-style>a { color: {{ data.a }} }</mj-style></mj-head><mj-body></mj-body></mjml>",
    "style sheet",
    "{{ data.a }}"
)]
#[case("<mjml><mj-body><{{ data.a }}></mj-body></mjml>", "named by a placeholder", "{{ data.a }}")]
#[case(
    "<mjml><mj-body><mj-section><mj-column mj-class=\"{{ data.a }}\"></mj-column></mj-section></mj-body></mjml>",
    "nothing of this",
    "{{ data.a }}"
)]
#[case("<mjml><mj-body><mj-section><mj-colum></mj-section></mj-body></mjml>", "", "")]
#[case("<mjml><mj-body><mj-section></mj-section></mjml>", "MJML", "")]
#[case("hello", "one element <mjml>", "hello")]
#[case(
    "<mjml><mj-head><mj-tilte>x</mj-tilte></mj-head><mj-body></mj-body></mjml>",
    "no place for the element `mj-tilte",
    ""
)]
#[case("<mjml><mj-body><mj-include path=\"/etc/passwd\" /></mj-body></mjml>", "mj-include reads nothing", "")]
#[case(
    "<mjml><mj-body><mj-section><mj-column><mj-text><p>{% if data.a %}</p></mj-text><mj-text>{% endif %}</mj-text></mj-column></mj-section></mj-body></mjml>",
    "one element",
    "{% endif %}"
)]
#[case(
    "<mjml><mj-body><mj-section><mj-column>{% if data.a %}<mj-text>x{% endif %}</mj-text></mj-column></mj-section></mj-body></mjml>",
    "one element",
    "{% endif %}"
)]
#[case(
    "<mjml><mj-body><mj-section><mj-column>{% if data.a %}<mj-text>x</mj-text></mj-column><mj-column><mj-text>y</mj-text>{% endif %}</mj-column></mj-section></mj-body></mjml>",
    "one element",
    "{% endif %}"
)]
fn what_cannot_be_laid_out_is_a_mistake_with_its_place(
    #[case] source: &str,
    #[case] detail: &str,
    #[case] place: &str,
) {
    let outcome = laid_out(source);
    let (told, at) = outcome.unwrap_err();
    assert!(told.contains(detail), "{told}");
    assert!(at.contains(place), "{at}");
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let source = "<mjml>\n  {# a comment #}<mj-body>{{ 'x' | upper }}\n  </mj-body>\n</mjml>";
    let error = TemplateText::compile(source).unwrap().compile_markup(Markup::Mjml).unwrap_err();
    assert_eq!(error.position(source), (2, 27));
}

#[rstest::rstest]
#[case(ELEMENT_DEPTH_MAX - 5, true)]
#[case(ELEMENT_DEPTH_MAX - 4, false)]
fn elements_nest_at_most_48_deep(#[case] inside: usize, #[case] fits: bool) {
    // mjml, mj-body, mj-section, mj-column, mj-text are the five around it.
    let source = column(&format!("<mj-text>{}x{}</mj-text>", "<b>".repeat(inside), "</b>".repeat(inside)));
    assert_eq!(laid_out(&source).is_ok(), fits);
}

#[test]
fn a_mail_is_at_most_96_kib_of_html() {
    let of = |count: usize| column(&"<mj-text>x</mj-text>".repeat(count));
    let most = (1..).find(|count| laid_out(&of(*count * 16)).is_err()).unwrap() * 16;
    let (told, _) = laid_out(&of(most)).unwrap_err();
    assert!(told.contains(&format!("at most {MARKUP_BYTES_MAX}")), "{told}");
    let before = laid_out(&of(most - 16)).unwrap().source().len();
    assert!(before <= MARKUP_BYTES_MAX && before > MARKUP_BYTES_MAX * 9 / 10);
}

#[test]
fn the_style_sheet_of_html_is_written_into_its_elements_and_what_depends_on_the_screen_stays() {
    let source = "<style>p { color: #123456 } @media (max-width: 480px) { p { color: #fff } }</style>\
        <table>{% for item in data.items %}<tr><td><p>{{ item }}</p></td></tr>{% endfor %}</table>";
    let html = TemplateText::compile(source).unwrap().compile_markup(Markup::Html).unwrap();
    let html = mail(html, json!({"items": [1, 2]}));
    assert_eq!(html.matches("<p style=\"color: #123456;\">").count(), 2, "{html}");
    assert!(html.contains("@media"), "{html}");
}

#[test]
fn html_without_a_style_sheet_stays_as_it_is_written() {
    let source = "<p>{{ data.a }}</p>{% if data.b %}<hr>{% endif %}";
    let html = TemplateText::compile(source).unwrap().compile_markup(Markup::Html).unwrap();
    assert_eq!(html.source(), source);
}

#[rstest::rstest]
#[case(include_str!("../../../../../examples/shop/mail/order_placed.en.mjml"), "Thank you, Alice &lt;3", "Lamp")]
#[case(include_str!("../../../../../examples/shop/mail/order_placed.zh.mjml"), "感谢您，Alice &lt;3", "Lamp")]
#[case(include_str!("../../../../../examples/shop/mail/promotion.en.mjml"), "Lighter", "20 % off")]
#[case(include_str!("../../../../../examples/shop/mail/promotion.zh.mjml"), "秋季", "立减 20 %")]
fn the_mails_of_the_shop_are_laid_out(#[case] source: &str, #[case] first: &str, #[case] second: &str) {
    let data = json!({"order_id": 1001, "total": 30, "currency": "EUR", "items": [{"name": "Lamp"}], "discount": 20,
        "headline": "Lighter", "headline_zh": "秋季"});
    let html = mail(laid_out(source).unwrap(), data);
    assert!(html.contains(first) && html.contains(second), "{html}");
    assert!(!html.contains("mj-") || !html.contains("<mj-"), "{html}");
    // Those who show mails cut them at 102 KiB; nothing is loaded from anybody.
    assert!(html.len() < 20 << 10, "{}", html.len());
    assert!(!html.contains("src=") && !html.contains("@import") && !html.contains("<link"), "{html}");
}

#[test]
fn a_promotion_without_a_discount_leaves_its_line_out() {
    let source = include_str!("../../../../../examples/shop/mail/promotion.en.mjml");
    let html = mail(laid_out(source).unwrap(), json!({"headline": "Lighter"}));
    assert!(html.contains("Lighter") && !html.contains("% off"));
}
