//! Amounts of money. ICU4X has no stable currency formatter, so the patterns and symbols here are a small table taken
//! from CLDR 48 (`numbers/currencies`, `currencyFormats/standard`); numbers come from `icu_decimal`.
//!
//! A language that is not in the table writes the code behind the number: `12.50 XYZ` is right everywhere.

use fixed_decimal::Decimal;

use super::super::locale::Locale;
use super::decimal;

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Currency(String);

impl Currency {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_code.then(|| Self(text.to_ascii_uppercase()))
    }

    /// Digits after the separator: ISO 4217's minor unit.
    fn decimals(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }

    /// What stands for the currency in `language`. The plain sign belongs to the currency at home; elsewhere CLDR
    /// writes US$ or the code.
    fn symbol(&self, language: &str, region: Option<&str>) -> &str {
        let code = self.0.as_str();
        match (code, language) {
            ("EUR", _) => "€",
            ("GBP", "fr") => "£GB",
            ("GBP", _) => "£",
            ("INR", _) => "₹",
            ("KRW", _) => "₩",
            ("VND", _) => "₫",
            ("ILS", _) => "₪",
            ("JPY", "ja") => "￥",
            ("JPY", "zh") => "JP¥",
            ("JPY", "fr") => "JPY",
            ("JPY", _) => "¥",
            ("CNY", "zh") => "¥",
            ("CNY", "ja") => "元",
            ("CNY", "fr" | "pl") => code,
            ("CNY", _) => "CN¥",
            ("USD", "en") if matches!(region, Some("AU" | "CA" | "NZ" | "SG")) => "US$",
            ("USD", "fr") => "$US",
            ("USD", "zh") => "US$",
            ("USD", "pl") => code,
            ("USD", _) => "$",
            ("PLN", "pl") => "zł",
            ("CZK", "cs") => "Kč",
            ("SEK", "sv") | ("NOK", "nb" | "no") => "kr",
            ("DKK", "da") => "kr.",
            ("BRL", _) => "R$",
            ("TRY", "tr") => "₺",
            ("UAH", "uk") => "₴",
            _ => code,
        }
    }
}

/// Where the symbol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// `¤#,##0.00`: before the number; a symbol that ends in a letter is set off by a no-break space.
    Before,
    /// `¤ #,##0.00`: before the number with a no-break space.
    BeforeSpaced,
    /// `#,##0.00 ¤`: behind the number with a no-break space.
    Behind,
}

impl Pattern {
    fn of(language: &str, region: Option<&str>) -> Self {
        match (language, region) {
            ("de", Some("AT" | "CH" | "LI")) | ("nl" | "nb" | "no", _) | ("pt", None | Some("BR")) => {
                Self::BeforeSpaced
            }
            ("en" | "ja" | "zh" | "ko" | "hi" | "th" | "tr", _) => Self::Before,
            ("es", Some("MX" | "US" | "AR" | "CO" | "CL" | "PE")) => Self::Before,
            _ => Self::Behind,
        }
    }
}

const NO_BREAK_SPACE: char = '\u{a0}';

pub(super) fn written(amount: Decimal, currency: &Currency, locale: &Locale) -> String {
    let identifier = locale.identifier();
    let region = identifier.region.map(|region| region.to_string());
    let (language, region) = (identifier.language.as_str(), region.as_deref());
    let mut amount = decimal::with_decimals(amount, Some(currency.decimals()));
    let is_negative = amount.sign() == fixed_decimal::Sign::Negative && !amount.absolute.is_zero();
    amount.set_sign(fixed_decimal::Sign::None);
    let number = decimal::written(&amount, locale);
    let symbol = currency.symbol(language, region);
    let minus = if is_negative { "-" } else { "" };
    match Pattern::of(language, region) {
        Pattern::Before if !symbol.ends_with(char::is_alphabetic) => format!("{minus}{symbol}{number}"),
        Pattern::Before => format!("{minus}{symbol}{NO_BREAK_SPACE}{number}"),
        Pattern::BeforeSpaced => format!("{symbol}{NO_BREAK_SPACE}{minus}{number}"),
        Pattern::Behind => format!("{minus}{number}{NO_BREAK_SPACE}{symbol}"),
    }
}
