//! What calls of the client cost, in Rust: the measure for `scripts/bindings cost`, which tells what the same calls cost in
//! other languages.
//!
//! Arguments: the relay, a folder, a connect code. It says `more` when it wants 500 notifications, and ends with one line of
//! JSON.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use tidings_sdk::{Access, Change, Client, Connection, Query};

/// Notifications that come between two looks, and that the list shows.
const AT_ONCE: u32 = 500;
const ROUNDS: u32 = 20;
const LISTS: u32 = 300;
const RECEIPTS: u32 = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [relay, folder, code] = arguments.as_slice() else {
        return Err("give relay, folder and code".into());
    };
    let client = Client::builder(relay, folder).access(Access::code(code)).build().await?;
    client.connection().wait_for(|connection| *connection == Connection::Live).await;
    let mut observer = client.inbox().observe(Query::default(), AT_ONCE);
    observer.next().await?;
    let began = Instant::now();
    for _ in 0..ROUNDS {
        println!("more");
        let mut changed = 0;
        while changed < AT_ONCE {
            for change in observer.next_all().await?.ok_or("it was closed")? {
                changed += u32::from(matches!(change, Change::Changed(_)));
            }
        }
    }
    let observed = began.elapsed();
    let mut lists = Vec::new();
    let mut id = None;
    for _ in 0..LISTS {
        let began = Instant::now();
        let page = client.inbox().page(Query::default(), None, 50).await?;
        lists.push(began.elapsed());
        id = page.items.first().map(|item| item.id.clone());
    }
    let id = id.ok_or("the inbox is empty")?;
    let mut receipts = Vec::new();
    for _ in 0..RECEIPTS {
        let began = Instant::now();
        client.clicked(&id).await?;
        receipts.push(began.elapsed());
    }
    let (list, receipt) = (median(lists), median(receipts));
    println!(
        "{{\"list_50_us\": {}, \"receipt_us\": {}, \"observed_10000_ms\": {}}}",
        list.as_micros(),
        receipt.as_micros(),
        observed.as_millis()
    );
    client.close().await;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
