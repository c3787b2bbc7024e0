//! The generator's side of the wires: as little work for each request and frame as there can be.

pub(crate) mod blocking;
pub(crate) mod device;
pub(crate) mod http;
pub(crate) mod mqtt;
pub(crate) mod nats;
pub(crate) mod redis;
