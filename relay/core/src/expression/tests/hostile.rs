use proptest::prelude::*;
use rstest::rstest;

use super::identities::any_json;
use super::*;

/// Three quarters of the stack that a thread has unless it asks for another: the rest is the caller's.
const STACK_BYTES: usize = 3 << 19;

/// What came of a source: compiled or not, and its value.
#[derive(Debug)]
struct Told(Result<Result<String, EvaluateError>, ExpressionError>);

impl Told {
    fn mistake(self) -> ExpressionErrorKind {
        self.0.expect_err("a mistake").kind
    }
}

/// Compiles, and evaluates what compiles, where deep recursion would abort the process.
fn on_a_small_stack(source: String, data: Json) -> Told {
    let work = move || {
        let expression = Expression::compile(&source).inspect_err(|error| {
            assert!(source.get(error.range.clone()).is_some(), "{source:?}: {error:?}");
            assert!(!error.to_string().is_empty());
        })?;
        let scope = Scope { data: &data, event: &data, recipient: Some(&data), lookups: &Answers };
        let outcome = expression.evaluate(&scope).map(|outcome| format!("{outcome:?}"));
        let again = expression.evaluate(&scope).map(|outcome| format!("{outcome:?}"));
        assert_eq!(outcome, again, "{source}");
        Ok(outcome)
    };
    Told(std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().expect("no panic"))
}

fn repeated(start: &str, again: &str, middle: &str, end: &str, times: usize) -> String {
    format!("{start}{}{middle}{}", again.repeat(times), end.repeat(times))
}

#[rstest]
#[case("", "(", "1", ")")]
#[case("", "[", "1", "]")]
#[case("", "size(", "data", ")")]
#[case("", "data[", "0", "]")]
#[case("", "!(", "true", ")")]
#[case("", "true ? true : (", "true", ")")]
#[case("", "1 < 1 + 1 * -data.f[", "1", "]")]
#[case("", "has(", "data.a", ".b)")]
#[case("", "data.all(x, ", "true", ")")]
#[case("1", " + 1", "", "")]
#[case("1", "*1", "", "")]
#[case("1", "==1", "", "")]
#[case("1", " in data", "", "")]
#[case("data", ".a", "", "")]
#[case("data", "[0]", "", "")]
#[case("", "!", "true", "")]
#[case("", "-", "1", "")]
#[case("", "- ", "1", "")]
#[case("true", "?true:true", "", "")]
#[case("", "true?", "1", ":1")]
#[case("true", "&&true", "", "")]
#[case("true", "||true&&false", "", "")]
#[case("", "(", "", "")]
#[case("", ")", "", "")]
#[case("", "(1 1 ", "", "")]
#[case("", "1 ", "", "")]
#[case("", ". ", "", "")]
#[case("", "? ", "", "")]
#[case("", "\"", "", "")]
#[case("", "'\\", "", "")]
#[case("", "{", "", "}")]
#[case("", "`", "", "")]
#[case("9", "9", "", "")]
#[case("1.", "0", "", "")]
#[case("1e", "9", "", "")]
#[case("0x", "f", "", "")]
#[case("'", "🐱", "'", "")]
#[case("", "//", "", "")]
#[case("", "\n", "x", "")]
#[case("", "\u{0}", "", "")]
#[case("", "\u{202e}", "", "")]
#[case("ident", "é", "", "")]
fn no_repetition_aborts(#[case] start: &str, #[case] again: &str, #[case] middle: &str, #[case] end: &str) {
    let counts =
        [1, 2, 4, 5, 6, 7, 16, 28, 30, 31, 32, 33, 64, 128, 200, 250, 330, 500, 1_000, 2_000, 10_000];
    for times in counts {
        let source = repeated(start, again, middle, end, times);
        let long = source.len() > EXPRESSION_BYTES_MAX;
        let outcome = on_a_small_stack(source, data());
        if long {
            assert!(matches!(outcome.mistake(), ExpressionErrorKind::TooLong { .. }));
        }
    }
}

#[test]
fn six_brackets_stand_within_each_other_and_seven_do_not() {
    let nested = |times| on_a_small_stack(repeated("", "(", "1", ")", times), Json::Null);
    assert!(nested(EXPRESSION_BRACKETS_MAX).0.is_ok());
    let error = nested(EXPRESSION_BRACKETS_MAX + 1).0.unwrap_err();
    assert_eq!(error.kind, ExpressionErrorKind::TooManyBrackets);
    assert_eq!(error.range, EXPRESSION_BRACKETS_MAX..EXPRESSION_BRACKETS_MAX + 1);
}

#[rstest]
#[case("1", "+1", "")]
#[case("data", ".a", "")]
#[case("", "-", "1")]
#[case("true", "?true:true", "")]
#[case("data", "[0]", "")]
fn a_chain_of_thirty_two_is_taken_and_one_more_is_not(
    #[case] start: &str,
    #[case] again: &str,
    #[case] middle: &str,
) {
    let chain = |times| on_a_small_stack(repeated(start, again, middle, "", times), Json::Null);
    assert!(chain(EXPRESSION_DEPTH_MAX).0.is_ok());
    assert_eq!(chain(EXPRESSION_DEPTH_MAX + 1).mistake(), ExpressionErrorKind::TooDeep);
}

#[test]
fn brackets_and_chains_together_stay_within_one_limit() {
    let level = |inner: String| format!("1+1+1+1+1*({inner})");
    let source = (0..6).fold("1".to_owned(), |inner, _| level(inner));
    assert_eq!(on_a_small_stack(source, Json::Null).mistake(), ExpressionErrorKind::TooDeep);
    let level = |inner: String| format!("1+1+1*-({inner})");
    let source = (0..6).fold("1".to_owned(), |inner, _| level(inner));
    assert!(on_a_small_stack(source, Json::Null).0.is_ok());
}

#[test]
fn a_condition_may_be_as_wide_as_its_source() {
    let wide: Vec<String> = (0..70).map(|at| format!("data.x == {at}")).collect();
    let source = wide.join("||");
    assert!(source.len() > 900 && source.len() <= EXPRESSION_BYTES_MAX);
    assert_eq!(on_a_small_stack(source, json!({"x": 69})).0, Ok(Ok("Bool(true)".to_owned())));
}

#[test]
fn a_source_of_one_kibibyte_is_taken_and_one_byte_more_is_not() {
    let source = |bytes: usize| format!("'{}'", "a".repeat(bytes - 2));
    assert!(Expression::compile(&source(EXPRESSION_BYTES_MAX)).is_ok());
    let error = Expression::compile(&source(EXPRESSION_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.kind, ExpressionErrorKind::TooLong { bytes: EXPRESSION_BYTES_MAX + 1 });
    let cut_within_a_character = format!("'{}é'", "a".repeat(EXPRESSION_BYTES_MAX - 2));
    assert!(Expression::compile(&cut_within_a_character).is_err());
}

#[rstest]
#[case("data.a.exists(x, x in data.b)")]
#[case("data.a.exists(x, data.a != data.c)")]
#[case("data.a.exists(x, data.b == data.c) || data.a.exists(x, x in data.b)")]
#[case("data.a.all(x, data.long.contains('zz') == data.long.endsWith('b'))")]
#[case("data.a.all(x, size(data.long) > 1)")]
#[case("data.a.all(x, x in data.b || true)")]
fn a_product_of_two_long_inputs_is_refused_in_time(#[case] source: &str) {
    let numbers = |from: usize| (from..from + 6_000).collect::<Json>();
    let data = json!({"a": numbers(0), "b": numbers(10_000), "c": numbers(0), "long": "a".repeat(32_000)});
    let scope = Scope { data: &data, event: &data, recipient: None, lookups: &NoLookups };
    assert_eq!(Expression::compile(source).unwrap().condition(&scope), Err(EvaluateError::TooCostly));
}

#[test]
fn the_longest_list_of_an_event_is_walked_to_its_end() {
    let list: Json = std::iter::repeat_n(1, tidings_protocol::limits::EVENT_DATA_BYTES_MAX / 2).collect();
    let data = json!({ "list": list });
    let scope = Scope { data: &data, event: &data, recipient: None, lookups: &NoLookups };
    assert_eq!(Expression::compile("data.list.all(x, x > 0 && x < 2)").unwrap().condition(&scope), Ok(true));
    assert_eq!(Expression::compile("3 in data.list").unwrap().condition(&scope), Ok(false));
}

/// Sources made of the words that expressions have, so that many of them compile.
fn word_soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "data",
        "event",
        "recipient",
        ".a",
        ".b",
        ".c",
        "[0]",
        "[data.a]",
        "(",
        ")",
        "[",
        "]",
        ",",
        "?",
        ":",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        " in ",
        "1",
        "0",
        "-1",
        "2.5",
        "1e9",
        "'a'",
        "\"b\"",
        "true",
        "false",
        "null",
        "has(data.a)",
        "size(data)",
        ".size()",
        ".exists(x, x",
        ".all(x, x",
        "x",
        ".startsWith('a')",
        ".contains(data.b)",
        "history('order.placed', '90d')",
        "in_topic('staff')",
        " ",
        "\n",
        "//",
        "é",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

/// Sources that are expressions by construction.
fn grown() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "data.a",
        "data.b.c",
        "data.d[0]",
        "data['a']",
        "1",
        "2.5",
        "-3",
        "'a'",
        "true",
        "null",
        "[1, 'a', data.a]",
        "event.b",
        "recipient.c",
        "history('order.placed', '90d')",
        "in_topic('staff')",
        "has(data.a)",
        "data.a.exists(x, x == 1)",
        "data",
        "data.b.all(x, x.a > 0)",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 16, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, yes, no)| format!("({c} ? {yes} : {no})")),
            inner.clone().prop_map(|inner| format!("!{inner}")),
            inner.clone().prop_map(|inner| format!("size({inner})")),
            (inner.clone(), inner).prop_map(|(list, at)| format!("{list}[{at}]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_at_all_panics(source in ".{0,200}") {
        let _told = on_a_small_stack(source, data());
    }

    #[test]
    fn no_soup_of_words_panics(source in word_soup(), data in any_json()) {
        let _told = on_a_small_stack(source, data);
    }

    #[test]
    fn what_is_well_formed_compiles_or_is_refused_for_a_named_reason(source in grown(), data in any_json()) {
        match on_a_small_stack(source.clone(), data).0 {
            Ok(_) => {}
            Err(ExpressionError { kind: ExpressionErrorKind::NotANumber
                | ExpressionErrorKind::TooManyBrackets
                | ExpressionErrorKind::TooLong { .. }
                | ExpressionErrorKind::TooDeep, .. }) => {}
            Err(other) => prop_assert!(false, "{}: {:?}", source, other),
        }
    }

    #[test]
    fn a_source_cut_anywhere_does_not_panic(source in grown(), cut in 0_usize..200) {
        let cut = source.floor_char_boundary(cut.min(source.len()));
        let _told = on_a_small_stack(source[..cut].to_owned(), Json::Null);
    }
}
