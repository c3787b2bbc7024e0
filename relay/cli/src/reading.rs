//! Events from a file or standard input: one, an array, or lines. Lines are read as they come, so that a file of any
//! length is sent in requests of a bounded size.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tidings_protocol::limits::{EVENTS_PER_REQUEST_MAX, REQUEST_BYTES_MAX};

use crate::calls::Body;
use crate::error::CommandError;

/// A file that is not lines is read whole, up to this many bytes.
const DOCUMENT_BYTES_MAX: usize = 256 << 20;
/// Brackets, commas and line ends beside the events themselves.
const BATCH_BYTES_MAX: usize = REQUEST_BYTES_MAX - 2;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One event by itself: what is wrong with it is the request's problem.
    Single,
    Lines,
    Array,
    CloudEvents,
}

/// Events that go in one request.
#[derive(Debug)]
pub(crate) struct Batch {
    form: Form,
    events: Vec<Piece>,
    bytes: usize,
}

/// One event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    place: String,
    text: String,
}

/// What comes out of a source, in its order.
#[derive(Debug)]
pub(crate) enum Found {
    /// To be sent.
    Batch(Batch),
    /// Too large to be sent at all.
    TooLarge { place: String, actual: usize },
}

impl Batch {
    /// How many events are in it.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Where an event stood: `line 57`, `event 3`.
    pub(crate) fn place(&self, index: usize) -> &str {
        self.events.get(index).map_or("", |piece| &piece.place)
    }

    /// The body of the request.
    pub(crate) fn body(&self) -> Body {
        let texts: Vec<&str> = self.events.iter().map(|piece| piece.text.as_str()).collect();
        let (media, text) = match self.form {
            Form::Single => ("application/json", texts.concat()),
            Form::Lines => ("application/x-ndjson", texts.join("\n")),
            Form::Array => ("application/json", format!("[{}]", texts.join(","))),
            Form::CloudEvents => ("application/cloudevents-batch+json", format!("[{}]", texts.join(","))),
        };
        Body { media, bytes: text.into_bytes() }
    }
}

/// Reads events from a source and cuts them into batches.
#[derive(Debug)]
pub(crate) struct Events<R> {
    source: R,
    name: String,
    line: usize,
    /// The rest of a document that is not lines.
    whole: std::vec::IntoIter<(Form, Piece)>,
    begun: bool,
    first_batch: bool,
    pending: Option<(Form, Piece)>,
}

impl<R: BufRead> Events<R> {
    pub(crate) fn new(source: R, name: String) -> Self {
        Self {
            source,
            name,
            line: 0,
            whole: Vec::new().into_iter(),
            begun: false,
            first_batch: true,
            pending: None,
        }
    }

    /// The next batch; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, CommandError> {
        let mut batch: Option<Batch> = None;
        while let Some((form, piece)) = self.piece()? {
            if piece.text.len() > BATCH_BYTES_MAX {
                if batch.is_some() {
                    self.pending = Some((form, piece));
                    break;
                }
                self.first_batch = false;
                return Ok(Some(Found::TooLarge { place: piece.place, actual: piece.text.len() }));
            }
            let batch = batch.get_or_insert_with(|| Batch { form, events: Vec::new(), bytes: 0 });
            let bytes = batch.bytes + piece.text.len() + 1;
            if batch.form != form || batch.len() == EVENTS_PER_REQUEST_MAX || bytes > BATCH_BYTES_MAX + 1 {
                self.pending = Some((form, piece));
                break;
            }
            batch.bytes = bytes;
            batch.events.push(piece);
        }
        let alone = self.first_batch && self.pending.is_none();
        if let Some(batch) =
            batch.as_mut().filter(|batch| batch.len() == 1 && batch.form == Form::Lines && alone)
        {
            batch.form = Form::Single;
        }
        self.first_batch = false;
        Ok(batch.map(Found::Batch))
    }

    fn piece(&mut self) -> Result<Option<(Form, Piece)>, CommandError> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        if let Some(piece) = self.whole.next() {
            return Ok(Some(piece));
        }
        let Some(text) = self.next_line()? else { return Ok(None) };
        let first = !std::mem::replace(&mut self.begun, true);
        if first && !is_object(&text) {
            return self.document(text);
        }
        let form = if is_cloud_event(&text) { Form::CloudEvents } else { Form::Lines };
        Ok(Some((form, Piece { place: format!("line {}", self.line), text })))
    }

    /// The next line that says something.
    fn next_line(&mut self) -> Result<Option<String>, CommandError> {
        loop {
            let mut bytes = Vec::new();
            // A line that is no event any more is not kept whole, unless it is the first one of a document.
            let limit = if self.begun { BATCH_BYTES_MAX + 2 } else { DOCUMENT_BYTES_MAX };
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            let read = (&mut self.source).take(limit).read_until(b'\n', &mut bytes);
            if read.map_err(|source| self.failed(source))? == 0 {
                return Ok(None);
            }
            if bytes.last() != Some(&b'\n') {
                self.skip_line()?;
            }
            self.line += 1;
            let text = self.text(bytes)?;
            let text = text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
            if !text.is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }

    fn skip_line(&mut self) -> Result<(), CommandError> {
        loop {
            let buffer = self.source.fill_buf();
            let buffer = match buffer {
                Ok(buffer) => buffer,
                Err(source) => return Err(CommandError::File { path: self.name.clone().into(), source }),
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let (used, done) = match end {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.source.consume(used);
            if done {
                return Ok(());
            }
        }
    }

    /// The source is no lines: an array, or one object over several lines.
    fn document(&mut self, first: String) -> Result<Option<(Form, Piece)>, CommandError> {
        let mut bytes = first.into_bytes();
        bytes.push(b'\n');
        let limit = DOCUMENT_BYTES_MAX.saturating_sub(bytes.len());
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = (&mut self.source).take(limit).read_to_end(&mut bytes);
        read.map_err(|source| self.failed(source))?;
        let text = self.text(bytes)?;
        let input = |error: serde_json::Error| CommandError::Input {
            place: self.name.clone(),
            detail: format!("this is no JSON, and the first line is no event: {error}"),
        };
        if text.trim_start().starts_with('[') {
            let events: Vec<Box<RawValue>> = serde_json::from_str(&text).map_err(input)?;
            let pieces = events.iter().enumerate().map(|(index, event)| {
                let form = if is_cloud_event(event.get()) { Form::CloudEvents } else { Form::Array };
                (form, Piece { place: format!("event {}", index + 1), text: event.get().to_owned() })
            });
            self.whole = pieces.collect::<Vec<_>>().into_iter();
            return Ok(self.whole.next());
        }
        let event: Box<RawValue> = serde_json::from_str(&text).map_err(input)?;
        let form = if is_cloud_event(event.get()) { Form::CloudEvents } else { Form::Single };
        Ok(Some((form, Piece { place: self.name.clone(), text: event.get().to_owned() })))
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, CommandError> {
        String::from_utf8(bytes).map_err(|_| CommandError::Input {
            place: format!("{}, line {}", self.name, self.line.max(1)),
            detail: "this is no UTF-8 text".into(),
        })
    }

    fn failed(&self, source: io::Error) -> CommandError {
        CommandError::File { path: self.name.clone().into(), source }
    }
}

#[derive(Deserialize)]
struct Marked {
    specversion: Option<IgnoredAny>,
}

fn is_cloud_event(text: &str) -> bool {
    serde_json::from_str::<Marked>(text).is_ok_and(|event| event.specversion.is_some())
}

/// A whole object on one line: the source is lines, if there are more.
fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> Vec<(String, String, Vec<String>)> {
        let mut events = Events::new(text.as_bytes(), "day.json".into());
        let mut batches = Vec::new();
        while let Some(found) = events.next().unwrap() {
            match found {
                Found::Batch(batch) => {
                    let body = batch.body();
                    let places = (0..batch.len()).map(|index| batch.place(index).to_owned()).collect();
                    batches.push((body.media.to_owned(), String::from_utf8(body.bytes).unwrap(), places));
                }
                Found::TooLarge { place, .. } => {
                    batches.push(("too large".into(), String::new(), vec![place]))
                }
            }
        }
        batches
    }

    #[rstest]
    #[case::one_line("{\"type\":\"a\"}", "application/json", "{\"type\":\"a\"}", &["line 1"])]
    #[case::lines("\n{\"type\":\"a\"}\r\n\n{\"type\":\"b\"}\n", "application/x-ndjson", "{\"type\":\"a\"}\n{\"type\":\"b\"}", &["line 2", "line 4"])]
    #[case::a_broken_line("{\"type\":\"a\"}\n{\"ty\n", "application/x-ndjson", "{\"type\":\"a\"}\n{\"ty", &["line 1", "line 2"])]
    #[case::array("[{\"type\":\"a\"},\n {\"type\":\"b\"}]", "application/json", "[{\"type\":\"a\"},{\"type\":\"b\"}]", &["event 1", "event 2"])]
    #[case::one_over_lines("{\n \"type\": \"a\"\n}\n", "application/json", "{\n \"type\": \"a\"\n}", &["day.json"])]
    #[case::cloud_events("[{\"specversion\":\"1.0\"}]", "application/cloudevents-batch+json", "[{\"specversion\":\"1.0\"}]", &["event 1"])]
    fn a_source_is_read_by_its_form(
        #[case] text: &str,
        #[case] media: &str,
        #[case] body: &str,
        #[case] places: &[&str],
    ) {
        let places = places.iter().map(ToString::to_string).collect();
        assert_eq!(read(text), [(media.to_owned(), body.to_owned(), places)]);
    }

    #[test]
    fn a_thousand_events_are_one_request_and_one_more_is_another() {
        let line = "{\"type\":\"a\"}\n";
        assert_eq!(read(&line.repeat(1_000)).len(), 1);
        let batches = read(&line.repeat(1_001));
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[1].2, ["line 1001"]);
    }

    #[test]
    fn no_request_is_larger_than_the_limit() {
        let line = format!("{{\"type\":\"{}\"}}", "a".repeat(60_000));
        let batches = read(&[line.as_str(); 40].join("\n"));
        assert!(batches.len() > 1);
        assert!(batches.iter().all(|(_, body, _)| body.len() <= REQUEST_BYTES_MAX));
        let lines: Vec<&str> = batches.iter().flat_map(|(_, body, _)| body.lines()).collect();
        assert_eq!(lines, [line.as_str(); 40]);
    }

    #[test]
    fn an_event_larger_than_a_request_is_told_and_its_neighbours_go_on() {
        let large = format!("{{\"type\":\"{}\"}}", "a".repeat(REQUEST_BYTES_MAX));
        let batches = read(&format!("{{\"type\":\"a\"}}\n{large}\n{{\"type\":\"b\"}}\n"));
        let places: Vec<&str> = batches.iter().map(|(_, _, places)| places[0].as_str()).collect();
        assert_eq!(places, ["line 1", "line 2", "line 3"]);
        assert_eq!(batches[1].0, "too large");
    }

    #[test]
    fn what_is_no_json_is_told_with_its_name() {
        let mut events = Events::new("order.paid\n".as_bytes(), "day.json".into());
        let error = events.next().unwrap_err();
        assert!(error.to_string().starts_with("day.json: this is no JSON"), "{error}");
    }

    #[test]
    fn nothing_is_no_event() {
        assert!(read(" \n\n").is_empty());
    }
}
