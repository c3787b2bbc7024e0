//! A relay's process.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest wait for an answer, on a machine that is busy.
const ANSWER_PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const DOCUMENT: &str = r#"
tidings: 1
project: {name: bench, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "1", url: "https://shop.example/privacy", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  orders: {name: {en: Orders}, legal: service, priority: normal, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: normal, channels: [inapp]}
rules:
  alarm:
    on: alarm
    notify: data.who
    category: orders
    template: alarm
    deliver: [{channels: [inapp], repeat: {every: 30m, times: 2, until: acknowledged}}]
templates:
  alarm: {en: {title: "Alarm"}}
"#;

/// The binary of the relay: the one that `TIDINGS_BIN` names, or what was built beside this test.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("TIDINGS_BIN") {
        return named.into();
    }
    let this = std::env::current_exe().expect("a test has a path");
    let built = this.ancestors().nth(2).expect("it stands in deps/").join("tidings");
    assert!(built.exists(), "build the relay first: cargo build -p tidings, or name it in TIDINGS_BIN");
    built
}

/// A relay's process. It does not outlive the test.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: String,
    key: String,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Relay {
    /// A relay with its data in a folder; `key` is that of an earlier start.
    pub(crate) fn start(folder: &Path, listen: &str, key: &str, more: &[&str]) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.join("relay.log"));
        let mut command = Command::new(binary());
        command.args(["serve", "--json", "--listen", listen, "--data"]).arg(folder.join("relay")).args(more);
        command.env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.expect("the log can be written"));
        let mut child = command.spawn().expect("the binary runs");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        out.read_line(&mut line).expect("it says its address");
        let started: Value = serde_json::from_str(&line).expect("its first line is JSON");
        let address = started["address"].as_str().expect("an address").replace("http://", "");
        Self { child, address, key: started["key"].as_str().unwrap_or(key).to_owned() }
    }

    /// On a free port and an empty folder, with the document of these tests.
    pub(crate) fn fresh(folder: &Path, more: &[&str]) -> Self {
        let relay = Self::start(folder, "127.0.0.1:0", "", more);
        relay.call("PUT", "/v1/configuration", "application/yaml", DOCUMENT);
        relay
    }

    /// The same again after it was killed.
    pub(crate) fn again(&self, folder: &Path) -> Self {
        Self::start(folder, &self.address, &self.key, &[])
    }

    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    pub(crate) fn call(&self, method: &str, path: &str, kind: &str, body: &str) -> Value {
        let authorization = STANDARD.encode(format!(":{}", self.key));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Basic {authorization}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("the relay listens");
        stream.set_read_timeout(Some(ANSWER_PATIENCE)).expect("a time that is not zero");
        stream.write_all(head.as_bytes()).expect("the relay reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the relay answers");
        drop(stream.shutdown(Shutdown::Both));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status");
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, "application/json", &body.to_string())
    }

    /// A connect link for a recipient.
    pub(crate) fn link(&self, recipient: &str) -> String {
        let made = self.post("/v1/connect-codes", &json!({"recipient": recipient}));
        made["link"].as_str().expect("a link").to_owned()
    }

    /// Tells somebody something; answers the notification's id.
    pub(crate) fn tell(&self, recipient: &str, content: &Value) -> String {
        self.tell_with(recipient, "general", content, &json!({}))
    }

    pub(crate) fn tell_with(&self, recipient: &str, category: &str, content: &Value, more: &Value) -> String {
        let mut body = json!({"recipients": [recipient], "category": category, "content": content});
        for (key, value) in more.as_object().expect("fields") {
            body[key] = value.clone();
        }
        let made = self.post("/v1/notifications", &body);
        made["notifications"][0]["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).to_owned()
    }

    /// A notification that waits for an acknowledgement.
    pub(crate) fn alarm(&self, recipient: &str) -> String {
        let event = json!({"type": "alarm", "id": uuid::Uuid::now_v7(), "source": "test", "data": {"who": recipient}});
        let made = self.post("/v1/events", &event);
        made["results"][0]["notifications"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("an id: {made}"))
            .to_owned()
    }

    /// What the relay heard of a notification.
    pub(crate) fn receipts(&self, id: &str) -> Vec<String> {
        let story = self.call("GET", &format!("/v1/notifications/{id}"), "application/json", "");
        let timeline = story["timeline"].as_array().expect("a timeline");
        let receipts = timeline.iter().filter(|entry| entry["kind"] == "receipt");
        receipts.filter_map(|entry| Some(entry["receipt"].as_str()?.to_owned())).collect()
    }
}
