//! Measures a relay: the figures of the product as ratios to what the machine can do at all.
//!
//! `tidings-load all` makes every figure, `tidings-load short` the few that a change is held against each day, and each
//! figure has a subcommand of its own. The relay under measurement is the real binary with its defaults.

mod blocks;
mod child;
mod crowd;
mod document;
mod figure;
mod guard;
mod ledger;
mod machine;
mod peer;
mod probe;
mod publisher;
mod relay;
mod report;
mod signing;
mod spread;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::{Parser, Subcommand};

use figure::{
    Extent, catch_up, cold_start, connections, devices, fan_out, faults, growth, inbox, latency, peers,
    publish, rules, storm,
};
use guard::{Judged, Record};
use probe::sends::Sends;
use report::{Figure, Report, plot, table};

/// Measures a relay
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// A few seconds a figure instead of the whole
    #[arg(long, global = true)]
    short: bool,
    /// Where the figures are written: figures.json, figures.md and figures.svg
    #[arg(long, global = true)]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every figure
    All,
    /// Figure 1: latency of an idle relay
    Idle,
    /// Figure 2: latency at 15,000 facts a second
    Loaded,
    /// Figure 3: durable publish, one event a request
    Publish,
    /// Figure 4: durable publish, NDJSON of 100
    Batch,
    /// Figure 5: fan-out to many sockets
    FanOut,
    /// Figure 6: memory of connected devices
    Connections,
    /// Figure 7: catch-up after an absence
    CatchUp,
    /// Figure 8: everybody comes back after a kill
    Storm,
    /// Figure 9: the inbox on the device
    Inbox,
    /// Figure 10: cold start
    Start,
    /// Figure 11: size of the binary and of an idle relay
    Size,
    /// Figure 12: rules that listen and do not fire
    Rules,
    /// How cost grows with recipients, rules and stored notifications
    Growth,
    /// 19,800 devices on one relay, then six relays at once
    Devices,
    /// What others notice of those who misbehave
    Faults,
    /// Other servers under the same generator: mosquitto, NATS, Redis
    Peers,
    /// One relay with all its devices, in a process of its own
    #[command(hide = true)]
    DevicesOfOne {
        #[arg(long)]
        address: Ipv4Addr,
    },
    /// The short form: the guarded figures in under a minute, held against the record
    Guard {
        /// The recorded ratios
        #[arg(long)]
        record: PathBuf,
        /// Makes the record anew from so many runs
        #[arg(long)]
        renew: Option<usize>,
    },
    /// A part that runs as a process of its own
    #[command(hide = true, subcommand)]
    Probe(Probe),
}

/// All figures in their order.
const ALL: [What; 16] = [
    What::Idle,
    What::Loaded,
    What::Publish,
    What::Batch,
    What::FanOut,
    What::Connections,
    What::CatchUp,
    What::Storm,
    What::Inbox,
    What::Start,
    What::Size,
    What::Rules,
    What::Growth,
    What::Devices,
    What::Faults,
    What::Peers,
];

/// What a change is held against each day.
const GUARDED: [What; 4] = [What::Idle, What::Publish, What::Batch, What::FanOut];

#[derive(Debug, Subcommand)]
enum Probe {
    Post,
    Sends {
        #[arg(long)]
        sockets: usize,
        #[arg(long)]
        frame_bytes: usize,
        #[arg(long)]
        together: usize,
        #[arg(long)]
        rounds: usize,
        #[arg(long)]
        result: PathBuf,
    },
    Reads {
        #[arg(long)]
        to: SocketAddr,
        #[arg(long)]
        sockets: usize,
    },
}

/// Runs of a figure that is slower than the record allows: a noisy minute slows one of them, a slower relay all.
const GUARD_TRIES: usize = 3;

/// Takes apart what is no figure; a figure is measured.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let extent = Extent { short: arguments.short };
    let machine = machine::describe();
    let mut figures: Vec<Figure> = Vec::new();
    let mut failed = Vec::new();
    match &arguments.what {
        What::Probe(probe) => return serve_probe(probe).await,
        What::DevicesOfOne { address } => return devices_of_one(extent, *address).await,
        What::Guard { record, renew } => return guarded(record, *renew).await,
        What::All => {
            for what in &ALL {
                progress(what);
                // What was measured before and after is told all the same.
                match measure(what, extent).await {
                    Ok(figure) => figures.push(figure),
                    Err(error) => failed.push(format!("{what:?}: {error:#}")),
                }
            }
        }
        What::Idle
        | What::Loaded
        | What::Publish
        | What::Batch
        | What::FanOut
        | What::Connections
        | What::CatchUp
        | What::Storm
        | What::Inbox
        | What::Start
        | What::Size
        | What::Rules
        | What::Growth
        | What::Devices
        | What::Faults
        | What::Peers => figures.push(measure(&arguments.what, extent).await?),
    }
    finish(&Report { machine, figures }, arguments.out.as_deref())?;
    ensure!(failed.is_empty(), "not measured: {}", failed.join("; "));
    Ok(())
}

async fn serve_probe(probe: &Probe) -> anyhow::Result<()> {
    match probe {
        Probe::Post => probe::post::serve().await,
        Probe::Sends { sockets, frame_bytes, together, rounds, result } => {
            let what =
                Sends { sockets: *sockets, frame_bytes: *frame_bytes, together: *together, rounds: *rounds };
            probe::sends::serve(what, result)
        }
        Probe::Reads { to, sockets } => probe::sends::read(*to, *sockets).await,
    }
}

#[expect(clippy::print_stdout, reason = "the one line is what the parent reads")]
async fn devices_of_one(extent: Extent, address: Ipv4Addr) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(&devices::alone(extent, address).await?)?);
    Ok(())
}

/// Runs the guarded figures in their short form and compares them with the record, or makes the record.
async fn guarded(record: &Path, renew: Option<usize>) -> anyhow::Result<()> {
    if let Some(times) = renew {
        let mut runs = Vec::new();
        for _ in 0..times {
            runs.push(short_run().await?);
        }
        return Record::of(&runs).write(record);
    }
    let record = Record::read(record)?;
    let mut run = short_run().await?;
    for _ in 1..GUARD_TRIES {
        let slower: Vec<String> = record
            .judge(&run)?
            .into_iter()
            .filter(|judged| !judged.holds)
            .map(|judged| judged.figure)
            .collect();
        if slower.is_empty() {
            break;
        }
        for (what, figure) in GUARDED.iter().zip(&mut run.figures) {
            if slower.contains(&figure.number) {
                progress(what);
                *figure = measure(what, Extent { short: true }).await?;
            }
        }
    }
    tell(&record.judge(&run)?)
}

async fn short_run() -> anyhow::Result<Report> {
    let mut figures = Vec::new();
    for what in &GUARDED {
        progress(what);
        figures.push(measure(what, Extent { short: true }).await?);
    }
    Ok(Report { machine: machine::describe(), figures })
}

#[expect(clippy::print_stdout, reason = "each measure is told")]
fn tell(judged: &[Judged]) -> anyhow::Result<()> {
    for measure in judged {
        println!("{}", measure.line);
    }
    let slower: Vec<&str> =
        judged.iter().filter(|measure| !measure.holds).map(|measure| &*measure.line).collect();
    if !slower.is_empty() {
        bail!("slower than the record by more than its spread, {GUARD_TRIES} times:\n{}", slower.join("\n"));
    }
    Ok(())
}

async fn measure(what: &What, extent: Extent) -> anyhow::Result<Figure> {
    match what {
        What::Idle => latency::idle(extent).await,
        What::Loaded => latency::at_load(extent).await,
        What::Publish => publish::one_a_request(extent).await,
        What::Batch => publish::hundred_a_request(extent).await,
        What::FanOut => fan_out::run(extent).await,
        What::Connections => connections::run(extent).await,
        What::CatchUp => catch_up::run(extent).await,
        What::Storm => storm::run(extent).await,
        What::Inbox => inbox::run(extent).await,
        What::Start => cold_start::start(extent).await,
        What::Size => cold_start::size().await,
        What::Rules => rules::run(extent).await,
        What::Growth => growth::run(extent).await,
        What::Devices => devices::run(extent).await,
        What::Faults => faults::run(extent).await,
        What::Peers => peers::run(extent).await,
        What::All | What::Probe(_) | What::DevicesOfOne { .. } | What::Guard { .. } => {
            unreachable!("main takes them apart")
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
fn progress(what: &What) {
    eprintln!("{what:?} …");
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn finish(report: &Report, out: Option<&Path>) -> anyhow::Result<()> {
    let table = table::report(report);
    println!("{table}");
    if let Some(folder) = out {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("figures.json"), serde_json::to_string_pretty(report)?)?;
        std::fs::write(folder.join("figures.md"), table)?;
        std::fs::write(folder.join("figures.svg"), plot::svg(report))?;
    }
    Ok(())
}
