//! What decides reaches for nothing: no runtime, database or socket below it, no clock or random order in it.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::finding::Finding;
use crate::repository::Repository;
use crate::rust_text::names_word;

/// The crates that decide or only name things, with their folders.
pub const PURE: &[(&str, &str)] =
    &[("tidings-protocol", "protocol"), ("tidings-core", "relay/core"), ("tidings-sdk-core", "sdk/core")];

/// Crates that act. A name that ends in `-` stands for all that begin so.
const ACTING: &[&str] = &[
    "tokio",
    "tokio-",
    "async-std",
    "smol",
    "async-io",
    "mio",
    "polling",
    "socket2",
    "axum",
    "axum-",
    "hyper",
    "hyper-",
    "h2",
    "reqwest",
    "tungstenite",
    "rustls",
    "native-tls",
    "openssl",
    "sqlx",
    "sqlx-",
    "libsqlite3-sys",
    "rusqlite",
    "async-nats",
    "tracing-subscriber",
];

/// Names whose answer differs from run to run.
const UNSTEADY: &[(&str, &str)] = &[
    ("HashMap", "its order differs from run to run: take BTreeMap"),
    ("HashSet", "its order differs from run to run: take BTreeSet"),
    ("Instant", "time is a parameter: take tidings_protocol::Timestamp"),
    ("SystemTime", "time is a parameter: take tidings_protocol::Timestamp"),
];

/// The crates that a crate is built on, itself included, one name a line of `cargo tree`.
///
/// # Errors
/// If cargo fails.
pub fn built_on(repository: &Repository, name: &str) -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", name])
        .current_dir(repository.root())
        .output()
        .context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Acting crates among those that a pure one is built on.
pub fn acting_crates(name: &str, built_on: &[String]) -> Vec<Finding> {
    let acts = |used: &str| {
        ACTING.iter().any(|acting| used == *acting || (acting.ends_with('-') && used.starts_with(acting)))
    };
    let mut findings: Vec<Finding> = built_on
        .iter()
        .filter(|used| acts(used))
        .map(|used| {
            let advice = format!(
                "is built on `{used}`, which acts: `cargo tree -p {name} -e normal -i {used}` tells through what; switch \
                 that feature off, or move the code into the shell"
            );
            Finding::of_file(name, advice)
        })
        .collect();
    findings.dedup();
    findings
}

/// Unsteady names in the sources of the pure crates. Tests may time hostile input.
pub fn unsteady_names(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, rust) in repository.rust_files().filter(|(file, _)| !file.is_test) {
        if !PURE.iter().any(|(_, folder)| file.path.starts_with(&format!("{folder}/src/"))) {
            continue;
        }
        for (index, line) in rust.shipped.lines().enumerate() {
            for (word, cure) in UNSTEADY {
                if names_word(line, word) {
                    findings.push(Finding::of_line(&file.path, index + 1, format!("`{word}`: {cure}")));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{acting_crates, unsteady_names};
    use crate::repository::Repository;

    #[rstest]
    #[case("tokio")]
    #[case("tokio-util")]
    #[case("sqlx-core")]
    #[case("socket2")]
    fn a_crate_that_acts_is_found_below_a_pure_one(#[case] used: &str) {
        let built_on = ["tidings-core".to_owned(), used.to_owned(), used.to_owned()];
        assert_eq!(acting_crates("tidings-core", &built_on).len(), 1);
    }

    #[test]
    fn a_crate_that_only_sounds_like_one_is_not_found() {
        assert_eq!(acting_crates("tidings-core", &["tokenizer".to_owned(), "h2o".to_owned()]), []);
    }

    #[rstest]
    #[case("use std::collections::HashMap;", 1)]
    #[case("fn f() -> Instant { x }", 1)]
    #[case("let now = std::time::SystemTime::now();", 1)]
    #[case("// HashMap would not do", 0)]
    #[case("#[cfg(test)]\nmod tests { use std::time::Instant; }", 0)]
    #[case("struct InstantFilter;", 0)]
    fn an_unsteady_name_is_found_in_code(#[case] line: &str, #[case] found: usize) {
        assert_eq!(unsteady_names(&Repository::of(&[("relay/core/src/cap.rs", line)])).len(), found);
        assert_eq!(unsteady_names(&Repository::of(&[("relay/server/src/hub.rs", line)])), []);
    }
}
