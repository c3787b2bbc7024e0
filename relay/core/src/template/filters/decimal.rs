//! Numbers as exact decimals, and their writing by CLDR's digits, separators and grouping.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fixed_decimal::{Decimal, SignedRoundingMode, UnsignedRoundingMode};
use icu_decimal::DecimalFormatter;
use icu_decimal::options::DecimalFormatterOptions;
use minijinja::Value;

use super::super::locale::Locale;

/// Decimals that `number` shows at most; more than any quantity in a text needs.
pub(super) const DECIMALS_MAX: u32 = 20;
/// Characters of a number sent as text.
const DIGITS_MAX: usize = 40;

/// A JSON number, or a text that holds one. No exponents, no infinities.
pub(super) fn parsed(value: &Value) -> Option<Decimal> {
    if let Some(text) = value.as_str() {
        let plain =
            text.len() <= DIGITS_MAX && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
        return if plain { text.parse().ok() } else { None };
    }
    if !value.is_number() {
        return None;
    }
    if let Some(whole) = value.as_i64() {
        return Some(Decimal::from(whole));
    }
    // The shortest text that reads back as the same number: 12.1 stays 12.1.
    let float = f64::try_from(value.clone()).ok().filter(|float| float.is_finite())?;
    format!("{float}").parse().ok()
}

/// Rounded half away from zero, as prices and counts are; without `decimals` as it is.
pub(super) fn with_decimals(mut amount: Decimal, decimals: Option<u32>) -> Decimal {
    if let Some(decimals) = decimals.and_then(|decimals| i16::try_from(decimals).ok()) {
        amount.round_with_mode(-decimals, SignedRoundingMode::Unsigned(UnsignedRoundingMode::HalfExpand));
        amount.absolute.pad_end(-decimals);
    }
    amount
}

/// Formatters that a thread keeps. Making one reads a locale's data and costs more than writing a hundred numbers.
const FORMATTERS_MAX: usize = 32;

thread_local! {
    /// By locale; a value of the locale alone, so that what a thread wrote before changes nothing.
    static FORMATTERS: RefCell<BTreeMap<String, Option<DecimalFormatter>>> = const { RefCell::new(BTreeMap::new()) };
}

pub(super) fn written(amount: &Decimal, locale: &Locale) -> String {
    FORMATTERS.with_borrow_mut(|kept| {
        if !kept.contains_key(locale.as_str()) {
            if kept.len() >= FORMATTERS_MAX {
                kept.clear();
            }
            let options = DecimalFormatterOptions::default();
            let made = DecimalFormatter::try_new(locale.identifier().into(), options).ok();
            kept.insert(locale.as_str().to_owned(), made);
        }
        match &kept[locale.as_str()] {
            Some(formatter) => formatter.format(amount).to_string(),
            // The root locale's data is compiled in, so this is a locale that ICU does not take at all.
            None => amount.to_string(),
        }
    })
}
