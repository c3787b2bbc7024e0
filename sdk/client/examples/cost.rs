//! What calls of the client cost, in Rust: the measure for `scripts/bindings cost`, which tells what the same calls cost in
//! other languages.
//!
//! Arguments: the relay, a folder, a connect code. It says `ready`, and then does each block that it is told on a line of its
//! input, a word and how often. It answers with the median of one call in nanoseconds; for `observe` with zero, when so many
//! changes have come.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use tidings_sdk::{Access, Change, Client, Connection, Observer, Query};

/// Notifications that the list shows, and that come between two looks.
const AT_ONCE: u32 = 500;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [relay, folder, code] = arguments.as_slice() else {
        return Err("give relay, folder and code".into());
    };
    let client = Client::builder(relay, folder).access(Access::code(code)).build().await?;
    client.connection().wait_for(|connection| *connection == Connection::Live).await;
    let mut observer = client.inbox().observe(Query::default(), AT_ONCE);
    observer.next().await?;
    println!("ready");
    // Reading blocks this thread only: the client has those of the runtime.
    for line in std::io::stdin().lines() {
        let line = line?;
        let (what, count) = line.split_once(' ').ok_or("give a word and a count")?;
        let count = count.parse()?;
        let median = match what {
            "observe" => observe(&mut observer, count).await?,
            "list" => list(&client, count).await?,
            "receipt" => receipt(&client, count).await?,
            _ => return Err("there is no such block".into()),
        };
        println!("{}", median.as_nanos());
    }
    client.close().await;
    Ok(())
}

async fn observe(observer: &mut Observer, count: usize) -> Result<Duration, Failure> {
    let mut changed = 0;
    while changed < count {
        let changes = observer.next_all().await?.ok_or("it was closed")?;
        changed += changes.iter().filter(|change| matches!(change, Change::Changed(_))).count();
    }
    Ok(Duration::ZERO)
}

async fn list(client: &Client, count: usize) -> Result<Duration, Failure> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        client.inbox().page(Query::default(), None, 50).await?;
        times.push(began.elapsed());
    }
    Ok(median(times))
}

async fn receipt(client: &Client, count: usize) -> Result<Duration, Failure> {
    // Whoever follows the number of unread ones counts them again with each change, and nobody has ten thousand.
    client.mark_all_read(None, None).await?;
    let page = client.inbox().page(Query::default(), None, 1).await?;
    let id = &page.items.first().ok_or("the inbox is empty")?.id;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        client.clicked(id).await?;
        times.push(began.elapsed());
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
