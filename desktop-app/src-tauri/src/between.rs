//! What the process in the tray and that of its window say to each other, over a pair of sockets that no other process
//! can reach: one JSON value a line. Both are of one version, so nothing here is kept for others.

use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::problem::Problem;

/// The longest line, in bytes: a page of the inbox with texts of the greatest length, and far more than that.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// What the window says.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToResident {
    /// A call of the pages.
    Ask {
        /// By which its answer is known.
        number: u64,
        /// The command's name.
        command: String,
        /// Its arguments.
        arguments: Box<RawValue>,
    },
    /// The person closes the window: may it go?
    Closing,
}

/// What the window is told.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWindow {
    /// What a call is answered.
    Answer {
        /// Of which call.
        number: u64,
        /// What comes of it.
        answer: Result<Box<RawValue>, Problem>,
    },
    /// An event for the pages.
    Told(Box<RawValue>),
    /// Come to the front.
    Raise,
    /// Go out of sight, and stay.
    Minimise,
    /// End.
    Close,
}

/// The next line of the other side; none if it has ended.
///
/// # Errors
/// If the connection breaks, or a line is longer than [`FRAME_BYTES_MAX`] or says what nobody says.
pub fn read_frame<T: serde::de::DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let limit = u64::try_from(FRAME_BYTES_MAX).unwrap_or(u64::MAX);
    from.take(limit).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a frame without an end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let arguments = RawValue::from_string(r#"{"id":"a\nb"}"#.to_owned()).unwrap();
        let asked = ToResident::Ask { number: 7, command: "item".to_owned(), arguments };
        let text = format!("{}\n\"Closing\"\n", serde_json::to_string(&asked).unwrap());
        let mut from = text.as_bytes();
        let Some(ToResident::Ask { number, command, arguments }) = read_frame(&mut from).unwrap() else {
            panic!("not what was written");
        };
        assert_eq!((number, command.as_str(), arguments.get()), (7, "item", r#"{"id":"a\nb"}"#));
        assert!(matches!(read_frame(&mut from), Ok(Some(ToResident::Closing))));
        assert!(matches!(read_frame::<ToResident>(&mut from), Ok(None)));
    }

    #[test]
    fn half_a_frame_is_an_error() {
        assert!(read_frame::<ToResident>(&mut b"\"Clos".as_slice()).is_err());
    }
}
