//! Reads a document whole and gathers all its mistakes, or makes a [`Configuration`] of it.

use std::collections::BTreeMap;

use tidings_protocol::RuleId;
use tidings_protocol::limits::CONFIGURATION_BYTES_MAX;

use super::bundle::Files;
use super::difference::{digest_of, value_of};
use super::learns::Learns;
use super::mistake::{Findings, Found, Mistakes};
use super::model::{Configuration, ProjectSettings, Retention};
use super::node::{self, Node, Place, Scalar};
use super::reader::{Fields, Reader};
use super::section::{categories, channels, operations, project, provider, rules, sanity, templates};
use super::trials;

/// The format of documents that is read here.
const FORMAT: i64 = 1;
const KEYS: [&str; 16] = [
    "tidings",
    "project",
    "policy",
    "collect",
    "providers",
    "channels",
    "categories",
    "caps",
    "quiet_hours",
    "segments",
    "rules",
    "templates",
    "hooks",
    "alerts",
    "retention",
    "tokens",
];
/// Before anything of a document is known.
const TOP: Place = Place { id: 0, start: 0, end: 0 };

/// Checks a document with its files and makes the value that decisions are made with.
///
/// # Errors
/// [`Mistakes`]: all of them, not only the first, wherever the text can be read as YAML.
pub fn check(document: &str, files: &dyn Files, version: u64) -> Result<Configuration, Mistakes> {
    if document.len() > CONFIGURATION_BYTES_MAX {
        let found = Found::new("limit", TOP, format!("the document has {} bytes", document.len()));
        let found = found.expected(format!("at most {CONFIGURATION_BYTES_MAX} bytes with all files"));
        let found = found.over(CONFIGURATION_BYTES_MAX, document.len());
        return Err(Mistakes::new(found.into(), "", None));
    }
    let mut found = Findings::default();
    let Some(root) = node::parse(document, &mut found) else {
        return Err(Mistakes::new(found, document, None));
    };
    let mut reader = Reader::new(document, files, &root, found);
    let configuration = read(&mut reader, &root, document, version);
    let found = reader.into_found();
    match configuration {
        Some(configuration) if found.total() == 0 => {
            let value = value_of(&root, files);
            let trials = trials::names(&value, configuration.rules.values());
            Ok(Configuration { digest: digest_of(&value), trials, ..configuration })
        }
        _ => Err(Mistakes::new(found, document, Some(&root))),
    }
}

/// Reads all sections; what has a mistake is left out, and the document then makes no configuration.
fn read<'d>(
    reader: &mut Reader<'d>,
    root: &'d Node<'d>,
    document: &str,
    version: u64,
) -> Option<Configuration> {
    let fields = reader.fields(root, root.place, "the document", &KEYS)?;
    check_format(reader, &fields);
    let project =
        fields.section(reader, "project", project::project).unwrap_or_else(project::project_default);
    reader.project_locale = project.locale.clone();
    let mut configuration = empty(project, document, version);
    configuration.policy = fields.section(reader, "policy", project::policy);
    let strict = configuration.policy.as_ref().is_some_and(|policy| policy.strict);
    configuration.collect = fields.optional(reader, "collect", project::collect).unwrap_or_default();
    configuration.providers = fields.optional(reader, "providers", provider::providers).unwrap_or_default();
    configuration.channels = fields.section(reader, "channels", channels::channels).unwrap_or_default();
    let read_categories = |reader: &mut Reader<'d>, node| categories::categories(reader, node, strict);
    configuration.categories = fields.optional(reader, "categories", read_categories).unwrap_or_default();
    configuration.caps = fields.section(reader, "caps", categories::cap_rule);
    configuration.quiet_hours = fields.section(reader, "quiet_hours", categories::quiet_hours);
    configuration.segments = fields.optional(reader, "segments", categories::segments).unwrap_or_default();
    configuration.templates = fields.optional(reader, "templates", templates::templates).unwrap_or_default();
    configuration.rules = fields.optional(reader, "rules", rules::rules).unwrap_or_default();
    configuration.hooks = fields.optional(reader, "hooks", operations::hooks).unwrap_or_default();
    configuration.alerts = fields.section(reader, "alerts", operations::alerts);
    configuration.retention = fields.section(reader, "retention", project::retention).unwrap_or_default();
    configuration.tokens = fields.section(reader, "tokens", operations::tokens);
    sanity::check_caps(reader, root, &configuration);
    sanity::check_windows(reader, root, &configuration);
    index(&mut configuration);
    Some(configuration)
}

fn check_format(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let place = match fields.get("tidings") {
        Some(entry) if entry.node.scalar() == Some(Scalar::Integer(FORMAT)) => return,
        Some(entry) => entry.node.place,
        None => TOP,
    };
    let found = Found::new("bad_format", place, "the document does not say which format it has");
    reader.report(found.expected(format!("`tidings: {FORMAT}`")));
}

fn empty(project: ProjectSettings, document: &str, version: u64) -> Configuration {
    Configuration {
        version,
        digest: String::new(),
        source: document.into(),
        project,
        policy: None,
        collect: BTreeMap::new(),
        providers: BTreeMap::new(),
        channels: BTreeMap::new(),
        categories: BTreeMap::new(),
        caps: None,
        quiet_hours: None,
        segments: BTreeMap::new(),
        rules: BTreeMap::new(),
        rules_by_event: BTreeMap::new(),
        cancels_by_event: BTreeMap::new(),
        conversions_by_event: BTreeMap::new(),
        trials: BTreeMap::new(),
        templates: BTreeMap::new(),
        hooks: BTreeMap::new(),
        alerts: None,
        retention: Retention::default(),
        tokens: None,
        learns: Learns::default(),
    }
}

/// An event asks only the rules of its type, and a receipt teaches only what a rule makes use of.
fn index(configuration: &mut Configuration) {
    let mut fired: BTreeMap<String, Vec<RuleId>> = BTreeMap::new();
    let mut cancelled: BTreeMap<String, Vec<RuleId>> = BTreeMap::new();
    let mut converted: BTreeMap<String, Vec<RuleId>> = BTreeMap::new();
    for (id, rule) in &configuration.rules {
        fired.entry(rule.on.clone()).or_default().push(id.clone());
        for cancel in &rule.cancel_on {
            let ids = cancelled.entry(cancel.event.clone()).or_default();
            if ids.last() != Some(id) {
                ids.push(id.clone());
            }
        }
        if let Some(conversion) = &rule.conversion {
            converted.entry(conversion.event.clone()).or_default().push(id.clone());
        }
    }
    configuration.rules_by_event = fired;
    configuration.cancels_by_event = cancelled;
    configuration.learns = Learns::of(configuration);
    configuration.conversions_by_event = converted;
}
