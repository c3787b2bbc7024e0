//! Ways around a rule that are not taken here: silenced lints, skipped tests, code that is not there yet.

use crate::finding::Finding;
use crate::repository::{Repository, SourceFile};
use crate::rust_text::{RustText, is_whole_word};

/// Attributes that silence a lint for ever.
pub fn silenced_lints(repository: &Repository) -> Vec<Finding> {
    let advice = "take `#[expect(lint, reason = \"…\")]`: it tells why, and when it is no longer needed";
    in_code(repository, |line| has_attribute(line, "allow"), advice)
}

/// Tests that do not run, and tests that only ask for a panic.
pub fn skipped_tests(repository: &Repository) -> Vec<Finding> {
    let advice = "each test runs every time and says what must hold: mend it, or delete it";
    in_code(repository, |line| has_attribute(line, "ignore") || has_attribute(line, "should_panic"), advice)
}

/// Code that is not there yet.
pub fn holes(repository: &Repository) -> Vec<Finding> {
    let advice = "write it, or leave out what calls it";
    in_code(repository, |line| has_macro(line, "todo") || has_macro(line, "unimplemented"), advice)
}

/// Unwrapping outside of tests.
pub fn unwraps(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, rust) in repository.rust_files().filter(|(file, _)| !file.is_test) {
        for (index, line) in rust.shipped.lines().enumerate() {
            if line.contains(".unwrap()") {
                let advice = "return the error, or say with `expect` why it holds";
                findings.push(Finding::of_line(&file.path, index + 1, advice));
            }
        }
    }
    findings
}

/// Notes of things to do that name no issue.
pub fn notes_without_issue(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files() {
        for (index, line) in notes(file).lines().enumerate() {
            for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
                let unnumbered = line
                    .match_indices(word)
                    .filter(|(at, _)| is_whole_word(line, *at, word))
                    .any(|(at, _)| !names_issue(&line[at + word.len()..]));
                if unnumbered {
                    let advice = format!("file an issue and write `{word}(#number)`, or do it");
                    findings.push(Finding::of_line(&file.path, index + 1, advice));
                }
            }
        }
    }
    findings
}

/// Where a file may hold notes: comments of Rust, all of scripts and settings. Prose may speak about the words.
fn notes(file: &SourceFile) -> &str {
    match &file.rust {
        Some(rust) => &rust.comments,
        None if file.path.ends_with(".md") || file.path.ends_with(".snap") => "",
        None => &file.text,
    }
}

fn names_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

fn in_code(repository: &Repository, is_bad: impl Fn(&str) -> bool, advice: &str) -> Vec<Finding> {
    let lines = |(file, rust): (&SourceFile, &RustText)| -> Vec<Finding> {
        let bad = rust.code.lines().enumerate().filter(|(_, line)| is_bad(line));
        bad.map(|(index, _)| Finding::of_line(&file.path, index + 1, advice)).collect()
    };
    repository.rust_files().flat_map(lines).collect()
}

/// `#[name…]`, `#![name…]`, or one of several in `cfg_attr`.
fn has_attribute(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].trim_end();
        let in_cfg = before.ends_with(',') && line.contains("cfg_attr(");
        is_whole_word(line, at, name) && (before.ends_with("#[") || before.ends_with("#![") || in_cfg)
    })
}

fn has_macro(line: &str, name: &str) -> bool {
    line.match_indices(name)
        .any(|(at, _)| is_whole_word(line, at, name) && line[at + name.len()..].starts_with('!'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{holes, notes_without_issue, silenced_lints, skipped_tests, unwraps};
    use crate::finding::Finding;
    use crate::repository::Repository;

    type Rule = fn(&Repository) -> Vec<Finding>;

    #[rstest]
    #[case::allow(silenced_lints, "#[allow(dead_code)]", 1)]
    #[case::allow_all(silenced_lints, "#![allow(clippy::all)]", 1)]
    #[case::allow_sometimes(silenced_lints, "#[cfg_attr(test, allow(dead_code))]", 1)]
    #[case::expect(silenced_lints, "#[expect(dead_code, reason = \"allow\")]", 0)]
    #[case::function_named_so(silenced_lints, "fn allow(x: u8) {}", 0)]
    #[case::ignored(skipped_tests, "#[ignore]", 1)]
    #[case::ignored_with_reason(skipped_tests, "#[ignore = \"slow\"]", 1)]
    #[case::panicking(skipped_tests, "#[should_panic]", 1)]
    #[case::to_do(holes, "fn f() { todo!() }", 1)]
    #[case::unimplemented(holes, "fn f() { unimplemented!(\"x\") }", 1)]
    #[case::said_in_a_string(holes, "let a = \"todo!()\";", 0)]
    #[case::unwrap(unwraps, "let a = b.unwrap();", 1)]
    #[case::unwrap_or(unwraps, "let a = b.unwrap_or(1);", 0)]
    #[case::unwrap_in_test(unwraps, "#[cfg(test)]\nmod tests { fn f() { b.unwrap(); } }", 0)]
    fn a_way_around_is_found_in_code(#[case] rule: Rule, #[case] text: &str, #[case] found: usize) {
        assert_eq!(rule(&Repository::of(&[("a/src/b.rs", text)])).len(), found);
    }

    #[rstest]
    #[case("later: mend this", 1)]
    #[case("(#): mend this", 1)]
    #[case("(#12): mend this", 0)]
    fn a_note_names_its_issue(#[case] rest: &str, #[case] found: usize) {
        let text = format!("// {}{rest}\n", concat!("TO", "DO"));
        let text = text.replace("DOlater", "DO later");
        assert_eq!(notes_without_issue(&Repository::of(&[("a/src/b.rs", &text)])).len(), found);
    }
}
