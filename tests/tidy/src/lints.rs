//! That the lints which prove the rest are switched on, for every crate.

use crate::finding::Finding;
use crate::repository::Repository;

/// The lints of the workspace, by the section of `Cargo.toml` that sets them.
const ON: &[(&str, &[&str])] = &[
    (
        "[workspace.lints.rust]",
        &[
            "unsafe_code",
            "unreachable_pub",
            "unused_qualifications",
            "rust_2018_idioms",
            "missing_debug_implementations",
        ],
    ),
    ("[workspace.lints.rustdoc]", &["broken_intra_doc_links"]),
    (
        "[workspace.lints.clippy]",
        &[
            "await_holding_lock",
            "disallowed_macros",
            "disallowed_methods",
            "disallowed_types",
            "let_underscore_future",
            "allow_attributes",
            "allow_attributes_without_reason",
            "cast_possible_truncation",
            "cast_sign_loss",
            "dbg_macro",
            "fn_params_excessive_bools",
            "large_futures",
            "let_underscore_must_use",
            "manual_let_else",
            "needless_pass_by_value",
            "print_stderr",
            "print_stdout",
            "redundant_clone",
            "todo",
            "too_many_lines",
            "unnecessary_wraps",
            "unused_async",
            "unwrap_in_result",
            "unwrap_used",
            "wildcard_enum_match_arm",
        ],
    ),
];

/// What each `clippy.toml` repeats, because a crate's own file replaces the shared one: whole lines, and bans by path.
const SHARED: &[&str] = &[
    "too-many-lines-threshold = 70",
    "allow-unwrap-in-tests = true",
    "\"tokio::spawn\"",
    "\"tokio::sync::mpsc::unbounded_channel\"",
];

/// Files of which every public item is documented.
const DOCUMENTED: &[&str] = &["protocol/src/lib.rs", "sdk/client/src/lib.rs"];

/// Lints that are off, or were made a matter of each crate.
pub fn missing_lints(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let workspace = repository.file("Cargo.toml").map_or("", |file| file.text.as_str());
    for (section, lints) in ON {
        let lines = section_of(workspace, section);
        for lint in *lints {
            let is_on = lines.iter().any(|line| {
                let setting =
                    line.strip_prefix(lint).map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
                setting.is_some_and(|value| value.contains("\"warn\"") || value.contains("\"deny\""))
            });
            if !is_on {
                findings
                    .push(Finding::of_file("Cargo.toml", format!("switch `{lint}` on under `{section}`")));
            }
        }
    }
    for file in repository.files() {
        let own_manifest = file.path.ends_with("/Cargo.toml");
        if own_manifest && !section_of(&file.text, "[lints]").contains(&"workspace = true") {
            findings.push(Finding::of_file(&file.path, "add `[lints]` with `workspace = true`"));
        }
    }
    findings
}

/// `clippy.toml` files that lost a shared entry.
pub fn missing_shared_entries(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    if repository.file("clippy.toml").is_none() {
        findings
            .push(Finding::of_file("clippy.toml", "is missing: it sets the limit of 70 lines a function"));
    }
    let is_clippy = |path: &str| path == "clippy.toml" || path.ends_with("/clippy.toml");
    for file in repository.files().iter().filter(|file| is_clippy(&file.path)) {
        let stands = |entry: &str| match entry.starts_with('"') {
            true => file.text.contains(entry),
            false => file.text.lines().any(|line| line.trim() == entry),
        };
        for entry in SHARED.iter().filter(|entry| !stands(entry)) {
            findings.push(Finding::of_file(&file.path, format!("repeat the shared entry {entry}")));
        }
    }
    findings
}

/// Public faces that may be left undocumented.
pub fn undocumented_faces(repository: &Repository) -> Vec<Finding> {
    DOCUMENTED
        .iter()
        .filter(|path| {
            let rust = repository.file(path).and_then(|file| file.rust.as_ref());
            !rust.is_some_and(|rust| rust.code.contains("#![deny(missing_docs)]"))
        })
        .map(|path| {
            Finding::of_file(*path, "add `#![deny(missing_docs)]`: others read this crate's documents")
        })
        .collect()
}

fn section_of<'a>(text: &'a str, section: &str) -> Vec<&'a str> {
    let after = text.lines().map(str::trim).skip_while(|line| *line != section).skip(1);
    after.take_while(|line| !line.starts_with('[')).collect()
}

#[cfg(test)]
mod tests {
    use super::{missing_lints, missing_shared_entries, undocumented_faces};
    use crate::repository::Repository;

    #[test]
    fn a_lint_that_is_off_is_found() {
        let manifest = include_str!("../../../Cargo.toml");
        assert_eq!(missing_lints(&Repository::of(&[("Cargo.toml", manifest)])), []);
        let off = manifest.replace("too_many_lines = \"warn\"", "too_many_lines = \"allow\"");
        assert_eq!(missing_lints(&Repository::of(&[("Cargo.toml", &off)])).len(), 1);
    }

    #[test]
    fn a_crate_without_the_lints_of_the_workspace_is_found() {
        let manifest = include_str!("../../../Cargo.toml");
        let files = [("Cargo.toml", manifest), ("a/Cargo.toml", "[package]\nname = \"a\"\n")];
        assert_eq!(missing_lints(&Repository::of(&files)).len(), 1);
    }

    #[test]
    fn a_longer_limit_for_functions_is_found() {
        let shared = include_str!("../../../clippy.toml");
        assert_eq!(missing_shared_entries(&Repository::of(&[("clippy.toml", shared)])), []);
        let longer = shared.replace("= 70", "= 700");
        let files = [("clippy.toml", shared), ("a/clippy.toml", &*longer)];
        assert_eq!(missing_shared_entries(&Repository::of(&files)).len(), 1);
    }

    #[test]
    fn a_face_that_may_be_left_undocumented_is_found() {
        let files = [("protocol/src/lib.rs", "#![deny(missing_docs)]"), ("sdk/client/src/lib.rs", "")];
        assert_eq!(undocumented_faces(&Repository::of(&files)).len(), 1);
    }
}
