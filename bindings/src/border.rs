//! Where foreign code is called, and given back: not any more once its language ends.
//!
//! A language that ends takes its functions with it, and some of them (Python) end every thread that then comes back to
//! them, in the middle of whatever stands below. So the border closes for good first, and whoever is across is waited for.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

struct Border {
    closed: bool,
    across: usize,
}

static BORDER: Mutex<Border> = Mutex::new(Border { closed: false, across: 0 });
static CAME_BACK: Condvar = Condvar::new();

fn border() -> MutexGuard<'static, Border> {
    BORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that is in foreign code.
struct Across;

impl Across {
    /// None if the border is closed.
    fn go() -> Option<Self> {
        let mut border = border();
        if border.closed {
            return None;
        }
        border.across += 1;
        Some(Self)
    }
}

impl Drop for Across {
    fn drop(&mut self) {
        border().across -= 1;
        CAME_BACK.notify_all();
    }
}

/// From now on nobody goes across. It never opens again.
pub(crate) fn close() {
    border().closed = true;
}

/// Waits for those who are across; false if some are after that time.
pub(crate) fn wait_until_all_came_back(timeout: Duration) -> bool {
    let waited = CAME_BACK.wait_timeout_while(border(), timeout, |border| border.across > 0);
    !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
}

/// Keeps a thread that its language ends. Such an end unwinds it, which is no panic, and code below would not survive it.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        // A panic unwinds too, and goes on.
        while !std::thread::panicking() {
            std::thread::park();
        }
    }
}

/// Something of the embedder's own language.
pub(crate) struct Foreign<T: ?Sized>(Option<Arc<T>>);

impl<T: ?Sized> Foreign<T> {
    pub(crate) fn new(foreign: Arc<T>) -> Self {
        Self(Some(foreign))
    }

    /// Calls it; none if the border is closed.
    pub(crate) fn call<A>(&self, call: impl FnOnce(&T) -> A) -> Option<A> {
        let foreign = self.0.as_deref()?;
        let across = Across::go()?;
        let stay = Stay;
        let answer = call(foreign);
        std::mem::forget(stay);
        drop(across);
        Some(answer)
    }
}

impl<T: ?Sized> Drop for Foreign<T> {
    /// Giving it back is a call as well. What cannot be given back any more ends with the process.
    fn drop(&mut self) {
        let foreign = self.0.take();
        if let Some(across) = Across::go() {
            let stay = Stay;
            drop(foreign);
            std::mem::forget(stay);
            drop(across);
        } else {
            std::mem::forget(foreign);
        }
    }
}
