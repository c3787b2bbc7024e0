//! `tidings demo`: the product in a minute, on real parts: a relay process, sockets, clients with files of their own, and a
//! `kill -9` in the middle. What it tells comes from stored stories; what it claims is compared in three books.

mod books;
mod crowd;
mod outside;
mod payments;
mod people;
mod publisher;
mod relay;
mod shop;
mod telling;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use self::crowd::Crowd;
use self::outside::Outside;
use self::people::Cast;
use self::publisher::Publisher;
use self::relay::RelayProcess;
use crate::context::Context;
use crate::error::CommandError;

/// How long everything may take to come to rest after the kill.
const REST_TIMEOUT: Duration = Duration::from_secs(90);

/// See the product in a minute: a shop's day on a real relay, with a kill -9 in the middle
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Keep relay, inboxes and books in this folder, which must not exist
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Only compare the three books that an earlier demo kept
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    compare: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, demo: Demo) -> Result<(), CommandError> {
    if let Some(folder) = &demo.compare {
        return books::compare(context, folder).await;
    }
    let stage = Stage::new(demo.keep)?;
    let result = Box::pin(play(context, &stage)).await;
    if stage.kept || result.is_err() {
        context.output.remark(format_args!("everything is in {}", stage.folder.display()));
    } else {
        // A folder of the system's temporary ones: what cannot be removed now is removed by the system.
        drop(std::fs::remove_dir_all(&stage.folder));
    }
    result
}

/// The folder of one run.
struct Stage {
    folder: PathBuf,
    kept: bool,
}

impl Stage {
    fn new(keep: Option<PathBuf>) -> Result<Self, CommandError> {
        let kept = keep.is_some();
        let name = format!("tidings-demo-{}", uuid::Uuid::now_v7().simple());
        let folder = keep.unwrap_or_else(|| std::env::temp_dir().join(name));
        std::fs::create_dir(&folder).map_err(|source| CommandError::File { path: folder.clone(), source })?;
        Ok(Self { folder, kept })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

async fn play(context: &Context, stage: &Stage) -> Result<(), CommandError> {
    let say = |text: &str| context.output.remark(text);
    let began = Instant::now();
    let outside = Outside::start().await?;
    let relay = RelayProcess::start(&stage.at("relay"), None).await?;
    say(&format!("A relay runs at {} with its store in {}.", relay.address(), stage.folder.display()));
    let calls = relay.calls(None)?;
    shop::open(&calls, &outside).await?;
    payments::prepare(&calls).await?;
    say("The shop's document is live: 8 rules, 5 categories, quiet hours, caps, consent by law.\n");

    let publisher = Publisher::new(&calls, &stage.at("publisher.ndjson"))?;
    let cast = Cast::connect(&calls, relay.address(), &stage.at("inboxes")).await?;
    say(&cast.introduction());
    for line in shop::morning(&publisher, &cast).await? {
        say(&line);
    }
    let told = telling::of_the_day(&calls, &publisher).await?;
    say(&told);
    for line in payments::escalate(&calls, &publisher, &cast, &outside).await? {
        say(&line);
    }
    for line in payments::offer(&publisher, &outside).await? {
        say(&line);
    }
    say("");

    let crowd = Crowd::connect(&calls, relay.address(), &stage.at("inboxes")).await?;
    say("Now it gets busy: orders come in from everywhere, and the power fails.");
    let (relay, fall) = crowd.through_a_power_failure(&publisher, relay).await?;
    say(&format!(
        "kill -9 fell with {} publishes and {} unacknowledged deliveries in flight; the relay was back after {} ms.",
        fall.publishes, fall.deliveries, fall.back_after_ms
    ));
    let crowd = crowd.arrive_late(relay.address()).await?;
    let repeated = publisher.repeat_unanswered().await?;
    say(&format!("{repeated} publishes had no answer and were repeated with the same ids."));

    let calls = relay.calls(None)?;
    books::rest(&calls, &cast, &crowd, REST_TIMEOUT).await?;
    let latency = telling::latency(&calls, &publisher).await?;
    books::keep_relays(&calls, &stage.folder).await?;
    cast.close().await;
    crowd.close().await;
    relay.stop().await?;
    say(&latency);
    compare_elsewhere(context, &stage.folder).await?;
    say(&format!("\nThat took {} s. {}", began.elapsed().as_secs(), shop::NEXT));
    if context.output.is_json() {
        let fall = json!({"publishes": fall.publishes, "deliveries": fall.deliveries, "back_after_ms": fall.back_after_ms});
        context.output.json(&json!({"demo": "done", "kill": fall}))?;
    }
    Ok(())
}

/// The books are compared by a process of its own: it sees the files, and nothing that this one remembers.
async fn compare_elsewhere(context: &Context, folder: &Path) -> Result<(), CommandError> {
    let program = relay::this_program()?;
    let mut command = tokio::process::Command::new(program);
    command.arg("demo").arg("--compare").arg(folder).stdin(Stdio::null());
    if context.output.is_json() {
        command.arg("--json");
    }
    let status =
        command.status().await.map_err(|source| CommandError::File { path: folder.into(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::Found { detail: "the three books disagree".to_owned() })
}
