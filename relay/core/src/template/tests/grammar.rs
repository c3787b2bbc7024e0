//! What may be written, and how a mistake is reported.

use proptest::prelude::*;

use super::super::{BRANCHES_MAX, DEPTH_MAX, EXPRESSION_PARTS_MAX, LOOP_DEPTH_MAX, SOURCE_BYTES_MAX};
use super::*;

#[rstest::rstest]
#[case("{{ data.order_id }}", &["data.order_id"])]
#[case("{{ data['order_id'] }} {{ data.items[0].name }}", &["data.items[0].name", "data.order_id"])]
#[case("{{ data.prices[data.currency] }}", &["data.currency", "data.prices[]"])]
#[case("{% for item in digest.items %}{{ item.data.name }}{% endfor %}", &["digest.items", "digest.items[].data.name"])]
#[case("{% for a in data.x %}{% for b in a.y %}{{ b }}{% endfor %}{% endfor %}", &["data.x", "data.x[].y", "data.x[].y[]"])]
#[case("{{ data.a | default(data.b) }}{# data.c #}", &["data.a", "data.b"])]
#[case("{%- if data.a -%} x {%- endif -%} {{- data.b -}}", &["data.a", "data.b"])]
#[case("plain { text } 100%", &[])]
fn the_fields_of_a_text_are_known(#[case] source: &str, #[case] fields: &[&str]) {
    assert_eq!(text(source).fields(), fields);
}

#[test]
fn a_text_without_anything_to_fill_in_is_literal() {
    assert!(text("plain { text }").is_literal());
    assert!(!text("{{ data.a }}").is_literal());
    assert!(!text("a{# comment #}b").is_literal());
    assert_eq!(Fixture::new("en", json!({})).text("a{# comment #}b").unwrap(), "ab");
}

#[test]
fn the_last_newline_of_a_text_stays() {
    let fixture = Fixture::new("en", json!({}));
    assert_eq!(fixture.text("a\n").unwrap(), "a\n");
    assert_eq!(fixture.text("{{ 'a' }}\n").unwrap(), "a\n");
}

#[rstest::rstest]
#[case("{{ dta.order_id }}", 3..6, "did you mean data?")]
#[case("Order {{ order_id }}", 9..17, "fields of the event stand in data: data.order_id")]
#[case("{{ data.a | uper }}", 12..16, "did you mean upper?")]
#[case("{{ data.a | frobnicate }}", 12..22, "there are default, length")]
#[case("{% if data.a is defind %}{% endif %}", 16..22, "did you mean defined?")]
#[case("{{ data.n | plural(oen='x', other='y') }}", 19..22, "did you mean one?")]
#[case("{% fro a in data.b %}{% endfor %}", 3..6, "did you mean for?")]
#[case("{% for item in data.a %}{{ itm }}{% endfor %}", 27..30, "did you mean item?")]
#[case("{% for item in data.a %}{{ loop.idnex }}{% endfor %}", 32..37, "did you mean index?")]
fn a_wrong_name_is_shown_where_it_stands_with_the_nearest(
    #[case] source: &str,
    #[case] range: std::ops::Range<usize>,
    #[case] hint: &str,
) {
    let error = TemplateText::compile(source).unwrap_err();
    assert_eq!(error.range, range);
    assert!(error.hint.as_deref().is_some_and(|given| given.starts_with(hint)), "{error}");
}

#[test]
fn a_mistake_has_a_line_and_a_column() {
    let source = "订单\n已 {{ dta.x }}";
    assert_eq!(TemplateText::compile(source).unwrap_err().position(source), (2, 6));
}

#[rstest::rstest]
#[case("{% set a = 1 %}")]
#[case("{% set a %}x{% endset %}")]
#[case("{% with a = 1 %}{% endwith %}")]
#[case("{% macro m() %}{% endmacro %}")]
#[case("{% call m() %}{% endcall %}")]
#[case("{% include 'a' %}")]
#[case("{% import 'a' as b %}")]
#[case("{% from 'a' import b %}")]
#[case("{% extends 'a' %}")]
#[case("{% block a %}{% endblock %}")]
#[case("{% filter upper %}x{% endfilter %}")]
#[case("{% autoescape false %}x{% endautoescape %}")]
#[case("{% raw %}{{ x }}{% endraw %}")]
#[case("{% do data.x() %}")]
#[case("{% for a in range(9) %}{% endfor %}")]
#[case("{% for a in [1, 2] %}{% endfor %}")]
#[case("{% for a in data.x | list %}{% endfor %}")]
#[case("{% for a in data.x.items() %}{% endfor %}")]
#[case("{% for a in 'abc' %}{% endfor %}")]
#[case("{% for a, b in data.x %}{% endfor %}")]
#[case("{% for a in data.x recursive %}{% endfor %}")]
#[case("{% for data in data.x %}{% endfor %}")]
#[case("{% for a in data.x %}{% for a in data.y %}{% endfor %}{% endfor %}")]
#[case("{% for loop in data.x %}{% endfor %}")]
#[case("{% for a in loop.x %}{% endfor %}")]
#[case("{{ loop.index }}")]
#[case("{{ range(3) }}")]
#[case("{{ namespace(a=1) }}")]
#[case("{{ data.x() }}")]
#[case("{{ data.x.format(1) }}")]
#[case("{{ 'a'.upper() }}")]
#[case("{{ ('a') ('b') }}")]
#[case("{{ [1, 2] }}")]
#[case("{{ (1, 2) }}")]
#[case("{{ () }}")]
#[case("{{ {'a': 1} }}")]
#[case("{{ data.x[1:2] }}")]
#[case("{{ data.x[:] }}")]
#[case("{{ data.x[::9] }}")]
#[case("{{ 'x' * 9 }}")]
#[case("{{ 9 ** 9 }}")]
#[case("{{ data.x | indent(9) }}")]
#[case("{{ '%9d' | format(1) }}")]
#[case("{{ data.x | replace('a', 'b') }}")]
#[case("{{ data.x | safe }}")]
#[case("{{ data.x | _given }}")]
#[case("{{ data.x | batch(2) }}")]
#[case("{{ data.x | map('upper') }}")]
#[case("{{ data.x | list }}")]
#[case("{{ data.x | tojson | tojson }}")]
#[case("{{ (data.x | tojson) | tojson }}")]
#[case("{{ data.x | tojson(indent=9) }}")]
#[case("{{ data.x | default(data.y, data.z) }}")]
#[case("{{ data.x | trim(data.y) }}")]
#[case("{{ data.x | plural(one='a') }}")]
#[case("{{ data.x | plural('a') }}")]
#[case("{{ data.x | join(*data.y) }}")]
#[case("{{ data.x | join(**data.y) }}")]
#[case("{{ data.x is divisibleby 3 }}")]
#[case("{{ 1e9 }}")]
#[case("{{ 0x10 }}")]
#[case("{{ 9999999999999999 }}")]
#[case("{{ data.x }")]
#[case("{{ data.x")]
#[case("{{ 'abc }}")]
#[case("{{ }}")]
#[case("{{ data. }}")]
#[case("{{ data..x }}")]
#[case("{{ data.x | }}")]
#[case("{{ data.x } }}")]
#[case("{{ data.x ) }}")]
#[case("{{ (data.x }}")]
#[case("{{ data.x ; }}")]
#[case("{# open")]
#[case("{% if data.x %}")]
#[case("{% for a in data.x %}")]
#[case("{% if data.x %}{% endfor %}")]
#[case("{% endif %}")]
#[case("{% else %}")]
#[case("{%")]
#[case("{{")]
fn what_templates_do_not_have_is_refused(#[case] source: &str) {
    let error = TemplateText::compile(source).unwrap_err();
    assert!(!error.to_string().is_empty());
    assert!(source.get(error.range.clone()).is_some(), "{:?} of {source:?}", error.range);
}

#[test]
fn minijinja_refuses_nothing_that_the_grammar_of_these_lets_through() {
    let sources = [
        "{{ data.a + 1 - 2 / 3 // 4 % 5 ~ 'x' }}",
        "{{ not data.a and -data.b or (data.c in data.d) }}",
        "{{ data.a not in data.b }}{{ data.a is not defined }}{{ data.a if data.b }}",
        "{{ 'a' if data.x else 'b' if data.y else 'c' }}",
        "{% if data.a %}1{% elif data.b > 2 %}2{% elif data.c is odd %}3{% else %}4{% endif %}",
        "{% for a in data.x if a.ok %}{{ loop.index }}/{{ loop.length }}{% else %}none{% endfor %}",
        "{{ data.a | round(2) | default('a\\'b') | upper }}{{ \"it's\" }}",
    ];
    for source in sources {
        assert!(TemplateText::compile(source).is_ok(), "{source}: {:?}", TemplateText::compile(source));
    }
}

fn nested(opening: &str, middle: &str, closing: &str, levels: usize) -> String {
    format!("{}{middle}{}", opening.repeat(levels), closing.repeat(levels))
}

#[test]
fn a_source_is_at_most_32_kib() {
    assert!(TemplateText::compile(&"x".repeat(SOURCE_BYTES_MAX)).is_ok());
    let error = TemplateText::compile(&"x".repeat(SOURCE_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.kind, TemplateErrorKind::SourceTooLong { actual: SOURCE_BYTES_MAX + 1 });
}

#[test]
fn blocks_nest_up_to_the_limit() {
    let blocks = |levels| nested("{% if data.a %}", "x", "{% endif %}", levels);
    // The condition of the innermost block is one level more.
    assert!(TemplateText::compile(&blocks(DEPTH_MAX - 1)).is_ok());
    assert_eq!(TemplateText::compile(&blocks(DEPTH_MAX)).unwrap_err().kind, TemplateErrorKind::TooDeep);
}

#[test]
fn parentheses_nest_up_to_the_limit() {
    let brackets = |levels| format!("{{{{ {} }}}}", nested("(", "data.a", ")", levels));
    assert!(TemplateText::compile(&brackets(DEPTH_MAX - 1)).is_ok());
    assert_eq!(TemplateText::compile(&brackets(DEPTH_MAX)).unwrap_err().kind, TemplateErrorKind::TooDeep);
}

#[test]
fn an_expression_has_at_most_64_parts() {
    let sum = |parts: usize| format!("{{{{ {} }}}}", vec!["1"; parts].join(" + "));
    assert!(TemplateText::compile(&sum(EXPRESSION_PARTS_MAX)).is_ok());
    let error = TemplateText::compile(&sum(EXPRESSION_PARTS_MAX + 1)).unwrap_err();
    assert_eq!(error.kind, TemplateErrorKind::ExpressionTooLong);
}

#[test]
fn an_if_has_at_most_16_branches() {
    let branches =
        |count: usize| format!("{{% if data.a %}}{}{{% endif %}}", "{% elif data.b %}".repeat(count - 1));
    assert!(TemplateText::compile(&branches(BRANCHES_MAX)).is_ok());
    assert_eq!(
        TemplateText::compile(&branches(BRANCHES_MAX + 1)).unwrap_err().kind,
        TemplateErrorKind::TooManyBranches
    );
}

#[test]
fn loops_nest_twice() {
    let loops = |levels: usize| {
        let opening: String = (0..levels).map(|level| format!("{{% for a{level} in data.x %}}")).collect();
        opening + &"{% endfor %}".repeat(levels)
    };
    assert!(TemplateText::compile(&loops(LOOP_DEPTH_MAX)).is_ok());
    assert_eq!(
        TemplateText::compile(&loops(LOOP_DEPTH_MAX + 1)).unwrap_err().kind,
        TemplateErrorKind::LoopTooDeep
    );
}

/// Pieces from which a template that is nearly right can be put together.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    "if",
    "for",
    "in",
    "else",
    "elif",
    "endif",
    "endfor",
    "set",
    "raw",
    "data",
    ".x",
    "item",
    "loop",
    ".index",
    "[",
    "]",
    "(",
    ")",
    "|",
    "upper",
    "length",
    "default",
    "tojson",
    "plural",
    "other=",
    "'a'",
    "\"",
    "'",
    "\\",
    "0",
    "1.5",
    "*",
    "~",
    "==",
    "is",
    "not",
    "defined",
    " ",
    "\n",
    "订",
    "{{ data.x }}",
    "{{ 'a' ~ data.y }}",
    "{{- data.x[0] -}}",
    "{% if data.x %}",
    "{% endif %}",
    "{% else %}",
    "{% for item in data.x %}",
    "{{ item }}",
    "{{ loop.index }}",
    "{% endfor %}",
    "{# {{ x }} #}",
    "{{ '}}' }}",
    "{{ \"{%\" }}",
    "{%- if 1 -%}",
    "{{ '\\'' }}",
    "{",
    "}",
    "%",
];

proptest! {
    #[test]
    fn arbitrary_text_never_panics(source in ".{0,300}") {
        let _compiled = TemplateText::compile(&source);
    }

    #[test]
    fn pieces_of_templates_never_panic_and_render_to_something_bounded(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12),
        separator in proptest::sample::select(["", " "].as_slice()),
    ) {
        let source = pieces.join(separator);
        match TemplateText::compile(&source) {
            Ok(compiled) => {
                let fixture = Fixture::new("en", json!({"x": [1, 2, {"x": "y"}]}));
                let rendered = compiled.render(&scope::Roots::new(&fixture.scope(), true, &|_| true), "text", 1_000);
                prop_assert!(rendered.is_err() || rendered.is_ok_and(|text| text.len() <= 1_000));
                prop_assert_eq!(names_that_minijinja_finds(&source), Vec::<String>::new(), "{}", source);
            }
            Err(error) => prop_assert!(source.get(error.range.clone()).is_some(), "{error}"),
        }
    }
}

/// Names beside the roots that minijinja reads in a source. There are some only if it cuts the source into other tokens
/// than our lexer did.
fn names_that_minijinja_finds(source: &str) -> Vec<String> {
    let environment = minijinja::Environment::new();
    let template = environment.template_from_str(source).unwrap();
    let names = template.undeclared_variables(false).into_iter();
    names.filter(|name| !vocabulary::ROOTS.contains(&name.as_str())).collect()
}
