//! What tests need to attack a relay from outside: its real process, plain HTTP, a plain socket.
//!
//! Every wait has an end, so that a test that would hang fails.

mod device;
mod http;
mod mail_server;
mod process;

pub use device::Device;
pub use http::{Caller, Reply};
pub use mail_server::MailServer;
pub use process::{Refused, Relay, Site, binary};
