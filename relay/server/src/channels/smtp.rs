//! Mail submission: one mail, once, over a connection that is kept for the next.
//!
//! What is certain is told apart from what is not: until the mail's content is sent nothing has happened, and a
//! connection that breaks after that leaves an unknown outcome. The `Message-ID` is the delivery's, so that a mailbox
//! that got a repetition can tell.

mod compose;
mod connection;
mod pool;
mod reply;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lettre::Address;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::ExposeSecret as _;
use tidings_core::configuration::{SmtpAccount, SmtpTls};
use tidings_core::delivery::{Handover, Outcome};
use url::Url;

use self::compose::{Mail, Sender};
use self::connection::Server;
use self::pool::{Idle, Pool};
use self::reply::{Failure, Stage};
use super::{ATTEMPT_DEADLINE, Links, Opening, Provider};

/// One account at one mail server.
#[derive(Debug)]
struct Smtp {
    server: Server,
    sender: Sender,
    pool: Pool,
    deadline: Duration,
}

/// Makes it ready.
pub(super) fn open(opening: &Opening<'_>, account: &SmtpAccount) -> Result<Arc<dyn Provider>, &'static str> {
    Ok(Arc::new(Smtp::new(opening, account, ATTEMPT_DEADLINE)?))
}

/// What the relay calls itself: servers look the name up.
fn hello(public_url: &str) -> ClientId {
    match Url::parse(public_url).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(url::Host::Domain(name)) => ClientId::Domain(name),
        Some(url::Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(url::Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

#[async_trait]
impl Provider for Smtp {
    async fn hand_over(&self, handover: &Handover, links: &Links) -> Outcome {
        let mail = match compose::mail(&self.sender, handover, links) {
            Ok(mail) => mail,
            Err(outcome) => return outcome,
        };
        let content_sent = AtomicBool::new(false);
        match tokio::time::timeout(self.deadline, self.transfer(&mail, &content_sent)).await {
            Ok(outcome) => outcome,
            Err(_) if content_sent.load(Ordering::Acquire) => Outcome::Unknown { code: "timeout".into() },
            Err(_) => Outcome::transient("timeout"),
        }
    }
}

impl Smtp {
    fn new(opening: &Opening<'_>, account: &SmtpAccount, deadline: Duration) -> Result<Self, &'static str> {
        let login = match (&account.user, &opening.password) {
            (Some(user), Some(password)) => {
                Some(Credentials::new(user.clone(), password.expose_secret().to_owned()))
            }
            (Some(_), None) => return Err("secret_missing"),
            (None, _) => None,
        };
        if login.is_some() && account.tls == SmtpTls::None {
            return Err("password_in_plain_text");
        }
        let hello = hello(&opening.outside.public_url);
        let server = Server::new(account, login, hello, &opening.outside.dialer);
        let sender = Sender::new(account, opening.project).ok_or("bad_sender")?;
        Ok(Self { server, sender, pool: Pool::default(), deadline })
    }

    async fn transfer(&self, mail: &Mail, content_sent: &AtomicBool) -> Outcome {
        let _place = self.pool.place().await;
        let (mut connection, used) = match self.begun(mail).await {
            Ok(begun) => begun,
            Err(failure) => return failure.outcome,
        };
        content_sent.store(true, Ordering::Release);
        match connection.message(&mail.bytes).await {
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                let outcome = Outcome::accepted(Some(reply::queue_id(&said).unwrap_or(&mail.id)));
                self.pool.keep(Idle { connection, used: used + 1 });
                outcome
            }
            Err(error) => {
                let failure = Failure::of(Stage::Content, &error);
                self.keep_if_usable(connection, used, &failure).await;
                failure.outcome
            }
        }
    }

    /// A connection on which the server waits for the mail's content.
    async fn begun(&self, mail: &Mail) -> Result<(AsyncSmtpConnection, u32), Failure> {
        while let Some(Idle { mut connection, used }) = self.pool.take() {
            match begin(&mut connection, mail).await {
                Ok(()) => return Ok((connection, used)),
                // The server closed it while nobody used it: nothing was asked for on it.
                Err(failure) if failure.lost => {}
                Err(failure) => {
                    self.keep_if_usable(connection, used, &failure).await;
                    return Err(failure);
                }
            }
        }
        let mut connection = self.server.connect().await?;
        match begin(&mut connection, mail).await {
            Ok(()) => Ok((connection, 0)),
            Err(failure) => {
                self.keep_if_usable(connection, 0, &failure).await;
                Err(failure)
            }
        }
    }

    /// After a refusal the connection is good for the next mail, if the server agrees.
    async fn keep_if_usable(&self, mut connection: AsyncSmtpConnection, used: u32, failure: &Failure) {
        if !failure.lost && connection.command("RSET\r\n").await.is_ok() {
            self.pool.keep(Idle { connection, used: used + 1 });
        }
    }
}

/// Names sender and recipient, and asks to send the content.
async fn begin(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), Failure> {
    let mut parameters = Vec::new();
    if !is_ascii(&mail.to) || !is_ascii(&mail.envelope_from) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::of_outcome(Outcome::Permanent { code: "smtputf8_not_offered".into() }));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let sender = MailFrom::new(Some(mail.envelope_from.clone()), parameters);
    connection.command(sender).await.map_err(|error| Failure::of(Stage::Sender, &error))?;
    let recipient = Rcpt::new(mail.to.clone(), Vec::new());
    connection.command(recipient).await.map_err(|error| Failure::of(Stage::Recipient, &error))?;
    connection.command(Data).await.map_err(|error| Failure::of(Stage::Data, &error))?;
    Ok(())
}

fn is_ascii(address: &Address) -> bool {
    let text: &str = address.as_ref();
    text.is_ascii()
}

#[cfg(test)]
mod tests;
