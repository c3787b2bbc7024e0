//! Paths that documents name between backticks.

use crate::finding::Finding;
use crate::repository::Repository;

/// Paths from the repository's root that documents name and that are not there. A path is a code span that begins with a
/// folder of the repository; `{a,b}` stands for each of its words, and what has other marks is an example.
pub fn missing_paths(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files().iter().filter(|file| file.path.ends_with(".md")) {
        let mut in_code = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            let spans = line.split('`').skip(1).step_by(2).filter(|_| !in_code);
            for path in
                spans.flat_map(expanded).filter(|path| is_path(repository, path) && !repository.has(path))
            {
                let advice = format!("`{path}` is not in the repository: mend the sentence");
                findings.push(Finding::of_line(&file.path, index + 1, advice));
            }
        }
    }
    findings
}

fn is_path(repository: &Repository, span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let folder = span.split_once('/').map(|(folder, _)| folder);
    span.chars().all(is_plain) && folder.is_some_and(|folder| !folder.is_empty() && repository.has(folder))
}

fn expanded(span: &str) -> Vec<String> {
    let braces = span.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match braces {
        Some((before, (words, after))) => {
            words.split(',').map(|word| format!("{before}{}{after}", word.trim())).collect()
        }
        None => vec![span.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::missing_paths;
    use crate::repository::Repository;

    #[rstest]
    #[case("see `relay/core/src/gone.rs`", 1)]
    #[case("see `relay/core/src/{cap,gone}.rs`", 1)]
    #[case("see `relay/core/src/cap.rs` and `relay/`", 0)]
    #[case("POST `v1/events`, `relay/<name>`, `text/plain`", 0)]
    #[case("```\n`relay/gone`\n```", 0)]
    fn a_path_that_is_not_there_is_found(#[case] text: &str, #[case] found: usize) {
        let repository = Repository::of(&[("docs/A.md", text), ("relay/core/src/cap.rs", "")]);
        assert_eq!(missing_paths(&repository).len(), found);
    }
}
