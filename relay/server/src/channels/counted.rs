//! The links of a mail that are counted: found in its HTML, and put in the place of those that it has.

use std::borrow::Cow;

use super::Links;

/// Links of one mail that are counted; what comes after them goes where it went. Each is a row.
pub(crate) const COUNTED_LINKS_MAX: usize = 50;
/// A link that is counted, in bytes.
const LINK_BYTES_MAX: usize = 2_048;

/// The web addresses that the links of a mail lead to, each once.
pub(crate) fn links_of(html: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (start, end) in hrefs(html) {
        let url = unescaped(&html[start..end]);
        if is_web(&url) && !found.contains(&url) && found.len() < COUNTED_LINKS_MAX {
            found.push(url);
        }
    }
    found
}

/// The HTML with counted links in the place of its own.
pub(crate) fn with_counted_links<'h>(html: &'h str, links: &Links) -> Cow<'h, str> {
    if links.counted.is_empty() {
        return Cow::Borrowed(html);
    }
    let mut written = String::with_capacity(html.len());
    let mut from = 0;
    for (start, end) in hrefs(html) {
        let url = unescaped(&html[start..end]);
        if let Some((_, counted)) = links.counted.iter().find(|(plain, _)| **plain == *url) {
            written.push_str(&html[from..start]);
            written.push_str(counted);
            from = end;
        }
    }
    written.push_str(&html[from..]);
    Cow::Owned(written)
}

/// Where the addresses of `<a href="…">` stand.
fn hrefs(html: &str) -> Vec<(usize, usize)> {
    let lower = html.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(tag) = lower[at..].find("<a").map(|offset| at + offset) {
        at = tag + 2;
        if !lower[at..].starts_with(|c: char| c.is_ascii_whitespace()) {
            continue;
        }
        let Some(close) = lower[at..].find('>').map(|offset| at + offset) else { break };
        let attributes = &lower[at..close];
        for (quoted, quote) in [("href=\"", '"'), ("href='", '\'')] {
            let Some(start) = attributes.find(quoted).map(|offset| at + offset + quoted.len()) else {
                continue;
            };
            if let Some(end) = lower[start..].find(quote).map(|offset| start + offset) {
                found.push((start, end));
                at = end;
                break;
            }
        }
    }
    found
}

fn is_web(url: &str) -> bool {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    (lower.starts_with("http://") || lower.starts_with("https://"))
        && url.len() <= LINK_BYTES_MAX
        && !url.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn unescaped(text: &str) -> String {
    let text = text.trim().replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<");
    text.replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<A class='b' HREF='https://s.example/a?x=1&amp;y=2'>a</a><abbr href=\"https://no.example\">\
        <a href=\"mailto:hi@s.example\">m</a><a href=\"javascript:alert(1)\">j</a><a href=\"https://s.example/a?x=1&amp;y=2\">again</a>\
        <a href=\"/relative\">r</a><a>none</a><a href=\"http://s.example/ü\">u</a>";

    #[test]
    fn only_web_addresses_of_links_are_counted_each_once() {
        assert_eq!(links_of(HTML), ["https://s.example/a?x=1&y=2", "http://s.example/ü"]);
    }

    #[test]
    fn every_place_of_a_counted_link_is_exchanged_and_nothing_else() {
        let counted = vec![("https://s.example/a?x=1&y=2".to_owned(), "https://t.example/c/T".to_owned())];
        let links = Links { counted, ..Links::default() };
        let written = with_counted_links(HTML, &links);
        assert_eq!(written.matches("https://t.example/c/T").count(), 2);
        assert!(!written.contains("s.example/a?") && written.contains("http://s.example/ü"));
        assert_eq!(with_counted_links(HTML, &Links::default()), HTML);
    }

    #[test]
    fn a_mail_has_at_most_50_counted_links() {
        let of = |count: usize| {
            (0..count).map(|n| format!("<a href=\"https://s.example/{n}\">")).collect::<String>()
        };
        assert_eq!(links_of(&of(COUNTED_LINKS_MAX)).len(), COUNTED_LINKS_MAX);
        assert_eq!(links_of(&of(COUNTED_LINKS_MAX + 1)).len(), COUNTED_LINKS_MAX);
    }
}
