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
pub mod template;
pub mod throttle;
pub mod when;
