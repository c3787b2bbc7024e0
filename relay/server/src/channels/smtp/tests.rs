//! Mails at a server that fails in each documented way, and at a real one.

mod faults;
/// The same server as in the end-to-end tests, which build on this crate and so cannot be built on.
#[expect(unreachable_pub, reason = "there it is the crate's own face")]
#[path = "../../../../../tests/end_to_end/src/mail_server.rs"]
mod mail_server;
mod real;
mod rig;
mod scripted;
