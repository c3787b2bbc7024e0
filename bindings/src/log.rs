//! What the client writes into the embedder's log. Never content, addresses, tokens or keys.
//!
//! Lines wait in a queue with an end; a sink that blocks costs lines and nothing else. They are handed over on a thread
//! of their own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::border::Foreign;
use crate::foreign::EmbedderError;

/// Lines that may wait for the sink. The newest are left out when it is full.
const LINES_MAX: usize = 1_000;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum LogLevel {
    /// Something failed and stays so.
    Error,
    /// Something failed and is tried again.
    Warn,
    /// Rare and worth knowing.
    Info,
    /// For who looks for a fault.
    Debug,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// Which part of the client wrote it.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// Takes lines.
#[uniffi::export(with_foreign)]
pub trait ForeignLogSink: Send + Sync {
    /// Takes a line. What it throws is of no consequence.
    fn log(&self, line: LogLine) -> Result<(), EmbedderError>;
}

/// How long whoever changes the sink waits for the earlier one to have its last lines.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

struct Tap {
    level: LogLevel,
    lines: SyncSender<LogLine>,
    /// Its other end is dropped when the sink has its last line.
    drained: Receiver<()>,
}

static TAP: Mutex<Option<Tap>> = Mutex::new(None);

/// Sends the log of every client of this process to a sink, from a level upwards; none ends that. Lines that wait for an
/// earlier sink are still handed to it, for up to a second before this returns.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn ForeignLogSink>>, level: LogLevel) {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    // A second subscriber of the process, if the embedder is Rust too, keeps its place.
    INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Taps).is_ok());
    let tap = sink.map(Foreign::new).and_then(|sink| {
        let (lines, waiting) = sync_channel(LINES_MAX);
        let (end, drained) = sync_channel(0);
        let pouring = std::thread::Builder::new().name("tidings-log".into());
        pouring
            .spawn(move || {
                pour(&sink, &waiting);
                // Giving the sink back is a call into its language too: it comes before the word that it is over.
                drop(sink);
                drop(end);
            })
            .ok()?;
        Some(Tap { level, lines, drained })
    });
    let former = std::mem::replace(&mut *TAP.lock().unwrap_or_else(PoisonError::into_inner), tap);
    if let Some(Tap { lines, drained, .. }) = former {
        drop(lines);
        // Nothing is ever sent: it ends when the other end is dropped, or in time.
        drained.recv_timeout(DRAIN_TIMEOUT).unwrap_or_default();
    }
}

fn pour(sink: &Foreign<dyn ForeignLogSink>, waiting: &Receiver<LogLine>) {
    for line in waiting {
        // A log that fails, or is gone, has nowhere to say so.
        drop(sink.call(|sink| sink.log(line)));
    }
}

struct Taps;

impl Subscriber for Taps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = TAP.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|tap| tap.level);
        metadata.target().starts_with("tidings")
            && metadata.is_event()
            && level(*metadata.level()).is_some_and(|level| wanted.is_some_and(|wanted| level <= wanted))
    }

    // The sink and its level may change at any time, so nothing about a place in the code is remembered.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(level) = level(*event.metadata().level()) else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine { level, target: event.metadata().target().to_owned(), text: text.0 };
        if let Some(tap) = &*TAP.lock().unwrap_or_else(PoisonError::into_inner) {
            // Full: the sink is slower than the client, and the client does not wait for it.
            drop(tap.lines.try_send(line));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn level(level: Level) -> Option<LogLevel> {
    match level {
        Level::ERROR => Some(LogLevel::Error),
        Level::WARN => Some(LogLevel::Warn),
        Level::INFO => Some(LogLevel::Info),
        Level::DEBUG => Some(LogLevel::Debug),
        _ => None,
    }
}

/// The sentence, then the fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 = match field.name() {
            "message" => format!("{value:?}{}", self.0),
            name => format!("{} {name}={value:?}", self.0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sink(SyncSender<LogLine>);

    impl ForeignLogSink for Sink {
        fn log(&self, line: LogLine) -> Result<(), EmbedderError> {
            drop(self.0.send(line));
            Err(EmbedderError::Failed { text: "ignored".into() })
        }
    }

    #[test]
    fn lines_come_from_a_level_upwards_and_a_sink_that_blocks_holds_nobody_up() {
        let (sender, lines) = sync_channel(0);
        set_log_sink(Some(Arc::new(Sink(sender))), LogLevel::Info);
        tracing::debug!("not wanted");
        tracing::warn!(tries = 3, "it failed");
        let line = lines.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((line.level, line.text.as_str()), (LogLevel::Warn, "it failed tries=3"));
        // Nobody takes them: more than can wait, and the caller is not held up.
        for _ in 0..2 * LINES_MAX {
            tracing::info!("one more");
        }
        set_log_sink(None, LogLevel::Info);
        assert!(lines.iter().count() <= LINES_MAX + 1, "the rest was left out");
    }
}
