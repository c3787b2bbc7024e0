//! Known vendors: descriptions in the very grammar of documents.

use super::{KEYS, over, plain};
use crate::configuration::Bundle;
use crate::configuration::mistake::Findings;
use crate::configuration::model::http::HttpAccount;
use crate::configuration::node::{self, Node};
use crate::configuration::reader::Reader;

/// By name: vendors first, then examples of what vendors do.
pub(super) const PRESETS: [(&str, &str); 4] = [
    ("twilio", include_str!("../../../presets/twilio.yaml")),
    ("vonage", include_str!("../../../presets/vonage.yaml")),
    ("vendor_a", include_str!("../../../presets/vendor_a.yaml")),
    ("vendor_b", include_str!("../../../presets/vendor_b.yaml")),
];

/// Reads the name of a preset.
pub(super) fn name<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<(&'static str, &'static str)> {
    let words = PRESETS.map(|preset| (preset.0, preset));
    reader.word(node, "unknown_preset", &words)
}

/// What a preset says.
pub(super) fn read(name: &str, text: &'static str) -> HttpAccount {
    let mut found = Findings::default();
    let root = node::parse(text, &mut found).expect("presets are YAML");
    let files = Bundle::default();
    let mut reader = Reader::new(text, &files, &root, found);
    let keys: Vec<&str> = KEYS.into_iter().chain(["inbound"]).collect();
    let fields = reader.fields(&root, root.place, "a preset", &keys).expect("presets are maps");
    let (account, _) = over(&mut reader, &fields, plain());
    debug_assert_eq!(reader.into_found().total(), 0, "the preset {name} has mistakes");
    HttpAccount { preset: Some(name.to_owned()), ..account }
}
