//! The desktop app: a person's inbox, its popups and its preferences, on the SDK. `controller` is the app without a
//! window, `commands` what its window may ask, `port` what it needs of the desktop around it.
//!
//! Nothing in here may use Tauri: on Linux the process in the tray is made of this library alone, so that it does not
//! carry a browser's libraries around. What shows the pages is `src/window`, a program of its own there.

mod account;
mod arguments;
#[cfg(target_os = "linux")]
mod autostart;
#[cfg(target_os = "linux")]
mod between;
mod commands;
mod contract;
mod controller;
mod desk;
mod link;
mod native;
mod port;
mod problem;
#[cfg(target_os = "linux")]
mod resident;
mod roster;
mod secrets;
mod text;
mod view;
mod words;

pub use arguments::Arguments;
#[cfg(target_os = "linux")]
pub use between::{FRAME_BYTES_MAX, ToResident, ToWindow, read_frame};
pub use commands::{answer, contract};
pub use controller::{ANSWERS_MAX, Controller, MenuEntry, Surroundings};
pub use native::NativeScreen;
pub use port::{AppEvent, Popup, PopupAnswer, PopupKey, Screen, Shell, Urgency};
pub use problem::Problem;
#[cfg(target_os = "linux")]
pub use resident::run;
pub use roster::LocalPreferences;
pub use secrets::{Keychain, SecretPlace, SystemKeychain};
pub use view::*;
