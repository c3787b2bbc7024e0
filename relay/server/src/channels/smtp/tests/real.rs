//! The same provider at a real server: what it writes is what a mail server takes and a mailbox keeps.

use tidings_core::configuration::SmtpTls;

use super::mail_server::MailServer;
use super::rig::{Authority, Wanted, handover, links};

fn server(authority: &Authority) -> Option<MailServer> {
    let server = MailServer::start(&authority.certificate, &authority.key);
    if server.is_none() {
        eprintln!("not run: only root may start the mail server");
    }
    server
}

#[tokio::test]
async fn a_real_server_takes_mails_in_every_way_of_encryption_and_refuses_who_is_not_there() {
    let authority = Authority::new();
    let Some(server) = server(&authority) else { return };
    let ways = [
        (SmtpTls::StartTls, server.submission, true),
        (SmtpTls::Implicit, server.submissions, true),
        (SmtpTls::None, server.plain, false),
    ];
    for (number, (tls, port, login)) in ways.into_iter().enumerate() {
        let trusted = Some(authority.authorities.clone());
        let provider = Wanted { tls, login, trusted, ..Wanted::plain(port) }.provider();
        let delivery = format!("d-{number}");
        let outcome = provider.hand_over(&handover("alice@example.org", &delivery), &links()).await;
        assert_eq!(outcome.kind(), "accepted", "{tls:?}: {outcome:?}");
        let outcome = provider.hand_over(&handover("nobody@example.org", &delivery), &links()).await;
        assert_eq!(outcome.kind(), "address_gone", "{tls:?}: {outcome:?}");
    }
    let mails = tokio::task::spawn_blocking(move || server.mails("alice", 3)).await.unwrap();
    for number in 0..3 {
        let id = format!("Message-ID: <d-{number}@shop.example>");
        let mail = mails.iter().find(|mail| mail.contains(&id)).expect("each mail arrives once");
        assert!(mail.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{mail}");
        // A line with nothing but a dot ends a mail; this one is in its text and stays there.
        assert!(mail.contains("Order 1001") && mail.contains("is confirmed."), "{mail}");
    }
    assert_eq!(mails.len(), 3);
}

#[tokio::test]
async fn a_real_server_refuses_a_wrong_password_as_a_misconfiguration() {
    let authority = Authority::new();
    let Some(server) = server(&authority) else { return };
    let trusted = Some(authority.authorities.clone());
    let wanted = Wanted {
        tls: SmtpTls::StartTls,
        login: true,
        password: "wrong",
        trusted,
        ..Wanted::plain(server.submission)
    };
    let outcome = wanted.provider().hand_over(&handover("alice@example.org", "d-1"), &links()).await;
    assert_eq!(outcome.kind(), "misconfigured", "{outcome:?}");
    assert!(server.in_box("alice").is_empty());
}
