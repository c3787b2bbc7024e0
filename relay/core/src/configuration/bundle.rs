//! A document together with the files that it names: what is sent, stored and versioned.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::mistake::{Findings, Mistakes};
use super::node::{self, Node, Scalar, Value};
use super::reader::is_inside;

/// Gives the files that a document names as `{file: PATH}`.
pub trait Files {
    /// The content of the file at this path, relative to the document.
    fn read(&self, path: &str) -> Option<&str>;
}

/// A document and its files. It is the body of an apply and the row of a version, and so the one type of the
/// configuration that is serialised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The document as it was written.
    pub document: String,
    /// Contents by path, relative to the document.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

impl Bundle {
    /// Takes the body of an apply: a bundle as JSON, or a document alone. The two cannot be mixed up, because a
    /// document has no key `document`.
    /// The relay's own answer about a version is a bundle too: what it tells besides is not looked at.
    #[must_use]
    pub fn from_body(body: &str) -> Self {
        match serde_json::from_str::<Sent>(body) {
            Ok(Sent { document, files, .. }) => Self { document, files },
            Err(_) => Self { document: body.to_owned(), files: BTreeMap::new() },
        }
    }

    /// The text that is stored.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a struct of texts is always JSON")
    }

    /// Reads what [`Bundle::to_text`] wrote.
    ///
    /// # Errors
    /// [`BundleError`] if it is anything else.
    pub fn from_text(text: &str) -> Result<Self, BundleError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The paths that a document names, in order, each once: what `apply` reads beside it. Paths that leave the
    /// document's folder are left out; the check names them.
    ///
    /// # Errors
    /// [`Mistakes`] if the document cannot be read as YAML.
    pub fn paths(document: &str) -> Result<Vec<String>, Mistakes> {
        let mut found = Findings::default();
        let Some(root) = node::parse(document, &mut found) else {
            return Err(Mistakes::new(found, document, None));
        };
        let mut paths = BTreeSet::new();
        gather(&root, &mut paths);
        Ok(paths.into_iter().collect())
    }
}

/// A bundle as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what an answer tells besides is taken and not looked at")]
struct Sent {
    document: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    version: IgnoredAny,
    #[serde(default)]
    digest: IgnoredAny,
    #[serde(default)]
    applied_at: IgnoredAny,
    #[serde(default)]
    applied_by: IgnoredAny,
}

/// A stored bundle cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a stored configuration is not a document with its files")]
pub struct BundleError(#[from] serde_json::Error);

impl Files for Bundle {
    fn read(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

/// The path of a node that is `{file: PATH}`.
pub(super) fn file_of<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    let Value::Map(entries) = &node.value else { return None };
    match entries.as_slice() {
        [entry] if entry.key == "file" => match entry.node.scalar() {
            Some(Scalar::Text(path)) => Some(path),
            _ => None,
        },
        _ => None,
    }
}

fn gather(node: &Node<'_>, paths: &mut BTreeSet<String>) {
    if let Some(path) = file_of(node) {
        if is_inside(path) {
            paths.insert(path.to_owned());
        }
        return;
    }
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter().for_each(|item| gather(item, paths)),
        Value::Map(entries) => entries.iter().for_each(|entry| gather(&entry.node, paths)),
    }
}
