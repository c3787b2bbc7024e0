//! Mail through the whole relay, at a real mail server: from the event to the mailbox, and the way out.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_end_to_end::{Caller, MailServer, Relay, Site};

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

/// A relay that may talk to a mail server on this machine, and trusts its authority.
struct Post {
    relay: Relay,
    server: MailServer,
    _certificates: TempDir,
}

/// A certificate for `localhost`, its key and its authority, as PEM files.
fn certificates() -> (TempDir, [PathBuf; 3]) {
    let folder = tempfile::tempdir().expect("there is room");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("a key is made");
    let issuer = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
    let leaf_key = key();
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("one name");
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("it is signed");
    let files =
        [("leaf.pem", leaf.pem()), ("leaf.key", leaf_key.serialize_pem()), ("authority.pem", issuer.pem())];
    let files = files.map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("there is room");
        path
    });
    (folder, files)
}

impl Post {
    fn start() -> Option<Self> {
        let (folder, [certificate, key, authority]) = certificates();
        let Some(server) = MailServer::start(&certificate, &key) else {
            let console: &mut dyn std::io::Write = &mut std::io::stderr();
            writeln!(console, "not run: only root may start the mail server")
                .expect("standard error is open");
            return None;
        };
        let site = Site::new();
        let mut command: Command = site.serve("127.0.0.1:0");
        command.args(["--allow-network", "127.0.0.0/8", "--trust"]).arg(&authority);
        let relay =
            Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
        let post = Self { relay, server, _certificates: folder };
        let put = post.caller().put("/v1/secrets/smtp", &json!({"value": "hush"}));
        assert_eq!(put.status, 204, "{put:?}");
        assert_eq!(post.caller().put("/v1/secrets/wrong", &json!({"value": "wrong"})).status, 204);
        drop(post.caller().apply(&post.document()).ok(200));
        for name in ["alice", "bob"] {
            post.person(name, name);
        }
        Some(post)
    }

    fn caller(&self) -> Caller {
        self.relay.caller()
    }

    fn document(&self) -> String {
        let (submission, submissions) = (self.server.submission, self.server.submissions);
        format!(
            "tidings: 1
project: {{name: shop, locale: en, unknown_recipient: create}}
policy: {{version: '1'}}
providers:
  first:  {{channel: email, kind: smtp, host: localhost, port: {submission}, user: shop, password: {{secret: wrong}}, from: 'Shop <hi@shop.example>'}}
  second: {{channel: email, kind: smtp, host: localhost, port: {submissions}, tls: implicit, user: shop, password: {{secret: smtp}}, from: 'Shop <hi@shop.example>'}}
channels: {{email: {{providers: [first, second]}}}}
categories:
  general: {{name: {{en: General}}, legal: service, channels: [email]}}
  offers: {{name: {{en: Offers}}, legal: marketing, channels: [email], count: {{links: true}}}}
rules:
  promotion: {{on: promotion, notify: data.customer, category: offers, template: promotion}}
templates:
  promotion:
    en:
      title: '{{{{ data.headline }}}}'
      email:
        subject: '{{{{ data.headline }}}}'
        mjml: |
          <mjml><mj-body><mj-section><mj-column>
            {{% for item in data.items %}}<mj-text>* {{{{ item.name }}}}</mj-text>
            {{% endfor %}}<mj-button href=\"https://shop.example/offers\">See</mj-button>
          </mj-column></mj-section></mj-body></mjml>
"
        )
    }

    fn person(&self, name: &str, mailbox: &str) {
        let path = format!("/v1/recipients/{name}");
        drop(self.caller().put(&path, &json!({"locale": "en"})).ok(201));
        let address = json!({"address": format!("{mailbox}@example.org"), "verified": true});
        drop(self.caller().put(&format!("{path}/endpoints/email"), &address).ok(200));
        let grant = json!({"decision": "granted", "category": "offers", "channels": ["email"], "policy_version": "1"});
        drop(self.caller().post(&format!("{path}/consent"), &grant).ok(201));
    }

    /// States a promotion for somebody; answers the notification.
    fn promote(&self, id: &str, recipient: &str) -> Value {
        let data = json!({"customer": recipient, "headline": format!("Offer {id} <&>"), "items": [{"name": "Lamp <b>"}, {"name": "Chair"}]});
        let event = json!({"type": "promotion", "id": id, "source": "shop", "data": data});
        let answer = self.caller().post("/v1/events?verdicts=all", &event).ok(202);
        answer["results"][0]["notifications"][0].clone()
    }

    fn story(&self, notification: &Value) -> Value {
        let id = notification["id"].as_str().expect("it has an id");
        self.caller().get(&format!("/v1/notifications/{id}")).ok(200)
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "{what} in time; the relay said: {}",
                self.relay.site().log()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn balanced(&self) {
        let books = self.caller().get("/v1/accounting").ok(200);
        assert_eq!(books["residue"], 0, "{books}");
    }
}

/// A header of a mail, unfolded.
fn header(mail: &str, name: &str) -> String {
    let unfolded = mail.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let line = unfolded.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    line.unwrap_or_else(|| panic!("{name} in {mail}"))
}

/// The path of a link of the relay in a mail's body, its transfer encoding undone as far as it stands in links.
fn link(mail: &str, kind: &str) -> String {
    let plain = mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let at = plain.rfind(kind).unwrap_or_else(|| panic!("{kind} in {plain}"));
    plain[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_')).collect()
}

#[test]
fn an_offer_arrives_as_a_mail_and_one_click_ends_them() {
    let Some(post) = Post::start() else { return };
    let first = post.promote("1", "alice");
    let mail = post.server.mails("alice", 1).remove(0);
    assert_eq!(header(&mail, "To"), "alice@example.org");
    assert_eq!(header(&mail, "Subject"), "Offer 1 <&>");
    assert_eq!(header(&mail, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert!(mail.contains("Lamp &lt;b&gt;") && mail.contains("Chair"), "{mail}");
    post.until("it is reached", || post.story(&first)["state"] == "reached");
    let told = post.story(&first).to_string();
    assert!(told.contains("smtp_535"), "the account with the wrong password is told: {told}");

    let way_out = header(&mail, "List-Unsubscribe");
    let path = way_out
        .trim_matches(['<', '>'])
        .trim_start_matches("http://")
        .trim_start_matches(post.relay.address());
    let stranger = post.relay.stranger();
    assert_eq!(stranger.get(path).status, 200);
    let second = post.promote("2", "alice");
    assert_eq!(post.server.mails("alice", 2).len(), 2, "reading the page ended nothing");
    assert_eq!(second["state"], "active");

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let done = stranger.call("POST", path, &form, b"List-Unsubscribe=One-Click");
    assert!(done.status == 200 && done.text().contains("You are unsubscribed"), "{done:?}");
    let third = post.promote("3", "alice");
    assert_eq!(
        (&third["state"], &third["stopped_by"]["gate"]),
        (&json!("suppressed"), &json!("consent")),
        "{third}"
    );
    let ledger = post.caller().get("/v1/recipients/alice/consent").ok(200);
    let newest = &ledger["items"][0];
    assert_eq!(
        (&newest["decision"], &newest["collected"]["how"]),
        (&json!("withdrawn"), &json!("unsubscribe_link"))
    );
    drop(post.promote("4", "bob"));
    assert_eq!(post.server.mails("bob", 1).len(), 1, "the others go on");
    assert_eq!(post.server.in_box("alice").len(), 2);
    post.balanced();
}

#[test]
fn a_link_of_a_mail_leads_on_and_is_counted() {
    let Some(post) = Post::start() else { return };
    let made = post.promote("1", "alice");
    let mail = post.server.mails("alice", 1).remove(0);
    let path = link(&mail, "/c/");
    let agent = [("user-agent", BROWSER)];
    // The first moments after the delivery are a program's.
    post.until("a person's click is counted", || {
        let reply = post.relay.stranger().call("GET", &path, &agent, b"");
        assert_eq!((reply.status, reply.header("location")), (302, Some("https://shop.example/offers")));
        post.story(&made)["timeline"].to_string().contains("\"clicked\"")
    });
    post.balanced();
}

#[test]
fn a_mailbox_that_is_not_there_is_never_written_to_again() {
    let Some(post) = Post::start() else { return };
    post.person("nobody", "nobody");
    let made = post.promote("1", "nobody");
    let stopped = || post.caller().get("/v1/stop-list").ok(200)["items"].clone();
    post.until("the address is stopped", || stopped()[0]["address"] == "nobody@example.org");
    assert_eq!(post.story(&made)["state"], "failed");
    let again = post.promote("2", "nobody");
    assert_eq!(again["state"], "suppressed", "{again}");
    post.balanced();
}

#[test]
fn a_mail_that_comes_back_later_fails_what_had_reached_somebody() {
    let Some(post) = Post::start() else { return };
    let made = post.promote("1", "alice");
    let mail = post.server.mails("alice", 1).remove(0);
    post.until("it is reached", || post.story(&made)["state"] == "reached");
    let report = format!(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; alice@example.org\r\n\
         Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b--\r\n"
    );
    let heard = post.caller().call(
        "POST",
        "/v1/inbound/second",
        &[("content-type", "message/rfc822")],
        report.as_bytes(),
    );
    assert_eq!(heard.ok(200)["heard"], "bounce");
    assert_eq!(post.story(&made)["state"], "failed");
    let again = post.promote("2", "alice");
    assert_eq!(again["state"], "suppressed", "{again}");
    post.balanced();
}
