//! Names that say nothing, and modules that do not say where they are.

use crate::finding::Finding;
use crate::repository::Repository;
use crate::rust_text::is_whole_word;

/// Words that no file, module, type, function or constant is named with. Singular; the plural is meant too.
const EMPTY: &[&str] = &[
    "common", "handler", "helper", "manager", "message", "misc", "prelude", "task", "user", "util", "utility",
];

/// What a name follows where it is made.
const MADE_BY: &[&str] = &["struct", "enum", "trait", "type", "fn", "mod", "const", "static", "union"];

/// `mod.rs` files.
pub fn mod_files(repository: &Repository) -> Vec<Finding> {
    repository
        .rust_files()
        .filter(|(file, _)| file.path.ends_with("/mod.rs"))
        .map(|(file, _)| {
            let folder = file.path.trim_end_matches("/mod.rs");
            Finding::of_file(&file.path, format!("move it to `{folder}.rs`, beside its folder"))
        })
        .collect()
}

/// Files, folders and Rust items with an empty word in their name.
pub fn empty_names(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files() {
        if let Some(word) = file.path.split(['/', '.', '-']).find_map(empty_word) {
            findings.push(Finding::of_file(&file.path, advice(word)));
        }
        let Some(rust) = &file.rust else { continue };
        for (index, line) in rust.code.lines().enumerate() {
            for name in made_names(line) {
                if let Some(word) = empty_word(name) {
                    let advice = format!("`{name}`: {}", advice(word));
                    findings.push(Finding::of_line(&file.path, index + 1, advice));
                }
            }
        }
    }
    findings
}

fn advice(word: &str) -> String {
    format!("`{word}` says nothing: take a word of docs/GLOSSARY.md, or add one there")
}

/// The names that a line of code makes.
fn made_names(line: &str) -> impl Iterator<Item = &str> {
    MADE_BY.iter().flat_map(move |keyword| {
        line.match_indices(keyword).filter(|(at, _)| is_whole_word(line, *at, keyword)).filter_map(
            move |(at, _)| {
                let after = line[at + keyword.len()..].strip_prefix(' ')?.trim_start();
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
                (end > 0).then(|| &after[..end])
            },
        )
    })
}

/// The first empty word of a name in snake or camel case. Sentences that are names of tests are no names.
fn empty_word(name: &str) -> Option<&'static str> {
    let words = words(name);
    if words.len() > 5 {
        return None;
    }
    words.iter().find_map(|word| {
        EMPTY.iter().find(|empty| word == *empty || word.strip_suffix('s') == Some(empty)).copied()
    })
}

fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = c.is_lowercase();
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{empty_names, mod_files};
    use crate::repository::Repository;

    #[test]
    fn a_mod_file_is_found() {
        assert_eq!(mod_files(&Repository::of(&[("a/src/b/mod.rs", ""), ("a/src/model.rs", "")])).len(), 1);
    }

    #[rstest]
    #[case::file("a/src/utils.rs", "")]
    #[case::folder("a/src/common/b.rs", "")]
    #[case::script("scripts/deploy-helper", "")]
    #[case::a_type("a/src/b.rs", "pub struct SessionManager;")]
    #[case::function("a/src/b.rs", "async fn read_user(&self) {}")]
    #[case::constant("a/src/b.rs", "const TASKS_MAX: usize = 1;")]
    fn an_empty_name_is_found(#[case] path: &str, #[case] text: &str) {
        assert_eq!(empty_names(&Repository::of(&[(path, text)])).len(), 1);
    }

    #[rstest]
    #[case::use_of_another_crate("use tokio_tungstenite::tungstenite::Message;")]
    #[case::verb_of_a_machine("fn handle_frame(&mut self) {}")]
    #[case::longer_word("struct Utilisation; fn uncommon() {}")]
    #[case::sentence("fn a_message_of_the_user_is_never_sent() {}")]
    #[case::comment("// fn helper() is what we do not have")]
    fn a_telling_name_is_not_found(#[case] text: &str) {
        assert_eq!(empty_names(&Repository::of(&[("a/src/b.rs", text)])), []);
    }
}
