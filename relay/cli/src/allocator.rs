//! The allocator, and when memory goes back to the system.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Deciding makes and frees many small texts on several threads; the system's allocator spent a third of a relay's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often one thread gives memory back at most. It walks all its pages for it.
const EVERY: Duration = Duration::from_secs(1);

thread_local! {
    static GIVEN_BACK: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What a thread does before it sleeps: the allocator gives free pages back only while somebody allocates, so that an idle
/// relay would keep what its last burst took.
pub(crate) fn before_sleep() {
    let now = Instant::now();
    if GIVEN_BACK.get().is_some_and(|last| now - last < EVERY) {
        return;
    }
    GIVEN_BACK.set(Some(now));
    give_back();
}

#[expect(unsafe_code, reason = "the crate of the allocator has no safe face for it")]
fn give_back() {
    unsafe extern "C" {
        /// Of the library that is linked as the allocator, `mimalloc.h`.
        safe fn mi_collect(force: bool);
    }
    mi_collect(true);
}
