//! Text with places for values: `{{ to }}`. The names are a closed list, and what may stand where is checked here.

use crate::configuration::mistake::Found;
use crate::configuration::model::http::{Pattern, Piece, Variable};
use crate::configuration::node::Node;
use crate::configuration::reader::{Reader, one_of};

/// Where a pattern stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the path of a URL.
    Url,
    /// In the value of a header, which has one line.
    Header,
    /// In the query.
    Query,
    /// In a body.
    Body,
}

impl Place {
    /// Values that cannot stand there.
    fn refuses(self, variable: Variable) -> bool {
        match self {
            // What was sent must not be kept in the logs of servers on the way.
            Self::Url => matches!(variable, Variable::Text | Variable::Password),
            Self::Header => matches!(variable, Variable::Text),
            Self::Query | Self::Body => false,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Url => "the path of a URL",
            Self::Header => "a header",
            Self::Query => "a query",
            Self::Body => "a body",
        }
    }
}

/// Reads a text with values in it.
pub(super) fn pattern<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, place: Place) -> Option<Pattern> {
    let source = reader.text(node)?;
    parse(reader, node, source, place)
}

/// Reads an address whose path may have values in it.
pub(super) fn url<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Pattern> {
    let source = reader.text(node)?;
    let pattern = parse(reader, node, source, Place::Url)?;
    // As a call will see it, with something in each place.
    let filled: String = pattern
        .0
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Value(_) => "x",
        })
        .collect();
    let after = filled.split_once("://").map_or("", |(_, rest)| rest);
    let host = after.split(['/', '?', '#']).next().unwrap_or("");
    let literal = matches!(pattern.0.first(), Some(Piece::Text(text))
        if text.split_once("://").is_some_and(|(_, rest)| pattern.0.len() == 1 || rest.contains(['/', '?'])));
    let is_url = ["http://", "https://"].iter().any(|scheme| filled.starts_with(scheme))
        && !host.is_empty()
        && !host.starts_with(':')
        && !filled.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_url && literal && !host.contains('@') {
        return Some(pattern);
    }
    let detail = if is_url && !literal {
        "the host of a URL is written out".to_owned()
    } else if is_url {
        "a secret never stands in the document".to_owned()
    } else {
        format!("`{source}` is not a URL")
    };
    let found = Found::new("bad_url", node.place, detail);
    reader.report(
        found.expected("http:// or https:// and a host, like https://sms.example/v1/{{ user }}/texts"),
    );
    None
}

fn parse(reader: &mut Reader<'_>, node: &Node<'_>, source: &str, place: Place) -> Option<Pattern> {
    let names: Vec<&str> = Variable::ALL
        .iter()
        .filter(|(_, variable)| !place.refuses(*variable))
        .map(|(name, _)| *name)
        .collect();
    let (mut pieces, mut at, mut whole) = (Vec::new(), 0, true);
    while let Some(open) = source[at..].find("{{").map(|open| at + open) {
        if open > at {
            pieces.push(Piece::Text(source[at..open].to_owned()));
        }
        let Some(close) = source[open..].find("}}").map(|close| open + close) else {
            let found =
                Found::new("bad_template", reader.part(node, open..source.len()), "`{{` is never closed");
            reader.report(found.expected("a value like {{ to }}"));
            return None;
        };
        let name = source[open + 2..close].trim();
        let begins = open + 2 + source[open + 2..close].find(name).unwrap_or(0);
        let mark = reader.part(node, begins..begins + name.len().max(1));
        match Variable::ALL.iter().find(|(word, _)| *word == name) {
            Some((_, variable)) if place.refuses(*variable) => {
                let detail = format!("`{name}` cannot stand in {}", place.what());
                reader.report(Found::new("bad_call", mark, detail).expected(one_of(&names)));
                whole = false;
            }
            Some((_, variable)) => pieces.push(Piece::Value(*variable)),
            None => {
                let hint = reader.nearest(name, names.iter().copied());
                let found = Found::new("unknown_variable", mark, format!("nothing is called `{name}` here"));
                reader.report(found.hint_if(hint).expected(one_of(&names)));
                whole = false;
            }
        }
        at = close + 2;
    }
    if at < source.len() {
        pieces.push(Piece::Text(source[at..].to_owned()));
    }
    whole.then_some(Pattern(pieces))
}
