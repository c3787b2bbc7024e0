//! Exim from Debian's package, in a folder and on ports of its own: the machine's own server and others are not touched.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The longest wait for the server, and for a mail.
const MAIL_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Debian's name for it.
const EXIM: &str = "/usr/sbin/exim4";

/// A mail server that runs. `alice`, `bob`, `chen` and `dora` at `example.org` have a mailbox; the account `shop` with
/// the password `hush` may send. It does not outlive the test.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    folder: TempDir,
    /// In plain text, without an account.
    pub plain: u16,
    /// STARTTLS, with the account.
    pub submission: u16,
    /// Encrypted from the first byte, with the account.
    pub submissions: u16,
}

impl MailServer {
    /// Starts it with a certificate and its key as PEM files; none where only root may start one, and this is not root.
    ///
    /// # Panics
    /// If it does not start where it may.
    #[must_use]
    pub fn start(certificate: &Path, key: &Path) -> Option<Self> {
        let who = Command::new("id").arg("-u").output().expect("id runs");
        if who.stdout.trim_ascii() != b"0" {
            return None;
        }
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["spool", "log", "mail"] {
            std::fs::create_dir(at(name)).expect("there is room");
        }
        for (name, file) in [("leaf.pem", certificate), ("leaf.key", key)] {
            std::fs::copy(file, at(name)).expect("the file is there");
        }
        // It gives root's rights up at once, and then has to get at its files.
        let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(folder.path()).status();
        assert!(opened.expect("chmod runs").success(), "the server may read and write");
        let [plain, submission, submissions] = free_ports();
        let settings = settings(folder.path(), [plain, submission, submissions]);
        std::fs::write(at("exim.conf"), settings).expect("there is room");
        let said = std::fs::File::create(at("said")).expect("there is room");
        let child = Command::new(EXIM)
            .arg("-C")
            .arg(at("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("Debian's exim4 is there");
        let server = Self { child, folder, plain, submission, submissions };
        server.wait_until(|| greets(plain) && greets(submission), "it listens");
        Some(server)
    }

    /// The mails of a mailbox, once there are so many.
    ///
    /// # Panics
    /// If they do not come.
    #[must_use]
    pub fn mails(&self, mailbox: &str, count: usize) -> Vec<String> {
        self.wait_until(|| self.in_box(mailbox).len() >= count, "the mails come");
        self.in_box(mailbox)
    }

    /// What is in a mailbox at this moment.
    #[must_use]
    pub fn in_box(&self, mailbox: &str) -> Vec<String> {
        let new = self.folder.path().join("mail").join(mailbox).join("new");
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(new).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect()
    }

    fn wait_until(&self, holds: impl Fn() -> bool, what: &str) {
        let began = Instant::now();
        while !holds() {
            let log = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let said = || format!("{}{}", log("said"), log("log/mainlog"));
            assert!(began.elapsed() < MAIL_TIMEOUT, "{what} in time; the server said: {}", said());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().expect("it was killed");
        }
    }
}

fn settings(folder: &Path, [plain, submission, submissions]: [u16; 3]) -> String {
    let folder = folder.display();
    format!(
        "primary_hostname = localhost
domainlist local_domains = example.org
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {plain} : {submission} : {submissions}
tls_on_connect_ports = {submissions}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{plain}}}{{}}{{*}}}}
tls_certificate = {folder}/leaf.pem
tls_privatekey = {folder}/leaf.key
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
smtp_accept_max_per_connection = 1000
acl_smtp_rcpt = recipient
acl_smtp_data = content
deliver_drop_privilege = true
keep_environment =
host_lookup =
rfc1413_hosts =
begin acl
recipient:
  deny !authenticated = *
       condition = ${{if !eq{{$received_port}}{{{plain}}}}}
       message = 5.7.0 sign in first
  deny !domains = +local_domains
       message = 5.7.1 no relay
  require verify = recipient
  accept
content:
  accept
begin routers
boxes:
  driver = accept
  domains = +local_domains
  local_parts = alice : bob : chen : dora
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/mail/$local_part_data
  maildir_format
  create_directory
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{shop}}}}{{eq{{$auth3}}{{hush}}}}}}}}
  server_set_id = $auth2
"
    )
}

/// Ports that nobody listens on at this moment.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("there is a free port"));
    std::array::from_fn(|at| listeners[at].local_addr().expect("it listens").port())
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut greeting = [0_u8; 3];
    let timed = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let greeted = timed.is_ok() && stream.read_exact(&mut greeting).is_ok() && greeting == *b"220";
    greeted && stream.write_all(b"QUIT\r\n").is_ok()
}
