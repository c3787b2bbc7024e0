//! Figure 12: what rules cost that listen to an event and do not fire.
//!
//! The same facts are published under a thousand rules of which none listens, and under a thousand of which a tenth
//! listens and does not fire: the difference of the processor's time is that of the evaluations.

use super::Extent;
use crate::blocks::Meter;
use crate::document::with_rules;
use crate::ledger::Ledger;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

const RULES: usize = 1_000;
/// Of each hundred rules, those that listen.
const LISTEN_PER_HUNDRED: usize = 10;

/// Figure 12.
///
/// # Errors
/// If the run fails.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut ledger = Ledger::default();
    let quiet = Relay::start(&with_rules(RULES, 0)).await?;
    let busy = Relay::start(&with_rules(RULES, LISTEN_PER_HUNDRED)).await?;
    let (to_quiet, to_busy) = (Publisher::new(&quiet, 10_000), Publisher::new(&busy, 10_000));
    let listen = (RULES / 100 * LISTEN_PER_HUNDRED) as f64;
    let (mut rates, mut bases) = (vec![], vec![]);
    ledger += to_quiet.closed_loop(16, 100, extent.blocks().lasts / 3).await?;
    ledger += to_busy.closed_loop(16, 100, extent.blocks().lasts / 3).await?;
    for _ in 0..extent.blocks().pairs {
        let seconds_each =
            |used: crate::blocks::Used, block: Ledger| used.cpu.as_secs_f64() / block.accepted as f64;
        let meter = Meter::begin(&busy.process)?;
        let block = to_busy.closed_loop(16, 100, extent.blocks().lasts).await?;
        let with = seconds_each(meter.end()?, block);
        ledger += block;
        let meter = Meter::begin(&quiet.process)?;
        let block = to_quiet.closed_loop(16, 100, extent.blocks().lasts).await?;
        let without = seconds_each(meter.end()?, block);
        ledger += block;
        rates.push(listen / (with - without).max(1e-9));
        bases.push(1.0 / without);
    }
    quiet.books().await?;
    busy.books().await?;
    let mut figure = Figure::new("12", "1,000 rules, only candidates run", ledger);
    figure.note(format!(
        "{listen} rules listen and do not fire; without them {:.0} events a CPU-second",
        Spread::of(&bases).median
    ));
    let measure = Measure::new("evaluations a CPU-second", "/s", Spread::of(&rates));
    figure.add(measure.must(Bound::AtLeast(200_000.0)).moonshot(Bound::AtLeast(600_000.0)));
    Ok(figure)
}
