//! Makes a call of its description. A value is encoded for its place, so that no text can become anything else there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use tidings_core::configuration::http::{
    Authentication, Body, HttpAccount, Method, Pattern, Piece, RawKind, Tree, Variable,
};
use url::Url;

/// What stands for each variable.
#[derive(Debug)]
pub(super) struct Values<'v>(pub(super) BTreeMap<Variable, Cow<'v, str>>);

/// A description cannot become a call: the code of the outcome.
pub(super) type Unfit = &'static str;

impl Values<'_> {
    fn of(&self, variable: Variable) -> &str {
        self.0.get(&variable).map_or("", |value| value)
    }

    fn fill(&self, pattern: &Pattern, encode: impl Fn(&str) -> Cow<'_, str>) -> String {
        pattern
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Cow::Borrowed(text.as_str()),
                Piece::Value(variable) => encode(self.of(*variable)),
            })
            .collect()
    }

    fn plain(&self, pattern: &Pattern) -> String {
        self.fill(pattern, |value| Cow::Borrowed(value))
    }

    /// Names and values, without those that would be empty.
    fn named<'p>(&self, fields: &'p [(String, Pattern)]) -> Vec<(&'p str, String)> {
        let fields = fields.iter().map(|(name, pattern)| (name.as_str(), self.plain(pattern)));
        fields.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Where the call goes.
    pub(super) fn url(&self, account: &HttpAccount) -> Result<Url, Unfit> {
        let pattern = account.url.as_ref().ok_or("no_url")?;
        let text = self.fill(pattern, |value| {
            // `.` too: a segment of dots would lead to another one.
            const KEPT: &[u8] = b"-_~";
            let byte = |byte: u8| {
                if byte.is_ascii_alphanumeric() || KEPT.contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            };
            value.bytes().map(byte).collect::<String>().into()
        });
        let mut url = Url::parse(&text).map_err(|_| "bad_url")?;
        let query = self.named(&account.query);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn tree(&self, tree: &Tree) -> Value {
        match tree {
            Tree::Plain(value) => value.clone(),
            Tree::Text(Pattern(pieces)) if *pieces == [Piece::Value(Variable::Segments)] => {
                self.of(Variable::Segments).parse::<u32>().map_or(Value::Null, Value::from)
            }
            Tree::Text(pattern) => self.plain(pattern).into(),
            Tree::List(items) => items.iter().map(|item| self.tree(item)).collect(),
            Tree::Map(fields) => {
                let fields = fields.iter().map(|(name, tree)| (name.clone(), self.tree(tree)));
                fields.filter(|(_, value)| *value != "").collect::<Map<_, _>>().into()
            }
        }
    }

    /// The body and its media type.
    fn body(&self, body: &Body) -> Option<(&'static str, String)> {
        match body {
            Body::None => None,
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(self.named(fields));
                Some(("application/x-www-form-urlencoded", form.finish()))
            }
            Body::Json(tree) => Some(("application/json", self.tree(tree).to_string())),
            Body::Raw(RawKind::Xml, pattern) => {
                Some(("application/xml; charset=utf-8", self.fill(pattern, escape_xml)))
            }
            Body::Raw(RawKind::Plain, pattern) => Some(("text/plain; charset=utf-8", self.plain(pattern))),
        }
    }

    /// The whole call.
    pub(super) fn request(
        &self,
        client: &Client,
        url: Url,
        account: &HttpAccount,
        password: Option<&SecretString>,
    ) -> Result<RequestBuilder, Unfit> {
        let method = match account.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut request = client.request(method, url);
        for (name, value) in self.named(&account.headers) {
            let name = HeaderName::try_from(name).map_err(|_| "bad_header")?;
            let mut value = HeaderValue::try_from(value).map_err(|_| "bad_header")?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let secret = || password.map(|secret| secret.expose_secret()).ok_or("no_secret");
        request = match &account.authentication {
            Authentication::None => request,
            Authentication::Basic => request.basic_auth(self.of(Variable::User), Some(secret()?)),
            Authentication::Bearer => request.header(reqwest::header::AUTHORIZATION, bearer(secret()?)?),
            Authentication::Header(name) => {
                let name = HeaderName::try_from(name.as_str()).map_err(|_| "bad_header")?;
                request.header(name, sensitive(secret()?)?)
            }
        };
        Ok(match self.body(&account.body) {
            Some((media, body)) => request.header(CONTENT_TYPE, media).body(body),
            None => request,
        })
    }
}

fn bearer(secret: &str) -> Result<HeaderValue, Unfit> {
    sensitive(&format!("Bearer {secret}"))
}

fn sensitive(text: &str) -> Result<HeaderValue, Unfit> {
    let mut value = HeaderValue::try_from(text).map_err(|_| "bad_secret")?;
    value.set_sensitive(true);
    Ok(value)
}

/// What XML 1.0 gives a meaning to; characters that it does not allow are left out.
fn escape_xml(value: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            '\n' | '\t' => text.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use tidings_core::configuration::{Account, Bundle, check};

    use super::*;

    const HOSTILE: &str = "a&b=c\"}],<x>'\r\nX: y%00/../😀";

    fn account(keys: &str) -> HttpAccount {
        let document = format!(
            "tidings: 1\nproviders:\n  a: {{channel: sms, kind: http, url: 'https://h.example/x', {keys}}}\n"
        );
        let configuration = check(&document, &Bundle::default(), 1)
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(&document)));
        let Account::Http(account) = &configuration.providers["a"].account else { panic!("kind http") };
        (**account).clone()
    }

    fn values() -> Values<'static> {
        let pairs = [
            (Variable::To, "+491701234567"),
            (Variable::Text, HOSTILE),
            (Variable::Segments, "2"),
            (Variable::User, "../x?y#z"),
            (Variable::Key, "k-1"),
        ];
        Values(pairs.into_iter().map(|(variable, value)| (variable, value.into())).collect())
    }

    #[test]
    fn no_text_leaves_its_field_of_a_form() {
        let account = account("body: {form: {To: '{{ to }}', Body: '{{ text }}', From: '{{ callback }}'}}");
        let (_, body) = values().body(&account.body).unwrap();
        let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields, [pair("To", "+491701234567"), pair("Body", HOSTILE)]);
    }

    #[test]
    fn no_text_leaves_its_place_in_json_and_a_number_is_one() {
        let account = account(
            "body: {json: {to: ['{{ to }}'], text: 'x {{ text }}', n: '{{ segments }}', flag: true, from: '{{ callback }}'}}",
        );
        let (_, body) = values().body(&account.body).unwrap();
        let expected = serde_json::json!({"to": ["+491701234567"], "text": format!("x {HOSTILE}"), "n": 2, "flag": true});
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    }

    #[test]
    fn no_text_becomes_markup() {
        let account = account("body: {raw: '<m to=\"{{ to }}\">{{ text }}</m>', type: text/xml}");
        let (_, body) = values().body(&account.body).unwrap();
        let expected = "<m to=\"+491701234567\">a&amp;b=c&quot;}],&lt;x&gt;&apos;\nX: y%00/../😀</m>";
        assert_eq!(body, expected);
    }

    #[test]
    fn no_value_leaves_its_segment_of_a_path_or_its_field_of_a_query() {
        let mut account = account("query: {t: '{{ text }}', k: '{{ key }}'}, user: u");
        account.url = Some(Pattern(vec![
            Piece::Text("https://h.example/a/".to_owned()),
            Piece::Value(Variable::User),
            Piece::Text("/b".to_owned()),
        ]));
        let url = values().url(&account).unwrap();
        assert_eq!(url.path(), "/a/%2E%2E%2Fx%3Fy%23z/b");
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("t".to_owned(), HOSTILE.to_owned()), ("k".to_owned(), "k-1".to_owned())]);
    }

    #[test]
    fn a_value_that_no_header_can_have_makes_no_call() {
        let account = account("headers: {X-To: '{{ to }}'}");
        let mut values = values();
        values.0.insert(Variable::To, "+49\r\nX-Other: 1".into());
        let url = values.url(&account).unwrap();
        let outside = crate::channels::testing::outside(true, std::time::Duration::from_secs(1));
        assert_eq!(values.request(outside.dialer.http(), url, &account, None).err(), Some("bad_header"));
    }
}
