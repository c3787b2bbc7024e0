//! The `tidings` command: it starts a relay, talks to one over HTTP, and is a small client of one.
//!
//! A command is one file under `commands/`. It gets its arguments and the [`context::Context`], and answers with
//! nothing or a [`error::CommandError`], which knows its exit code and what to do next.

mod allocator;
mod arguments;
mod calls;
mod commands;
mod context;
mod credentials;
mod document;
mod error;
mod introduction;
mod logs;
mod output;
mod progress;
mod reading;
mod shutdown;

use std::pin::Pin;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::context::Context;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logs::set_up(&arguments);
    let context = Context::new(arguments.everywhere);
    let result = match arguments.command {
        None => introduction::print(&context),
        Some(command) => match runtime() {
            // Behind a pointer, the code of all commands is in the binary once and not for each way through `block_on`.
            Ok(runtime) => runtime
                .block_on::<Pin<Box<dyn Future<Output = _>>>>(Box::pin(commands::run(&context, command))),
            Err(source) => Err(error::CommandError::Runtime { source }),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => context.output.fail(&error),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().on_thread_park(allocator::before_sleep).build()
}
