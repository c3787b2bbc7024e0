//! What happens at a time, and whose it is.

use tidings_core::act::Report;
use tidings_protocol::{Channel, NotificationId, RecipientId};

use crate::node::{Attempt, BusHint};

/// What happens at a time.
#[derive(Debug)]
pub(crate) enum Event {
    Move,
    Gather { node: usize, life: u64 },
    Bus { from: usize, to: usize, life: u64, bus: BusHint },
    Look { node: usize, life: u64, at: i64 },
    Heads { node: usize, life: u64, at: i64 },
    Verified { wire: u64, token: String },
    SessionTimeout { wire: u64, at: i64 },
    Down { wire: u64 },
    Up { wire: u64 },
    Silent { wire: u64 },
    Heals { wire: u64 },
    Refused { device: usize, life: u64, attempt: u64 },
    DeviceTimeout { device: usize, life: u64, at: i64 },
    DeviceActs { device: usize, life: u64 },
    Token { device: usize, life: u64 },
    SignIn { device: usize, life: u64 },
    Screen { device: usize, life: u64, process: usize },
    Queued { device: usize, life: u64 },
    Reacts { device: usize, life: u64, id: NotificationId },
    Elsewhere { device: usize },
    Switches { who: RecipientId, chosen: bool },
    Online { device: usize },
    DeviceStarts { device: usize },
    NodeStarts { node: usize },
    ClockBack { node: usize, life: u64 },
    Arrive { node: usize, life: u64, request: u64 },
    Retry { request: u64 },
    Lanes { node: usize, life: u64, at: i64 },
    Recover { node: usize, life: u64 },
    Attempted { node: usize, life: u64, attempt: Box<Attempt> },
    Believed { node: usize, life: u64, delivery: Box<str>, attempt: u32 },
    Address { who: RecipientId, channel: Channel, stopped: bool, there: bool },
    Reported { delivery: Box<str>, report: Report },
}

impl Event {
    /// The device, and the life of it, that this belongs to.
    pub(super) const fn device(&self) -> Option<(usize, u64)> {
        match self {
            Self::Refused { device, life, .. }
            | Self::DeviceTimeout { device, life, .. }
            | Self::DeviceActs { device, life }
            | Self::Token { device, life }
            | Self::SignIn { device, life }
            | Self::Screen { device, life, .. }
            | Self::Reacts { device, life, .. }
            | Self::Queued { device, life } => Some((*device, *life)),
            Self::Move
            | Self::Gather { .. }
            | Self::Bus { .. }
            | Self::Look { .. }
            | Self::Heads { .. }
            | Self::Verified { .. }
            | Self::SessionTimeout { .. }
            | Self::Down { .. }
            | Self::Up { .. }
            | Self::Silent { .. }
            | Self::Heals { .. }
            | Self::Online { .. }
            | Self::Elsewhere { .. }
            | Self::Switches { .. }
            | Self::DeviceStarts { .. }
            | Self::NodeStarts { .. }
            | Self::ClockBack { .. }
            | Self::Arrive { .. }
            | Self::Retry { .. }
            | Self::Lanes { .. }
            | Self::Recover { .. }
            | Self::Attempted { .. }
            | Self::Believed { .. }
            | Self::Address { .. }
            | Self::Reported { .. } => None,
        }
    }

    /// The node, and the life of it, that this belongs to.
    pub(super) const fn node(&self) -> Option<(usize, u64)> {
        match self {
            Self::Gather { node, life }
            | Self::Bus { to: node, life, .. }
            | Self::Look { node, life, .. }
            | Self::Heads { node, life, .. }
            | Self::ClockBack { node, life }
            | Self::Arrive { node, life, .. }
            | Self::Lanes { node, life, .. }
            | Self::Recover { node, life }
            | Self::Attempted { node, life, .. }
            | Self::Believed { node, life, .. } => Some((*node, *life)),
            Self::Move
            | Self::Verified { .. }
            | Self::SessionTimeout { .. }
            | Self::Down { .. }
            | Self::Up { .. }
            | Self::Silent { .. }
            | Self::Heals { .. }
            | Self::Refused { .. }
            | Self::DeviceTimeout { .. }
            | Self::DeviceActs { .. }
            | Self::Token { .. }
            | Self::SignIn { .. }
            | Self::Screen { .. }
            | Self::Queued { .. }
            | Self::Reacts { .. }
            | Self::Elsewhere { .. }
            | Self::Switches { .. }
            | Self::Online { .. }
            | Self::DeviceStarts { .. }
            | Self::NodeStarts { .. }
            | Self::Address { .. }
            | Self::Reported { .. }
            | Self::Retry { .. } => None,
        }
    }
}
