//! Peers: other servers under the same generator, where their semantics compare with a part of what a relay does.
//!
//! Mosquitto and NATS core send what is published to many sockets, as in figure 5; Redis appends events to a stream on
//! disk, as in figure 3. None keeps consent, rules or an inbox, so these are no goals: they stand there to compare.

mod append;
mod broker;
mod fan_out;

use super::Extent;
use super::fan_out::{DEVICES_EACH, ITEM_BYTES};
use crate::ledger::Ledger;
use crate::peer::Program;
use crate::report::Figure;

/// The figure. A server that is not installed is noted and left out.
///
/// # Errors
/// If a run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("peers", "other servers, the same generator", Ledger::default());
    figure.note(format!("{DEVICES_EACH} subscribers a topic, payloads of {ITEM_BYTES} bytes"));
    fan_out::run(&mut figure, extent, Program::Mosquitto).await?;
    fan_out::run(&mut figure, extent, Program::Nats).await?;
    append::run(&mut figure, extent).await?;
    Ok(figure)
}
