//! How the core's values stand in rows. Core types are not serialised: what is packed has its own shape here.

pub(super) mod consent;
pub(super) mod event;
pub(super) mod notification;
pub(super) mod person;
pub(super) mod setup;
pub(super) mod story;
pub(super) mod trial;
pub(super) mod way;
pub(super) mod work;
