//! Blocks A P A P: what is measured and the probe of its limit take turns, so that a slow minute of a shared machine
//! slows both.

use std::time::{Duration, Instant};

use crate::child::{Process, own_cpu};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// Pairs of blocks.
    pub(crate) pairs: usize,
    /// The length of each block.
    pub(crate) lasts: Duration,
}

/// What one block used of a process, and how long it really took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

/// Counts what a process uses from here on.
#[derive(Debug)]
pub(crate) struct Meter<'p> {
    process: &'p Process,
    cpu: Duration,
    began: Instant,
}

impl<'p> Meter<'p> {
    /// Begins to count.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn begin(process: &'p Process) -> anyhow::Result<Self> {
        Ok(Self { process, cpu: process.cpu()?, began: Instant::now() })
    }

    /// What was used since.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn end(self) -> anyhow::Result<Used> {
        let wall = self.began.elapsed();
        Ok(Used { cpu: self.process.cpu()?.saturating_sub(self.cpu), wall })
    }
}

/// Counts what this process itself uses from here on: the probes, and the SDK where it is measured.
#[derive(Debug)]
pub(crate) struct OwnMeter {
    cpu: Duration,
    began: Instant,
}

impl OwnMeter {
    /// Begins to count.
    ///
    /// # Errors
    /// If the system does not count it.
    pub(crate) fn begin() -> anyhow::Result<Self> {
        Ok(Self { cpu: own_cpu()?, began: Instant::now() })
    }

    /// What was used up to now.
    ///
    /// # Errors
    /// If the system does not count it.
    pub(crate) fn end(&self) -> anyhow::Result<Used> {
        let wall = self.began.elapsed();
        Ok(Used { cpu: own_cpu()?.saturating_sub(self.cpu), wall })
    }
}

impl Used {
    /// How many of something for each second of the processor.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    pub(crate) fn per_cpu_second(&self, count: u64) -> f64 {
        count as f64 / self.cpu.as_secs_f64().max(0.01)
    }

    /// How many of something a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }
}
