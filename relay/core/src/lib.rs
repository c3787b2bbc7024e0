//! Decides whether, when and where a person is notified. Nothing here reads a clock, a file or a socket.

pub mod act;
mod acts;
pub mod calendar;
pub mod cap;
pub mod click_rate;
pub mod configuration;
pub mod consent;
pub mod delivery;
pub mod expression;
pub mod flows;
pub mod model;
pub mod nearest;
mod plan;
pub mod ports;
pub mod quiet_hours;
pub mod refresh;
pub mod retention;
pub mod selection;
pub mod send_window;
pub mod session;
pub mod sms;
pub mod template;
pub mod throttle;
pub mod trial;
pub mod view;
pub mod when;
mod work;
