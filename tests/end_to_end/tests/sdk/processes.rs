//! Two processes on one file, and one that is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use tidings_sdk::{Access, Client, Presentation, Query};

use crate::rig::{Bench, PATIENCE, items, live, open_file, soon, until};

const RELAY: &str = "TIDINGS_TEST_CHILD_RELAY";
const FOLDER: &str = "TIDINGS_TEST_CHILD_FOLDER";
/// Before each line of the child, so that the test harness's own are told apart.
const MARK: &str = "child:";

/// A process of its own with a client on the account `laptop`. It does not outlive the test.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(bench: &Bench) -> Self {
        let this = std::env::current_exe().expect("a test has a path");
        let mut child = Command::new(this)
            .args(["--exact", "processes::a_client_that_another_test_starts_shows_what_comes", "--nocapture"])
            .env(RELAY, bench.url())
            .env(FOLDER, bench.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test's own binary runs");
        let out = child.stdout.take().expect("it is piped");
        let (sender, lines) = sync_channel(1_000);
        std::thread::spawn(move || told(out, &sender));
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("it says something in time")
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Lets it end in order; answers what it still said.
    fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
        self.lines.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and needs not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn told(out: ChildStdout, sender: &std::sync::mpsc::SyncSender<String>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some((_, said)) = line.split_once(MARK)
            && sender.send(said.to_owned()).is_err()
        {
            return;
        }
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{text}").expect("the test reads it");
    out.flush().expect("the test reads it");
}

/// The other process. Without a test that starts it there is nothing to do; every line it says is judged there.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_another_test_starts_shows_what_comes() {
    let Some(relay) = std::env::var_os(RELAY) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("the test names it"));
    let relay = relay.into_string().expect("an address");
    let builder = Client::builder(relay, folder).account("laptop").access(Access::saved());
    let client = builder.build().await.expect("the file opens");
    say("open");
    let closing = client.clone();
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    let mut screen = client.presentations();
    let showing = async move {
        while let Some(presentation) = screen.next().await.expect("the file is whole") {
            match presentation {
                Presentation::Show(item) => say(item.id.as_str()),
                Presentation::Update { item, .. } => say(item.id.as_str()),
                Presentation::Summary { count } => say(&format!("summary {count}")),
                Presentation::Withdraw(id) => say(&format!("withdraw {id}")),
                other => say(&format!("{other:?}")),
            }
        }
    };
    tokio::join!(showing, async move {
        ended.await.expect("it reads to the end");
        closing.close().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_show_each_notification_once() {
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    let other = Process::start(&bench);
    assert_eq!(other.line(), "open");
    let here = bench.again("laptop").build().await.unwrap();
    crate::rig::is_live(&here).await;
    let mut screen = here.presentations();
    let (mut sent, mut shown) = (Vec::new(), Vec::new());
    for number in 0..30 {
        sent.push(bench.send("alice", &number.to_string()));
        // Whoever has it first: the two race for each.
        soon(async {
            while shown.len() < sent.len() {
                if let Ok(next) = tokio::time::timeout(Duration::from_millis(5), screen.next()).await {
                    match next.unwrap() {
                        Some(Presentation::Show(item)) => shown.push(item.id.to_string()),
                        other => panic!("{other:?}"),
                    }
                }
                shown.extend(other.lines.try_iter());
            }
        })
        .await;
    }
    // Both hold all of it, and neither has anything left to show.
    until(|| async { items(&here, Query::default()).await.len() == 30 }).await;
    assert_eq!(here.handle_push(b"{}", Duration::ZERO).await.unwrap(), []);
    shown.extend(other.end());
    shown.sort();
    let mut sent: Vec<_> = sent.iter().map(ToString::to_string).collect();
    sent.sort();
    assert_eq!(shown, sent, "each of them, and none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_process_takes_the_connection_over_when_the_first_is_killed() {
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    let first = Process::start(&bench);
    assert_eq!(first.line(), "open");
    let shown_there = bench.send("alice", "To the first");
    assert_eq!(first.line(), shown_there.as_str());
    let here = live(bench.again("laptop")).await;
    first.kill();
    let sent = bench.send("alice", "To the second");
    assert_eq!(crate::rig::has(&here, &sent).await.content.title, "To the second");
    let mut screen = here.presentations();
    assert_eq!(crate::rig::shown(&mut screen).await.id, sent, "what the first had shown is not shown again");
}

async fn rows(bench: &Bench) -> i64 {
    let mut file = open_file(&bench.file("laptop")).await;
    sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(&mut file).await.expect("it has a table")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_between_two_pages_resumes_where_it_stood() {
    const PILE: usize = 3_000;
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    bench.pings("alice", PILE);
    let killed = Process::start(&bench);
    assert_eq!(killed.line(), "open");
    until(|| async { rows(&bench).await > 0 }).await;
    killed.kill();
    let half = rows(&bench).await;
    assert!((1..3_000).contains(&half), "it was in the middle: {half}");
    let alice = live(bench.again("laptop")).await;
    let mut titles: Vec<_> =
        items(&alice, Query::default()).await.into_iter().map(|item| item.content.title).collect();
    assert_eq!(titles.len(), PILE);
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), PILE, "each of them, and none twice");
    let received = || bench.caller().get("/v1/accounting").ok(200)["deliveries"]["received"].as_u64();
    until(|| async { received() == Some(3_000) }).await;
}
