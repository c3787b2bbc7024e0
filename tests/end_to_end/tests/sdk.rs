//! The real SDK against the real relay's process: what an app is promised, one test a sentence.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "sdk/access.rs"]
mod access;
#[path = "sdk/encrypted.rs"]
mod encrypted;
#[path = "sdk/erasure.rs"]
mod erasure;
#[path = "sdk/keeping.rs"]
mod keeping;
#[path = "sdk/outbox.rs"]
mod outbox;
#[path = "sdk/processes.rs"]
mod processes;
#[path = "sdk/receiving.rs"]
mod receiving;
#[path = "sdk/rig.rs"]
mod rig;
#[path = "sdk/screen.rs"]
mod screen;
#[path = "sdk/settings.rs"]
mod settings;
