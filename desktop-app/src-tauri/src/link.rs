//! Links: those that connect this app to a relay, and those that lead out of it.

use std::fmt;

use url::Url;

use crate::problem::Problem;

/// The longest link that is looked at, in bytes.
const LINK_BYTES_MAX: usize = 4_096;
/// The longest connect code, in bytes.
const CODE_BYTES_MAX: usize = 64;

/// Which relay, and the code that signs a device in there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ConnectLink {
    /// The relay's address.
    pub relay: String,
    /// The code; good once.
    pub code: String,
}

impl fmt::Debug for ConnectLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectLink").field("relay", &self.relay).finish_non_exhaustive()
    }
}

impl ConnectLink {
    /// Reads what a person pasted: a whole link, or a code with the relay's address beside it.
    ///
    /// # Errors
    /// A problem that says which part is missing or wrong.
    pub(crate) fn read(text: &str, relay: Option<&str>) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() || text.len() > LINK_BYTES_MAX {
            return Err(Problem::new("broken_link", "there is no link or code"));
        }
        if text.contains(':') || text.contains('/') {
            return Self::from_link(text);
        }
        let relay = relay.map(str::trim).filter(|relay| !relay.is_empty());
        let relay = relay.ok_or_else(|| Problem::new("relay_missing", "a code needs the relay's address"))?;
        Self::of(relay, text)
    }

    fn from_link(text: &str) -> Result<Self, Problem> {
        let broken = |detail: &str| Problem::new("broken_link", detail);
        let link = Url::parse(text).map_err(|error| broken(&error.to_string()))?;
        // `tidings://connect?…` has `connect` as its host; some programs add a slash.
        let is_connect = link.scheme() == "tidings" && link.host_str() == Some("connect");
        if !is_connect {
            return Err(broken("a connect link begins with tidings://connect"));
        }
        let value = |name: &str| link.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let relay = value("relay").ok_or_else(|| broken("the link names no relay"))?;
        let code = value("code").ok_or_else(|| broken("the link has no code"))?;
        Self::of(&relay, &code)
    }

    fn of(relay: &str, code: &str) -> Result<Self, Problem> {
        let with_scheme = if relay.contains("://") { relay.to_owned() } else { format!("https://{relay}") };
        let wrong = |detail: String| Problem::new("wrong_relay", detail);
        let url = Url::parse(&with_scheme).map_err(|error| wrong(error.to_string()))?;
        let is_relay = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_relay {
            return Err(wrong("a relay's address begins with http:// or https://".into()));
        }
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if code.is_empty() || code.len() > CODE_BYTES_MAX || !code.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(Problem::new("broken_link", "a code has letters and digits only"));
        }
        Ok(Self { relay: url.as_str().trim_end_matches('/').to_owned(), code: code.to_ascii_uppercase() })
    }
}

/// A link that may be opened in the browser or mail program; everything else could start a program of the system.
///
/// # Errors
/// A problem if the link has another scheme, or is none.
pub(crate) fn outward(text: &str) -> Result<Url, Problem> {
    let refused = |detail: &str| Problem::new("link_refused", detail);
    if text.len() > LINK_BYTES_MAX {
        return Err(refused("the link is too long"));
    }
    let url = Url::parse(text.trim()).map_err(|error| refused(&error.to_string()))?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        "mailto" => Ok(url),
        _ => Err(refused("only links to web pages and mail addresses are opened")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str, relay: Option<&str>) -> Result<ConnectLink, String> {
        ConnectLink::read(text, relay).map_err(|problem| problem.code)
    }

    #[test]
    fn a_link_as_the_relay_prints_it_names_relay_and_code() {
        let link =
            code_of("tidings://connect?relay=http%3A%2F%2F127.0.0.1%3A7420&code=K7QF92MX", None).unwrap();
        assert_eq!((link.relay.as_str(), link.code.as_str()), ("http://127.0.0.1:7420", "K7QF92MX"));
        assert_eq!(code_of(" k7qf-92mx ", Some("relay.example")).unwrap().relay, "https://relay.example");
    }

    #[test]
    fn what_is_no_link_says_what_is_wrong() {
        let code = |text: &str, relay| code_of(text, relay).unwrap_err();
        assert_eq!(code("", None), "broken_link");
        assert_eq!(code("K7QF92MX", None), "relay_missing");
        assert_eq!(code("K7QF92MX", Some("file:///etc")), "wrong_relay");
        assert_eq!(code("K7QF92MX", Some("https://alice:pw@relay.example")), "wrong_relay");
        assert_eq!(code("https://evil.example/connect?code=A", None), "broken_link");
        assert_eq!(code("tidings://connect?code=A", None), "broken_link");
        assert_eq!(code("tidings://connect?relay=https://a.example&code=<b>", None), "broken_link");
        assert_eq!(code("tidings://erase?relay=https://a.example&code=A", None), "broken_link");
    }

    #[test]
    fn a_code_is_not_told_in_logs() {
        let link = code_of("K7QF92MX", Some("https://relay.example")).unwrap();
        assert!(!format!("{link:?}").contains("K7QF92MX"));
    }

    #[test]
    fn only_web_and_mail_links_lead_out() {
        for good in ["https://shop.example/o/1", "http://127.0.0.1:1/", "mailto:a@b.example"] {
            assert!(outward(good).is_ok(), "{good}");
        }
        for bad in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "tidings://connect",
            "/x",
            "ssh://a",
        ] {
            assert_eq!(outward(bad).unwrap_err().code, "link_refused", "{bad}");
        }
    }
}
