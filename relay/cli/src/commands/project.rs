//! `tidings project`: make a tenant.

use serde_json::json;
use tidings_protocol::http::{ProjectRequest, ProjectResponse};

use crate::context::Context;
use crate::error::CommandError;

/// Make a project
#[derive(Debug, clap::Args)]
pub(crate) struct Project {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a project and print its first key, which is shown once
    Add {
        /// Its name, which no other project of the relay has
        name: String,
    },
}

pub(crate) async fn run(context: &Context, project: &Project) -> Result<(), CommandError> {
    let Verb::Add { name } = &project.verb;
    let request = ProjectRequest { name: name.clone() };
    let answer = context.calls()?.post(&["v1", "projects"], &json!(request)).await?;
    let made: ProjectResponse = answer.read()?;
    context.output.answer(&answer.value, || {
        let key = made.key.as_deref().unwrap_or("(none)");
        format!(
            "project {}\nkey     {key}\nThe key is shown this once: keep it, and use it as TIDINGS_KEY.",
            made.name
        )
    })
}
