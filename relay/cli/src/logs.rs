//! The log, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};

/// What is logged, in the syntax of `tracing-subscriber`: `debug`, `tidings_server=debug,info` …
const FILTER: &str = "TIDINGS_LOG";
/// `json` writes one object a line.
const FORMAT: &str = "TIDINGS_LOG_FORMAT";

pub(crate) fn set_up(arguments: &Arguments) {
    let usual = match arguments.command {
        Some(Command::Serve(_)) => "info",
        Some(_) | None => "error",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if std::env::var(FORMAT).is_ok_and(|format| format == "json") {
        log.json().init();
    } else {
        log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init();
    }
}
