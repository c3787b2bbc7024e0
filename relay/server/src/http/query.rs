//! The query of a request: every name is known, and names what is wrong if not.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidings_protocol::http::Page;
use tidings_protocol::limits::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, WAIT_MILLIS_MAX};
use tidings_protocol::problem::Fault;
use tidings_protocol::{Span, Timestamp};

use super::problem::Problem;
use super::strict::nearest;

/// The fields of the query of a list, with a sentence each.
pub(crate) const LIST_QUERY: &[(&str, &str)] =
    &[("limit", "1 to 500, default 50"), ("after", "next of the page before")];

/// The place of something in a list whose newest comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Newest(Reverse<i64>, Reverse<String>);

impl Newest {
    pub(crate) fn of(at: Timestamp, id: impl Into<String>) -> Self {
        Self(Reverse(at.as_millis()), Reverse(id.into()))
    }
}

impl fmt::Display for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Reverse(at), Reverse(id)) = self;
        write!(f, "{at} {id}")
    }
}

impl FromStr for Newest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once(' ').ok_or(())?;
        Ok(Self(Reverse(at.parse().map_err(|_| ())?), Reverse(id.to_owned())))
    }
}

/// The fields of a query, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Refuses names that the call does not know.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Box<Problem>> {
        let Some((name, _)) = self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) else {
            return Ok(self);
        };
        let detail = format!("There is no query field {name}.");
        let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_field", detail);
        let (pointer, hint) = (format!("?{name}"), nearest(name, known));
        let (code, detail) = ("unknown_field".into(), "unknown".into());
        problem.errors.push(Fault { pointer, code, detail, hint, ..Fault::default() });
        Err(problem)
    }

    /// A field as it was written; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
            .filter(|text| !text.is_empty())
    }

    /// A field that has a form.
    pub(crate) fn parsed<T>(&self, name: &str) -> Result<Option<T>, Box<Problem>>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let parsed = self.text(name).map(str::parse).transpose();
        parsed.map_err(|error| Problem::invalid(format!("?{name}"), format!("{name}: {error}.")))
    }

    /// How many entries a list answer has.
    pub(crate) fn limit(&self) -> Result<usize, Box<Problem>> {
        let limit = self.parsed::<usize>("limit")?.unwrap_or(LIST_LIMIT_DEFAULT);
        if limit == 0 || limit > LIST_LIMIT_MAX {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::limit(status, "limit, from 1", LIST_LIMIT_MAX, Some(limit)));
        }
        Ok(limit)
    }

    /// How long a call may wait, in milliseconds.
    pub(crate) fn wait_millis(&self) -> Result<u64, Box<Problem>> {
        let wait = self.parsed::<Span>("wait")?.unwrap_or(Span::ZERO).as_millis();
        if wait > WAIT_MILLIS_MAX {
            let problem = Problem::invalid("?wait", format!("wait: at most {}s.", WAIT_MILLIS_MAX / 1_000));
            return Err(problem);
        }
        Ok(wait.unsigned_abs())
    }

    /// An instant; without a time of day it is no instant.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Box<Problem>> {
        self.parsed(name)
    }

    /// A page of a list that is at hand as a whole: what stands after the place that the page before ended with, in the
    /// order of the places.
    pub(crate) fn page<T, P>(self, all: Vec<T>, place: impl Fn(&T) -> P) -> Result<Page<T>, Box<Problem>>
    where
        P: Ord + FromStr + fmt::Display,
    {
        let query = self.only(&["limit", "after"])?;
        let (limit, after) = (query.limit()?, query.after::<P>()?);
        let mut items: Vec<(P, T)> = all.into_iter().map(|item| (place(&item), item)).collect();
        items.retain(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().map(|(place, _)| next(place)).filter(|_| more);
        Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// What `next` of the page before said.
    pub(crate) fn after<T: FromStr>(&self) -> Result<Option<T>, Box<Problem>> {
        let Some(text) = self.text("after") else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.and_then(|text| text.parse().ok()) {
            Some(place) => Ok(Some(place)),
            None => Err(Problem::invalid("?after", "after: take it from next of the page before.")),
        }
    }
}

/// A place in a list, opaque to callers.
pub(crate) fn next(place: impl fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(place.to_string())
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Box<Problem>> {
        read(parts.uri.query().unwrap_or(""))
    }
}

/// The fields of a query. Decoding puts a replacement character where bytes are no UTF-8: one that was not written says so.
fn read(query: &str) -> Result<Query, Box<Problem>> {
    let fields: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let written = query.to_ascii_uppercase().contains("%EF%BF%BD");
    for (name, value) in &fields {
        if !written && (name.contains('\u{fffd}') || value.contains('\u{fffd}')) {
            let detail = "The query is not UTF-8.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_utf8", detail));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(Problem::invalid(format!("?{name}").replace('\0', ""), "U+0000 cannot be stored."));
        }
    }
    Ok(Query(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        read(text).unwrap()
    }

    #[test]
    fn what_no_store_can_keep_is_refused() {
        let code = |text| read(text).unwrap_err().code;
        assert_eq!(code("title=%00"), "invalid");
        assert_eq!(code("%00=a"), "invalid");
        assert_eq!(code("title=%ff"), "invalid_utf8");
        assert_eq!(query("title=%EF%BF%bd").text("title"), Some("\u{fffd}"));
    }

    #[test]
    fn the_limit_of_a_list_is_bounded_from_both_sides() {
        assert_eq!(query("").limit().unwrap(), 50);
        assert_eq!(query("limit=500").limit().unwrap(), 500);
        assert!(query("limit=501").limit().is_err());
        assert!(query("limit=0").limit().is_err());
        assert!(query("limit=x").limit().is_err());
    }

    #[test]
    fn a_wait_ends_at_sixty_seconds() {
        assert_eq!(query("wait=60s").wait_millis().unwrap(), 60_000);
        assert!(query("wait=61s").wait_millis().is_err());
    }

    #[test]
    fn a_place_is_read_back_and_anything_else_is_refused() {
        assert_eq!(query(&format!("after={}", next(17))).after::<u64>().unwrap(), Some(17));
        assert!(query("after=17").after::<u64>().is_err());
    }
}
