//! Why a command did not do what it was asked to: the words, the exit code, and what to do next.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};
use tidings_core::configuration::Mistakes;
use tidings_protocol::problem::Problem;
use url::Url;

/// Refused or failed.
const FAILED: u8 = 1;
/// Written in a way that is not understood.
const USAGE: u8 = 2;
/// Over a stated limit.
const OVER_LIMIT: u8 = 3;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments do not go together.
    #[error("{detail}")]
    Usage { detail: String },
    /// No relay was named.
    #[error("no relay is known: {} has no credentials.json", .folder.display())]
    NoRelay { folder: PathBuf },
    /// The relay's address cannot be read.
    #[error("{text:?} is no relay's address")]
    RelayAddress { text: String },
    /// No key was named.
    #[error("no key is known for {}: {} has none for it", plain(.relay), .folder.display())]
    NoKey { relay: Url, folder: PathBuf },
    /// A key that cannot be in a header.
    #[error("the key is no key: it begins with tdk_live_ or tdk_test_")]
    KeyText,
    /// The relay does not answer.
    #[error("no relay answers at {}", plain(.relay))]
    Unreachable {
        relay: Url,
        #[source]
        source: reqwest::Error,
    },
    /// The relay said no.
    #[error("{}", .problem.detail)]
    Refused { problem: Box<Problem> },
    /// No event has this id.
    #[error(
        "there is no event {id}, by the relay's id or without a source, and none behind the recipient's latest"
    )]
    NoEvent { id: String },
    /// The answer is of another kind.
    #[error("{} answered {status} with something that no relay writes", plain(.relay))]
    Unreadable { relay: Url, status: u16 },
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// What should be credentials is something else.
    #[error("{} is no file of credentials", .path.display())]
    Credentials { path: PathBuf },
    /// The input is no JSON.
    #[error("{place}: {detail}")]
    Input { place: String, detail: String },
    /// A document has mistakes; `rendered` shows them with carets.
    #[error("{mistakes}")]
    Document { mistakes: Box<Mistakes>, rendered: String },
    /// Some events were not accepted; the output names them.
    #[error("{rejected} of {total} events were not accepted")]
    Rejected { rejected: u64, total: u64 },
    /// The notification was stopped or something was found; the output says what.
    #[error("{detail}")]
    Found { detail: String },
    /// A limit that the caller set; the output says what was found.
    #[error("{detail}")]
    OverLimit { detail: String },
    /// The client of `listen`.
    #[error("{0}")]
    Client(#[from] tidings_sdk::Error),
    /// The device was signed out.
    #[error("the relay signed this device out ({why})")]
    SignedOut { why: &'static str },
    /// The relay did not start.
    #[error("{0}")]
    Start(#[from] tidings_server::StartError),
    /// Standard output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[source] io::Error),
    /// The system gives no threads.
    #[error("the runtime cannot be started: {source}")]
    Runtime {
        #[source]
        source: io::Error,
    },
}

impl CommandError {
    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::Usage { detail: detail.into() }
    }

    /// Whether the reader of the output went away, which is no fault of the command.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the output for programs says everything already.
    pub(crate) const fn is_in_output(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::Found { .. } | Self::OverLimit { .. })
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::RelayAddress { .. } | Self::KeyText => USAGE,
            Self::OverLimit { .. } => OVER_LIMIT,
            Self::Refused { problem } if is_over_limit(problem) => OVER_LIMIT,
            Self::Document { mistakes, .. }
                if mistakes.items.iter().all(|mistake| mistake.code == "limit") =>
            {
                OVER_LIMIT
            }
            Self::NoRelay { .. }
            | Self::NoKey { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::NoEvent { .. }
            | Self::Unreadable { .. }
            | Self::File { .. }
            | Self::Credentials { .. }
            | Self::Input { .. }
            | Self::Document { .. }
            | Self::Rejected { .. }
            | Self::Found { .. }
            | Self::Client(_)
            | Self::SignedOut { .. }
            | Self::Start(_)
            | Self::Output(_)
            | Self::Runtime { .. } => FAILED,
        }
    }

    /// The stable word for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Usage { .. } => "usage",
            Self::OverLimit { .. } => "over_limit",
            Self::NoRelay { .. } => "no_relay",
            Self::RelayAddress { .. } => "relay_address",
            Self::NoKey { .. } => "no_key",
            Self::KeyText => "key_text",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { problem } => &problem.code,
            Self::NoEvent { .. } => "not_found",
            Self::Unreadable { .. } => "unreadable_answer",
            Self::File { .. } => "file",
            Self::Credentials { .. } => "credentials",
            Self::Input { .. } => "input",
            Self::Document { .. } => "document",
            Self::Rejected { .. } => "rejected",
            Self::Found { .. } => "found",
            Self::Client(_) => "client",
            Self::SignedOut { .. } => "signed_out",
            Self::Start(_) => "start",
            Self::Output(_) => "output",
            Self::Runtime { .. } => "runtime",
        }
    }

    /// What to do, if it is not in the words already.
    pub(crate) fn next(&self) -> Option<String> {
        match self {
            Self::NoRelay { .. } => Some(
                "start one with `tidings serve`, name its folder with --data, or name it with --relay or TIDINGS_RELAY"
                    .into(),
            ),
            Self::RelayAddress { .. } => Some("write it like http://127.0.0.1:7420".into()),
            Self::NoKey { .. } => {
                Some("give it in TIDINGS_KEY, or name the data folder of that relay with --data".into())
            }
            Self::Unreachable { relay, .. } => Some(match relay.host_str() {
                Some("127.0.0.1" | "localhost" | "[::1]") => "start it with `tidings serve`".into(),
                Some(_) | None => "see that it runs and that the address is right".into(),
            }),
            Self::Refused { problem } => next_after(problem),
            Self::NoEvent { .. } => Some("if it has a source, name that too: --source".into()),
            Self::Unreadable { .. } => Some("see that the address is a relay's".into()),
            Self::Credentials { .. } => {
                Some("put it aside, and name relay and key in TIDINGS_RELAY and TIDINGS_KEY".into())
            }
            Self::SignedOut { .. } => Some("run the command again, which connects it anew".into()),
            Self::Start(error) => next_after_start(error),
            Self::KeyText => Some("give the whole key, as `tidings keys add` or the first start printed it".into()),
            Self::File { source, .. } => Some(next_after_file(source).into()),
            Self::Usage { .. }
            | Self::OverLimit { .. }
            | Self::Input { .. }
            | Self::Document { .. }
            | Self::Rejected { .. }
            | Self::Found { .. }
            | Self::Client(_)
            | Self::Output(_)
            | Self::Runtime { .. } => None,
        }
    }

    /// The innermost cause, if it is not in the words: what is between says the same in other words.
    pub(crate) fn cause(&self) -> Option<String> {
        let words = self.to_string();
        let first = std::error::Error::source(self);
        let cause = std::iter::successors(first, |error| error.source()).last()?.to_string();
        (!words.contains(cause.as_str())).then_some(cause)
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({"code": self.code(), "detail": self.to_string()});
        if let Some(next) = self.next() {
            error["next"] = next.into();
        }
        if let Self::Refused { problem } = self {
            error["status"] = problem.status.into();
            error["errors"] = json!(problem.errors);
            error["trace_id"] = problem.trace_id.as_str().into();
        }
        if let Self::Document { mistakes, .. } = self {
            error["errors"] = crate::document::mistakes_json(mistakes);
        }
        json!({"error": error})
    }
}

/// An address as people write it.
fn plain(relay: &Url) -> &str {
    relay.as_str().trim_end_matches('/')
}

/// The relay names each limit that was passed with the code `limit`; 413 and 429 are nothing else.
fn is_over_limit(problem: &Problem) -> bool {
    matches!(problem.status, 413 | 429) || problem.code == "limit"
}

fn next_after(problem: &Problem) -> Option<String> {
    let next = match (problem.status, problem.code.as_str()) {
        (401, _) => {
            "the key is not known there, or was revoked: give another in TIDINGS_KEY, or --data of the relay's folder"
        }
        (403, _) => "use a key with that scope, or make one: `tidings keys add --scopes …`",
        (429, _) => "wait a moment and try again",
        (507, _) => "free space on the relay's disk",
        (500.., _) => "look into the relay's log",
        (_, _) => return None,
    };
    Some(match (problem.status, problem.trace_id.as_str()) {
        (500.., trace) if !trace.is_empty() => format!("{next} for trace {trace}"),
        (_, _) => next.to_owned(),
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system has dozens of kinds; these few have advice of their own"
)]
fn next_after_file(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "see that the path is right: it begins where the command is run",
        io::ErrorKind::PermissionDenied => "give the account that runs the command access to it",
        io::ErrorKind::IsADirectory => "name the file in that folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on that disk",
        _ => "see that the path names a file and that its disk works",
    }
}

fn next_after_start(error: &tidings_server::StartError) -> Option<String> {
    let tidings_server::StartError::Listen { source, .. } = error else { return None };
    (source.kind() == io::ErrorKind::AddrInUse)
        .then(|| "see what listens there, or take a free port with `--listen 127.0.0.1:0`".into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tidings_core::configuration::Bundle;
    use tidings_protocol::limits::CONFIGURATION_BYTES_MAX;

    use super::*;

    fn refused(status: u16, code: &str) -> CommandError {
        let problem = Problem {
            kind: String::new(),
            title: String::new(),
            status,
            detail: "no".into(),
            code: code.into(),
            errors: Vec::new(),
            trace_id: "4bf9".into(),
        };
        CommandError::Refused { problem: Box::new(problem) }
    }

    #[rstest]
    #[case(refused(422, "unknown_field"), 1)]
    #[case(refused(401, "unauthorized"), 1)]
    #[case(refused(422, "limit"), 3)]
    #[case(refused(413, "too_large"), 3)]
    #[case(refused(429, "rate_limited"), 3)]
    #[case(CommandError::usage("no"), 2)]
    #[case(CommandError::Rejected { rejected: 1, total: 2 }, 1)]
    fn an_error_ends_with_its_exit_code(#[case] error: CommandError, #[case] code: u8) {
        assert_eq!(error.exit_code(), code);
    }

    #[test]
    fn a_document_over_a_limit_is_told_apart_from_one_with_a_mistake() {
        let ends_with = |document: String| {
            let bundle = Bundle { document, ..Bundle::default() };
            crate::document::checked(&bundle).expect_err("it is refused").exit_code()
        };
        assert_eq!(ends_with(" ".repeat(CONFIGURATION_BYTES_MAX + 1)), 3);
        assert_eq!(ends_with("tidings: 2".to_owned()), 1);
    }

    /// A plan is printed before its limit is compared: a second document would make the output of `--json` none.
    #[test]
    fn a_plan_over_its_limit_has_said_everything() {
        assert!(CommandError::OverLimit { detail: "more".to_owned() }.is_in_output());
    }

    #[test]
    fn a_refused_key_says_what_to_do() {
        assert!(refused(401, "unauthorized").next().unwrap().contains("TIDINGS_KEY"));
    }

    #[test]
    fn a_failure_of_the_relay_names_its_trace() {
        assert!(refused(500, "internal").next().unwrap().contains("4bf9"));
    }
}
