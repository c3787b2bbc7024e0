//! Migrations are numbered without gaps, and each backend has the same ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::repository::Repository;

/// Folders of migrations, by path: the number of each file and its name.
type Folders<'a> = BTreeMap<&'a str, Vec<(Option<u32>, &'a str)>>;

/// Migrations that are misnamed, missing in a row, or missing for a backend.
pub fn broken_rows(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut numbers: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (folder, files) in folders(repository) {
        let row = numbers.entry(folder).or_default();
        for (number, path) in files {
            match number {
                Some(number) if row.insert(number) => {}
                Some(number) => {
                    findings
                        .push(Finding::of_file(path, format!("number {number:04} is taken: take the next")));
                }
                None => findings.push(Finding::of_file(path, "name it NNNN_what.sql, four digits")),
            }
        }
        for (expected, number) in (1..).zip(row.iter()) {
            if expected != *number {
                findings
                    .push(Finding::of_file(folder, format!("{expected:04} is missing before {number:04}")));
                break;
            }
        }
    }
    findings.extend(unpaired(&numbers));
    findings
}

/// Backends of one store that do not have the same numbers.
fn unpaired(numbers: &BTreeMap<&str, BTreeSet<u32>>) -> Vec<Finding> {
    let mut stores: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (folder, row) in numbers {
        if let Some((store, _)) = folder.rsplit_once('/').filter(|(store, _)| store.ends_with("/migrations"))
        {
            stores.entry(store).or_default().extend(row);
        }
    }
    let mut findings = Vec::new();
    for (folder, row) in numbers {
        let all = folder.rsplit_once('/').and_then(|(store, _)| stores.get(store));
        for missing in all.into_iter().flat_map(|all| all.difference(row)) {
            let advice = format!("{missing:04} is here for another backend only: write its pair");
            findings.push(Finding::of_file(*folder, advice));
        }
    }
    findings
}

fn folders(repository: &Repository) -> Folders<'_> {
    let mut folders = Folders::new();
    for file in repository.files().iter().filter(|file| file.path.ends_with(".sql")) {
        let Some((folder, name)) = file.path.rsplit_once('/') else { continue };
        if folder.split('/').any(|part| part == "migrations") {
            folders.entry(folder).or_default().push((number_of(name), &file.path));
        }
    }
    folders
}

fn number_of(name: &str) -> Option<u32> {
    let (digits, what) = name.split_once('_')?;
    let is_named = digits.len() == 4 && what.len() > ".sql".len();
    is_named.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::broken_rows;
    use crate::repository::Repository;

    #[rstest]
    #[case::paired(&["s/migrations/sqlite/0001_a.sql", "s/migrations/postgres/0001_a.sql"], 0)]
    #[case::one_backend(&["s/migrations/sqlite/0001_a.sql", "s/migrations/sqlite/0002_b.sql"], 0)]
    #[case::no_backend(&["s/migrations/0001_a.sql"], 0)]
    #[case::unpaired(&["s/migrations/sqlite/0001_a.sql", "s/migrations/sqlite/0002_b.sql", "s/migrations/postgres/0001_a.sql"], 1)]
    #[case::gap(&["s/migrations/sqlite/0001_a.sql", "s/migrations/sqlite/0003_b.sql"], 1)]
    #[case::begins_late(&["s/migrations/0002_a.sql"], 1)]
    #[case::twice(&["s/migrations/0001_a.sql", "s/migrations/0001_b.sql"], 1)]
    #[case::misnamed(&["s/migrations/first.sql"], 1)]
    #[case::elsewhere(&["s/queries/first.sql"], 0)]
    fn a_broken_row_of_migrations_is_found(#[case] paths: &[&str], #[case] found: usize) {
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (*path, "")).collect();
        assert_eq!(broken_rows(&Repository::of(&files)).len(), found);
    }
}
