//! Reports as servers write them.

use rstest::rstest;

use super::*;

/// A delivery status notification as Postfix writes it.
fn dsn(action: &str, status: &str, diagnostic: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@shop.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"4F2C1A.1795/mx.example\"\r\n\r\n\
         This is a MIME-encapsulated message.\r\n\r\n--4F2C1A.1795/mx.example\r\nContent-Description: Notification\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\r\nAction: delivered, they say.\r\n\r\n--4F2C1A.1795/mx.example\r\n\
         Content-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\nX-Postfix-Queue-ID: 4F2C1A\r\nArrival-Date: Sat, 28 Nov 2026 05:00:00 +0000\r\n\r\n\
         Final-Recipient: rfc822; alice@example.org\r\nOriginal-Recipient: rfc822;alice@example.org\r\nAction: {action}\r\n\
         Status: {status}\r\nRemote-MTA: dns; mail.example.org\r\nDiagnostic-Code: smtp; {diagnostic}\r\n\r\n\
         --4F2C1A.1795/mx.example\r\nContent-Description: Undelivered Message\r\nContent-Type: message/rfc822\r\n\r\n\
         From: Shop <hi@shop.example>\r\nTo: alice@example.org\r\nMessage-ID:\r\n <0197b2-1@shop.example>\r\nSubject: Hi\r\n\r\nHi\r\n\
         --4F2C1A.1795/mx.example--\r\n"
    )
}

#[rstest]
#[case::unknown("failed", "5.1.1", "550 5.1.1 <alice@example.org>: User unknown", Said::Bounced { hard: true }, "dsn_5_1_1")]
#[case::closed("failed", "5.2.1", "550 5.2.1 closed", Said::Bounced { hard: true }, "dsn_5_2_1")]
#[case::full("failed", "5.2.2", "552 5.2.2 over quota", Said::Bounced { hard: false }, "dsn_5_2_2")]
#[case::filtered("failed", "5.7.1", "554 5.7.1 spam", Said::Bounced { hard: false }, "dsn_5_7_1")]
#[case::gave_up("failed", "4.4.1", "connect to mail.example.org: timed out", Said::Bounced { hard: false }, "dsn_4_4_1")]
#[case::said_by_the_server("failed", "5.0.0", "550 5.1.1 no such user", Said::Bounced { hard: true }, "dsn_5_1_1")]
#[case::late("delayed", "4.2.0", "450 4.2.0 greylisted", Said::Delayed, "dsn_4_2_0")]
#[case::there("delivered", "2.0.0", "250 ok", Said::Delivered, "dsn_2_0_0")]
fn a_status_notification_is_read(
    #[case] action: &str,
    #[case] status: &str,
    #[case] diagnostic: &str,
    #[case] said: Said,
    #[case] code: &str,
) {
    let expected = Report {
        said,
        code: code.to_owned(),
        delivery: Some("0197b2-1".to_owned()),
        address: Some("alice@example.org".to_owned()),
    };
    let mail = dsn(action, status, diagnostic);
    assert_eq!(read(&mail), Some(expected.clone()));
    // Some servers write lines as Unix does.
    assert_eq!(read(&mail.replace("\r\n", "\n")), Some(expected));
}

fn arf(kind: &str) -> String {
    format!(
        "From: <abuse@provider.example>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=part1\n\n\
         --part1\nContent-Type: text/plain\n\nThis is a complaint.\n\n--part1\nContent-Type: message/feedback-report\n\n\
         Feedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Rcpt-To: <alice@example.org>\n\n\
         --part1\nContent-Type: text/rfc822-headers\n\nFrom: <hi@shop.example>\nMessage-ID: <0197b2-1@shop.example>\n--part1--\n"
    )
}

#[rstest]
#[case("abuse", true)]
#[case("Fraud", true)]
#[case("not-spam", false)]
#[case("auth-failure", false)]
fn a_complaint_is_read(#[case] kind: &str, #[case] counts: bool) {
    let report = read(&arf(kind));
    assert_eq!(report.is_some(), counts);
    if let Some(report) = report {
        assert_eq!((report.said, report.delivery.as_deref()), (Said::Complained, Some("0197b2-1")));
        assert_eq!(report.address.as_deref(), Some("alice@example.org"));
    }
}

#[rstest]
#[case::answer(
    "From: alice@example.org\r\nSubject: Re: Hi\r\nAuto-Submitted: auto-replied\r\n\r\nI am on holiday. Status: 5.1.1\r\n"
)]
#[case::nothing("")]
#[case::unended(
    "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n"
)]
#[case::no_status(
    "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\n--x--"
)]
fn what_is_no_report_is_none(#[case] mail: &str) {
    assert_eq!(read(mail), None);
}

#[test]
fn a_report_in_base64_and_one_in_many_layers_end() {
    let deep: String = (0..200)
        .map(|layer| format!("Content-Type: multipart/mixed; boundary=b{layer}\n\n--b{layer}\n"))
        .collect();
    assert_eq!(read(&deep), None);
    let encoded = "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\
        Content-Transfer-Encoding: base64\n\nUmVwb3J0aW5nLU1UQTogZG5zOyBhCgpBY3Rpb246IGZhaWxlZApTdGF0dXM6IDUuMS4xCg==\n--x--\n";
    let report = read(encoded).unwrap();
    assert_eq!((report.said, report.delivery), (Said::Bounced { hard: true }, None));
}

#[rstest]
#[case("<0197b2-1@shop.example>", Some("0197b2-1"))]
#[case("0197b2-1@shop.example", Some("0197b2-1"))]
#[case("<a b@x>", None)]
#[case("<@x>", None)]
#[case("no", None)]
fn a_message_id_of_ours_names_its_delivery(#[case] id: &str, #[case] delivery: Option<&str>) {
    assert_eq!(delivery_of(id).as_deref(), delivery);
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,400}") {
        let _ = read(&text);
        let _ = read(&format!("Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n{text}"));
    }
}
