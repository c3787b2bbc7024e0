//! How cost grows: the price of one more fact with ten and a hundred times as many recipients, rules and stored
//! notifications. What is worse than it must be shows here before an operator finds it.

use super::Extent;
use crate::blocks::Meter;
use crate::document::with_rules;
use crate::ledger::Ledger;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Figure, Measure};
use crate::spread::Spread;

/// One relay to be measured.
#[derive(Clone, Copy, Debug)]
struct Size {
    recipients: u64,
    rules: usize,
    /// Notifications that are stored before.
    stored: u64,
}

const BASE: Size = Size { recipients: 1_000, rules: 10, stored: 0 };

/// The growth of cost.
///
/// # Errors
/// If a run fails.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("growth", "CPU of the relay for one more fact", Ledger::default());
    let most: u64 = if extent.short { 10 } else { 100 };
    let times = [1, 10, 100].into_iter().filter(|times| *times <= most);
    for times in times {
        let rules = BASE.rules * usize::try_from(times)?;
        let sizes = [
            (
                format!("{} recipients", BASE.recipients * times),
                Size { recipients: BASE.recipients * times, ..BASE },
            ),
            (format!("{rules} rules"), Size { rules, ..BASE }),
            (
                format!("{} stored", 10_000 * times),
                Size { recipients: 10_000, stored: 10_000 * times, ..BASE },
            ),
        ];
        for (name, size) in sizes {
            let cost = cost(extent, size, &mut figure.ledger).await?;
            figure.add(Measure::new(&name, "µs", cost));
        }
    }
    Ok(figure)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
async fn cost(extent: Extent, size: Size, ledger: &mut Ledger) -> anyhow::Result<Spread> {
    let relay = Relay::start(&with_rules(size.rules, 0)).await?;
    let publisher = Publisher::new(&relay, size.recipients);
    while publisher.numbered() < size.stored {
        *ledger += publisher.to_each(1).await?;
    }
    *ledger += publisher.closed_loop(16, 100, extent.blocks().lasts / 3).await?;
    let mut costs = Vec::new();
    for _ in 0..extent.blocks().pairs {
        let meter = Meter::begin(&relay.process)?;
        let block = publisher.closed_loop(16, 100, extent.blocks().lasts).await?;
        costs.push(meter.end()?.cpu.as_secs_f64() * 1e6 / block.accepted.max(1) as f64);
        *ledger += block;
    }
    Ok(Spread::of(&costs))
}
