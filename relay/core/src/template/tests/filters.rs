//! Filters, by locale.

use super::*;

/// As CLDR 48 has it, but for de-AT, where ICU's number has the group separator of plain numbers.
#[rstest::rstest]
#[case("en", "EUR", 1234.5, "€1,234.50")]
#[case("en", "USD", 1234.5, "$1,234.50")]
#[case("en", "GBP", 1234.5, "£1,234.50")]
#[case("en", "JPY", 1234.5, "¥1,235")]
#[case("en", "CNY", 1234.5, "CN¥1,234.50")]
#[case("en", "KWD", 1234.5, "KWD\u{a0}1,234.500")]
#[case("en", "CAD", 1234.5, "CA$1,234.50")]
#[case("en", "CHF", 1234.5, "CHF\u{a0}1,234.50")]
#[case("de", "EUR", 1234.5, "1.234,50\u{a0}€")]
#[case("de", "USD", 1234.5, "1.234,50\u{a0}$")]
#[case("de", "GBP", 1234.5, "1.234,50\u{a0}£")]
#[case("de", "JPY", 1234.5, "1.235\u{a0}¥")]
#[case("de", "CNY", 1234.5, "1.234,50\u{a0}CN¥")]
#[case("de", "KWD", 1234.5, "1.234,500\u{a0}KWD")]
#[case("de", "CAD", 1234.5, "1.234,50\u{a0}CA$")]
#[case("de", "CHF", 1234.5, "1.234,50\u{a0}CHF")]
#[case("zh", "EUR", 1234.5, "€1,234.50")]
#[case("zh", "USD", 1234.5, "US$1,234.50")]
#[case("zh", "GBP", 1234.5, "£1,234.50")]
#[case("zh", "JPY", 1234.5, "JP¥1,235")]
#[case("zh", "CNY", 1234.5, "¥1,234.50")]
#[case("zh", "KWD", 1234.5, "KWD\u{a0}1,234.500")]
#[case("zh", "CAD", 1234.5, "CA$1,234.50")]
#[case("zh", "CHF", 1234.5, "CHF\u{a0}1,234.50")]
#[case("fr", "EUR", 1234.5, "1\u{202f}234,50\u{a0}€")]
#[case("fr", "USD", 1234.5, "1\u{202f}234,50\u{a0}$US")]
#[case("fr", "GBP", 1234.5, "1\u{202f}234,50\u{a0}£GB")]
#[case("fr", "JPY", 1234.5, "1\u{202f}235\u{a0}JPY")]
#[case("fr", "CNY", 1234.5, "1\u{202f}234,50\u{a0}CNY")]
#[case("fr", "KWD", 1234.5, "1\u{202f}234,500\u{a0}KWD")]
#[case("fr", "CAD", 1234.5, "1\u{202f}234,50\u{a0}$CA")]
#[case("fr", "CHF", 1234.5, "1\u{202f}234,50\u{a0}CHF")]
#[case("ja", "EUR", 1234.5, "€1,234.50")]
#[case("ja", "USD", 1234.5, "$1,234.50")]
#[case("ja", "GBP", 1234.5, "£1,234.50")]
#[case("ja", "JPY", 1234.5, "￥1,235")]
#[case("ja", "CNY", 1234.5, "元\u{a0}1,234.50")]
#[case("ja", "KWD", 1234.5, "KWD\u{a0}1,234.500")]
#[case("ja", "CAD", 1234.5, "CA$1,234.50")]
#[case("ja", "CHF", 1234.5, "CHF\u{a0}1,234.50")]
#[case("en-GB", "USD", 12345.5, "US$12,345.50")]
#[case("en-CA", "CAD", 12345.5, "$12,345.50")]
#[case("en-AU", "EUR", 12345.5, "EUR\u{a0}12,345.50")]
#[case("es", "EUR", 12345.5, "12.345,50\u{a0}€")]
#[case("es", "USD", 12345.5, "12.345,50\u{a0}US$")]
#[case("es-MX", "MXN", 12345.5, "$12,345.50")]
#[case("it", "USD", 12345.5, "12.345,50\u{a0}USD")]
#[case("nl", "EUR", 12345.5, "€\u{a0}12.345,50")]
#[case("pt", "BRL", 12345.5, "R$\u{a0}12.345,50")]
#[case("pt-PT", "EUR", 12345.5, "12\u{a0}345,50\u{a0}€")]
#[case("pl", "PLN", 12345.5, "12\u{a0}345,50\u{a0}zł")]
#[case("sv", "SEK", 12345.5, "12\u{a0}345,50\u{a0}kr")]
#[case("da", "DKK", 12345.5, "12.345,50\u{a0}kr.")]
#[case("nb", "NOK", 12345.5, "12\u{a0}345,50\u{a0}kr")]
#[case("fi", "EUR", 12345.5, "12\u{a0}345,50\u{a0}€")]
#[case("cs", "CZK", 12345.5, "12\u{a0}345,50\u{a0}Kč")]
#[case("tr", "TRY", 12345.5, "₺12.345,50")]
#[case("ko", "KRW", 12345.5, "₩12,346")]
#[case("ru", "RUB", 12345.5, "12\u{a0}345,50\u{a0}₽")]
#[case("uk", "UAH", 12345.5, "12\u{a0}345,50\u{a0}₴")]
#[case("zh-Hant-TW", "TWD", 12345.5, "$12,345.50")]
#[case("zh-Hans-CN", "CNY", 12345.5, "¥12,345.50")]
#[case("en", "EUR", -1234.5, "-€1,234.50")]
#[case("de", "EUR", -1234.5, "-1.234,50\u{a0}€")]
#[case("sv", "SEK", -1234.5, "\u{2212}1\u{a0}234,50\u{a0}kr")]
#[case("nl", "EUR", -1234.5, "€\u{a0}-1.234,50")]
#[case("pt", "BRL", -1234.5, "-R$\u{a0}1.234,50")]
#[case("ja", "JPY", -1234.5, "-￥1,235")]
#[case("fr", "EUR", -1234.5, "-1\u{202f}234,50\u{a0}€")]
#[case("de-AT", "EUR", 1234.5, "€\u{a0}1\u{a0}234,50")]
#[case("de-CH", "EUR", 1234.5, "EUR\u{a0}1'234.50")]
#[case("xx", "USD", 1234.5, "US$\u{a0}1,234.50")]
#[case("en", "chf", 1234.5, "CHF\u{a0}1,234.50")]
fn money_is_written_as_the_language_writes_it(
    #[case] locale: &str,
    #[case] currency: &str,
    #[case] total: f64,
    #[case] expected: &str,
) {
    let fixture = Fixture::new(locale, json!({"total": total, "currency": currency}));
    assert_eq!(fixture.text("{{ data.total | money(data.currency) }}").as_deref(), Ok(expected));
}

#[rstest::rstest]
#[case(json!(0), "€0.00")]
#[case(json!(-5), "-€5.00")]
#[case(json!(-0.001), "€0.00")]
#[case(json!("12.345"), "€12.35")]
#[case(json!(0.1), "€0.10")]
#[case(json!(2.675), "€2.68")]
#[case(json!(9_007_199_254_740_993_i64), "€9,007,199,254,740,993.00")]
fn an_amount_is_exact_and_rounded_to_the_minor_unit(#[case] total: Json, #[case] expected: &str) {
    let fixture = Fixture::new("en", json!({"total": total}));
    assert_eq!(
        fixture.text("{{ data.total | money }}").as_deref(),
        Ok(expected),
        "the project's currency is EUR"
    );
}

#[rstest::rstest]
#[case("{{ 'abc' | money('EUR') }}")]
#[case("{{ '1e9' | money('EUR') }}")]
#[case("{{ 1 | money('EURO') }}")]
#[case("{{ 1 | money(7) }}")]
#[case("{{ data | money('EUR') }}")]
#[case("{{ 'x' | number }}")]
#[case("{{ true | number }}")]
#[case("{{ true | date }}")]
#[case("{{ 1 | number(21) }}")]
#[case("{{ 'yesterday' | date }}")]
#[case("{{ '2026-11-22' | date }}")]
#[case("{{ 1.5 | date }}")]
#[case("{{ 999999999999999 | date }}")]
#[case("{{ 0 | date('huge') }}")]
#[case("{{ 'x' | plural(other='#') }}")]
#[case("{{ 1 | plural(other='#########') }}")]
#[case("{{ 7 | join(',') }}")]
#[case("{{ data | truncate }}")]
fn a_value_that_a_filter_cannot_take_fails_with_a_reason(#[case] source: &str) {
    let outcome = Fixture::new("en", json!({"a": 1})).text(source);
    assert!(matches!(outcome, Err(RenderError::Filter { .. })), "{outcome:?}");
}

#[rstest::rstest]
#[case("en", "{{ 1234567.891 | number }}", "1,234,567.891")]
#[case("de", "{{ 1234567.891 | number }}", "1.234.567,891")]
#[case("fr", "{{ 1234567 | number }}", "1\u{202f}234\u{202f}567")]
#[case("zh", "{{ 1234567 | number }}", "1,234,567")]
#[case("ja", "{{ 1234567 | number }}", "1,234,567")]
#[case("en", "{{ 2.5 | number(0) }}", "3")]
#[case("en", "{{ 2 | number(2) }}", "2.00")]
#[case("en", "{{ -2.345 | number(2) }}", "-2.35")]
#[case("en", "{{ 1 | number(20) }}", "1.00000000000000000000")]
fn numbers_have_the_languages_separators(#[case] locale: &str, #[case] source: &str, #[case] expected: &str) {
    assert_eq!(Fixture::new(locale, json!({})).text(source).as_deref(), Ok(expected));
}

/// 2026-11-22T23:30:05Z: the 23rd in Berlin and in Shanghai.
const INSTANT: &str = "2026-11-22T23:30:05Z";

#[rstest::rstest]
#[case("en", "Europe/Berlin", "{{ data.at | date }}", "Nov 23, 2026")]
#[case("en", "America/New_York", "{{ data.at | date }}", "Nov 22, 2026")]
#[case("en", "UTC", "{{ data.at | date('long') }}", "November 22, 2026")]
#[case("de", "Europe/Berlin", "{{ data.at | date }}", "23.11.2026")]
#[case("de", "Europe/Berlin", "{{ data.at | date('long') }}", "23. November 2026")]
#[case("zh", "Asia/Shanghai", "{{ data.at | date }}", "2026年11月23日")]
#[case("ja", "Asia/Tokyo", "{{ data.at | date('long') }}", "2026年11月23日")]
#[case("fr", "Europe/Paris", "{{ data.at | date('long') }}", "23 novembre 2026")]
#[case("en", "America/New_York", "{{ data.at | time }}", "6:30\u{202f}PM")]
#[case("de", "Europe/Berlin", "{{ data.at | time }}", "00:30")]
#[case("zh", "Asia/Shanghai", "{{ data.at | time }}", "07:30")]
#[case("ja", "Asia/Tokyo", "{{ data.at | time }}", "8:30")]
#[case("fr", "Europe/Paris", "{{ data.at | time }}", "00:30")]
#[case("de", "Europe/Berlin", "{{ data.millis | date }} {{ data.millis | time }}", "23.11.2026 00:30")]
#[case("en", "Europe/Berlin", "{{ data.at | date('short') }}", "11/23/26")]
#[case("en", "UTC", "{{ 0 | date }}", "Jan 1, 1970")]
#[case("en", "UTC", "{{ '2024-02-29T12:00:00+14:00' | date }}", "Feb 28, 2024")]
fn instants_are_shown_on_the_recipients_clock(
    #[case] locale: &str,
    #[case] zone: &str,
    #[case] source: &str,
    #[case] expected: &str,
) {
    let mut fixture = Fixture::new(locale, json!({"at": INSTANT, "millis": 1_795_390_205_000_i64}));
    fixture.zone = zone.to_owned();
    assert_eq!(fixture.text(source).as_deref(), Ok(expected));
}

#[test]
fn a_zone_that_does_not_exist_is_said_and_not_replaced() {
    let mut fixture = Fixture::new("en", json!({}));
    fixture.zone = "Mars/Olympus".to_owned();
    assert!(matches!(fixture.text("{{ 0 | time }}"), Err(RenderError::Filter { name: "time", .. })));
}

#[rstest::rstest]
#[case("en", 1, "one 1")]
#[case("en", 2, "other 2")]
#[case("en", 0, "zero 0")]
#[case("zh", 1, "other 1")]
#[case("ja", 1, "other 1")]
#[case("fr", 0, "zero 0")]
#[case("ru", 1, "one 1")]
#[case("ru", 3, "few 3")]
#[case("ru", 5, "many 5")]
#[case("pl", 22, "few 22")]
#[case("ar", 2, "two 2")]
#[case("de", 1000, "other 1.000")]
fn the_plural_is_the_languages_own(#[case] locale: &str, #[case] count: u64, #[case] expected: &str) {
    let source = "{{ data.n | plural(zero='zero #', one='one #', two='two #', few='few #', many='many #', other='other #') }}";
    assert_eq!(Fixture::new(locale, json!({"n": count})).text(source).as_deref(), Ok(expected));
}

#[rstest::rstest]
#[case("ru", 3, "{{ data.n | plural(one='a', other='b') }}", "b")]
#[case("fr", 0, "{{ data.n | plural(one='a', other='b') }}", "a")]
#[case("en", 1, "{{ data.n | plural(other='#/#') }}", "1/1")]
fn a_plural_without_the_category_takes_the_next_that_fits(
    #[case] locale: &str,
    #[case] count: u64,
    #[case] source: &str,
    #[case] expected: &str,
) {
    assert_eq!(Fixture::new(locale, json!({"n": count})).text(source).as_deref(), Ok(expected));
}

#[rstest::rstest]
#[case("{{ data.list | length }}", "3")]
#[case("{{ data.name | length }}", "5")]
#[case("{{ data.name | upper }} {{ data.name | lower }}", "ALICE alice")]
#[case("{{ 'the end' | title }} {{ 'the END' | capitalize }}", "The End The end")]
#[case("[{{ '  x ' | trim }}]", "[x]")]
#[case("{{ data.list | first }}{{ data.list | last }}", "ac")]
#[case("{{ data.list | join(', ') }}", "a, b, c")]
#[case("{{ data.list | join }}", "abc")]
#[case("{{ 2.567 | round(1) }}", "2.6")]
#[case("{{ -3 | abs }}", "3")]
#[case("{{ '12' | int + 1 }}", "13")]
#[case("{{ data.name | truncate(5) }}", "Alice")]
#[case("{{ data.name | truncate(4) }}", "Ali…")]
#[case("{{ '订单已确认' | truncate(3) }}", "订单…")]
#[case("{{ 'x' | truncate(0) }}", "x")]
#[case("{{ data | tojson }}", r#"{"list": ["a", "b", "c"], "name": "Alice"}"#)]
#[case("{{ 'b' in data.list }} {{ 'name' in data }} {{ 'li' in data.name }}", "True True True")]
#[case("{% if data.list is sequence and data is mapping %}yes{% endif %}", "yes")]
#[case("{{ data.name is startingwith('A') }}", "True")]
#[case(
    "{% for x in data.list if x != 'b' %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "1a, 2c"
)]
#[case("{% for key in data %}{{ key }} {% endfor %}", "list name ")]
#[case("{{ data.list == data.list }}{{ data.list == data }}", "TrueFalse")]
#[case("{{ 7 // 2 }} {{ 7 % 2 }} {{ 1 / 2 }} {{ 'a' ~ 1 }}", "3 1 0.5 a1")]
fn the_filters_of_minijinja_that_are_kept_work(#[case] source: &str, #[case] expected: &str) {
    let fixture = Fixture::new("en", json!({"list": ["a", "b", "c"], "name": "Alice"}));
    assert_eq!(fixture.text(source).as_deref(), Ok(expected), "{source}");
}
