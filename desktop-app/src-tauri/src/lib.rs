//! The desktop app: a person's inbox, its popups and its preferences, on the SDK. `controller` is the app without a
//! window, `commands` what its window may ask, `port` what it needs of the desktop around it.

mod account;
mod app;
mod arguments;
mod autostart;
mod commands;
mod contract;
mod controller;
mod desk;
mod link;
mod native;
mod port;
mod problem;
mod roster;
mod secrets;
mod text;
mod tray;
mod view;
mod window;
mod words;

pub use app::run;
pub use arguments::Arguments;
pub use commands::contract;
pub use controller::{ANSWERS_MAX, Controller, Surroundings};
pub use native::NativeScreen;
pub use port::{AppEvent, Popup, PopupAnswer, PopupKey, Screen, Shell, Urgency};
pub use problem::Problem;
pub use roster::LocalPreferences;
pub use secrets::{Keychain, SecretPlace, SystemKeychain};
pub use view::*;
