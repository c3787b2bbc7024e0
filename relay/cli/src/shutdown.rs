//! The signals that ask the process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CommandError;

/// Ctrl-C and SIGTERM, from the moment that it is made.
#[derive(Debug)]
pub(crate) struct Shutdown {
    interrupt: Signal,
    terminate: Signal,
}

impl Shutdown {
    pub(crate) fn new() -> Result<Self, CommandError> {
        let listen = |kind| signal(kind).map_err(|source| CommandError::Runtime { source });
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for either.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
