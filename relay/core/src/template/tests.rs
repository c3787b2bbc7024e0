//! The shop's templates as CONFIGURATION.md writes them, and what templates promise as a whole.

use serde_json::{Value as Json, json};

use super::*;

mod content;
mod filters;
mod grammar;
mod hostile;
mod markup;

/// What one rendering sees, owned.
#[derive(Debug)]
struct Fixture {
    data: Json,
    event: Json,
    recipient: Json,
    project: Json,
    digest: Option<DigestScope>,
    zone: String,
    locale: Locale,
    reader: Locale,
}

impl Fixture {
    fn new(locale: &str, data: Json) -> Self {
        Self {
            data,
            event: json!({"id": "evt-1", "type": "order.placed"}),
            recipient: json!({"id": "alice", "attributes": {"name": "Alice <3"}}),
            project: json!({"name": "shop", "currency": "EUR"}),
            digest: None,
            zone: "Europe/Berlin".to_owned(),
            locale: locale.parse().unwrap(),
            reader: locale.parse().unwrap(),
        }
    }

    fn scope(&self) -> RenderScope<'_> {
        RenderScope {
            data: &self.data,
            event: &self.event,
            recipient: &self.recipient,
            project: &self.project,
            digest: self.digest.as_ref(),
            zone: &self.zone,
            locale: &self.locale,
            reader: &self.reader,
        }
    }

    fn text(&self, source: &str) -> Result<String, RenderError> {
        let text = TemplateText::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        text.render(&scope::Roots::new(&self.scope(), false, &|_| true), "text", 64 << 10)
    }
}

fn text(source: &str) -> TemplateText {
    TemplateText::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn titled(title: &str) -> Forms {
    Forms::of_title(text(title))
}

fn placed(title: &str, body: &str, label: &str, subject: &str) -> Forms {
    Forms {
        body: Some(text(body)),
        link: Some(text("https://shop.example/o/{{ data.order_id }}")),
        actions: vec![ActionForm {
            id: "track".to_owned(),
            label: text(label),
            link: None,
            acknowledges: false,
        }],
        sms: Some(text(title)),
        email: Some(EmailForm {
            subject: text(subject),
            text: None,
            html: Some(text("<p>{{ recipient.attributes.name }}</p>")),
        }),
        ..titled(title)
    }
}

fn order() -> Json {
    json!({"order_id": "1001", "total": 1234.5, "currency": "EUR", "customer": "alice",
           "items": [{"name": "Shoes"}, {"name": "Socks"}], "headline": "Autumn", "headline_zh": "秋季", "discount": 20})
}

#[rstest::rstest]
#[case("en", ["Order {{ data.order_id }} confirmed", "{{ data.items | length }} items, {{ data.total | money(data.currency) }}",
              "Track", "Thank you, {{ recipient.attributes.name }}"],
       ["Order 1001 confirmed", "2 items, €1,234.50", "Thank you, Alice <3"])]
#[case("zh", ["订单 {{ data.order_id }} 已确认", "{{ data.items | length }} 件，{{ data.total | money(data.currency) }}",
              "查看物流", "感谢您，{{ recipient.attributes.name }}"],
       ["订单 1001 已确认", "2 件，€1,234.50", "感谢您，Alice <3"])]
fn the_shop_says_that_an_order_is_placed(
    #[case] locale: &str,
    #[case] sources: [&str; 4],
    #[case] expected: [&str; 3],
) {
    let ([title, body, label, subject], [titled, bodied, subjected]) = (sources, expected);
    let forms = placed(title, body, label, subject);
    let fixture = Fixture::new(locale, order());
    let content = forms.content(&fixture.scope()).unwrap();
    assert_eq!((content.title.as_str(), content.body.as_str()), (titled, bodied));
    assert_eq!(content.link.as_deref(), Some("https://shop.example/o/1001"));
    assert_eq!(content.actions[0].label, label);
    assert_eq!(forms.sms(&fixture.scope()).unwrap(), titled);
    let email = forms.email(&fixture.scope()).unwrap();
    assert_eq!(email.subject, subjected);
    assert_eq!(email.text, format!("{titled}\n{bodied}"));
    assert_eq!(email.html.as_deref(), Some("<p>Alice &lt;3</p>"));
    let push = forms.push(&fixture.scope()).unwrap();
    assert_eq!((push.title.as_str(), push.body.as_str()), (titled, bodied));
}

/// The form is English; what its filters write is the recipient's.
#[rstest::rstest]
#[case("de-AT", "{{ 1234.5 | number }}", "1\u{a0}234,5")]
#[case("de", "{{ 1234.5 | money('EUR') }}", "1.234,50\u{a0}€")]
#[case("en-GB", "{{ '2026-11-22T09:00:00Z' | date('short') }}", "22/11/2026")]
#[case("de", "{{ '2026-11-22T21:00:00Z' | time }}", "22:00")]
#[case("zh", "{{ 1 | plural(one='# parcel', other='# parcels') }}", "1 parcel")]
#[case("de", "{{ 1200 | plural(one='# parcel', other='# parcels') }}", "1.200 parcels")]
fn what_is_written_follows_the_recipient_and_plurals_follow_the_text(
    #[case] reader: &str,
    #[case] source: &str,
    #[case] expected: &str,
) {
    let mut fixture = Fixture::new("en", json!({}));
    fixture.reader = reader.parse().unwrap();
    assert_eq!(fixture.text(source).unwrap(), expected);
}

#[rstest::rstest]
#[case("en", "Order {{ data.order_id }} is on its way", "Order 1001 is on its way")]
#[case("zh", "订单 {{ data.order_id }} 已发货", "订单 1001 已发货")]
#[case("en", "Order {{ data.order_id }} arrives today", "Order 1001 arrives today")]
#[case("zh", "订单 {{ data.order_id }} 正在配送", "订单 1001 正在配送")]
#[case("en", "{{ data.items[0].name }} is waiting", "Shoes is waiting")]
#[case("zh", "{{ data.items[0].name }} 在等您", "Shoes 在等您")]
#[case("en", "{{ data.headline }}", "Autumn")]
#[case("zh", "{{ data.headline_zh }}", "秋季")]
#[case("en", "{{ data.discount }} % off", "20 % off")]
#[case("zh", "立减 {{ data.discount }} %", "立减 20 %")]
#[case("en", "Payment of order {{ data.order_id }} failed", "Payment of order 1001 failed")]
#[case("zh", "订单 {{ data.order_id }} 付款失败", "订单 1001 付款失败")]
fn the_shop_has_titles_in_both_languages(#[case] locale: &str, #[case] title: &str, #[case] expected: &str) {
    let content = titled(title).content(&Fixture::new(locale, order()).scope()).unwrap();
    assert_eq!(content, Content { title: expected.to_owned(), ..Content::default() });
}

#[rstest::rstest]
#[case(
    "en",
    1,
    "{{ digest.count | plural(one='1 parcel', other='# parcels') }} delivered",
    "1 parcel delivered"
)]
#[case(
    "en",
    1200,
    "{{ digest.count | plural(one='1 parcel', other='# parcels') }} delivered",
    "1,200 parcels delivered"
)]
#[case("zh", 3, "{{ digest.count }} 件包裹已签收", "3 件包裹已签收")]
#[case("en", 5, "{{ digest.count }} offers this week", "5 offers this week")]
#[case("zh", 5, "本周 {{ digest.count }} 个优惠", "本周 5 个优惠")]
fn the_shop_sums_up_a_digest(
    #[case] locale: &str,
    #[case] count: u64,
    #[case] title: &str,
    #[case] expected: &str,
) {
    let mut fixture = Fixture::new(locale, order());
    let item = |id: &str| DigestItem { data: json!({"order_id": id}), event: json!({}) };
    fixture.digest = Some(DigestScope { count, items: vec![item("7"), item("8")] });
    let mut forms = titled(title);
    forms.body = Some(text("{% for item in digest.items %}{{ item.data.order_id }} {% endfor %}"));
    let content = forms.content(&fixture.scope()).unwrap();
    assert_eq!((content.title.as_str(), content.body.as_str()), (expected, "7 8 "));
}

#[test]
fn a_digest_of_a_thousand_members_renders_within_its_fuel() {
    let mut fixture = Fixture::new("en", order());
    let item = DigestItem { data: json!({"order_id": "1", "total": 1.5}), event: json!({}) };
    fixture.digest = Some(DigestScope { count: 1_000, items: vec![item; 1_000] });
    let source = "{% for item in digest.items %}{% if item.data.total > 1 %}{{ item.data.order_id }}: {{ item.data.total | money('EUR') }}\n{% endif %}{% endfor %}";
    assert_eq!(fixture.text(source).unwrap().lines().count(), 1_000);
}

#[rstest::rstest]
#[case("data.order", "{{ data.order }}")]
#[case("data.order", "{{ data.order.id }}")]
#[case("data.items[0].price", "{{ data.items[0].price }}")]
#[case("data.items[9]", "{{ data.items[9].price }}")]
#[case(
    "data.items[1].colour",
    "{% for item in data.items %}{% if loop.last %}{{ item.colour }}{% endif %}{% endfor %}"
)]
#[case("data.nothing", "{{ data.nothing }}")]
#[case("data.order", "{{ data.order | upper }}")]
#[case("data.order", "{{ data.order | money('EUR') }}")]
#[case("data.order", "{{ data.total | money(data.order) }}")]
#[case("data.order", "{{ data.order | number }}")]
#[case("data.order", "{{ data.order | date }}")]
#[case("data.order", "{{ data.order | time }}")]
#[case("data.order", "{{ data.order | join(', ') }}")]
#[case("data.order", "{{ data.order | truncate }}")]
#[case("data.order", "{{ data.order | plural(other='#') }}")]
#[case("data.order", "{{ data.order ~ 'x' }}")]
#[case("data.order", "{{ data.order + 1 }}")]
#[case("data.order", "{% for item in data.order %}x{% endfor %}")]
#[case("data.other", "{{ data.order | default(data.other) }}")]
#[case("data.order", "{% if data.order == 1 %}x{% endif %}")]
#[case("data.order", "{% if 1 < data.order %}x{% endif %}")]
#[case("data.order", "{% if data.total == 1 and not data.order != 2 -%}x{% endif %}")]
#[case("data.order", "{{ 'x' if data.order in data.items else 'y' }}")]
#[case("data.order", "{{ data.order not in data.items}}")]
#[case("data.order", "{{data.total==data.order}}")]
#[case("data.order", "{% for item in data.items if item.name == data.order%}x{% endfor %}")]
#[case("data.items[0].size", "{% for item in data.items if item.size == 1 %}x{% endfor %}")]
#[case("digest", "{{ digest.count }}")]
#[case("recipient.attributes.phone", "{{ recipient.attributes.phone }}")]
fn a_field_that_the_data_lacks_is_named(#[case] path: &str, #[case] source: &str) {
    let data = json!({"items": [{"name": "Shoes", "colour": "red"}, {"name": "Socks"}], "total": 1, "nothing": null});
    let outcome = Fixture::new("en", data).text(source);
    assert_eq!(outcome, Err(RenderError::MissingField { path: path.to_owned() }), "{source}");
}

#[rstest::rstest]
#[case("{{ data.order | default('none') }}", "none")]
#[case("{{ data.nothing | default('none') }}", "none")]
#[case("{% if data.order is defined %}yes{% else %}no{% endif %}", "no")]
#[case("{% if data.order is undefined %}yes{% endif %}", "yes")]
#[case("{% if data.order %}yes{% else %}no{% endif %}", "no")]
#[case("{{ 'yes' if data.total is defined else 'no' }}", "yes")]
#[case("{{ 'yes' if data.order | default(3) == 3 }}", "yes")]
#[case("{{ 'yes' if data.total == 1 and 1 in data.list and (data.total + 1) >= 2 }}", "yes")]
#[case("{% if data.order is defined and data.order.id == 1 %}yes{% else %}no{% endif %}", "no")]
fn a_field_that_may_lack_has_a_default_or_is_asked_for(#[case] source: &str, #[case] expected: &str) {
    let fixture = Fixture::new("en", json!({"total": 1, "nothing": null, "list": [1]}));
    assert_eq!(fixture.text(source).as_deref(), Ok(expected), "{source}");
}

#[rstest::rstest]
#[case(&["zh-Hans-CN", "zh-Hans", "zh", "en"], Some("zh-Hans-CN"), "en", Some("zh-Hans-CN"))]
#[case(&["zh-Hans", "zh", "en"], Some("zh-Hans-CN"), "en", Some("zh-Hans"))]
#[case(&["zh", "en"], Some("zh-Hans-CN"), "en", Some("zh"))]
#[case(&["en", "zh-Hant"], Some("zh-Hans-CN"), "en", Some("en"))]
#[case(&["en"], Some("de-AT"), "en-GB", Some("en"))]
#[case(&["en", "de"], None, "de", Some("de"))]
#[case(&["fr"], Some("de"), "en", None)]
fn a_locale_falls_back_to_shorter_ones_and_to_the_projects(
    #[case] has: &[&str],
    #[case] wanted: Option<&str>,
    #[case] project: &str,
    #[case] expected: Option<&str>,
) {
    let locales = has.iter().map(|locale| (locale.parse().unwrap(), titled(locale))).collect();
    let template = Template { name: "order_placed".to_owned(), locales };
    let wanted: Option<Locale> = wanted.map(|wanted| wanted.parse().unwrap());
    let chosen = template.choose(wanted.as_ref(), &project.parse().unwrap());
    assert_eq!(chosen.map(|(locale, _)| locale.as_str()), expected);
    assert_eq!(chosen.map(|(_, forms)| forms.title.source()), expected);
}

#[rstest::rstest]
#[case("ZH-hans-cn", Some("zh-Hans-CN"))]
#[case("EN-gb", Some("en-GB"))]
#[case("de", Some("de"))]
#[case("iw", Some("he"))]
#[case("en-u-hc-h12", Some("en"))]
#[case("", None)]
#[case("e", None)]
#[case("english please", None)]
#[case("und", None)]
#[case("en_GB", None)]
fn a_locale_is_kept_in_its_canonical_form(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(text.parse::<Locale>().ok().as_ref().map(Locale::as_str), expected);
}
