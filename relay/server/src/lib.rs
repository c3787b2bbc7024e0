//! The relay's shell: HTTP, sockets, the writer, the dispatch. It acts on what the core decides.

mod access;
mod app;
mod bells;
pub mod dispatch;
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

pub use relay::{FirstKey, Relay, StartError};
pub use settings::{ACCESS_TOKEN_MAX, ACCESS_TOKEN_MIN, REQUESTS_PER_SECOND_DEFAULT, ServeOptions};
pub use vault::VaultError;
