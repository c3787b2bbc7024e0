//! Threads of their own for what many devices ask at once when they come back: whose a token is, and a page of an inbox.
//!
//! Among thousands of tasks that are ready, a task that waits for the store is polled late, and keeps its reader until then:
//! four readers were enough for a dozen devices a second. Here a few works are under way at a time, and the others wait before
//! they take anything; who does not come back has the rest of the processors.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Works that are under way at a time: each reader of the store has one, and one that is computed meanwhile.
const AT_A_TIME: usize = 8;

/// The threads; clones share them. They end with the last clone.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Threads>);

#[derive(Debug)]
struct Threads {
    /// There until the end.
    runtime: Option<Runtime>,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Lane {
    /// Half of the processors, at least one; `before_sleep` is called by each thread that has nothing to do.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(before_sleep: fn()) -> io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((processors / 2).max(1))
            .thread_name("lane")
            .enable_time()
            .on_thread_park(before_sleep)
            .build()?;
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        Ok(Self(Arc::new(Threads { runtime: Some(runtime), tasks: TaskTracker::new(), places })))
    }

    /// Does something on these threads, in its turn; none if it panicked.
    ///
    /// # Cancel safety
    /// What has to wait is not begun; what was begun is done to its end, without an answer.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let place = Arc::clone(&self.0.places).acquire_owned().await.ok()?;
        let runtime = self.0.runtime.as_ref()?;
        let work = async move {
            let done = work.await;
            drop(place);
            done
        };
        self.0.tasks.spawn_on(work, runtime.handle()).await.ok()
    }
}

impl Drop for Threads {
    /// A runtime waits for its threads when it is dropped, which a task must not do.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn work_is_done_on_the_lanes_own_threads_also_if_nobody_waits() {
        let lane = Lane::new(|| {}).unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(lane.run(async move { name() }).await.flatten().as_deref(), Some("lane"));
        assert_ne!(name().as_deref(), Some("lane"));
        let (done, seen) = tokio::sync::oneshot::channel();
        let work = lane.run(async move {
            tokio::task::yield_now().await;
            done.send(()).is_ok()
        });
        let waited = tokio::time::timeout(std::time::Duration::ZERO, work).await;
        assert!(waited.is_err() || waited.is_ok_and(|done| done == Some(true)));
        seen.await.expect("it was done");
        assert_eq!(lane.run(async { panic!("as it may") }).await, None::<()>);
    }

    #[tokio::test]
    async fn a_thread_that_has_nothing_to_do_is_asked_for_what_it_does_before_it_sleeps() {
        static SLEPT: AtomicBool = AtomicBool::new(false);
        let lane = Lane::new(|| SLEPT.store(true, Ordering::SeqCst)).unwrap();
        lane.run(async {}).await.expect("it was done");
        let slept = async {
            while !SLEPT.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), slept).await.expect("it sleeps soon");
    }

    #[tokio::test]
    async fn so_many_works_are_under_way_and_the_next_waits_without_being_begun() {
        let lane = Lane::new(|| {}).unwrap();
        let (go, _) = tokio::sync::broadcast::channel::<()>(1);
        let waits: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                let mut signal = go.subscribe();
                Box::pin(lane.run(async move { signal.recv().await.is_ok() }))
            })
            .collect();
        let mut all = futures_util::future::join_all(waits);
        let moment = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(moment, &mut all).await.is_err());
        assert!(tokio::time::timeout(moment, lane.run(async {})).await.is_err(), "there is no place");
        go.send(()).unwrap();
        assert_eq!(all.await, [Some(true); AT_A_TIME]);
        assert_eq!(lane.run(async {}).await, Some(()));
    }
}
