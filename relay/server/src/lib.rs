//! The relay's shell: HTTP, sockets, the writer, the dispatch. It acts on what the core decides.

mod access;
mod alerts;
mod app;
mod bells;
mod channels;
pub mod dispatch;
mod handover;
mod hooks;
mod http;
pub mod hub;
pub mod lane;
mod metering;
pub mod rehearsal;
mod relay;
mod settings;
pub mod socket;
pub mod submit;
mod vault;
mod world;
mod writer;

pub use channels::AuthoritiesError;
pub use relay::{FirstKey, Relay, StartError};
pub use settings::{OutsideOptions, REQUESTS_PER_SECOND_DEFAULT, ServeOptions};
pub use vault::VaultError;
