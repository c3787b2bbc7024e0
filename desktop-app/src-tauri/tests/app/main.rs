//! The app without its window, against a real relay; and its process, in the tray and with its window.

mod accounts;
mod calls;
mod desktop;
mod inbox;
mod menu;
mod newer;
mod popups;
mod process;
mod relay;
mod rig;
mod settings;
