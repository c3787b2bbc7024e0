//! A small inbox on the terminal: connects with a code, prints what there is, then what comes.
//!
//! `tidings connect alice` prints a code; then
//! `cargo run -p tidings-sdk --example inbox -- http://127.0.0.1:7420 CODE`.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use tidings_sdk::{Access, Client, Presentation, Query};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(relay), Some(code)) = (arguments.next(), arguments.next()) else {
        return Err("give the relay's address and a connect code".into());
    };
    // An app takes its data folder, and a key from the system's keychain.
    let folder = std::env::temp_dir().join("tidings-inbox-example");
    let client = Client::builder(relay, folder).access(Access::code(code)).platform("shell").build().await?;
    let page = client.inbox().page(Query::default(), None, 10).await?;
    println!("{} unread", page.unread);
    for item in &page.items {
        println!("  {}  {}", item.created_at, item.content.title);
    }
    let mut presentations = client.presentations();
    while let Some(presentation) = presentations.next().await? {
        match presentation {
            Presentation::Show(item) | Presentation::Update { item, .. } => {
                println!("{}: {} ({})", item.category, item.content.title, item.because.text);
                client.shown(&item.id).await?;
            }
            Presentation::Withdraw(id) => println!("{id} is settled"),
            Presentation::Summary { count } => println!("{count} came while you were away"),
            _ => {}
        }
    }
    Ok(())
}
