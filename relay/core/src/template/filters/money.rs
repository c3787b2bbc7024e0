//! Amounts of money. ICU4X has no stable currency formatter, so where the symbol stands and what it is are a small table
//! here, taken from CLDR 48 (`numbers/currencies/*/symbol`, `currencyFormats/standard`); numbers come from `icu_decimal`.
//!
//! It does not know the group separator that a few locales keep for money alone (de-AT writes 1.234 and not 1 234).

use fixed_decimal::{Decimal, Sign};

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

    fn symbol(&self, habit: &Habit) -> &str {
        let code = self.0.as_str();
        let inherited = if habit.inherits { ROOT_SYMBOLS } else { &[] };
        let known = habit.symbols.iter().chain(inherited).find(|(known, _)| *known == code);
        known.map_or(code, |(_, symbol)| symbol)
    }
}

/// Where the symbol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// `¤#,##0.00`: before the number; a symbol that ends in a letter is set off by a no-break space.
    Before,
    /// `¤ #,##0.00`: before the number with a no-break space.
    BeforeSpaced,
    /// `¤ #,##0.00;¤ -#,##0.00`: the same, with the minus at the number.
    BeforeMinus,
    /// `#,##0.00 ¤`: behind the number with a no-break space.
    Behind,
}

/// How one locale writes money.
#[derive(Debug)]
struct Habit {
    pattern: Pattern,
    /// Currencies that are not listed take their symbol from [`ROOT_SYMBOLS`], not the code.
    inherits: bool,
    symbols: &'static [(&'static str, &'static str)],
}

impl Habit {
    const ROOT: Self = inheriting(Pattern::BeforeSpaced, &[]);

    /// The habit of the nearest locale: de-AT before de.
    fn of(locale: &Locale) -> &'static Self {
        let row = |locale: Locale| HABITS.iter().find(|(tag, _)| *tag == locale.as_str());
        locale.fallbacks().find_map(row).map_or(&Self::ROOT, |(_, habit)| habit)
    }
}

const fn inheriting(pattern: Pattern, symbols: &'static [(&'static str, &'static str)]) -> Habit {
    Habit { pattern, inherits: true, symbols }
}

const fn coded(pattern: Pattern, symbols: &'static [(&'static str, &'static str)]) -> Habit {
    Habit { pattern, inherits: false, symbols }
}

/// What CLDR's root gives to languages that say nothing else.
const ROOT_SYMBOLS: &[(&str, &str)] = &[
    ("EUR", "€"),
    ("USD", "US$"),
    ("GBP", "£"),
    ("JPY", "JP¥"),
    ("CNY", "CN¥"),
    ("KRW", "₩"),
    ("INR", "₹"),
    ("CAD", "CA$"),
    ("AUD", "A$"),
    ("NZD", "NZ$"),
    ("HKD", "HK$"),
    ("TWD", "NT$"),
    ("MXN", "MX$"),
    ("BRL", "R$"),
    ("ILS", "₪"),
    ("VND", "₫"),
];

const FRENCH: &[(&str, &str)] = &[
    ("USD", "$US"),
    ("GBP", "£GB"),
    ("JPY", "JPY"),
    ("CNY", "CNY"),
    ("CAD", "$CA"),
    ("AUD", "$AU"),
    ("NZD", "$NZ"),
    ("HKD", "HKD"),
    ("TWD", "TWD"),
    ("MXN", "$MX"),
];
const GERMAN: &[(&str, &str)] = &[("USD", "$"), ("JPY", "¥"), ("AUD", "AU$")];
const SWISS: &[(&str, &str)] = &[("EUR", "EUR"), ("USD", "$"), ("JPY", "¥"), ("AUD", "AU$")];
const TAIWANESE: &[(&str, &str)] = &[("TWD", "$"), ("JPY", "¥"), ("KRW", "￦"), ("AUD", "AU$")];

const HABITS: &[(&str, Habit)] = &[
    (
        "cs",
        inheriting(
            Pattern::Behind,
            &[("CZK", "Kč"), ("AUD", "AU$"), ("INR", "INR"), ("ILS", "ILS"), ("VND", "VND")],
        ),
    ),
    ("da", inheriting(Pattern::Behind, &[("DKK", "kr."), ("AUD", "AU$")])),
    ("de", inheriting(Pattern::Behind, GERMAN)),
    ("de-AT", inheriting(Pattern::BeforeSpaced, GERMAN)),
    ("de-CH", inheriting(Pattern::BeforeSpaced, SWISS)),
    ("en", inheriting(Pattern::Before, &[("USD", "$"), ("JPY", "¥")])),
    ("en-AU", coded(Pattern::Before, &[("AUD", "$")])),
    ("en-CA", inheriting(Pattern::Before, &[("CAD", "$")])),
    ("en-GB", inheriting(Pattern::Before, &[])),
    ("en-IE", inheriting(Pattern::Before, &[])),
    ("es", coded(Pattern::Behind, &[("EUR", "€"), ("USD", "US$"), ("VND", "₫")])),
    ("es-MX", coded(Pattern::Before, &[("MXN", "$")])),
    ("fi", coded(Pattern::Behind, &[("EUR", "€"), ("USD", "$"), ("GBP", "£"), ("JPY", "¥")])),
    ("fr", inheriting(Pattern::Behind, FRENCH)),
    (
        "it",
        coded(
            Pattern::Behind,
            &[
                ("EUR", "€"),
                ("GBP", "£"),
                ("CNY", "CN¥"),
                ("CAD", "CA$"),
                ("AUD", "A$"),
                ("NZD", "NZ$"),
                ("ILS", "₪"),
            ],
        ),
    ),
    ("ja", inheriting(Pattern::Before, &[("USD", "$"), ("JPY", "￥"), ("CNY", "元")])),
    ("ko", inheriting(Pattern::Before, &[("AUD", "AU$")])),
    ("nb", coded(Pattern::Behind, &[("EUR", "€"), ("GBP", "£"), ("NOK", "kr")])),
    ("nl", inheriting(Pattern::BeforeMinus, &[("CAD", "C$"), ("AUD", "AU$")])),
    ("pl", coded(Pattern::Behind, &[("EUR", "€"), ("PLN", "zł"), ("BRL", "R$")])),
    ("pt", inheriting(Pattern::BeforeSpaced, &[("AUD", "AU$")])),
    ("pt-PT", inheriting(Pattern::Behind, &[("AUD", "AU$")])),
    ("ru", inheriting(Pattern::Behind, &[("USD", "$"), ("JPY", "¥"), ("UAH", "₴"), ("RUB", "₽")])),
    (
        "sv",
        coded(
            Pattern::Behind,
            &[
                ("EUR", "€"),
                ("USD", "US$"),
                ("CAD", "CA$"),
                ("MXN", "MX$"),
                ("BRL", "BR$"),
                ("SEK", "kr"),
                ("NOK", "Nkr"),
                ("DKK", "Dkr"),
                ("ILS", "₪"),
            ],
        ),
    ),
    ("tr", inheriting(Pattern::Before, &[("USD", "$"), ("JPY", "¥"), ("TRY", "₺"), ("AUD", "AU$")])),
    ("uk", coded(Pattern::Behind, &[("JPY", "¥"), ("UAH", "₴")])),
    ("zh", inheriting(Pattern::Before, &[("CNY", "¥"), ("AUD", "AU$")])),
    ("zh-Hant", inheriting(Pattern::Before, TAIWANESE)),
    ("zh-TW", inheriting(Pattern::Before, TAIWANESE)),
];

const NO_BREAK_SPACE: char = '\u{a0}';

pub(super) fn written(amount: Decimal, currency: &Currency, locale: &Locale) -> String {
    let habit = Habit::of(locale);
    let symbol = currency.symbol(habit);
    let mut amount = decimal::with_decimals(amount, Some(currency.decimals()));
    if amount.absolute.is_zero() {
        amount.set_sign(Sign::None);
    }
    let negative = (amount.sign() == Sign::Negative).then(|| decimal::written(&amount, locale));
    amount.set_sign(Sign::None);
    let number = decimal::written(&amount, locale);
    // Sweden's minus is not that of Germany, so it is taken from what ICU wrote.
    let minus = negative.as_deref().and_then(|signed| signed.strip_suffix(&*number)).unwrap_or_default();
    match habit.pattern {
        Pattern::Before if !symbol.ends_with(char::is_alphabetic) => format!("{minus}{symbol}{number}"),
        Pattern::Before | Pattern::BeforeSpaced => format!("{minus}{symbol}{NO_BREAK_SPACE}{number}"),
        Pattern::BeforeMinus => format!("{symbol}{NO_BREAK_SPACE}{minus}{number}"),
        Pattern::Behind => format!("{minus}{number}{NO_BREAK_SPACE}{symbol}"),
    }
}
