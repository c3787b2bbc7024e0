//! The fields of the roots that are the same in every project, so that a slip in one is told before it fails.
//!
//! What `data` and `recipient.attributes` hold is the project's own and cannot be known here.

use super::mistake::Found;
use super::node::{Node, Place};
use super::reader::{Reader, one_of};

/// Fields by root; the roots that are not named hold what the project puts there.
const FIELDS: [(&str, &[&str]); 4] = [
    ("event", &["id", "source", "type", "time", "recipient", "extensions", "data"]),
    ("recipient", &["id", "attributes", "time_zone", "locale", "interests"]),
    ("project", &["name", "locale", "currency"]),
    ("digest", &["count", "items"]),
];

impl<'d> Reader<'d> {
    /// Tells the paths of `source` whose first field does not exist. `node` is where the source stands, and `inline`
    /// says that it stands there itself and not in a file.
    pub(super) fn check_paths(&mut self, node: &Node<'d>, source: &str, paths: &[String], inline: bool) {
        for path in paths {
            let mut steps = path.split(['.', '[']);
            let (Some(root), Some(field)) = (steps.next(), steps.next()) else { continue };
            let Some((_, known)) = FIELDS.iter().find(|(name, _)| *name == root) else { continue };
            if field.is_empty() || !field.starts_with(|c: char| c.is_alphabetic()) || known.contains(&field) {
                continue;
            }
            let hint = self.nearest(field, known.iter().copied());
            let place = if inline { self.place_of_path(node, source, root, field) } else { node.place };
            let found = Found::new("unknown_variable", place, format!("`{root}` has no field `{field}`"));
            self.report(found.hint_if(hint).expected(one_of(known)));
        }
    }

    fn place_of_path(&self, node: &Node<'d>, source: &str, root: &str, field: &str) -> Place {
        let path = format!("{root}.{field}");
        match source.find(&path) {
            Some(at) => self.part(node, at + root.len() + 1..at + path.len()),
            None => node.place,
        }
    }
}
