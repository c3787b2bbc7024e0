//! The frame of the relay's own small pages: no script, nothing loaded, nothing kept, readable by everybody.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::channels::Language;

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#f4f3ef;--card:#fff;--text:#1c1c1a;--quiet:#50504a;--act:#1a5542;--on:#fff;--line:#e2e1db}\
@media(prefers-color-scheme:dark){:root{--back:#161615;--card:#222220;--text:#f1f0ec;--quiet:#bdbcb4;--act:#8fd0b5;--on:#10231c;--line:#3d3d39}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--back);color:var(--text);\
font:17px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}\
main{width:100%;max-width:28rem;padding:2.5rem 2rem;background:var(--card);border:1px solid var(--line);border-radius:16px}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.3;overflow-wrap:anywhere;text-wrap:balance}\
p{margin:0 0 .5rem;color:var(--quiet);overflow-wrap:anywhere;text-wrap:pretty}p:last-child{margin:0}form{margin-top:1.75rem}\
button{width:100%;min-height:3rem;padding:.75rem 1.25rem;border:0;border-radius:10px;background:var(--act);color:var(--on);font:inherit;font-weight:600;cursor:pointer}\
button:focus-visible{outline:3px solid var(--act);outline-offset:3px}";

/// Only the style sheet above, and a form that goes back to where it came from.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).expect("it is printable")
});

/// The language that a browser asks for among ours, the most wanted one.
pub(super) fn asked_language(headers: &HeaderMap) -> Option<Language> {
    let asked = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Language)> = None;
    for one in asked.split(',').take(20) {
        let (tag, rest) = one.split_once(';').unwrap_or((one, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
        let Some((language, weight)) = Language::known(tag).zip(weight) else { continue };
        if weight > 0.0 && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A page of a title, and what comes below it as HTML.
pub(super) fn page(language: Language, title: &str, below: &str) -> Response {
    let (lang, title) = (language.tag(), escaped(title));
    let html = format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1>{below}</main></body></html>"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Zh))]
    #[case("fr, de;q=0.5, en;q=0.7", Some(Language::En))]
    #[case("fr", None)]
    #[case("en;q=0, de", Some(Language::De))]
    #[case("", None)]
    fn a_browsers_languages_are_asked_in_its_order(#[case] asked: &str, #[case] language: Option<Language>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(asked).unwrap());
        assert_eq!(asked_language(&headers), language);
    }
}
