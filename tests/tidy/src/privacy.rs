//! Nothing in the repository tells where it was made, with what, or where its packages were fetched from.

use crate::finding::Finding;
use crate::repository::Repository;

/// Hosts that packages come from. Written in halves, because this file is looked at too.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("repo.maven", ".apache.org"),
    concat!("repo1.maven", ".org"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("static.rust-lang", ".org"),
];

/// Folders of the machine that something was made on.
const FOLDERS: &[&str] =
    &[concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/ho", "me"), concat!("/Us", "ers")];

/// Tools that write text, and their signatures. Small letters; compared whole words.
const TOOLS: &[&str] = &[
    concat!("clau", "de"),
    concat!("anthro", "pic"),
    concat!("chat", "gpt"),
    concat!("open", "ai"),
    concat!("co", "pilot"),
    concat!("sub", "agent"),
    concat!("co-authored", "-by"),
    concat!("generated ", "with"),
    concat!("language ", "model"),
];

/// The lock file names the index of every crate; cargo writes it.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";
/// The list of the words itself.
const THIS_LIST: &str = "tests/tidy/src/privacy.rs";

/// Package hosts, machine paths and tools that are named.
pub fn named_places(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let looked_at = |path: &str| path != WRITTEN_BY_CARGO && path != THIS_LIST;
    for file in repository.files().iter().filter(|file| looked_at(&file.path)) {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(advice) = named_in(line) {
                findings.push(Finding::of_line(&file.path, index + 1, advice));
            }
        }
    }
    findings
}

fn named_in(line: &str) -> Option<String> {
    if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
        return Some(format!("names the package host {host}: name the package only"));
    }
    if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
        return Some(format!(
            "names a path of one machine ({folder}…): take a path from the repository's root"
        ));
    }
    let small = line.to_lowercase();
    let tool = TOOLS.iter().find(|tool| names_tool(&small, tool))?;
    Some(format!("`{tool}`: how a text was written does not belong into it"))
}

/// An absolute path: the folder begins a word, and a slash or the word's end follows.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !"./_-}]>*)".contains(c));
        begins && after.is_none_or(|c| !c.is_alphanumeric() && !"_-.".contains(c))
    })
}

fn names_tool(line: &str, tool: &str) -> bool {
    line.match_indices(tool).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + tool.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::named_places;
    use crate::repository::Repository;

    #[rstest]
    #[case::host(&["see https://", "crates", ".io/crates/x"], 1)]
    #[case::machine_path(&["cd /wo", "rk/main"], 1)]
    #[case::home_at_the_end(&["dir = \"/ro", "ot\""], 1)]
    #[case::tool(&["written by Cl", "aude"], 1)]
    #[case::path_inside_the_repository(&["relay/core/src/wo", "rk/finish.rs"], 0)]
    #[case::relative_path(&["./wo", "rk/finish.rs"], 0)]
    #[case::other_word(&["/wo", "rks/here"], 0)]
    #[case::word_of_the_product(&["a session of a device"], 0)]
    fn a_named_place_is_found(#[case] parts: &[&str], #[case] found: usize) {
        let text = parts.concat();
        assert_eq!(named_places(&Repository::of(&[("docs/A.md", &text)])).len(), found, "{text}");
    }
}
