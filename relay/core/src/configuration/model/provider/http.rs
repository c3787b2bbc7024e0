//! A vendor's HTTP interface, as a document or a preset describes it.

use std::collections::BTreeMap;

/// A vendor's HTTP interface.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAccount {
    /// A known vendor's ways, by name; what the document says besides goes before them.
    pub preset: Option<String>,
    /// Where it is. None only with a preset that has no address of its own.
    pub url: Option<Pattern>,
    /// The account.
    pub user: Option<String>,
    /// The sender that people see.
    pub from: Option<String>,
    /// How it is asked.
    pub method: Method,
    /// Headers by name; one whose value is empty is left out, as in `query` and forms.
    pub headers: Vec<(String, Pattern)>,
    /// Added to the URL's query.
    pub query: Vec<(String, Pattern)>,
    /// What is sent.
    pub body: Body,
    /// How the account is proven.
    pub authentication: Authentication,
    /// Segments that a text may take.
    pub segments_max: u32,
    /// Whether the vendor takes a call with the same `key` once, so that one whose answer was lost may be repeated.
    pub idempotent: bool,
    /// How its answer is read.
    pub answer: Answer,
    /// How its own calls are read.
    pub hears: Hears,
}

/// A method that carries what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Everything stands in URL and headers.
    Get,
    /// The usual one.
    Post,
    /// For vendors that want it.
    Put,
}

/// Text with places for values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(pub Vec<Piece>);

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// A value, encoded for its place.
    Value(Variable),
}

/// What a call may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// The number, with its `+`.
    To,
    /// The number without its `+`.
    ToDigits,
    /// The sender of the document.
    From,
    /// The text.
    Text,
    /// The idempotency key.
    Key,
    /// The account.
    User,
    /// The secret of the account.
    Password,
    /// Segments of the text, as a number.
    Segments,
    /// `gsm7` or `ucs2`.
    Alphabet,
    /// Where the vendor may report to; empty unless the relay is reached over https.
    Callback,
}

impl Variable {
    /// Every variable by its word.
    pub const ALL: [(&'static str, Self); 10] = [
        ("to", Self::To),
        ("to_digits", Self::ToDigits),
        ("from", Self::From),
        ("text", Self::Text),
        ("key", Self::Key),
        ("user", Self::User),
        ("password", Self::Password),
        ("segments", Self::Segments),
        ("alphabet", Self::Alphabet),
        ("callback", Self::Callback),
    ];
}

/// What a call carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// Fields of a form.
    Form(Vec<(String, Pattern)>),
    /// A JSON value.
    Json(Tree),
    /// Text of a media type.
    Raw(RawKind, Pattern),
}

/// How values are written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// `application/xml`: `&`, `<`, `>` and quotes are escaped.
    Xml,
    /// `text/plain`: nothing has a meaning of its own.
    Plain,
}

/// JSON with patterns as its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A number, truth value or null.
    Plain(serde_json::Value),
    /// A text. One that is `{{ segments }}` alone is a number.
    Text(Pattern),
    /// A list.
    List(Vec<Tree>),
    /// An object; a field whose text is empty is left out.
    Map(Vec<(String, Tree)>),
}

/// How an account is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all, or with `password` in a pattern.
    #[default]
    None,
    /// `user` and password.
    Basic,
    /// The password as a bearer token.
    Bearer,
    /// The password in a header of this name.
    Header(String),
}

/// How an answer is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Statuses that mean yes; empty: every 2xx.
    pub accepted: Vec<u16>,
    /// Where the vendor's id stands, a JSON pointer.
    pub id: Option<String>,
    /// Where a code stands that says what is wrong, a JSON pointer.
    pub error: Option<String>,
    /// Codes that say that nothing is wrong.
    pub ok: Vec<String>,
    /// What the other codes mean.
    pub errors: BTreeMap<String, Meaning>,
}

/// What a vendor's code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nobody has this number any more.
    Gone,
    /// This text will never be taken.
    Permanent,
    /// Not now.
    Transient,
    /// The account is wrong.
    Misconfigured,
}

/// How a vendor's own calls are read: JSON pointers, into the fields of a form too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hears {
    /// How the vendor signs.
    pub signature: Option<Signature>,
    /// Who wrote.
    pub from: String,
    /// What they wrote.
    pub text: String,
    /// The vendor's id: of an answer, or in a report of what is reported on.
    pub id: String,
    /// In a report, what became of it; a call without it is somebody's answer.
    pub status: String,
    /// In a report, the code of what went wrong.
    pub error: Option<String>,
    /// Statuses that say that it arrived.
    pub delivered: Vec<String>,
    /// Statuses that say that it never will.
    pub failed: Vec<String>,
}

impl Default for Hears {
    fn default() -> Self {
        Self {
            signature: None,
            from: "/from".to_owned(),
            text: "/text".to_owned(),
            id: "/id".to_owned(),
            status: "/status".to_owned(),
            error: Some("/error".to_owned()),
            delivered: vec!["delivered".to_owned()],
            failed: vec!["undelivered".to_owned(), "failed".to_owned()],
        }
    }
}

/// How a vendor signs its own calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// `X-Twilio-Signature`: HMAC-SHA1 over URL and fields, by the account's auth token.
    Twilio,
    /// A JWT with the SHA-256 of the body, by the signature secret.
    Vonage,
}

impl Pattern {
    /// Whether a value stands in it.
    #[must_use]
    pub fn uses(&self, variable: Variable) -> bool {
        self.0.contains(&Piece::Value(variable))
    }
}

impl HttpAccount {
    /// Whether a value stands anywhere in the call.
    #[must_use]
    pub fn uses(&self, variable: Variable) -> bool {
        let proof = match variable {
            Variable::User => self.authentication == Authentication::Basic,
            Variable::Password => self.authentication != Authentication::None,
            Variable::To
            | Variable::ToDigits
            | Variable::From
            | Variable::Text
            | Variable::Key
            | Variable::Segments
            | Variable::Alphabet
            | Variable::Callback => false,
        };
        let fields = self.headers.iter().chain(&self.query).map(|(_, pattern)| pattern);
        let body = match &self.body {
            Body::None => false,
            Body::Form(fields) => fields.iter().any(|(_, pattern)| pattern.uses(variable)),
            Body::Json(tree) => tree.uses(variable),
            Body::Raw(_, pattern) => pattern.uses(variable),
        };
        proof || body || self.url.iter().chain(fields).any(|pattern| pattern.uses(variable))
    }
}

impl Tree {
    fn uses(&self, variable: Variable) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Text(pattern) => pattern.uses(variable),
            Self::List(items) => items.iter().any(|item| item.uses(variable)),
            Self::Map(fields) => fields.iter().any(|(_, field)| field.uses(variable)),
        }
    }
}
