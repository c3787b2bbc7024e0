//! The app without its window, against a real relay.

mod accounts;
mod inbox;
mod popups;
mod rig;
mod settings;
