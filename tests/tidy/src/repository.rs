//! The files of the repository, as git knows them: tracked ones, and new ones that are not ignored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::rust_text::RustText;

/// What the rules look at.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    files: Vec<SourceFile>,
}

/// A text file.
#[derive(Debug)]
pub struct SourceFile {
    /// From the root, with `/`.
    pub path: String,
    /// What stands in it.
    pub text: String,
    /// Its parts, if it is Rust.
    pub rust: Option<RustText>,
    /// Whether all of it is compiled for tests only.
    pub is_test: bool,
}

impl Repository {
    /// The repository that this crate is part of.
    ///
    /// # Errors
    /// If git cannot list its files, or one cannot be read.
    pub fn open() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let listed = Command::new("git")
            // Only names are listed, so it does not matter whose clone it is.
            .args(["-c", "safe.directory=*"])
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()
            .context("git lists the files of the repository: install it")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        let mut texts = Vec::new();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let bytes = match std::fs::read(root.join(path)) {
                Ok(bytes) => bytes,
                // Deleted in the work tree and not yet in the index.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| path.to_owned()),
            };
            // Pictures and the like carry no rule.
            texts.push((path.to_owned(), String::from_utf8(bytes).unwrap_or_default()));
        }
        Ok(Self::from_texts(root, texts))
    }

    /// A repository of these files alone: a bad example, for the rules' own tests.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::from_texts(PathBuf::new(), texts)
    }

    fn from_texts(root: PathBuf, mut texts: Vec<(String, String)>) -> Self {
        texts.sort();
        texts.dedup();
        let mut files: Vec<SourceFile> = texts
            .into_iter()
            .map(|(path, text)| {
                let rust = path.ends_with(".rs").then(|| RustText::new(&text));
                let is_test = is_test_path(&path);
                SourceFile { path, text, rust, is_test }
            })
            .collect();
        let for_tests: BTreeSet<String> = files.iter().flat_map(modules_for_tests).collect();
        for file in &mut files {
            let module = file.path.trim_end_matches(".rs");
            file.is_test |= for_tests.iter().any(|test| {
                module == test || module.strip_prefix(test).is_some_and(|rest| rest.starts_with('/'))
            });
        }
        Self { root, files }
    }

    /// The folder that paths begin at.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every file.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// A file by its path.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder stands at a path.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.iter().any(|file| {
            file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The Rust files.
    pub fn rust_files(&self) -> impl Iterator<Item = (&SourceFile, &RustText)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }
}

/// Tests stand in `tests.rs`, under a folder `tests`, or in a crate under `tests/`.
fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "benches")
}

/// The modules, as paths without ending, that a file declares for tests only.
fn modules_for_tests(file: &SourceFile) -> Vec<String> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let stem = file.path.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main")) => folder,
        _ => stem,
    };
    rust.test_modules().iter().map(|name| format!("{folder}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn a_module_that_is_declared_for_tests_is_a_test_with_all_below_it() {
        let repository = Repository::of(&[
            ("a/src/lib.rs", "#[cfg(test)]\nmod fake;\nmod real;\n"),
            ("a/src/fake.rs", ""),
            ("a/src/fake/deep.rs", ""),
            ("a/src/real.rs", "#[cfg(test)]\nmod inner;"),
            ("a/src/real/inner.rs", ""),
            ("a/src/faked.rs", ""),
        ]);
        let tests: Vec<&str> =
            repository.files().iter().filter(|f| f.is_test).map(|f| f.path.as_str()).collect();
        assert_eq!(tests, ["a/src/fake.rs", "a/src/fake/deep.rs", "a/src/real/inner.rs"]);
    }

    #[test]
    fn a_folder_stands_where_a_file_is_below_it() {
        let repository = Repository::of(&[("docs/adr/README.md", "")]);
        assert!(repository.has("docs/adr/"));
        assert!(repository.has("docs"));
        assert!(!repository.has("doc"));
    }
}
