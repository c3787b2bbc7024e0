//! What a session may take in time and room, and when a device that was sent away comes back.

use tidings_protocol::frame::Bye;

/// Frames that wait to be written to one device. When it is full nothing is lost: live changes are left out, and once
/// there is room the session reads them from the store.
pub const UNWRITTEN_FRAMES_MAX: usize = 32;
/// The next page is read while at most this many frames wait, so that a page is ready when the last one is out.
pub const READ_AHEAD_FRAMES: usize = 2;
/// How long a device may leave frames unread before it is sent away, in milliseconds. Longer than a phone needs to
/// change networks, shorter than the time after which operators wonder.
pub const SLOW_MILLIS_MAX: i64 = 30_000;
/// Frames of operations that wait while a batch is being committed; beyond it the socket is not read.
pub const ASKED_FRAMES_MAX: usize = 32;
/// Hellos of one device that are taken one right after the other: a person who opens and closes a lid, an app that is
/// started a few times.
pub const HELLOS_AT_ONCE_MAX: u32 = 32;
/// How often a device may say hello after that, in milliseconds.
pub const HELLO_EVERY_MILLIS: u32 = 10_000;
/// How long a session waits before it asks a store again that was not available, in milliseconds.
pub const RETRY_MILLIS: i64 = 1_000;

/// A delay before the next connection, in milliseconds.
struct Delay {
    least: u64,
    spread: u64,
}

/// When a device comes back after a bye. `jitter` is uniform over `u32` and stays the same for a session; the delays
/// are spread so that devices that were sent away together do not come back together.
pub(super) fn reconnect_after_ms(code: Bye, jitter: u32) -> u64 {
    let Delay { least, spread } = match code {
        // All sessions of a node at once: a node takes its devices back within three seconds.
        Bye::Restart => Delay { least: 100, spread: 3_000 },
        // A new token is all it needs.
        Bye::TokenExpired | Bye::DeviceConflict => Delay { least: 0, spread: 1_000 },
        Bye::Unauthorized | Bye::Slow => Delay { least: 1_000, spread: 4_000 },
        // The same frame would come again at once.
        Bye::ProtocolError | Bye::Unknown => Delay { least: 10_000, spread: 20_000 },
        // Somebody else has the place; to come back soon would be a fight for it.
        Bye::Replaced | Bye::TooManySessions => Delay { least: 30_000, spread: 30_000 },
        // There is nothing to come back to.
        Bye::Revoked | Bye::Erased => Delay { least: 3_600_000, spread: 3_600_000 },
    };
    least + ((spread * u64::from(jitter)) >> 32)
}
