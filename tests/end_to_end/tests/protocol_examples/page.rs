//! The examples of the page: fenced blocks of `http` and `socket`.

use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/PROTOCOL.md");

/// One example.
#[derive(Debug)]
pub(crate) enum Example {
    /// A call and its answer.
    Http { request: Request, status: u16, body: Option<Value>, gives: Vec<(String, String)> },
    /// A session of a device.
    Socket { line: usize, lines: Vec<Line>, gives: Vec<(String, String)> },
}

/// A call.
#[derive(Debug)]
pub(crate) struct Request {
    /// Of the page.
    pub(crate) line: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// One line of a session.
#[derive(Debug)]
pub(crate) enum Line {
    /// `>`
    Device(String),
    /// `<`
    Relay(Value),
    /// `!`
    Meanwhile(Request),
}

/// All of them, in order.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut open: Option<(usize, Vec<&str>, Vec<&str>)> = None;
    for (index, text) in PAGE.lines().enumerate() {
        match (text.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((index + 2, info.split_whitespace().collect(), Vec::new())),
            (Some(_), Some(_)) => {
                let (line, info, lines) = open.take().expect("the pattern saw it");
                examples.extend(example(line, &info, &lines));
            }
            (None, Some((_, _, lines))) => lines.push(text),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "every block of the page is closed");
    examples
}

fn example(line: usize, info: &[&str], lines: &[&str]) -> Option<Example> {
    let (kind, names) = info.split_first()?;
    let gives = names
        .iter()
        .map(|give| give.split_once('=').unwrap_or_else(|| panic!("line {line}: name=/pointer, not {give}")))
        .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
        .collect();
    match *kind {
        "http" => Some(http(line, lines, gives)),
        "socket" => {
            let lines = lines.iter().map(|text| session_line(line, text)).collect();
            Some(Example::Socket { line, lines, gives })
        }
        _ => None,
    }
}

fn http(line: usize, lines: &[&str], gives: Vec<(String, String)>) -> Example {
    let end = lines.iter().position(|text| text.starts_with("HTTP "));
    let end = end.unwrap_or_else(|| panic!("line {line}: an example has an answer"));
    let (asked, answered) = (&lines[..end], &lines[end..]);
    let status = answered[0].trim_start_matches("HTTP ").parse().expect("a status");
    let body = answered[1..].join("\n");
    let body = (!body.is_empty()).then(|| {
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("line {line}: the answer: {error}"))
    });
    Example::Http { request: request(line, asked), status, body, gives }
}

fn request(line: usize, lines: &[&str]) -> Request {
    let blank = lines.iter().position(|text| text.is_empty()).unwrap_or(lines.len());
    let (head, body) = lines.split_at(blank);
    let (method, path) = head[0].split_once(' ').expect("method and path");
    let headers = head[1..].iter().map(|text| {
        let (name, value) = text.split_once(": ").expect("a header has a name and a value");
        (name.to_owned(), value.to_owned())
    });
    Request {
        line,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.collect(),
        body: body.join("\n").trim().to_owned(),
    }
}

fn session_line(line: usize, text: &str) -> Line {
    let (mark, rest) = text.split_once(' ').expect("a mark and what is said");
    match mark {
        ">" => Line::Device(rest.to_owned()),
        "<" => Line::Relay(serde_json::from_str(rest).unwrap_or_else(|error| panic!("line {line}: {error}"))),
        "!" => {
            let mut parts = rest.splitn(3, ' ');
            let mut part = || parts.next().unwrap_or_default().to_owned();
            let (method, path, body) = (part(), part(), part());
            let headers = vec![("Authorization".to_owned(), "Bearer <key>".to_owned())];
            Line::Meanwhile(Request { line, method, path, headers, body })
        }
        other => panic!("line {line}: {other} is no mark of a session"),
    }
}

/// `/2/items/0/id` is `/items/0/id` of the second frame.
pub(crate) fn frame_of(pointer: &str) -> (usize, String) {
    let (number, rest) = pointer[1..].split_once('/').expect("a frame's number and a place in it");
    (number.parse().expect("a number"), format!("/{rest}"))
}
