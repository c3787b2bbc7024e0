//! Every example of docs/PROTOCOL.md is sent to a real relay, in the order of the page, and its answer compared.
//!
//! The page says how examples are written. A fault names the line of the page, and both sides of what differs.

#[path = "protocol_examples/matching.rs"]
mod matching;
#[path = "protocol_examples/page.rs"]
mod page;

use matching::{Names, difference};
use page::{Example, Line, Request};
use serde_json::Value;
use tidings_end_to_end::{Caller, Device, Relay, Site};

/// Fewer than these on the page means that examples are not found any more, not that there are none.
const HTTP_EXAMPLES_MIN: usize = 45;
const SOCKET_EXAMPLES_MIN: usize = 4;

#[test]
fn every_example_of_the_page_is_answered_as_it_says() {
    let examples = page::examples();
    let sockets = examples.iter().filter(|example| matches!(example, Example::Socket { .. })).count();
    assert!(sockets >= SOCKET_EXAMPLES_MIN, "{sockets} socket examples");
    assert!(examples.len() - sockets >= HTTP_EXAMPLES_MIN, "{} HTTP examples", examples.len() - sockets);

    let site = Site::new();
    let mut serve = site.serve("127.0.0.1:0");
    serve.args(["--app-version", "0.2.0", "--app-url", "https://shop.example/tidings"]);
    let relay = Relay::try_start(serve, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
    let mut names = Names::default();
    names.give("key", &relay.key());
    let address = format!("http://{}", relay.address());
    names.give("relay", &address.replace(':', "%3A").replace('/', "%2F"));
    for example in &examples {
        match example {
            Example::Http { request, status, body, gives } => {
                ask(&relay, request, *status, body.as_ref(), gives, &mut names);
            }
            Example::Socket { line, lines, gives } => converse(&relay, *line, lines, gives, &mut names),
        }
    }
}

fn call(relay: &Relay, request: &Request, names: &Names) -> tidings_end_to_end::Reply {
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.clone(), names.filled(value))).collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let caller = Caller::new(relay.address(), None);
    caller.call(
        &request.method,
        &names.filled(&request.path),
        &headers,
        names.filled(&request.body).as_bytes(),
    )
}

fn ask(
    relay: &Relay,
    request: &Request,
    status: u16,
    expected: Option<&Value>,
    gives: &[(String, String)],
    names: &mut Names,
) {
    let place = format!("docs/PROTOCOL.md:{}: {} {}", request.line, request.method, request.path);
    let reply = call(relay, request, names);
    assert_eq!(reply.status, status, "{place}\n{}", reply.text());
    let Some(expected) = expected else {
        assert_eq!(reply.text(), "", "{place}: the page shows no body");
        return;
    };
    let answer = reply.json();
    for (name, pointer) in gives {
        names.give(name, found(&answer, pointer, &place));
    }
    if let Some(difference) = difference(expected, &answer, names) {
        panic!("{place}\n{difference}\nthe whole answer: {answer}");
    }
}

fn converse(relay: &Relay, line: usize, lines: &[Line], gives: &[(String, String)], names: &mut Names) {
    let mut device = Device::open(relay.address(), None);
    let mut heard = 0_usize;
    for said in lines {
        match said {
            Line::Device(frame) => {
                let frame = names.filled(frame);
                assert!(device.say(frame.into()), "docs/PROTOCOL.md:{line}: the relay reads");
            }
            Line::Meanwhile(request) => {
                let reply = call(relay, request, names);
                assert!(matches!(reply.status, 202 | 204), "docs/PROTOCOL.md:{line}\n{}", reply.text());
            }
            Line::Relay(expected) => {
                heard += 1;
                let place = format!("docs/PROTOCOL.md:{line}: frame {heard} of the relay");
                let frame = device.frame().unwrap_or_else(|| panic!("{place} comes"));
                for (name, pointer) in gives {
                    let (number, rest) = page::frame_of(pointer);
                    if number == heard {
                        names.give(name, found(&frame, &rest, &place));
                    }
                }
                if let Some(difference) = difference(expected, &frame, names) {
                    panic!("{place}\n{difference}\nthe whole frame: {frame}");
                }
            }
        }
    }
}

fn found<'v>(answer: &'v Value, pointer: &str, place: &str) -> &'v str {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{place}: {pointer} is a text: {answer}"))
}
