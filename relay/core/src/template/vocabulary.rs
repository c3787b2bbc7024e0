//! Every name that a template may use: roots, filters, tests. What is not listed here does not exist.

use std::ops::RangeInclusive;

/// Where a path starts.
pub(super) const ROOTS: [&str; 5] = ["data", "event", "recipient", "project", "digest"];

/// The fields of `loop`. `loop.cycle`, `loop.changed` and `loop(…)` are calls and do not exist.
pub(super) const LOOP_FIELDS: [&str; 7] =
    ["index", "index0", "revindex", "revindex0", "first", "last", "length"];

/// Words that name nothing: constants and what the language itself uses.
pub(super) const CONSTANTS: [&str; 6] = ["true", "True", "false", "False", "none", "None"];
pub(super) const RESERVED: [&str; 9] = ["if", "else", "elif", "for", "in", "is", "and", "or", "not"];

/// Categories of `plural`, as CLDR names them.
pub(super) const PLURAL_CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// A filter or test, and which arguments it takes.
#[derive(Debug)]
pub(super) struct Callable {
    pub(super) name: &'static str,
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) named: &'static [&'static str],
    /// What to write, for the mistake's text.
    pub(super) takes: &'static str,
}

const fn plain(name: &'static str) -> Callable {
    Callable { name, arguments: 0..=0, named: &[], takes: "no arguments" }
}

const fn optional(name: &'static str, takes: &'static str) -> Callable {
    Callable { name, arguments: 0..=1, named: &[], takes }
}

const fn required(name: &'static str, takes: &'static str) -> Callable {
    Callable { name, arguments: 1..=1, named: &[], takes }
}

/// The filters. Left out on purpose: whatever grows its input by more than a constant factor (`indent`, `format`,
/// `replace`, `batch`, `slice`, `list`, `pprint`), whatever marks text as safe, and whatever makes new lists.
pub(super) const FILTERS: &[Callable] = &[
    required("default", "one argument, the text to take if the field is missing: default('…')"),
    plain("length"),
    plain("upper"),
    plain("lower"),
    plain("title"),
    plain("capitalize"),
    plain("trim"),
    plain("first"),
    plain("last"),
    optional("join", "at most one argument, what stands between the items: join(', ')"),
    optional("round", "at most one argument, the decimals: round(2)"),
    plain("abs"),
    plain("int"),
    plain("float"),
    optional("truncate", "at most one argument, the characters to keep: truncate(80)"),
    plain("tojson"),
    optional("money", "at most one argument, the currency: money('EUR') or money(data.currency)"),
    optional("number", "at most one argument, the decimals: number(2)"),
    optional("date", "at most one argument: date('short'), date('medium') or date('long')"),
    plain("time"),
    Callable {
        name: "plural",
        arguments: 0..=0,
        named: &PLURAL_CATEGORIES,
        takes: "named texts, other among them: plural(one='1 parcel', other='# parcels')",
    },
];

/// The tests, after `is`.
pub(super) const TESTS: &[Callable] = &[
    plain("defined"),
    plain("undefined"),
    plain("none"),
    plain("string"),
    plain("number"),
    plain("boolean"),
    plain("sequence"),
    plain("mapping"),
    plain("odd"),
    plain("even"),
    plain("true"),
    plain("false"),
    required("divisibleby", "one argument in parentheses: divisibleby(3)"),
    required("startingwith", "one argument in parentheses: startingwith('A')"),
    required("endingwith", "one argument in parentheses: endingwith('z')"),
];
