//! Calls against a whole node in memory, with a clock that is moved by hand. Real sockets are in `tests/`.

mod bench;

mod configuration;
mod control;
mod conventions;
mod counted;
mod events;
mod five;
mod handing_over;
mod hooks;
mod inbound;
mod links;
mod mail_reports;
mod me;
mod page;
mod page_receipts;
mod people;
mod sends;
mod sign_in;
mod unsubscribe;
