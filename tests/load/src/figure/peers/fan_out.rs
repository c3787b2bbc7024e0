//! What is published to a topic goes to all its subscribers, without a word on whether they got it (QoS 0, NATS core).
//! Topics have as many subscribers as a recipient of figure 5 has devices, and the probe is the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::broker::{Client, Subscribers, Wire};
use crate::blocks::Meter;
use crate::crowd::Arrivals;
use crate::figure::Extent;
use crate::figure::fan_out::{DEVICES_EACH, ITEM_BYTES, sends};
use crate::ledger::Ledger;
use crate::peer::Program;
use crate::report::{Figure, Measure};
use crate::spread::Spread;

const PATIENCE: Duration = Duration::from_secs(20);
/// Subscribers of all topics together; the short form has the first only.
const SOCKETS: [u64; 2] = [1_000, 10_000];

/// Adds what a broker does; a note if it is not installed.
///
/// # Errors
/// If a run fails or something is lost.
pub(super) async fn run(figure: &mut Figure, extent: Extent, program: Program) -> anyhow::Result<()> {
    let (wire, over) = match program {
        Program::Mosquitto => (Wire::MqttOverWebSocket, "mosquitto, QoS 0 over WebSocket"),
        Program::Nats => (Wire::NatsOverTcp, "NATS core over TCP"),
        Program::Redis => bail!("Redis is measured as what appends"),
    };
    for &sockets in SOCKETS.iter().filter(|&&sockets| !extent.short || sockets == SOCKETS[0]) {
        let Some(done) = case(extent, program, wire, sockets).await? else {
            figure.note(program.missing());
            return Ok(());
        };
        figure.ledger += done.ledger;
        figure.note(format!("{over}, {sockets} sockets: {} rounds, {} reads", done.rounds, done.reads));
        let name = format!("{over}, {sockets} sockets, K=1: items a CPU-second");
        let measure = Measure::new(&name, "/s", done.per_cpu);
        figure.add(measure.probe("send(2) loop", done.probe));
    }
    figure.note(program.version()?);
    Ok(())
}

struct Done {
    ledger: Ledger,
    rounds: u64,
    reads: u64,
    per_cpu: Spread,
    probe: Spread,
}

/// One who publishes and what arrives of it.
struct Stage {
    publisher: Client,
    topics: Vec<String>,
    payload: Vec<u8>,
    arrivals: Arc<Arrivals>,
    rounds: u64,
}

impl Stage {
    /// Publishes once to each topic, and waits until all subscribers have it: the next round finds nothing that waits.
    async fn round(&mut self) -> anyhow::Result<()> {
        self.publisher.publish_each(&self.topics, &self.payload).await?;
        self.rounds += 1;
        self.arrivals.wait_for(self.published()? * DEVICES_EACH, PATIENCE).await
    }

    fn published(&self) -> anyhow::Result<u64> {
        Ok(self.rounds * u64::try_from(self.topics.len())?)
    }
}

async fn case(extent: Extent, program: Program, wire: Wire, sockets: u64) -> anyhow::Result<Option<Done>> {
    let Some(peer) = program.start()? else { return Ok(None) };
    let topics: Vec<String> = (0..sockets / DEVICES_EACH).map(|topic| format!("t{topic}")).collect();
    let arrivals = Arrivals::new(0);
    let mut subscribers = Subscribers::gather((wire, &peer), &topics, DEVICES_EACH, &arrivals).await?;
    let publisher = Client::open(wire, peer.address, "publisher").await?;
    let mut stage = Stage { publisher, topics, payload: vec![b'x'; ITEM_BYTES], arrivals, rounds: 0 };
    let (blocks, mut per_cpu, mut probe) = (extent.blocks(), vec![], vec![]);
    // What is made on first use is made before the first block.
    stage.round().await?;
    for _ in 0..blocks.pairs {
        let (meter, began) = (Meter::begin(&peer.process)?, Instant::now());
        let (items_before, rounds_before) = (stage.arrivals.items(), stage.rounds);
        while began.elapsed() < blocks.lasts {
            stage.round().await?;
        }
        per_cpu.push(meter.end()?.per_cpu_second(stage.arrivals.items() - items_before));
        probe.push(sends(sockets, 1, stage.rounds - rounds_before).await?);
    }
    let connected = subscribers.connected();
    if u64::try_from(connected)? != sockets {
        bail!("{connected} of {sockets} subscribers are still connected");
    }
    let ledger = account(stage.published()?, stage.arrivals.items());
    ledger.check().map_err(anyhow::Error::msg)?;
    Ok(Some(Done {
        ledger,
        rounds: stage.rounds,
        reads: stage.arrivals.frames(),
        per_cpu: Spread::of(&per_cpu),
        probe: Spread::of(&probe),
    }))
}

/// What was published, each to all subscribers of a topic, beside what they got.
fn account(published: u64, delivered: u64) -> Ledger {
    let due = published * DEVICES_EACH;
    Ledger {
        attempted: published,
        accepted: published,
        delivered,
        duplicated: delivered.saturating_sub(due),
        lost: due.saturating_sub(delivered),
        ..Ledger::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subscriber_of_a_topic_is_owed_what_is_published_to_it() {
        assert_eq!(account(2, 50).check(), Ok(()));
        assert_eq!((account(2, 49).lost, account(2, 51).duplicated), (1, 1));
    }
}
