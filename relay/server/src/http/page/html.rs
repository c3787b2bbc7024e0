//! The page as HTML. Every text that is not ours is escaped; nothing is loaded from elsewhere.

use std::fmt::{self, Display, Write as _};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tidings_protocol::Decision;

use super::assets::{ICON, SCRIPT, STYLE, WORKER};
use super::texts::Texts;
use super::view::{Shown, View};

/// Nothing from elsewhere, no script in the page, no frame around it, forms to here only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A text that is not ours, in HTML or in an attribute's quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A page with the headers of all pages. The token is in its address, so that no other site may learn the address. The
/// page itself may: without a referrer browsers send forms with the origin `null`.
pub(super) fn response(status: StatusCode, html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a link that opens nothing shows.
pub(super) fn gone(texts: &Texts) -> String {
    let main = format!(
        "<main id=\"main\">\n<section>\n<h1>{}</h1>\n<p>{}</p>\n</section>\n</main>\n",
        texts.gone, texts.gone_about
    );
    document(texts, texts.gone, &main)
}

/// The page, and what the form before it did.
pub(super) fn page(view: &View, done: Option<&str>) -> String {
    let texts = view.texts;
    let mut main = String::new();
    let (other, tag) = texts.other;
    let about = Escaped(&view.project_name);
    let head = format!(
        "<a class=\"skip\" href=\"#main\">{}</a>\n<header>\n<p>{about}</p>\n\
         <nav><a href=\"?lang={tag}\" lang=\"{tag}\" hreflang=\"{tag}\">{other}</a></nav>\n</header>\n\
         <main id=\"main\">\n<h1>{}</h1>\n",
        texts.skip, texts.title
    );
    main.push_str(&head);
    if let Some(done) = done.and_then(|done| told(texts, done)) {
        main.push_str(&format!("<p id=\"done\" role=\"status\" tabindex=\"-1\">{done}</p>\n"));
    }
    main.push_str(&format!("<p>{}</p>\n", texts.intro));
    main.push_str(&browser(view));
    main.push_str(&preferences(view));
    main.push_str(&consent(view));
    main.push_str(&stop(view));
    main.push_str("</main>\n");
    document(texts, &format!("{} – {}", texts.title, Escaped(&view.project_name)), &main)
}

fn told(texts: &Texts, done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => texts.done_saved,
        "granted" => texts.done_granted,
        "refused" => texts.done_refused,
        "stopped" => texts.done_stopped,
        "stale" => texts.done_stale,
        _ => return None,
    })
}

fn document(texts: &Texts, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"{ICON}\">\n<link rel=\"stylesheet\" href=\"{STYLE}\">\n</head>\n<body>\n{body}</body>\n</html>\n",
        texts.language
    )
}

/// What the script needs stands in attributes: there is no script in the page itself.
fn browser(view: &View) -> String {
    let texts = view.texts;
    let Some(key) = &view.push_key else { return String::new() };
    let mut says = String::new();
    for (name, text) in [
        ("subscribe", texts.subscribe),
        ("stop", texts.stop_browser),
        ("on", texts.is_on),
        ("off", texts.is_off),
        ("cannot", texts.cannot),
        ("denied", texts.denied),
        ("failed", texts.failed),
        ("wait", texts.wait),
    ] {
        says.push_str(&format!(" data-{name}=\"{}\"", Escaped(text)));
    }
    format!(
        "<section aria-labelledby=\"browser-title\">\n<h2 id=\"browser-title\">{}</h2>\n<p>{}</p>\n\
         <noscript><p>{}</p></noscript>\n<p id=\"browser-state\" role=\"status\"></p>\n\
         <button type=\"button\" id=\"browser\" hidden data-base=\"/p/{}\" data-key=\"{}\" data-worker=\"{WORKER}\" \
         data-scope=\"/p/at/{}/\"{says}></button>\n<script src=\"{SCRIPT}\" defer></script>\n</section>\n",
        texts.browser,
        texts.browser_about,
        texts.browser_needs_script,
        Escaped(&view.token),
        Escaped(key),
        Escaped(&view.project),
    )
}

/// Where a form of the page goes, in which language the answer is.
fn form(view: &View, call: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/p/{}/{call}\">\n<input type=\"hidden\" name=\"lang\" value=\"{}\">\n",
        Escaped(&view.token),
        view.texts.language
    )
}

fn preferences(view: &View) -> String {
    let texts = view.texts;
    let about = if view.has_choices() { texts.preferences_about } else { texts.preferences_none };
    let mut html = format!(
        "<section aria-labelledby=\"preferences-title\">\n<h2 id=\"preferences-title\">{}</h2>\n<p>{about}</p>\n{}",
        texts.preferences,
        form(view, "preferences")
    );
    for (index, category) in view.categories.iter().enumerate() {
        let line = if category.is_fixed() { fixed(texts, category) } else { boxes(texts, category, index) };
        html.push_str(&line);
    }
    if view.has_choices() {
        html.push_str(&format!("<button type=\"submit\" class=\"first\">{}</button>\n", texts.save));
    }
    html.push_str("</form>\n</section>\n");
    html
}

/// One category that cannot be switched off: where it comes, and why there is nothing to tick.
fn fixed(texts: &Texts, category: &Shown) -> String {
    let channels = texts.channels(category.channels.iter().map(|(channel, _)| *channel));
    format!(
        "<div class=\"fixed\">\n<h3>{}</h3>\n<p class=\"note\">{}</p>\n<p>{channels}</p>\n</div>\n",
        Escaped(&category.name),
        texts.essential
    )
}

/// One category: a box for each channel.
fn boxes(texts: &Texts, category: &Shown, index: usize) -> String {
    let note = category.needs_consent.then_some(texts.with_consent);
    let described = note.map(|_| format!(" aria-describedby=\"note-{index}\"")).unwrap_or_default();
    let mut html = format!("<fieldset{described}>\n<legend>{}</legend>\n", Escaped(&category.name));
    if let Some(note) = note {
        html.push_str(&format!("<p class=\"note\" id=\"note-{index}\">{note}</p>\n"));
    }
    for (channel, wanted) in &category.channels {
        let switch = format!("{channel}/{}", category.id);
        let (switch, name) = (Escaped(&switch), texts.channel(*channel));
        let (was, checked) = if *wanted { ("on", " checked") } else { ("off", "") };
        html.push_str(&format!(
            "<label><input type=\"checkbox\" name=\"on\" value=\"{switch}\"{checked}> {name}</label>\n\
             <input type=\"hidden\" name=\"shown\" value=\"{was}/{switch}\">\n"
        ));
    }
    html.push_str("</fieldset>\n");
    html
}

fn consent(view: &View) -> String {
    let texts = view.texts;
    let asked: Vec<_> = view.categories.iter().filter(|category| category.needs_consent).collect();
    if asked.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<section aria-labelledby=\"consent-title\">\n<h2 id=\"consent-title\">{}</h2>\n<p>{}</p>\n",
        texts.consent, texts.consent_about
    );
    if let Some(policy) = &view.policy {
        for paragraph in policy.text.split('\n').filter(|line| !line.trim().is_empty()) {
            html.push_str(&format!("<p class=\"policy\">{}</p>\n", Escaped(paragraph)));
        }
        let is_link = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = policy.url.as_ref().filter(is_link) {
            let link = Escaped(url);
            html.push_str(&format!("<p><a href=\"{link}\" rel=\"noreferrer\">{}</a></p>\n", texts.policy));
        }
    }
    for category in asked {
        html.push_str(&question(view, category));
    }
    html.push_str("</section>\n");
    html
}

/// Two buttons of one size: neither answer is nearer than the other, and none is given before.
fn question(view: &View, category: &Shown) -> String {
    let texts = view.texts;
    let state = match category.decided {
        None => texts.undecided,
        Some(Decision::Granted) => texts.granted,
        Some(Decision::Refused | Decision::Withdrawn) => texts.refused,
    };
    let question = texts.question(&category.name, category.channels.iter().map(|(channel, _)| *channel));
    let answer = |decision: &str, text: &str| {
        format!("<button type=\"submit\" name=\"decision\" value=\"{decision}\">{text}</button>\n")
    };
    format!(
        "{}<input type=\"hidden\" name=\"category\" value=\"{}\">\n<input type=\"hidden\" name=\"policy\" value=\"{}\">\n\
         <fieldset>\n<legend>{}</legend>\n<p>{state}</p>\n<div class=\"answers\">\n{}{}</div>\n</fieldset>\n</form>\n",
        form(view, "consent"),
        Escaped(category.id.as_str()),
        Escaped(view.policy_version()),
        Escaped(&question),
        answer("granted", texts.allow),
        answer("no", texts.refuse),
    )
}

fn stop(view: &View) -> String {
    if !view.has_choices() {
        return String::new();
    }
    let texts = view.texts;
    format!(
        "<section aria-labelledby=\"stop-title\">\n<h2 id=\"stop-title\">{}</h2>\n<p>{}</p>\n{}\
         <button type=\"submit\">{}</button>\n</form>\n</section>\n",
        texts.stop,
        texts.stop_about,
        form(view, "unsubscribe"),
        texts.stop_all
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_ours_is_never_markup() {
        let hostile = "\"><script>alert('1')</script>&";
        assert_eq!(
            Escaped(hostile).to_string(),
            "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"
        );
    }
}
