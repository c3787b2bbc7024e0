//! What can be written on the command line.

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands;

/// Notifications that explain themselves: a relay, its client and its tools in one binary.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "For every command")]
pub(crate) struct Everywhere {
    /// The relay's address; else credentials.json in the data folder says it
    #[arg(long, global = true, value_name = "URL", env = "TIDINGS_RELAY")]
    pub(crate) relay: Option<String>,
    /// The API key; better given in the environment, where other accounts of this machine cannot see it
    #[arg(long, global = true, value_name = "KEY", env = "TIDINGS_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// The data folder; ./tidings-data if nothing is said
    #[arg(long, global = true, value_name = "DIR", action = ArgAction::Append)]
    pub(crate) data: Vec<String>,
    /// Write JSON on standard output: one value, or one on each line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// One verb each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(commands::serve::Serve),
    Apply(commands::apply::Apply),
    Check(commands::check::Check),
    Demo(commands::demo::Demo),
    Plan(commands::plan::Plan),
    Simulate(commands::simulate::Simulate),
    Event(commands::event::Event),
    Send(commands::send::Send),
    Retract(commands::retract::Retract),
    Connect(commands::connect::Connect),
    Listen(commands::listen::Listen),
    Story(commands::story::Story),
    Why(commands::why::Why),
    Project(commands::project::Project),
    Keys(commands::keys::Keys),
    Secret(commands::secret::Secret),
    Token(commands::token::Token),
    Replay(commands::replay::Replay),
    Doctor(commands::doctor::Doctor),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
