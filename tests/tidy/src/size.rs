//! How long files may be, tests not counted.

use crate::finding::Finding;
use crate::repository::Repository;

/// No file is longer than this many lines.
pub const LINES_MAX: usize = 600;
/// Nine files of ten are not longer than this many lines.
pub const LINES_P90_MAX: usize = 400;

/// The length of each Rust file that is no test, longest first: lines without the parts compiled for tests.
pub fn lengths(repository: &Repository) -> Vec<(usize, &str)> {
    let mut lengths: Vec<(usize, &str)> = repository
        .rust_files()
        .filter(|(file, _)| !file.is_test)
        .map(|(file, rust)| {
            let code = rust.shipped.lines().collect::<Vec<_>>();
            let whole = rust.code.lines().zip(&code).filter(|(whole, shipped)| {
                // A line that has code only when tests are compiled is a line of a test.
                whole.trim().is_empty() || !shipped.trim().is_empty()
            });
            (whole.count(), file.path.as_str())
        })
        .collect();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    lengths
}

/// Files above the hard stop.
pub fn long_files(repository: &Repository) -> Vec<Finding> {
    lengths(repository)
        .into_iter()
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| {
            let advice =
                format!("{lines} lines, at most {LINES_MAX}: split it by noun into `name.rs` and `name/`");
            Finding::of_file(path, advice)
        })
        .collect()
}

/// The longest tenth of the files, if it begins above the ninetieth percentile that is aimed at.
pub fn too_many_long_files(repository: &Repository) -> Vec<Finding> {
    let lengths = lengths(repository);
    let longest_tenth = lengths.len() / 10;
    let p90 = lengths.get(longest_tenth).map_or(0, |(lines, _)| *lines);
    if p90 <= LINES_P90_MAX {
        return Vec::new();
    }
    lengths
        .iter()
        .take(longest_tenth + 1)
        .map(|(lines, path)| {
            let advice = format!(
                "{lines} lines: more than a tenth of the files are above {LINES_P90_MAX}; split the longest by noun"
            );
            Finding::of_file(*path, advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{long_files, too_many_long_files};
    use crate::repository::Repository;

    fn lines(count: usize) -> String {
        "const A: u8 = 1;\n".repeat(count)
    }

    #[rstest]
    #[case::at_the_limit(600, 0)]
    #[case::above_it(601, 1)]
    fn a_file_of_601_lines_is_found(#[case] count: usize, #[case] found: usize) {
        let repository = Repository::of(&[("a/src/b.rs", &lines(count))]);
        assert_eq!(long_files(&repository).len(), found);
    }

    #[test]
    fn tests_beside_the_code_do_not_count() {
        let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(600), lines(900));
        assert_eq!(long_files(&Repository::of(&[("a/src/b.rs", &text)])), []);
    }

    #[rstest]
    #[case::one_of_ten(1, 0)]
    #[case::two_of_ten(2, 2)]
    fn two_long_files_of_ten_are_found(#[case] long: usize, #[case] found: usize) {
        let (long_text, short_text) = (lines(401), lines(400));
        let paths: Vec<String> = (0..10).map(|n| format!("a/src/f{n}.rs")).collect();
        let files: Vec<(&str, &str)> = paths
            .iter()
            .enumerate()
            .map(|(n, path)| (path.as_str(), if n < long { &*long_text } else { &*short_text }))
            .collect();
        assert_eq!(too_many_long_files(&Repository::of(&files)).len(), found);
    }
}
