//! Documents: links lead somewhere, decisions are listed, fragments of the changelog are named for what they say.

mod paths;

pub use paths::missing_paths;

use crate::finding::Finding;
use crate::repository::{Repository, SourceFile};

/// What a fragment of the changelog may tell of.
const KINDS: &[&str] = &["added", "changed", "fixed", "removed", "security"];

/// Links of Markdown files to files or headings that are not there.
pub fn broken_links(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files().iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if let Some(advice) = broken(repository, file, target) {
                findings.push(Finding::of_line(&file.path, line, advice));
            }
        }
    }
    findings
}

/// Decisions that are misnumbered or not in the list.
pub fn unlisted_decisions(repository: &Repository) -> Vec<Finding> {
    const LIST: &str = "docs/adr/README.md";
    let list = repository.file(LIST).map_or("", |file| file.text.as_str());
    let records = repository.files().iter().filter_map(|file| {
        let name = file.path.strip_prefix("docs/adr/")?;
        name.starts_with(|c: char| c.is_ascii_digit()).then_some((file, name))
    });
    let mut findings = Vec::new();
    for (expected, (file, name)) in (1_u32..).zip(records) {
        if !name.starts_with(&format!("{expected:04}-")) {
            findings.push(Finding::of_file(&file.path, format!("the next number is {expected:04}")));
        }
        if !list.contains(&format!("({name})")) {
            findings.push(Finding::of_file(&file.path, format!("add it to {LIST}")));
        }
        for part in ["## Context", "## Decision", "## Consequences", "## What would undo it"] {
            if !file.text.contains(part) {
                findings.push(Finding::of_file(
                    &file.path,
                    format!("the part `{part}` of the template is missing"),
                ));
            }
        }
    }
    findings
}

/// Fragments of the changelog with a name that tells no kind, or with nothing in them.
pub fn misnamed_fragments(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files() {
        let Some(name) = file.path.strip_prefix("changelog.d/").filter(|name| *name != "README.md") else {
            continue;
        };
        let is_named = name
            .strip_suffix(".md")
            .and_then(|stem| stem.rsplit_once('.'))
            .is_some_and(|(topic, kind)| !topic.is_empty() && KINDS.contains(&kind));
        if !is_named {
            let kinds = KINDS.join("|");
            findings.push(Finding::of_file(&file.path, format!("name it changelog.d/<topic>.<{kinds}>.md")));
        }
        if file.text.trim().is_empty() {
            findings
                .push(Finding::of_file(&file.path, "say in a sentence what changes for those who use it"));
        }
    }
    findings
}

/// The targets of inline links and of reference definitions, with their lines; code is left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let outside = |at: usize| line[..at].matches('`').count() % 2 == 0;
        for (at, open) in line.match_indices("](").filter(|(at, _)| outside(*at)) {
            let after = &line[at + open.len()..];
            if let Some((target, _)) = after.split_once(')') {
                links.push((index + 1, target.split_whitespace().next().unwrap_or_default()));
            }
        }
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            links.push((index + 1, target.trim()));
        }
    }
    links
}

fn broken(repository: &Repository, file: &SourceFile, target: &str) -> Option<String> {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, h)| (path, Some(h)));
    let place = if path.is_empty() { file.path.clone() } else { resolved(&file.path, path) };
    if !place.is_empty() && !repository.has(&place) {
        return Some(format!("the link to `{target}` leads to no file: mend or delete it"));
    }
    let heading = heading.filter(|_| place.ends_with(".md"))?;
    let document = repository.file(&place)?;
    let is_there =
        document.text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == heading);
    (!is_there).then(|| format!("`{place}` has no heading for `#{heading}`: mend or delete the link"))
}

/// A path from the root, of a path from a file.
fn resolved(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor that a heading gets: small letters, hyphens for spaces, no other marks.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{broken_links, misnamed_fragments, unlisted_decisions};
    use crate::repository::Repository;

    #[rstest]
    #[case::missing_file("[a](GONE.md)", 1)]
    #[case::missing_heading("[a](B.md#gone)", 1)]
    #[case::missing_heading_here("[a](#gone)", 1)]
    #[case::missing_reference("[a]: GONE.md", 1)]
    #[case::file("[a](B.md) and [b](../protocol/src/frame.rs) and [c](adr/)", 0)]
    #[case::heading("[a](B.md#one-two-3)", 0)]
    #[case::elsewhere("[a](https://www.rfc-editor.org/rfc/rfc9457)", 0)]
    #[case::code("`[a](GONE.md)`\n```\n[a](GONE.md)\n```", 0)]
    fn a_link_that_leads_nowhere_is_found(#[case] text: &str, #[case] found: usize) {
        let repository = Repository::of(&[
            ("docs/A.md", text),
            ("docs/B.md", "# B\n## One, `two` 3\n"),
            ("docs/adr/README.md", ""),
            ("protocol/src/frame.rs", ""),
        ]);
        assert_eq!(broken_links(&repository).len(), found);
    }

    #[test]
    fn a_decision_outside_of_the_list_is_found() {
        let parts = "## Context\n## Decision\n## Consequences\n## What would undo it\n";
        let list = ("docs/adr/README.md", "[one](0001-one.md)");
        let (one, two) = (("docs/adr/0001-one.md", parts), ("docs/adr/0002-two.md", parts));
        assert_eq!(unlisted_decisions(&Repository::of(&[list, one])), []);
        assert_eq!(unlisted_decisions(&Repository::of(&[list, one, two])).len(), 1);
        let late = ("docs/adr/0003-one.md", parts);
        assert_eq!(
            unlisted_decisions(&Repository::of(&[("docs/adr/README.md", "(0003-one.md)"), late])).len(),
            1
        );
        assert_eq!(unlisted_decisions(&Repository::of(&[list, ("docs/adr/0001-one.md", "")])).len(), 4);
    }

    #[rstest]
    #[case("changelog.d/sockets.added.md", "A socket.", 0)]
    #[case("changelog.d/sockets.md", "A socket.", 1)]
    #[case("changelog.d/sockets.new.md", "A socket.", 1)]
    #[case("changelog.d/sockets.added.md", "\n", 1)]
    fn a_fragment_tells_its_kind(#[case] path: &str, #[case] text: &str, #[case] found: usize) {
        assert_eq!(misnamed_fragments(&Repository::of(&[(path, text)])).len(), found);
    }
}
