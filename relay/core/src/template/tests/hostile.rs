//! Templates and data that want time or memory. Whatever they are, they end soon, within their bounds, on a small stack.

use std::time::{Duration, Instant};

use super::*;

/// Generous for a debug build on a busy machine; without limits these take minutes or end the process.
const PATIENCE: Duration = Duration::from_secs(10);

/// Compiles and renders on a stack of 2 MiB, which is what the relay's threads have.
#[expect(
    clippy::disallowed_methods,
    reason = "the property under test is the time and the stack of a thread"
)]
#[expect(clippy::unwrap_in_result, reason = "the result under test is the template's, not the thread's")]
fn outcome(source: String, data: Json) -> Result<Result<String, RenderError>, TemplateError> {
    let attempt = move || {
        let started = Instant::now();
        let outcome = TemplateText::compile(&source).map(|compiled| {
            let fixture = Fixture::new("en", data);
            compiled.render(&scope::Roots::new(&fixture.scope(), false, &|_| true), "text", 16_000)
        });
        assert!(started.elapsed() < PATIENCE, "{:?} took {:?}", source.get(..80), started.elapsed());
        outcome
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(attempt);
    thread.expect("the machine has a thread left").join().expect("neither panics nor overflows its stack")
}

#[rstest::rstest]
#[case::multiplied_text(r#"{{ "x" * 999999999 }}"#)]
#[case::long_range("{% for a in range(1000000000) %}x{% endfor %}")]
#[case::exponent("{% for a in range(1e9) %}x{% endfor %}")]
#[case::json_of_json("{{ data | tojson | tojson }}")]
#[case::wide_format(r#"{{ "%999999999d" | format(1) }}"#)]
#[case::indent("{{ data.text | indent(1000000000) }}")]
#[case::slice("{{ data.list[0:1000000000:1] }}")]
#[case::cycle("{% for a in data.list %}{{ loop.cycle('a', 'b') }}{% endfor %}")]
#[case::batch("{{ data.list | batch(1000000000, 'x') }}")]
#[case::list("{{ data.text | list }}")]
#[case::recursion("{% for a in data.list recursive %}{{ loop(data.list) }}{% endfor %}")]
#[case::power("{{ 10 ** 999999999 }}")]
#[case::namespace(
    "{% set n = namespace(x='a') %}{% for i in data.list %}{% set n.x = n.x ~ n.x %}{% endfor %}"
)]
#[case::macros("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}")]
#[case::capture("{% set x %}{% for a in data.list %}xxxx{% endfor %}{% endset %}{{ x }}")]
#[case::chained("{{ data.list | chain(data.list) | chain(data.list) }}")]
#[case::splat("{{ data.text | join(*data.list) }}")]
#[case::rendering("{{ (rendering) }}")]
fn a_template_that_wants_too_much_is_not_taken_in(#[case] source: &str) {
    assert!(outcome(source.to_owned(), json!({"text": "x", "list": [1, 2, 3]})).is_err());
}

#[rstest::rstest]
#[case::parentheses("{{ ", "(", " }}")]
#[case::brackets("{{ data", "[data", " }}")]
#[case::lists("{{ ", "[", " }}")]
#[case::maps("{{ ", "{", " }}")]
#[case::signs("{{ ", "-", "1 }}")]
#[case::negations("{{ ", "not ", "1 }}")]
#[case::sums("{{ 1", "+1", " }}")]
#[case::concatenations("{{ 1", "~1", " }}")]
#[case::comparisons("{{ 1", "<1", " }}")]
#[case::choices("{{ 1", " if 1 else 1", " }}")]
#[case::half_choices("{{ 1", " if 1", " }}")]
#[case::filters("{{ data.text", "|upper", " }}")]
#[case::arguments("{{ 1", "|default(1", " }}")]
#[case::tests("{{ 1", " is defined", " }}")]
#[case::fields("{{ data", ".x", " }}")]
#[case::subscripts("{{ data", "[0]", " }}")]
#[case::conditions("", "{% if 1 %}", "")]
#[case::branches("{% if 1 %}", "{% elif 1 %}", "{% endif %}")]
#[case::loops("", "{% for a in data.list %}", "")]
#[case::texts("{{ ", "'a'", " }}")]
fn a_template_that_is_too_deep_is_not_taken_in(
    #[case] before: &str,
    #[case] repeated: &str,
    #[case] after: &str,
) {
    let source =
        format!("{before}{}{after}", repeated.repeat((32_000 - before.len() - after.len()) / repeated.len()));
    assert!(outcome(source, json!({"text": "x", "list": [1]})).is_err());
}

#[rstest::rstest]
#[case::parentheses("(".repeat(15) + "1" + &")".repeat(15))]
#[case::negations("not ".repeat(63) + "1")]
#[case::signs("-".repeat(63) + "1")]
#[case::sums("1".to_owned() + &" + 1".repeat(63))]
#[case::filters("'a'".to_owned() + &" | upper".repeat(63))]
#[case::arguments("1 | default(".repeat(15) + "1" + &")".repeat(15))]
#[case::choices("1".to_owned() + &" if 1".repeat(31))]
#[case::other_choices("1 if 0 else ".repeat(21) + "1")]
fn the_deepest_expression_that_is_taken_in_fits_the_stack(#[case] expression: String) {
    // Around it, as many blocks as leave it room, each in the last branch of the one outside it.
    for blocks in [0, 14] {
        let opening = format!("{{% if 0 %}}{}", "{% elif 1 %}".repeat(15)).repeat(blocks);
        let source = format!("{opening}{{{{ {expression} }}}}{}", "{% endif %}".repeat(blocks));
        let taken = outcome(source, json!({}));
        assert!(
            matches!(taken, Ok(Ok(_)) | Err(TemplateError { kind: TemplateErrorKind::TooDeep, .. })),
            "{taken:?}"
        );
        assert!(blocks > 0 || taken.is_ok());
    }
}

#[test]
fn the_deepest_blocks_that_are_taken_in_fit_the_stack() {
    let opening = format!("{{% if 0 %}}{}", "{% elif 1 %}".repeat(15)).repeat(15);
    let source = format!("{opening}x{}", "{% endif %}".repeat(15));
    assert_eq!(outcome(source, json!({})).unwrap().as_deref(), Ok(""));
}

fn long_list() -> Json {
    json!({"list": vec![1; 32_000]})
}

fn long_text() -> Json {
    json!({"text": "x".repeat(60_000), "list": vec![1; 2_000]})
}

/// Two equal lists whose items all lie one level deeper than their own length tells.
fn two_deep_lists() -> Json {
    let deep = json!([vec![1; 16_000]]);
    json!({"list": vec![1; 2_000], "a": deep, "b": deep, "c": [deep]})
}

#[rstest::rstest]
#[case::nothing_in_a_square(
    "{% for a in data.list %}{% for b in data.list %}{% endfor %}{% endfor %}",
    long_list()
)]
#[case::nothing_said("{% for a in data.list %}{% if a > 5 %}x{% endif %}{% endfor %}", long_list())]
#[case::searched("{% for a in data.list %}{% if 5 in data.list %}x{% endif %}{% endfor %}", long_list())]
#[case::lengths(
    "{% for a in data.list %}{% if data.text | upper == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
#[case::found("{% for a in data.list %}{% if 'xxxy' in data.text %}x{% endif %}{% endfor %}", long_text())]
#[case::serialised(
    "{% for a in data.list %}{% if data | tojson == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
#[case::doubled(
    "{% for a in data.list %}{% if data.text ~ data.text == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
#[case::truncated(
    "{% for a in data.list %}{% if data.text | truncate(9) == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
#[case::joined(
    "{% for a in data.list %}{% if data.list | join == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
#[case::compared(
    "{% for a in data.list %}{% if data.a == data.b %}x{% endif %}{% endfor %}",
    two_deep_lists()
)]
#[case::ordered("{% for a in data.list %}{% if data.a < data.b %}x{% endif %}{% endfor %}", two_deep_lists())]
#[case::contained(
    "{% for a in data.list %}{% if data.a in data.c %}x{% endif %}{% endfor %}",
    two_deep_lists()
)]
#[case::last("{% for a in data.list %}{% if data.list | last == 5 %}x{% endif %}{% endfor %}", long_list())]
#[case::first("{% for a in data.list %}{% if data.list | first == 5 %}x{% endif %}{% endfor %}", long_list())]
#[case::counted(
    "{% for a in data.list %}{% if data.list | length == 5 %}x{% endif %}{% endfor %}",
    long_list()
)]
#[case::missed("{% for a in data.list %}{% if data.nothing %}x{% endif %}{% endfor %}", long_list())]
#[case::titled(
    "{% for a in data.list %}{% if data.text | title | capitalize | trim == 'y' %}x{% endif %}{% endfor %}",
    long_text()
)]
fn work_without_an_end_in_sight_runs_out_of_fuel(#[case] source: &str, #[case] data: Json) {
    assert_eq!(outcome(source.to_owned(), data).unwrap(), Err(RenderError::Fuel));
}

#[rstest::rstest]
#[case::dates("{% for a in data.list %}{{ 0 | date('long') }}{% endfor %}", json!({"list": vec![1; 500]}))]
#[case::amounts("{% for a in data.list %}{{ a | money('EUR') }}{% endfor %}", json!({"list": vec![1; 1_000]}))]
#[case::compared("{{ data.a == data.b }}", two_deep_lists())]
fn work_that_the_fuel_does_not_see_is_small(#[case] source: &str, #[case] data: Json) {
    assert!(outcome(source.to_owned(), data).unwrap().is_ok());
}

#[test]
fn output_stops_at_its_limit_and_not_after_it() {
    let fixture = Fixture::new("en", json!({"list": vec![1; 2_000]}));
    let loud = text("{% for a in data.list %}0123456789{% endfor %}");
    let roots = scope::Roots::new(&fixture.scope(), false, &|_| true);
    assert_eq!(loud.render(&roots, "text", 20_000).map(|text| text.len()), Ok(20_000));
    let over = RenderError::TooLong { field: "text", limit: 19_999, actual: 20_000 };
    assert_eq!(loud.render(&roots, "text", 19_999), Err(over));
}

#[test]
fn a_literal_stops_at_its_limit_too() {
    let fixture = Fixture::new("en", json!({}));
    let roots = scope::Roots::new(&fixture.scope(), false, &|_| true);
    assert!(text("12345").render(&roots, "text", 5).is_ok());
    assert!(text("12345").render(&roots, "text", 4).is_err());
}

#[test]
fn a_long_separator_between_many_items_is_refused() {
    let separator = "-".repeat(30_000);
    let source = format!("{{{{ data.list | join('{separator}') }}}}");
    let refused = outcome(source, long_list()).unwrap();
    assert!(
        matches!(refused, Err(RenderError::Filter { name: "join", .. } | RenderError::Fuel)),
        "{refused:?}"
    );
}

#[test]
fn a_long_name_above_many_objects_is_not_copied_into_each() {
    let mut data = json!(vec![json!({}); 10_000]);
    for _ in 0..20 {
        data = json!({"k".repeat(1_500): data});
    }
    let rendered = outcome("{{ data.x | default('none') }}".to_owned(), data).unwrap();
    assert_eq!(rendered.as_deref(), Ok("none"));
}
