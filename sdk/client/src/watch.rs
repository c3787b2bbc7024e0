//! A value that can be read at any time and waited for.

use std::fmt;

/// A value that changes. Each watch remembers what it has seen; clones remember for themselves.
#[derive(Clone)]
pub struct Watch<T>(tokio::sync::watch::Receiver<T>);

impl<T: Clone> Watch<T> {
    pub(crate) fn new(mut receiver: tokio::sync::watch::Receiver<T>) -> Self {
        // What there is at first is news to whoever begins to watch.
        receiver.mark_changed();
        Self(receiver)
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.borrow().clone()
    }

    /// Waits for a value that this watch has not returned yet; the first call returns at once. None after the client
    /// was closed and everything was returned.
    ///
    /// # Cancel safety
    /// Safe: a value is only counted as seen when it is returned.
    pub async fn next(&mut self) -> Option<T> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// Waits until the value is as wanted and returns it; none if the client is closed before.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool + Send) -> Option<T>
    where
        T: Send + Sync,
    {
        self.0.wait_for(|value| wanted(value)).await.ok().map(|value| value.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&*self.0.borrow()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_value_comes_at_once_and_each_comes_once() {
        let (sender, receiver) = tokio::sync::watch::channel(1);
        let mut watch = Watch::new(receiver);
        assert_eq!(watch.next().await, Some(1));
        sender.send_replace(2);
        sender.send_replace(3);
        assert_eq!(watch.next().await, Some(3));
        drop(sender);
        assert_eq!(watch.next().await, None);
    }
}
