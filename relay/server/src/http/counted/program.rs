//! Whether a person or a program followed a link, as far as the request tells.

use std::time::Duration;

use axum::http::{HeaderMap, Method, header};

/// Who follows a link so soon after the mail was taken, in milliseconds, is no person: a mail is shown, opened and read
/// first.
const AT_ONCE_MILLIS: i64 = 3_000;
/// Links that are remembered as told. One that is forgotten is told once more in the story; a click counts once anyway.
const TOLD_MAX: u64 = 100_000;
const TOLD_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Words in the names of programs that fetch what people did not ask for, in lower case.
const PROGRAMS: [(&str, &str); 12] = [
    ("googleimageproxy", "Google's picture proxy"),
    ("yahoomailproxy", "Yahoo's picture proxy"),
    ("cloudmark", "a scanner"),
    ("barracuda", "a scanner"),
    ("proofpoint", "a scanner"),
    ("mimecast", "a scanner"),
    ("safelinks", "a scanner"),
    ("bot", "a robot"),
    ("crawler", "a robot"),
    ("scanner", "a scanner"),
    ("curl/", "a program"),
    ("python-", "a program"),
];

/// Who followed a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum By {
    Person,
    /// For the story.
    Program(&'static str),
}

impl By {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        if method == Method::HEAD {
            return Self::Program("a program that only asks whether it is there");
        }
        // Sec-Purpose is the Fetch standard's; the others are older names of the same.
        let ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
        if ahead.iter().any(|name| text(name).to_ascii_lowercase().contains("prefetch")) {
            return Self::Program("a reader that loads ahead");
        }
        let agent = text(header::USER_AGENT.as_str()).trim().to_ascii_lowercase();
        match agent.as_str() {
            "" => Self::Program("a program without a name"),
            // Apple's Mail Privacy Protection loads every picture when a mail arrives, under this bare name.
            "mozilla/5.0" => Self::Program("Apple's privacy proxy"),
            _ => {
                let found = PROGRAMS.iter().find(|(word, _)| agent.contains(word));
                found.map_or(Self::Person, |(_, what)| Self::Program(what))
            }
        }
    }

    /// The same, after so many milliseconds since the mail was taken.
    pub(super) const fn unless_at_once(self, millis: i64) -> Self {
        match self {
            Self::Person if millis < AT_ONCE_MILLIS => {
                Self::Program("a program, the moment it was delivered")
            }
            Self::Person | Self::Program(_) => self,
        }
    }
}

/// What was told already, so that a program that comes every minute makes no story of a thousand lines.
pub(crate) struct Counted(moka::sync::Cache<([u8; 32], By), ()>);

impl Default for Counted {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(TOLD_MAX).time_to_live(TOLD_FOR).build())
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counted").field("told", &self.0.entry_count()).finish()
    }
}

impl Counted {
    pub(super) fn is_first(&self, hash: [u8; 32], by: By) -> bool {
        self.0.entry((hash, by)).or_insert(()).is_fresh()
    }

    pub(super) fn forget(&self, hash: [u8; 32], by: By) {
        self.0.invalidate(&(hash, by));
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

    #[rstest]
    #[case::person("GET", FIREFOX, None, false)]
    #[case::phone(
        "GET",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        None,
        false
    )]
    #[case::head("HEAD", FIREFOX, None, true)]
    #[case::apple("GET", "Mozilla/5.0", None, true)]
    #[case::google(
        "GET",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        None,
        true
    )]
    #[case::nameless("GET", "", None, true)]
    #[case::scanner("GET", "Barracuda Sentinel (EE)", None, true)]
    #[case::robot("GET", "Mozilla/5.0 (compatible; bingbot/2.0)", None, true)]
    #[case::ahead("GET", FIREFOX, Some(("sec-purpose", "prefetch;prerender")), true)]
    #[case::older("GET", FIREFOX, Some(("x-moz", "prefetch")), true)]
    fn programs_are_told_from_people(
        #[case] method: &str,
        #[case] agent: &str,
        #[case] more: Option<(&'static str, &str)>,
        #[case] program: bool,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_str(agent).unwrap());
        if let Some((name, value)) = more {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let by = By::of(&method.parse().unwrap(), &headers);
        assert_eq!(matches!(by, By::Program(_)), program, "{by:?}");
    }

    #[test]
    fn nobody_follows_a_link_in_the_first_three_seconds() {
        assert!(matches!(By::Person.unless_at_once(AT_ONCE_MILLIS - 1), By::Program(_)));
        assert_eq!(By::Person.unless_at_once(AT_ONCE_MILLIS), By::Person);
    }
}
