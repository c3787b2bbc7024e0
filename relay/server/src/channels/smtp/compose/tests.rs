//! What a mail is made of.

use tidings_core::configuration::SmtpTls;
use tidings_protocol::LegalClass;

use super::*;
use crate::channels::testing;

/// A line break in every form that a header could be broken with.
const BREAK: &str = "\r\nBcc: eve@evil.example\nX-Evil: 1\r\u{2028}\0<b>\"";

fn account() -> SmtpAccount {
    SmtpAccount {
        host: "mail.example".to_owned(),
        port: 587,
        tls: SmtpTls::StartTls,
        user: None,
        from: "Shop, Berlin <hi@shop.example>".to_owned(),
        bounces: None,
    }
}

fn handover() -> Handover {
    testing::mail(EmailContent {
        subject: "Thank you, 爱丽丝".to_owned(),
        text: "Order 1001 is confirmed.".to_owned(),
        html: Some(
            "<p>Order <b>1001</b> is confirmed. <a href=\"https://shop.example/o/1\">See</a></p>".to_owned(),
        ),
    })
}

fn links() -> Links {
    Links { unsubscribe: Some("https://t.example/u/TOKEN".to_owned()), ..Links::default() }
}

fn composed(handover: &Handover, links: &Links) -> String {
    let sender = Sender::new(&account(), &handover.project).unwrap();
    let mail = mail(&sender, handover, links).unwrap();
    String::from_utf8(mail.bytes).unwrap()
}

/// The header lines, each with what is folded below it.
fn headers_of(mail: &str) -> Vec<String> {
    let head = mail.split("\r\n\r\n").next().unwrap();
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_mail_has_the_headers_that_programs_read() {
    let mail = composed(&handover(), &links());
    let headers = headers_of(&mail);
    for expected in [
        "From: =?utf-8?b?U2hvcCwgQmVybGlu?= <hi@shop.example>",
        "To: alice@example.org",
        "Message-ID: <0197b2-1@shop.example>",
        "List-Unsubscribe: <https://t.example/u/TOKEN>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Id: Offers <promotions.shop.example>",
        "Auto-Submitted: auto-generated",
        "Feedback-ID: promotions:marketing:shop:tidings",
        "Content-Language: en",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.iter().any(|line| line == expected), "{expected} is not in {headers:#?}");
    }
    assert!(headers.iter().any(|line| line.starts_with("Date: ")), "{headers:#?}");
    assert!(headers.iter().any(|line| line.starts_with("Subject: ") && line.contains("=?utf-8?")));
    assert!(headers.iter().any(|line| line.starts_with("Content-Type: multipart/alternative")));
    assert!(mail.is_ascii(), "a mail goes through servers that know seven bits");
}

#[test]
fn both_parts_have_a_visible_way_out_in_the_recipients_language() {
    for (locale, words) in [
        ("en", "Unsubscribe from “Offers”"),
        ("zh-Hans", "退订“Offers”"),
        ("de-AT", "„Offers“ abbestellen"),
        ("fr", "Unsubscribe from “Offers”"),
    ] {
        let handover = Handover { locale: locale.into(), ..handover() };
        let Form::Email(content) = &handover.form else { panic!("it is a mail") };
        let text = text_part(content, &handover, &links());
        assert!(text.contains(words) && text.contains("https://t.example/u/TOKEN"), "{text}");
        let html = html_part(content, &handover, &links()).unwrap();
        assert!(html.contains(words) && html.contains("href=\"https://t.example/u/TOKEN\""), "{html}");
    }
}

#[test]
fn an_essential_mail_has_no_way_out() {
    let mail = composed(&Handover { legal: LegalClass::Essential, ..handover() }, &Links::default());
    assert!(!mail.contains("List-Unsubscribe") && !mail.contains("Unsubscribe"), "{mail}");
}

#[test]
fn no_field_that_data_can_reach_breaks_a_header() {
    let plain = headers_of(&composed(&handover(), &links())).len();
    let evil = |text: &str| -> Box<str> { format!("{text}{BREAK}").into() };
    let content = EmailContent { subject: format!("s{BREAK}"), text: format!("t{BREAK}"), html: None };
    let broken = [
        Handover { form: Form::Email(Box::new(content)), ..handover() },
        Handover { category_name: evil("Offers"), ..handover() },
        Handover { delivery: evil("d"), ..handover() },
        Handover { locale: evil("en"), ..handover() },
        Handover { key: evil("k"), collapse: Some(evil("c")), provider: evil("p"), ..handover() },
    ];
    for handover in broken {
        let mail = composed(&handover, &links());
        let headers = headers_of(&mail);
        assert!(headers.len() <= plain + 1, "{headers:#?}");
        let injected = headers.iter().any(|line| {
            let lower = line.to_ascii_lowercase();
            lower.starts_with("bcc") || lower.starts_with("x-evil")
        });
        assert!(!injected, "{headers:#?}");
        for line in &headers {
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
    }
    let odd = Links { unsubscribe: Some(format!("https://t.example/u/T{BREAK}")), ..Links::default() };
    let headers = headers_of(&composed(&handover(), &odd));
    assert!(
        !headers.iter().any(|line| line.starts_with("Bcc") || line.starts_with("X-Evil")),
        "{headers:#?}"
    );
}

#[test]
fn an_address_with_more_than_one_mailbox_in_it_is_not_written_to() {
    for address in [
        "alice@example.org\r\nBcc: eve@evil.example",
        "alice@example.org>\r\nRCPT TO:<eve@evil.example",
        "alice@example.org, eve@evil.example",
        "",
        "alice",
    ] {
        let handover = Handover { address: address.into(), ..handover() };
        let sender = Sender::new(&account(), &handover.project).unwrap();
        let outcome = mail(&sender, &handover, &links()).unwrap_err();
        assert_eq!(outcome.code(), Some("no_address"), "{address:?}");
    }
}

#[test]
fn a_domain_of_another_script_is_written_as_the_protocol_wants_it() {
    let handover = Handover { address: "alice@bücher.example".into(), ..handover() };
    let sender = Sender::new(&account(), &handover.project).unwrap();
    let mail = mail(&sender, &handover, &links()).unwrap();
    assert_eq!(AsRef::<str>::as_ref(&mail.to), "alice@xn--bcher-kva.example");
}

#[test]
fn the_way_out_stands_inside_the_body_of_a_whole_page() {
    let content = |html: &str| EmailContent { html: Some(html.to_owned()), ..EmailContent::default() };
    let page =
        html_part(&content("<!doctype html><HTML><body><p>x</p></BODY></HTML>"), &handover(), &links());
    let page = page.unwrap();
    assert!(page.ends_with("</a></p></BODY></HTML>"), "{page}");
    let fragment = html_part(&content("<p>x</p>"), &handover(), &links()).unwrap();
    assert!(
        fragment.starts_with("<!doctype html><html lang=\"en\">")
            && fragment.ends_with("</a></p></body></html>")
    );
}

#[test]
fn counted_links_and_the_picture_are_there_only_if_the_category_asks() {
    let asked = Links {
        counted: vec![("https://shop.example/o/1".to_owned(), "https://t.example/c/A".to_owned())],
        opened: Some("https://t.example/c/B".to_owned()),
        ..links()
    };
    let Form::Email(content) = handover().form else { panic!("it is a mail") };
    let html = html_part(&content, &handover(), &asked).unwrap();
    assert!(
        html.contains("href=\"https://t.example/c/A\"") && html.contains("src=\"https://t.example/c/B\"")
    );
    let html = html_part(&content, &handover(), &links()).unwrap();
    assert!(html.contains("https://shop.example/o/1") && !html.contains("<img"), "{html}");
}

#[test]
fn bounces_go_where_the_document_says() {
    let account = SmtpAccount { bounces: Some("bounces@shop.example".to_owned()), ..account() };
    let handover = handover();
    let sender = Sender::new(&account, &handover.project).unwrap();
    let mail = mail(&sender, &handover, &links()).unwrap();
    assert_eq!(AsRef::<str>::as_ref(&mail.envelope_from), "bounces@shop.example");
    assert!(String::from_utf8(mail.bytes).unwrap().contains("<hi@shop.example>"));
}
