//! Decides whether, when and where a person is notified. Nothing here reads a clock, a file or a socket.

pub mod act;
pub mod calendar;
pub mod cap;
pub mod configuration;
pub mod expression;
pub mod model;
pub mod ports;
pub mod quiet_hours;
pub mod selection;
pub mod send_window;
pub mod session;
pub mod template;
pub mod throttle;
pub mod view;
pub mod when;

// While the acts are being written: `cargo check -p tidings-core --features acts`.
#[cfg(feature = "acts")]
mod acts;
#[cfg(feature = "acts")]
pub mod consent;
#[cfg(feature = "acts")]
pub mod flows;
#[cfg(feature = "acts")]
mod plan;
#[cfg(feature = "acts")]
mod work;
