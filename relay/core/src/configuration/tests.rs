//! The check as a whole: the worked example, what every mistake says, hostile documents, limits.

mod documents;
mod hostile;
mod kinds;
mod providers;

use std::collections::BTreeMap;

use super::{Bundle, Configuration, Mistakes, check};

/// The least that a document needs, with a place for more lines.
const HEAD: &str = "tidings: 1\ncategories: {general: {legal: service, channels: [inapp, push]}}\ntemplates: {hello: {en: {title: Hello}}}\n";

fn checked(document: &str) -> Result<Configuration, Mistakes> {
    check(document, &Bundle::default(), 1)
}

fn mistakes(document: &str) -> Mistakes {
    checked(document).expect_err("the document has a mistake")
}

/// The worked example with its files.
fn shop() -> Bundle {
    let file = |name: &str, text: &str| (format!("mail/{name}.mjml"), text.to_owned());
    Bundle {
        document: include_str!("../../../../examples/shop/shop.yaml").to_owned(),
        files: BTreeMap::from([
            file("order_placed.en", include_str!("../../../../examples/shop/mail/order_placed.en.mjml")),
            file("order_placed.zh", include_str!("../../../../examples/shop/mail/order_placed.zh.mjml")),
            file("promotion.en", include_str!("../../../../examples/shop/mail/promotion.en.mjml")),
            file("promotion.zh", include_str!("../../../../examples/shop/mail/promotion.zh.mjml")),
        ]),
    }
}
