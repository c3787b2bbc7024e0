//! How far long work is, on one line of a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use crate::output::Output;

/// A line that is written over until the work is done. It is shown to people only.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn new(output: Output) -> Self {
        Self { shown: !output.is_json() && io::stderr().is_terminal() }
    }

    pub(crate) fn show(&self, text: impl Display) {
        if self.shown {
            write(&format!("\r\u{1b}[K{text}"));
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.shown {
            write("\r\u{1b}[K");
        }
    }
}

fn write(text: &str) {
    let mut out = io::stderr().lock();
    // Progress that cannot be written is no reason to stop the work.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
