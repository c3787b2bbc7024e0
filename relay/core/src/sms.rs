//! Text messages: how many segments a text takes and how it is fitted into them, the words that stop and start them,
//! what a phone number is.

mod fit;
mod number;
mod segments;
mod taken;
mod word;

pub use fit::{Fitted, SEGMENTS_DEFAULT, SEGMENTS_MAX, fit, way_out};
pub use number::{is_number, number_of};
pub use segments::{Alphabet, Measure, measure};
pub use taken::{Chain, Taken};
pub use word::SmsWord;
