//! Documents that are right.

use tidings_protocol::{CategoryId, Channel, RuleId};

use super::super::{DifferenceKind, DigestTrigger, Notify, Over, diff};
use super::*;

fn shop_configuration() -> Configuration {
    let shop = shop();
    check(&shop.document, &shop, 7).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(&shop.document)))
}

#[test]
fn the_worked_example_checks_clean() {
    let shop = shop_configuration();
    assert_eq!(
        (shop.version, shop.project.name.as_str(), shop.rules.len(), shop.templates.len()),
        (7, "shop", 7, 9)
    );
    assert_eq!(shop.project.time_zone.name(), "Europe/Berlin");
    assert_eq!(shop.policy_version(), Some("2026-11"));
    let promotion = &shop.rules[&RuleId::new("promotion").unwrap()];
    assert!(matches!(&promotion.notify, Notify::Segment(name) if name == "runners"));
    assert_eq!(
        promotion.variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>(),
        ["plain", "short"]
    );
    let failed = &shop.rules[&RuleId::new("payment_failed").unwrap()];
    assert_eq!(failed.deliver.as_ref().map(Vec::len), Some(3));
    let promotions = &shop.categories[&CategoryId::new("promotions").unwrap()];
    assert_eq!(promotions.cap.as_ref().map(|cap| cap.over), Some(Over::Digest));
    let digest = promotions.digest.as_ref().unwrap();
    assert!(
        matches!(&digest.trigger, DigestTrigger::At { days, time } if days.len() == 1 && time.hour() == 18)
    );
    assert_eq!(shop.channels[&Channel::Sms].providers, ["sms_a", "sms_b"]);
}

#[test]
fn the_worked_example_is_the_one_of_the_grammar() {
    let ids: Vec<_> =
        shop_configuration().rules_by_event["order.placed"].iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["order_placed"]);
    let cancels = &shop_configuration().cancels_by_event["order.placed"];
    assert_eq!(cancels.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cart_reminder"]);
}

#[test]
fn a_document_names_the_files_that_it_needs() {
    let paths = Bundle::paths(&shop().document).unwrap();
    assert_eq!(paths, shop().files.keys().cloned().collect::<Vec<_>>());
}

#[test]
fn the_built_in_document_has_the_category_general() {
    let built_in = Configuration::built_in();
    let general = &built_in.categories[&CategoryId::new("general").unwrap()];
    assert_eq!(general.channels, [Channel::Inapp, Channel::Push]);
    assert_eq!((built_in.version, built_in.project.name.as_str()), (0, "default"));
}

#[test]
fn json_is_a_document_too() {
    let json = r#"{"tidings": 1, "project": {"name": "shop"},
        "categories": {"general": {"legal": "service", "channels": ["inapp"]}},
        "templates": {"hello": {"en": {"title": "Hello \u00e9 {{ data.name }}"}}},
        "rules": {"greet": {"on": "hello", "category": "general", "template": "hello", "when": true}}}"#;
    let configuration = checked(json).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(json)));
    assert_eq!(configuration.rules.len(), 1);
}

#[test]
fn aliases_and_block_texts_are_read_as_yaml_says() {
    let document = format!("{HEAD}policy:\n  text:\n    en: &why |\n      one\n      two\n    de: *why\n");
    let configuration = checked(&document).unwrap();
    assert_eq!(configuration.policy.unwrap().text.values().collect::<Vec<_>>(), ["one\ntwo\n", "one\ntwo\n"]);
}

#[test]
fn the_digest_sees_values_and_not_layout() {
    let written = |text: &str| checked(text).unwrap().digest;
    let one = written("tidings: 1\nproject: {name: a, locale: de}\n");
    assert_eq!(one, written("# why\nproject:\n  locale: 'de'\n  name: \"a\"\ntidings: 1\n"));
    assert_ne!(one, written("tidings: 1\nproject: {name: b, locale: de}\n"));
    assert_eq!(one.len(), 64);
}

#[test]
fn the_digest_sees_into_files() {
    let mut changed = shop();
    changed.files.get_mut("mail/promotion.en.mjml").unwrap().push('\n');
    let digest = |bundle: &Bundle| check(&bundle.document, bundle, 1).unwrap().digest;
    assert_ne!(digest(&shop()), digest(&changed));
}

#[test]
fn a_difference_is_found_by_its_name() {
    let old = shop();
    let document =
        old.document.replace("expires: 24h", "expires: 12h").replace("retention:", "# kept\nretention:");
    let document = document.replace("  order_shipped: {on:", "  order_sent: {on:");
    let new = Bundle { document, files: old.files.clone() };
    let found: Vec<_> = diff(&old, &new).unwrap().into_iter().map(|one| (one.pointer, one.kind)).collect();
    assert_eq!(
        found,
        [
            ("/rules/order_placed/expires".to_owned(), DifferenceKind::Changed),
            ("/rules/order_sent".to_owned(), DifferenceKind::Added),
            ("/rules/order_shipped".to_owned(), DifferenceKind::Removed),
        ]
    );
}

#[test]
fn a_file_that_changed_is_a_difference() {
    let mut new = shop();
    new.files.insert("mail/promotion.zh.mjml".to_owned(), "<mjml><mj-body></mj-body></mjml>".to_owned());
    let found = diff(&shop(), &new).unwrap();
    let pointers: Vec<_> = found.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(pointers, ["/templates/promotion/zh/email/mjml/content"]);
    assert!(diff(&new, &new).unwrap().is_empty());
}

#[test]
fn a_body_is_a_bundle_or_a_document() {
    let shop = shop();
    assert_eq!(Bundle::from_body(&shop.to_text()), shop);
    assert_eq!(Bundle::from_text(&shop.to_text()).unwrap(), shop);
    assert_eq!(Bundle::from_body("tidings: 1").document, "tidings: 1");
    assert_eq!(Bundle::from_body(r#"{"tidings": 1}"#).document, r#"{"tidings": 1}"#);
}

#[test]
fn strict_makes_every_service_category_rest_on_consent() {
    let strict = checked(&format!("{HEAD}policy: {{version: '1', strict: true}}\n")).unwrap();
    let general = CategoryId::new("general").unwrap();
    assert_eq!(strict.categories[&general].basis, super::super::Basis::Consent);
    assert_eq!(checked(HEAD).unwrap().categories[&general].basis, super::super::Basis::Contract);
}
