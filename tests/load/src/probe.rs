//! Physics: the least that a machine can do for what is measured, found in the same run.

pub(crate) mod disk;
pub(crate) mod inbox;
pub(crate) mod post;
pub(crate) mod sends;
