//! Pushes through the whole relay: to a real browser and to receivers that are not our own code, and to stand-ins of Google
//! and Apple that refuse what their documentation tells them to refuse.

#[path = "push/browsers.rs"]
mod browsers;
#[path = "push/page.rs"]
mod page;
#[path = "push/phones.rs"]
mod phones;
#[path = "push/rig.rs"]
mod rig;
#[path = "push/vendor.rs"]
mod vendor;
