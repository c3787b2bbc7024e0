//! What Kotlin, Swift and Python call. It converts and never decides: every rule stands in `tidings-sdk` below, every
//! idiom (`Flow`, `AsyncSequence`, `async for`) in the packages above.
//!
//! - An exported future may be dropped at any point. What it asked for is done whole, or not begun.
//! - What is followed is pulled, with the number of what was received last (`pull`): nothing is lost in between.
//! - Foreign code is called on a thread of its own, and may throw or block there (`foreign`). It is called no more when its
//!   language ends (`border`).
//! - Each client owns the threads that it runs on (`threads`); they end with `close`, or some seconds after it was dropped.

#![expect(unreachable_pub, reason = "what is exported is reached from other languages")]

mod account;
mod border;
mod client;
mod core;
mod error;
mod foreign;
mod inbox;
mod item;
mod log;
mod operations;
mod presentations;
mod pull;
mod settings;
mod standing;
mod threads;
mod time;

uniffi::setup_scaffolding!("tidings_ffi");

/// The version of the library.
#[uniffi::export]
#[must_use]
pub fn library_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
