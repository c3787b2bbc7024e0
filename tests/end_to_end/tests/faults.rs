//! Devices that misbehave, and machines that do: each has a clear answer, and nobody else feels it.

#[path = "faults/environment.rs"]
mod environment;
#[path = "faults/frames.rs"]
mod frames;
#[path = "faults/full_disk.rs"]
mod full_disk;
#[path = "faults/operations.rs"]
mod operations;
#[path = "faults/sessions.rs"]
mod sessions;
