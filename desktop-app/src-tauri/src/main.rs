//! The desktop app's process.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::io::Write as _;

use tidings_desktop::{Arguments, run};
use tracing_subscriber::EnvFilter;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::read(std::env::args().skip(1));
    if arguments.version {
        return Ok(writeln!(std::io::stdout(), "tidings-desktop {}", env!("CARGO_PKG_VERSION"))?);
    }
    let filter = EnvFilter::try_from_env("TIDINGS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    run(&arguments)
}
