//! OpenSMTPD from Debian's package, alone in a mount namespace of its own: two of them, or the machine's own, do not meet.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The longest wait for the server, and for a mail.
const MAIL_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A mail server that runs. Everybody at `example.org` but `nobody@example.org` has a mailbox; the account `shop` with
/// the password `hush` may send. It does not outlive the test.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    folder: TempDir,
    /// In plain text.
    pub plain: u16,
    /// STARTTLS, with the account.
    pub submission: u16,
    /// Encrypted from the first byte, with the account.
    pub submissions: u16,
}

impl MailServer {
    /// Starts it with a certificate and its key as PEM files; none where this process may not.
    ///
    /// # Panics
    /// If it does not start where it may.
    #[must_use]
    pub fn start(certificate: &Path, key: &Path) -> Option<Self> {
        let may = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
        if !may.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let open = |path: &Path| {
            let may = Command::new("chmod").arg("777").arg(path).status();
            assert!(may.expect("chmod runs").success(), "the mailboxes' owner may write there");
        };
        open(folder.path());
        let boxes = folder.path().join("mail");
        std::fs::create_dir(&boxes).expect("there is room");
        open(&boxes);
        let [plain, submission, submissions] = free_ports();
        let private = folder.path().join("leaf.key");
        std::fs::copy(key, &private).expect("the key is there");
        let only_owner = Command::new("chmod").arg("600").arg(&private).status();
        assert!(only_owner.expect("chmod runs").success(), "the server refuses a key that others may read");
        let settings = settings(certificate, &private, &boxes, [plain, submission, submissions]);
        let file = folder.path().join("smtpd.conf");
        std::fs::write(&file, settings).expect("there is room");
        // Its queue and its control socket have fixed places.
        let line = "mount -t tmpfs none /var/spool && mount -t tmpfs none /run && mkdir -m 711 /var/spool/smtpd && exec smtpd -d -f \"$CONF\"";
        let log = std::fs::File::create(folder.path().join("log")).expect("there is room");
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", line])
            .env("CONF", &file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unshare runs");
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
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < MAIL_TIMEOUT, "{what} in time; the server said: {}", log());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // The namespace of processes ends with the one that holds it.
        if self.child.kill().is_ok() {
            self.child.wait().expect("it was killed");
        }
    }
}

fn settings(
    certificate: &Path,
    key: &Path,
    boxes: &Path,
    [plain, submission, submissions]: [u16; 3],
) -> String {
    // SHA-512 of `hush`, as `smtpctl encrypt` writes it.
    let hash =
        "$6$tidings$sYrQTdblhTQe9kJwwO4N3mRS6ty5Zq2HTIzt2EWT9aJA8iOf/jEdHwvTzvYW1n62XmHRaZBwlG7WL2vvWKkqD1";
    format!(
        "pki localhost cert \"{certificate}\"\n\
         pki localhost key \"{key}\"\n\
         table accounts {{ shop = \"{hash}\" }}\n\
         table mailboxes {{ \"nobody@example.org\" = error:550, \"@example.org\" = \"nobody\" }}\n\
         listen on lo inet4 port {plain} hostname localhost\n\
         listen on lo inet4 port {submission} tls-require pki localhost hostname localhost auth <accounts>\n\
         listen on lo inet4 port {submissions} smtps pki localhost hostname localhost auth <accounts>\n\
         action \"keep\" maildir \"{boxes}/%{{rcpt.user}}\" virtual <mailboxes>\n\
         match from any for domain example.org action \"keep\"\n",
        certificate = certificate.display(),
        key = key.display(),
        boxes = boxes.display(),
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
