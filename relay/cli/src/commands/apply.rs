//! `tidings apply`: make a document the live configuration.

use std::path::PathBuf;

use tidings_protocol::http::ApplyResponse;

use crate::context::Context;
use crate::document;
use crate::error::CommandError;

/// Make a configuration document the live one, with the files that it names
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// The document (YAML or JSON); - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) async fn run(context: &Context, apply: &Apply) -> Result<(), CommandError> {
    let bundle = document::read(&apply.file)?;
    document::checked(&bundle)?;
    let answer = context.calls()?.put(&["v1", "configuration"], &bundle).await?;
    let applied: ApplyResponse = answer.read()?;
    context.output.answer(&answer.value, || {
        let ApplyResponse { version, project, changed, .. } = applied;
        if changed {
            format!("version {version} is live in project {project}")
        } else {
            format!("nothing to change: it is version {version} of project {project} already")
        }
    })
}
