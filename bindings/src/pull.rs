//! What is followed, one after the other, and never lost in between.
//!
//! A caller asks for the next with the number of what it received last. A future that was dropped between the moment
//! when it was ready and the moment when its caller had the value changes nothing: the same number asked again gives
//! the same value. Nothing is taken from the source before it is asked for.

use std::future::Future;

use tidings_sdk::Error as SdkError;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::error::ClientError;

/// Where the values come from.
pub(crate) trait Source: Send + 'static {
    /// What comes.
    type Told: Clone + Send + Sync + 'static;

    /// The next; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Told>, SdkError>> + Send;
}

/// What was asked for.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// How often.
    count: u64,
    /// The number of what was received last.
    received: u64,
}

/// What was told last.
#[derive(Clone)]
struct Told<T> {
    number: u64,
    value: Option<T>,
    /// A failure after it, for those who had asked by then: whoever asks later has the source looked at again.
    failure: Option<(u64, ClientError)>,
}

/// Follows a source. Dropping it ends the following.
pub(crate) struct Pull<T> {
    asked: watch::Sender<Asked>,
    told: watch::Receiver<Told<T>>,
}

impl<T: Clone + Send + Sync + 'static> Pull<T> {
    /// Begins to follow, on the threads of the client.
    pub(crate) fn new(handle: &Handle, source: impl Source<Told = T>) -> Self {
        let (asked, asks) = watch::channel(Asked::default());
        let (tell, told) = watch::channel(Told { number: 0, value: None, failure: None });
        handle.spawn(follow(source, asks, tell));
        Self { asked, told }
    }

    /// What comes after the one that was received last, with its number; zero if nothing was. None at the end.
    pub(crate) async fn next(&self, received: u64) -> Result<Option<(u64, T)>, ClientError> {
        let mut count = 0;
        self.asked.send_modify(|asked| {
            asked.count += 1;
            asked.received = asked.received.max(received);
            count = asked.count;
        });
        let failed = |told: &Told<T>| told.failure.as_ref().is_some_and(|(at, _)| *at >= count);
        let mut told = self.told.clone();
        // If whoever follows is gone, the source has ended or the client is closed.
        let Ok(told) = told.wait_for(|told| told.number > received || failed(told)).await else {
            return Ok(None);
        };
        let told = told.clone();
        match (told.number > received, told.failure) {
            (false, Some((_, failure))) => Err(failure),
            (_, _) => Ok(told.value.map(|value| (told.number, value))),
        }
    }
}

async fn follow<T: Clone + Send + Sync + 'static>(
    mut source: impl Source<Told = T>,
    mut asks: watch::Receiver<Asked>,
    tell: watch::Sender<Told<T>>,
) {
    let (mut number, mut failed_at) = (0, 0);
    loop {
        let wanted = asks.wait_for(|asked| asked.received >= number && asked.count > failed_at);
        if wanted.await.is_err() {
            return;
        }
        let next = tokio::select! {
            biased;
            () = tell.closed() => return,
            next = source.next() => next,
        };
        match next {
            Ok(Some(value)) => {
                number += 1;
                tell.send_modify(|told| *told = Told { number, value: Some(value), failure: None });
            }
            Ok(None) => return,
            Err(error) => {
                failed_at = asks.borrow().count;
                tell.send_modify(|told| told.failure = Some((failed_at, error.into())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    struct Numbers(mpsc::Receiver<u32>);

    impl Source for Numbers {
        type Told = u32;

        async fn next(&mut self) -> Result<Option<u32>, SdkError> {
            match self.0.recv().await {
                Some(13) => Err(SdkError::Offline),
                number => Ok(number),
            }
        }
    }

    fn numbers() -> (mpsc::Sender<u32>, Pull<u32>) {
        let (sender, receiver) = mpsc::channel(8);
        (sender, Pull::new(&Handle::current(), Numbers(receiver)))
    }

    #[tokio::test]
    async fn what_was_not_received_comes_again() {
        let (sender, pull) = numbers();
        sender.send(7).await.unwrap();
        sender.send(8).await.unwrap();
        assert_eq!(pull.next(0).await.unwrap(), Some((1, 7)));
        assert_eq!(pull.next(0).await.unwrap(), Some((1, 7)), "the caller did not have it");
        assert_eq!(pull.next(1).await.unwrap(), Some((2, 8)));
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_loses_nothing() {
        let (sender, pull) = numbers();
        assert!(tokio::time::timeout(Duration::from_millis(5), pull.next(0)).await.is_err());
        sender.send(7).await.unwrap();
        assert_eq!(pull.next(0).await.unwrap(), Some((1, 7)));
    }

    #[tokio::test]
    async fn nothing_is_taken_before_it_is_asked_for() {
        let (sender, pull) = numbers();
        sender.send(7).await.unwrap();
        sender.send(8).await.unwrap();
        assert_eq!(pull.next(0).await.unwrap(), Some((1, 7)));
        tokio::task::yield_now().await;
        assert_eq!(sender.capacity(), 7, "the second stays where it is");
    }

    #[tokio::test]
    async fn an_error_is_told_once_and_the_rest_comes() {
        let (sender, pull) = numbers();
        sender.send(13).await.unwrap();
        sender.send(8).await.unwrap();
        assert!(pull.next(0).await.is_err());
        drop(sender);
        assert_eq!(pull.next(0).await.unwrap(), Some((1, 8)));
        assert_eq!(pull.next(1).await.unwrap(), None);
        assert_eq!(pull.next(1).await.unwrap(), None, "the end stays the end");
    }
}
