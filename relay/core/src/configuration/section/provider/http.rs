//! A vendor's HTTP interface: a preset, the document's own words, or the one over the other.

mod call;
mod inbound;
mod pattern;
mod preset;

use tidings_protocol::Channel;

use self::inbound::inbound;
use self::pattern::Place;
use super::text;
use crate::configuration::mistake::Found;
use crate::configuration::model::SecretName;
use crate::configuration::model::http::{Answer, Authentication, Body, Hears, HttpAccount, Method, Variable};
use crate::configuration::reader::{Fields, Reader};
use crate::sms::{SEGMENTS_DEFAULT, SEGMENTS_MAX};

/// Mail vendors take SMTP, and push services have kinds of their own.
pub(super) const SERVES: &[Channel] = &[Channel::Sms];
pub(super) const KEYS: [&str; 12] = [
    "preset",
    "url",
    "user",
    "from",
    "method",
    "headers",
    "query",
    "body",
    "authentication",
    "segments_max",
    "idempotent",
    "answer",
];

/// Reads the account, with the secret that its vendor's own calls show.
pub(super) fn account<'d>(reader: &mut Reader<'d>, fields: &Fields<'d>) -> (HttpAccount, Option<SecretName>) {
    let preset = fields.optional(reader, "preset", preset::name);
    if fields.get("preset").is_none() && fields.get("url").is_none() {
        let what = "a provider of kind http needs `preset` or `url`";
        reader.report(Found::new("missing_key", fields.owner, what));
    }
    let base = preset.map_or_else(plain, |(name, text)| preset::read(name, text));
    let (mut account, secret) = over(reader, fields, base);
    if account.preset.is_none() && fields.get("authentication").is_none() {
        account.authentication = usual(fields, &account);
    }
    if !secret_is_given(fields, &account) {
        let what = "this call needs `password`, the secret of the account";
        reader.report(Found::new("missing_key", fields.owner, what));
    }
    for (key, variable) in [("user", Variable::User), ("from", Variable::From)] {
        if account.uses(variable) && fields.get(key).is_none() {
            let what = format!("this call needs `{key}`");
            reader.report(Found::new("missing_key", fields.owner, what));
        }
    }
    (account, secret)
}

/// How an account is proven whose document does not say.
fn usual(fields: &Fields<'_>, account: &HttpAccount) -> Authentication {
    if fields.get("password").is_none() || account.uses(Variable::Password) {
        Authentication::None
    } else if fields.get("user").is_some() && !account.uses(Variable::User) {
        Authentication::Basic
    } else {
        Authentication::Bearer
    }
}

fn secret_is_given(fields: &Fields<'_>, account: &HttpAccount) -> bool {
    // A preset without an address is no vendor: what it proves itself with is up to the document.
    fields.get("password").is_some() || account.url.is_none() || !account.uses(Variable::Password)
}

/// What a document without a preset begins with.
fn plain() -> HttpAccount {
    HttpAccount {
        preset: None,
        url: None,
        user: None,
        from: None,
        method: Method::Post,
        headers: Vec::new(),
        query: Vec::new(),
        body: Body::None,
        authentication: Authentication::None,
        segments_max: SEGMENTS_DEFAULT,
        idempotent: false,
        answer: Answer::default(),
        hears: Hears::default(),
    }
}

/// What the fields say, over what was there before. Each key replaces the whole of what it names.
fn over<'d>(
    reader: &mut Reader<'d>,
    fields: &Fields<'d>,
    mut account: HttpAccount,
) -> (HttpAccount, Option<SecretName>) {
    let methods = [("GET", Method::Get), ("POST", Method::Post), ("PUT", Method::Put)];
    if let Some(url) = fields.optional(reader, "url", pattern::url) {
        account.url = Some(url);
    }
    account.user = fields.optional(reader, "user", text);
    account.from = fields.optional(reader, "from", text);
    if let Some(method) =
        fields.optional(reader, "method", |reader, node| reader.word(node, "unknown_word", &methods))
    {
        account.method = method;
    }
    if let Some(headers) = fields.optional(reader, "headers", call::headers) {
        account.headers = headers;
    }
    if let Some(query) =
        fields.optional(reader, "query", |r, node| call::named(r, node, "`query`", Place::Query))
    {
        account.query = query;
    }
    if let Some(body) = fields.section(reader, "body", call::body) {
        account.body = body;
        if account.method == Method::Get
            && let Some(entry) = fields.get("body")
        {
            let found = Found::new("bad_call", entry.key_place, "a call by GET has no body");
            reader.report(found.hint("put the values into `query`, or leave `method` out"));
        }
    }
    if let Some(authentication) = fields.optional(reader, "authentication", call::authentication) {
        account.authentication = authentication;
    }
    let segments = |reader: &mut Reader<'d>, node| reader.integer(node, 1, SEGMENTS_MAX);
    if let Some(most) = fields.optional(reader, "segments_max", segments) {
        account.segments_max = most;
    }
    if let Some(idempotent) = fields.optional(reader, "idempotent", Reader::boolean) {
        account.idempotent = idempotent;
    }
    if let Some(answer) = fields.section(reader, "answer", call::answer) {
        account.answer = answer;
    }
    let heard = fields.section(reader, "inbound", |reader, node, owner| {
        inbound(reader, node, owner, account.hears.clone())
    });
    let secret = match heard {
        Some((hears, secret)) => {
            account.hears = hears;
            secret
        }
        None => None,
    };
    (account, secret)
}
