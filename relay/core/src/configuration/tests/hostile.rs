//! Documents that were made to break the check, and each limit from both sides.

use rstest::rstest;
use std::fmt::Write as _;
use tidings_protocol::limits::{CONFIGURATION_BYTES_MAX, RULES_MAX};

use super::super::{MISTAKES_MAX, PassedLimit};
use super::*;

fn code_of(document: &str) -> (&'static str, u32, u32) {
    let one = mistakes(document).items.remove(0);
    (one.code, one.line, one.column)
}

#[rstest]
#[case::tab("tidings: 1\nproject:\n\tname: a\n", 3, "indent with spaces: YAML takes no tabs there")]
#[case::unclosed(
    "tidings: 1\nproject: {name: a\n",
    2,
    "in `{…}` and `[…]`, quote what has `[ ] { } ,`, and put a space after each `:`"
)]
#[case::colon("tidings: 1\ntemplates:\n  x: Order {{ data.x }}: ready\n", 3, "quote a text that has `{{`")]
#[case::brace(
    "tidings: 1\ntemplates: {x: {en: {title: Order {{ data.x }}}}}\n",
    2,
    "quote a text that has `{{`"
)]
fn what_is_no_yaml_is_one_mistake_with_a_hint(#[case] document: &str, #[case] line: u32, #[case] hint: &str) {
    let mistakes = mistakes(document);
    let one = &mistakes.items[0];
    assert_eq!(
        (mistakes.total, one.code, one.line, one.hint.as_deref()),
        (1, "yaml_syntax", line, Some(hint))
    );
}

#[rstest]
#[case::empty("", "yaml_syntax")]
#[case::comment("# nothing\n", "yaml_syntax")]
#[case::scalar("tidings", "wrong_type")]
#[case::list("[tidings, 1]", "wrong_type")]
#[case::two_documents("tidings: 1\n---\ntidings: 1\n", "yaml_syntax")]
#[case::unknown_alias("tidings: *one\n", "yaml_syntax")]
#[case::alias_in_itself("tidings: &one [*one]\n", "yaml_syntax")]
#[case::anchor_at_the_root("&one ~", "wrong_type")]
#[case::own_tag("tidings: !format 1\n", "yaml_syntax")]
#[case::map_as_key("tidings: 1\n? {a: b}\n: c\n", "wrong_type")]
#[case::nul("tidings: 1\nproject: {name: \"a\u{0}b\"}\n", "yaml_syntax")]
fn what_is_no_document_is_refused(#[case] document: &str, #[case] code: &str) {
    let found = mistakes(document);
    assert!(found.items.iter().any(|one| one.code == code), "{}", found.render(document));
}

#[rstest]
#[case::in_a_flow("{x: {en: {title: {{ data.x }}}}}")]
#[case::with_more("{x: {en: {title: {{ data.x }} y}}}")]
#[case::in_a_block("\n  x:\n    en:\n      title: {{ data.x }} y")]
fn a_text_that_was_read_as_a_map_is_told_with_a_hint(#[case] templates: &str) {
    let document = format!("tidings: 1\ntemplates: {templates}\n");
    let found = mistakes(&document);
    let hint = "a text that begins with `{` or `[` needs quotes, like \"{{ data.name }}\"";
    assert!(found.items.iter().any(|one| one.hint.as_deref() == Some(hint)), "{}", found.render(&document));
}

#[test]
fn aliases_that_unfold_to_billions_are_refused_and_not_unfolded() {
    let mut document = "tidings: 1\nproject:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(document, "  a{level}: &a{level} [{below}]").unwrap();
    }
    assert_eq!(code_of(&document).0, "too_many_values");
}

#[rstest]
#[case("[")]
#[case("{a: ")]
#[case("- ")]
fn deep_nesting_is_refused_at_any_depth(#[case] open: &str) {
    for depth in [49, 1_000, 100_000] {
        let nested = open.repeat(depth);
        let document = if open == "- " { nested } else { format!("tidings: {nested}") };
        let found = mistakes(&document);
        assert!(matches!(found.items[0].code, "too_deep" | "yaml_syntax"), "{}", found.items[0].detail);
    }
    assert_eq!(code_of(&format!("tidings: {}{}", "[".repeat(60), "]".repeat(60))).0, "too_deep");
}

#[test]
fn a_document_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let head = "tidings: 1\n#";
    let mut document = head.to_owned() + &"x".repeat(CONFIGURATION_BYTES_MAX - head.len());
    assert!(checked(&document).is_ok());
    document.push('x');
    assert_eq!(code_of(&document), ("limit", 1, 1));
}

#[test]
fn files_count_for_the_size_of_a_configuration() {
    let document = "tidings: 1\npolicy: {text: {en: {file: a}}}\n";
    let bundle = |bytes: usize| Bundle {
        document: document.to_owned(),
        files: BTreeMap::from([("a".to_owned(), "x".repeat(bytes))]),
    };
    let room = CONFIGURATION_BYTES_MAX - document.len();
    assert!(check(document, &bundle(room), 1).is_ok());
    assert_eq!(check(document, &bundle(room + 1), 1).unwrap_err().items[0].code, "limit");
}

#[test]
fn ten_thousand_rules_are_taken_and_one_more_is_refused() {
    let mut document = format!("{HEAD}rules:\n");
    for number in 0..RULES_MAX {
        writeln!(
            document,
            "  r{number}: {{on: e{number}, category: general, template: hello, when: data.total > 1}}"
        )
        .unwrap();
    }
    assert_eq!(checked(&document).unwrap().rules.len(), RULES_MAX);
    document.push_str("  one_more: {on: e, category: general, template: hello}\n");
    assert_eq!(code_of(&document), ("limit", u32::try_from(RULES_MAX).unwrap() + 5, 3));
    assert_eq!(
        mistakes(&document).items[0].over,
        Some(PassedLimit { limit: RULES_MAX, actual: RULES_MAX + 1 })
    );
}

#[test]
fn a_template_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let template = |bytes: usize| {
        format!("tidings: 1\ntemplates: {{x: {{en: {{title: t, sms: \"{}\"}}}}}}\n", "x".repeat(bytes))
    };
    assert!(checked(&template(32 << 10)).is_ok());
    assert_eq!(code_of(&template((32 << 10) + 1)), ("limit", 2, 38));
}

#[test]
fn thousands_of_mistakes_are_counted_and_the_first_are_told() {
    let mut document = format!("{HEAD}rules:\n");
    for number in 0..5_000 {
        writeln!(document, "  r{number}: {{on: e, category: genral, template: helo, whn: 1}}").unwrap();
    }
    let found = mistakes(&document);
    assert_eq!((found.items.len(), found.total), (MISTAKES_MAX, 15_000));
    assert!(found.render(&document).ends_with("… and 14800 more\n15000 mistakes\n"));
}

#[test]
fn many_keys_that_stand_twice_are_answered_in_time() {
    // Each would be compared with every other if the first one of a key were searched.
    let keys: String = (0..60_000).map(|number| format!("{number}: x\n")).collect();
    let found = mistakes(&format!("{keys}{keys}"));
    assert!(found.total >= 120_000);
    assert_eq!(found.items.len(), MISTAKES_MAX);
}

#[test]
fn keys_that_look_like_paths_are_told_as_pointers() {
    let found = mistakes("tidings: 1\nproject: {\"a/b~c\": 1}\n");
    assert_eq!(found.items[0].pointer, "/project/a~1b~0c");
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_check(text in "\\PC{0,60}") {
        // What matters is that there is an answer, and that its place can be shown.
        if let Err(found) = checked(&text) {
            proptest::prop_assert!(!found.items.is_empty());
            proptest::prop_assert!(found.render(&text).starts_with("error["));
        }
    }

    #[test]
    fn a_damaged_document_is_answered_too(at in 0_usize..9_000, with in "[\\[\\]{}:,\"'#&*!|>% \\n\\t-]{0,3}") {
        let shop = shop();
        let at = (0..=at.min(shop.document.len())).rev().find(|at| shop.document.is_char_boundary(*at)).unwrap_or(0);
        let damaged = format!("{}{with}{}", &shop.document[..at], &shop.document[at..]);
        if let Err(found) = check(&damaged, &shop, 1) {
            proptest::prop_assert!(!found.render(&damaged).is_empty());
        }
    }
}
