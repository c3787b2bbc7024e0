//! Who may import whom: the picture in `docs/ARCHITECTURE.md`, and no other arrow.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::finding::Finding;
use crate::repository::Repository;

/// What each crate may import of this workspace. The chains are cli → server → store → core → protocol and
/// cli, bindings, desktop app → sdk → sdk-core → protocol. A crate may also name the ones further down its own chain,
/// because their types stand in the signatures above them; `sdk-core` alone is reached through `sdk` only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tidings-protocol", &[]),
    ("tidings-core", &["tidings-protocol"]),
    // web-push calls it by this name; nobody else does.
    ("ece", &[]),
    ("tidings-store", &["tidings-core", "tidings-protocol"]),
    ("tidings-server", &["tidings-store", "tidings-core", "tidings-protocol"]),
    ("tidings", &["tidings-server", "tidings-store", "tidings-core", "tidings-protocol", "tidings-sdk"]),
    ("tidings-sdk-core", &["tidings-protocol"]),
    ("tidings-sdk", &["tidings-sdk-core", "tidings-protocol"]),
    ("tidings-ffi", &["tidings-sdk"]),
    ("tidings-bindgen", &[]),
    ("tidings-desktop", &["tidings-sdk"]),
];

/// A crate of the workspace, and which others it imports: for building, for tests and in its build script alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where its manifest stands, from the root.
    pub folder: String,
    /// Names of the crates of this workspace that it imports.
    pub imports: Vec<String>,
}

impl Member {
    fn is_test(&self) -> bool {
        self.folder.starts_with("tests/")
    }
}

/// The workspace as `cargo metadata` tells it.
///
/// # Errors
/// If cargo fails, or answers what is no metadata.
pub fn members(repository: &Repository) -> anyhow::Result<Vec<Member>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(repository.root())
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    from_metadata(&serde_json::from_slice(&output.stdout)?)
}

fn from_metadata(metadata: &Value) -> anyhow::Result<Vec<Member>> {
    let text = |value: &Value, key: &str| -> anyhow::Result<String> {
        Ok(value[key].as_str().with_context(|| format!("cargo metadata tells no {key}"))?.to_owned())
    };
    let root = text(metadata, "workspace_root")?;
    let packages = metadata["packages"].as_array().context("cargo metadata tells no packages")?;
    let mut members = Vec::new();
    for package in packages {
        let manifest = text(package, "manifest_path")?;
        let folder = manifest.trim_start_matches(&root).trim_end_matches("Cargo.toml").trim_matches('/');
        let dependencies = package["dependencies"].as_array().context("a package tells no dependencies")?;
        let imports = dependencies
            .iter()
            .filter(|dependency| dependency["path"].is_string())
            .map(|dependency| text(dependency, "name"))
            .collect::<anyhow::Result<_>>()?;
        members.push(Member { name: text(package, "name")?, folder: folder.to_owned(), imports });
    }
    Ok(members)
}

/// Imports that are no arrow of the picture.
pub fn other_arrows(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let allowed = ALLOWED.iter().find(|(name, _)| *name == member.name).map(|(_, allowed)| *allowed);
        if allowed.is_none() && !member.is_test() {
            let advice = format!(
                "the crate `{}` has no place in the picture of imports: give it one in tests/tidy/src/arrows.rs and in \
                 docs/ARCHITECTURE.md",
                member.name
            );
            findings.push(Finding::of_file(&manifest, advice));
            continue;
        }
        for import in &member.imports {
            let into_tests = members.iter().any(|other| other.name == *import && other.is_test());
            let is_arrow = match allowed {
                Some(allowed) => allowed.contains(&import.as_str()),
                None => !into_tests,
            };
            if !is_arrow {
                let advice = format!(
                    "`{}` must not import `{import}`: move what it needs down to a crate that both may import, or pass it \
                     in through a port",
                    member.name
                );
                findings.push(Finding::of_file(&manifest, advice));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::{Member, from_metadata, other_arrows};

    fn member(name: &str, folder: &str, imports: &[&str]) -> Member {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        Member { name: name.to_owned(), folder: folder.to_owned(), imports }
    }

    #[rstest]
    #[case::upwards("tidings-core", "relay/core", "tidings-store")]
    #[case::across("tidings-server", "relay/server", "tidings-sdk")]
    #[case::past_the_face("tidings", "relay/cli", "tidings-sdk-core")]
    #[case::into_tests("tidings-store", "relay/store", "tidings-simulation")]
    #[case::between_tests("tidings-load", "tests/load", "tidings-simulation")]
    #[case::without_a_place("tidings-console", "console", "tidings-protocol")]
    fn an_arrow_that_is_not_in_the_picture_is_found(
        #[case] name: &str,
        #[case] folder: &str,
        #[case] import: &str,
    ) {
        let members =
            [member(name, folder, &[import]), member("tidings-simulation", "tests/simulation", &[])];
        assert_eq!(other_arrows(&members).len(), 1);
    }

    #[test]
    fn tests_may_import_anything_else() {
        let members =
            [member("tidings-load", "tests/load", &["tidings", "tidings-sdk-core", "tidings-core"])];
        assert_eq!(other_arrows(&members), []);
    }

    #[test]
    fn imports_for_tests_and_build_scripts_count() {
        let metadata = json!({
            "workspace_root": "/x",
            "packages": [{
                "name": "tidings-core",
                "manifest_path": "/x/relay/core/Cargo.toml",
                "dependencies": [
                    { "name": "serde", "kind": null },
                    { "name": "tidings-sdk", "kind": "dev", "path": "/x/sdk/client" },
                ],
            }],
        });
        let members = from_metadata(&metadata).expect("it is metadata");
        assert_eq!(members, [member("tidings-core", "relay/core", &["tidings-sdk"])]);
        assert_eq!(other_arrows(&members).len(), 1);
    }
}
