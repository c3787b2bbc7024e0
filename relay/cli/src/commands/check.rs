//! `tidings check`: is a document right?

use std::path::PathBuf;

use serde_json::json;

use crate::context::Context;
use crate::document;
use crate::error::CommandError;

/// Check a configuration document, on this machine, without a relay
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The document (YAML or JSON); - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(context: &Context, check: &Check) -> Result<(), CommandError> {
    let bundle = document::read(&check.file)?;
    let configuration = match document::checked(&bundle) {
        Ok(configuration) => configuration,
        // Here the mistakes are the answer, not a failure of the command.
        Err(CommandError::Document { mistakes, rendered }) => {
            let answer =
                json!({"ok": false, "total": mistakes.total, "errors": document::mistakes_json(&mistakes)});
            context.output.answer(&answer, || rendered.trim_end().to_owned())?;
            return Err(CommandError::Found { detail: mistakes.to_string() });
        }
        Err(error) => return Err(error),
    };
    let (categories, rules, templates) =
        (configuration.categories.len(), configuration.rules.len(), configuration.templates.len());
    let answer = json!({
        "ok": true,
        "project": configuration.project.name,
        "digest": configuration.digest,
        "categories": categories,
        "rules": rules,
        "templates": templates,
    });
    context.output.answer(&answer, || {
        let file = check.file.display();
        format!("{file} is right: {categories} categories, {rules} rules, {templates} templates")
    })
}
