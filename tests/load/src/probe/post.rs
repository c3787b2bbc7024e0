//! A server that answers a POST and does nothing: what the HTTP stack itself costs.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::child::Process;

/// As many bytes as the relay answers to one event.
const ANSWER: &str = r#"{"accepted":1,"duplicate":0,"rejected":0,"results":[{"status":"accepted","event":"01977c00-0000-7000-8000-000000000000","configuration":1,"notifications":[{"id":"01977c00-0000-7000-8000-000000000000","rule":"order_placed","recipient":"r1000","state":"active"}],"rules_not_fired":[]}]}"#;

/// Serves until it is killed. The first line that it prints is its address.
///
/// # Errors
/// If it cannot listen.
#[expect(clippy::print_stdout, reason = "the first line tells the parent where it listens")]
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/v1/events", post(|_: Bytes| async { (StatusCode::ACCEPTED, ANSWER) }));
    axum::serve(listener, router).await?;
    Ok(())
}

/// Starts it as a process of its own.
///
/// # Errors
/// If it does not start.
pub(crate) fn start() -> anyhow::Result<(Process, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["probe", "post"]).stderr(Stdio::inherit());
    let process = Process::start(command)?;
    let address = process.first_line.trim().parse()?;
    Ok((process, address))
}
