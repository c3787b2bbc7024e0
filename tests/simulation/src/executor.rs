//! Runs tasks one step at a time, in the order that chance decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::world::World;

/// What a task belongs to: a node in one of its lives. When the node crashes, its tasks vanish where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Which node.
    pub node: usize,
    /// Which of its lives.
    pub life: u64,
}

/// The tasks of a run.
pub struct Executor<T> {
    world: World,
    tasks: BTreeMap<u64, Strand<T>>,
    next: u64,
}

struct Strand<T> {
    owner: Owner,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
}

struct Bell {
    world: World,
    id: u64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.world.inside().ready.insert(self.id);
    }
}

impl<T> Executor<T> {
    /// Without tasks.
    #[must_use]
    pub const fn new(world: World) -> Self {
        Self { world, tasks: BTreeMap::new(), next: 0 }
    }

    /// Adds a task, which can go on at once.
    pub fn spawn(&mut self, owner: Owner, future: impl Future<Output = T> + Send + 'static) {
        self.next += 1;
        self.tasks.insert(self.next, Strand { owner, future: Box::pin(future) });
        self.world.inside().ready.insert(self.next);
    }

    /// How many tasks can go on.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.world.inside().ready.len()
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Lets the `n`th of those that can go on do one step; answers what it came to, if it ended.
    pub fn step(&mut self, n: usize) -> Option<(Owner, T)> {
        let id = {
            let mut inside = self.world.inside();
            let id = inside.ready.iter().nth(n).copied()?;
            inside.ready.remove(&id);
            id
        };
        let task = self.tasks.get_mut(&id)?;
        let waker = Waker::from(Arc::new(Bell { world: self.world.clone(), id }));
        match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready(done) => {
                let owner = task.owner;
                self.tasks.remove(&id);
                Some((owner, done))
            }
        }
    }

    /// The tasks of a node vanish, with the transactions that they had begun.
    pub fn crash(&mut self, node: usize) {
        let gone: Vec<u64> =
            self.tasks.iter().filter(|(_, task)| task.owner.node == node).map(|(id, _)| *id).collect();
        for id in gone {
            self.world.inside().ready.remove(&id);
            // Dropped outside of the world's lock: a transaction wakes whoever waits for its turn.
            drop(self.tasks.remove(&id));
        }
    }
}

impl<T> std::fmt::Debug for Executor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

/// The answer of a future that waits for nothing.
///
/// # Panics
/// If it waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("this future was to be ready at once"),
    }
}
