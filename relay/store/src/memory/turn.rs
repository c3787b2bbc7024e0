//! One writer at a time, in the order in which they asked, on any executor.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Lets one through at a time.
#[derive(Debug, Default)]
pub(super) struct Turnstile(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    /// Who has the turn stands first.
    waiting: VecDeque<(u64, Option<Waker>)>,
}

/// A place in the queue, and the turn once it is first. Dropping it lets the next one through.
#[derive(Debug)]
pub(super) struct Turn {
    turnstile: Arc<Turnstile>,
    ticket: u64,
}

impl Turnstile {
    /// Waits for the turn.
    pub(super) fn turn(self: &Arc<Self>) -> impl Future<Output = Turn> + Send + use<> {
        let mut queue = self.lock();
        let ticket = queue.next;
        queue.next += 1;
        queue.waiting.push_back((ticket, None));
        drop(queue);
        Waiting(Some(Turn { turnstile: Arc::clone(self), ticket }))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting(Option<Turn>);

impl Future for Waiting {
    type Output = Turn;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Turn> {
        let turn = self.0.as_ref().expect("not polled after it was ready");
        let mut queue = turn.turnstile.lock();
        if queue.waiting.front().is_some_and(|(first, _)| *first == turn.ticket) {
            drop(queue);
            return Poll::Ready(self.0.take().expect("it was there above"));
        }
        let place = queue.waiting.iter_mut().find(|(ticket, _)| *ticket == turn.ticket);
        place.expect("a place is given up only by dropping it").1 = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turnstile.lock();
        queue.waiting.retain(|(ticket, _)| *ticket != self.ticket);
        let first = queue.waiting.front_mut().and_then(|(_, waker)| waker.take());
        drop(queue);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}
