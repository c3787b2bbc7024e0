//! Everything that a mail server is documented to do beside taking a mail.

use std::time::Duration;

use rstest::rstest;
use tidings_core::configuration::SmtpTls;
use tidings_core::delivery::Outcome;
use tokio::net::TcpListener;

use super::rig::{Authority, Wanted, handover, links};
use super::scripted::{Do, Script, Scripted};

async fn outcome_of(script: Script) -> (Outcome, Scripted) {
    let server = Scripted::start(script).await;
    let provider = Wanted { login: false, ..Wanted::plain(server.port) }.provider();
    let outcome = provider.hand_over(&handover("alice@example.org", "d-1"), &links()).await;
    (outcome, server)
}

fn told(outcome: &Outcome) -> (&'static str, Option<&str>) {
    (outcome.kind(), outcome.code())
}

#[tokio::test]
async fn a_mail_is_taken_under_the_servers_own_name_for_it() {
    let (outcome, server) = outcome_of(Script::default()).await;
    assert_eq!(outcome, Outcome::accepted(Some("4F2C1A0B")));
    let seen = server.seen();
    let told = |line: &str| seen.iter().any(|seen| seen == line);
    assert!(told("EHLO tidings.example") && told("MAIL FROM:<hi@shop.example>"), "{seen:#?}");
    assert!(told("RCPT TO:<alice@example.org>") && told("| Message-ID: <d-1@shop.example>"), "{seen:#?}");
}

#[rstest]
#[case::greylisted(Script { recipient: Some(Do::Say("450 4.2.0 greylisted, try again in 5 minutes\r\n")), ..Script::default() }, "address_busy", "smtp_450_4_2_0")]
#[case::closing(Script { sender: Some(Do::Say("421 4.3.2 shutting down\r\n")), ..Script::default() }, "transient", "smtp_421_4_3_2")]
#[case::busy(Script { greeting: Some(Do::Say("421 too many connections\r\n")), ..Script::default() }, "transient", "smtp_421")]
#[case::gone(Script { recipient: Some(Do::Say("550 5.1.1 no such user\r\n")), ..Script::default() }, "address_gone", "smtp_550_5_1_1")]
#[case::spam(Script { content: Some(Do::Say("554 5.7.1 this looks like spam\r\n")), ..Script::default() }, "permanent", "smtp_554_5_7_1")]
#[case::large(Script { content: Some(Do::Say("552 5.3.4 too large\r\n")), ..Script::default() }, "permanent", "smtp_552_5_3_4")]
#[case::sender(Script { sender: Some(Do::Say("530 5.7.0 authentication required\r\n")), ..Script::default() }, "misconfigured", "smtp_530_5_7_0")]
#[case::late(Script { content: Some(Do::Say("451 4.3.0 try later\r\n")), ..Script::default() }, "transient", "smtp_451_4_3_0")]
#[case::data(Script { data: Some(Do::Say("451 4.7.1 greylisted\r\n")), ..Script::default() }, "transient", "smtp_451_4_7_1")]
#[case::closed_before(Script { recipient: Some(Do::Close), ..Script::default() }, "transient", "smtp_closed")]
#[case::closed_at_once(Script { greeting: Some(Do::Close), ..Script::default() }, "transient", "smtp_closed")]
#[case::broken_after_the_content(Script { content: Some(Do::Close), ..Script::default() }, "unknown", "smtp_closed")]
#[case::no_smtp(Script { greeting: Some(Do::Say("HTTP/1.1 200 OK\r\n\r\n")), ..Script::default() }, "transient", "smtp_closed")]
#[tokio::test]
async fn a_failure_is_told_as_what_it_is(#[case] script: Script, #[case] kind: &str, #[case] code: &str) {
    let (outcome, _server) = outcome_of(script).await;
    assert_eq!(told(&outcome), (kind, Some(code)));
}

#[rstest]
#[case::refused(Do::Say("535 5.7.8 bad credentials\r\n"), "misconfigured", "smtp_535_5_7_8")]
#[case::later(Do::Say("454 4.7.0 try again\r\n"), "transient", "smtp_454_4_7_0")]
#[tokio::test]
async fn a_login_is_refused_for_good_or_for_now(#[case] login: Do, #[case] kind: &str, #[case] code: &str) {
    let authority = Authority::new();
    let script = Script { login: Some(login), implicit: Some(authority.server()), ..Script::default() };
    let server = Scripted::start(script).await;
    let provider = Wanted {
        tls: SmtpTls::Implicit,
        login: true,
        trusted: Some(authority.authorities.clone()),
        ..Wanted::plain(server.port)
    };
    let outcome = provider.provider().hand_over(&handover("alice@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), (kind, Some(code)));
    assert_eq!(server.count("MAIL"), 0, "nothing is sent without the login");
}

#[rstest]
#[case::silent_before(Script { recipient: Some(Do::Stay), ..Script::default() }, "transient")]
#[case::half_open(Script { greeting: Some(Do::Stay), ..Script::default() }, "transient")]
#[case::silent_after_the_content(Script { content: Some(Do::Stay), ..Script::default() }, "unknown")]
#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time(#[case] script: Script, #[case] kind: &str) {
    let server = Scripted::start(script).await;
    let deadline = Duration::from_secs(3);
    let provider = Wanted { deadline, ..Wanted::plain(server.port) }.provider();
    let outcome = provider.hand_over(&handover("a@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), (kind, Some("timeout")));
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let outcome = Wanted::plain(port).provider().hand_over(&handover("a@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), ("transient", Some("connection_refused")));
}

#[tokio::test]
async fn a_private_network_is_called_only_if_the_node_allows_it() {
    let server = Scripted::start(Script::default()).await;
    let provider = Wanted { allowed: false, ..Wanted::plain(server.port) }.provider();
    let outcome = provider.hand_over(&handover("a@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), ("misconfigured", Some("address_not_public")));
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Scripted::start(Script::default()).await;
    let provider = Wanted::plain(server.port).provider();
    for delivery in ["d-1", "d-2", "d-3"] {
        let outcome = provider.hand_over(&handover("alice@example.org", delivery), &links()).await;
        assert_eq!(outcome.kind(), "accepted");
    }
    assert_eq!((server.count("CONNECTED"), server.count("DATA")), (1, 3));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_a_new_one_and_no_mail() {
    let server = Scripted::start(Script { mails_max: Some(1), ..Script::default() }).await;
    let provider = Wanted::plain(server.port).provider();
    for delivery in ["d-1", "d-2"] {
        let outcome = provider.hand_over(&handover("alice@example.org", delivery), &links()).await;
        assert_eq!(outcome.kind(), "accepted", "{outcome:?}");
    }
    assert_eq!((server.count("CONNECTED"), server.count("| Message-ID")), (2, 2));
}

#[tokio::test]
async fn a_refused_recipient_leaves_the_connection_for_the_next() {
    let script = Script { recipient: Some(Do::Say("550 5.1.1 no such user\r\n")), ..Script::default() };
    let server = Scripted::start(script).await;
    let provider = Wanted::plain(server.port).provider();
    for delivery in ["d-1", "d-2"] {
        let outcome = provider.hand_over(&handover("alice@example.org", delivery), &links()).await;
        assert_eq!(outcome.kind(), "address_gone");
    }
    assert_eq!((server.count("CONNECTED"), server.count("RSET")), (1, 2));
}

#[tokio::test]
async fn one_server_gets_at_most_eight_connections() {
    let server = Scripted::start(Script::default()).await;
    let provider = Wanted::plain(server.port).provider();
    let handings = (0..40).map(|number| {
        let provider = provider.clone();
        async move { provider.hand_over(&handover("a@example.org", &format!("d-{number}")), &links()).await }
    });
    for outcome in futures_util::future::join_all(handings).await {
        assert_eq!(outcome.kind(), "accepted", "{outcome:?}");
    }
    assert_eq!(server.count("| Message-ID"), 40);
    assert!(
        server.count("CONNECTED") <= super::super::pool::CONNECTIONS_MAX,
        "{}",
        server.count("CONNECTED")
    );
}

#[rstest]
#[case(SmtpTls::Implicit)]
#[case(SmtpTls::StartTls)]
#[tokio::test]
async fn a_certificate_is_asked_for_whose_authority_is_trusted(#[case] tls: SmtpTls) {
    let (ours, other) = (Authority::new(), Authority::new());
    let script = match tls {
        SmtpTls::Implicit => Script { implicit: Some(ours.server()), ..Script::default() },
        SmtpTls::StartTls | SmtpTls::None => Script { starttls: Some(ours.server()), ..Script::default() },
    };
    let server = Scripted::start(script).await;
    let told_with = async |authority: &Authority| {
        let trusted = Some(authority.authorities.clone());
        let wanted = Wanted { tls, login: true, trusted, ..Wanted::plain(server.port) };
        wanted.provider().hand_over(&handover("a@example.org", "d-1"), &links()).await
    };
    assert_eq!(told_with(&other).await.code(), Some("certificate_not_trusted"));
    assert_eq!(server.count("AUTH"), 0, "no password before the certificate is good");
    let outcome = told_with(&ours).await;
    assert_eq!(outcome.kind(), "accepted", "{outcome:?}");
    assert_eq!(server.count("AUTH PLAIN"), 1);
    let plain: Vec<_> = server.seen().into_iter().filter(|line| line.starts_with("plain")).collect();
    assert!(plain.iter().all(|line| line.starts_with("plain EHLO") || line == "plain STARTTLS"), "{plain:?}");
}

#[tokio::test]
async fn without_encryption_on_offer_nothing_is_said() {
    let server = Scripted::start(Script::default()).await;
    let provider = Wanted { tls: SmtpTls::StartTls, login: true, ..Wanted::plain(server.port) }.provider();
    let outcome = provider.hand_over(&handover("a@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), ("misconfigured", Some("starttls_not_offered")));
    assert_eq!(server.count("AUTH") + server.count("MAIL"), 0);
}

#[tokio::test]
async fn what_somebody_puts_between_before_the_encryption_is_not_believed() {
    let authority = Authority::new();
    let script = Script {
        starttls: Some(authority.server()),
        injected: "250-mail.example\r\n250 AUTH LOGIN\r\n",
        ..Script::default()
    };
    let server = Scripted::start(script).await;
    let trusted = Some(authority.authorities.clone());
    let wanted = Wanted { tls: SmtpTls::StartTls, login: true, trusted, ..Wanted::plain(server.port) };
    let outcome = wanted.provider().hand_over(&handover("a@example.org", "d-1"), &links()).await;
    assert_eq!(told(&outcome), ("transient", Some("tls_failed")));
    assert_eq!(server.count("AUTH"), 0);
}
