//! Whether the device knows everything that the relay has for it.

use tidings_protocol::Timestamp;

/// What a device may say about its inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing was missing at this instant, and the connection has been watched since.
    Complete {
        /// The last sign of life of the relay.
        as_of: Timestamp,
    },
    /// Something may be missing.
    Incomplete {
        /// Nothing was missing up to here; none means that the inbox was never complete.
        missing_after: Option<Timestamp>,
    },
}

/// Follows what the connection proves about the inbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompletenessWatch {
    complete_as_of: Option<Timestamp>,
    caught_up: bool,
}

impl CompletenessWatch {
    /// Begins with what an earlier run knew.
    #[must_use]
    pub const fn new(complete_as_of: Option<Timestamp>) -> Self {
        Self { complete_as_of, caught_up: false }
    }

    /// The last page was stored.
    pub fn handle_caught_up(&mut self, now: Timestamp) {
        self.caught_up = true;
        self.handle_heard(now);
    }

    /// The relay gave a sign of life. It only counts while nothing is missing.
    pub fn handle_heard(&mut self, now: Timestamp) {
        if self.caught_up {
            self.complete_as_of = self.complete_as_of.max(Some(now));
        }
    }

    /// A page is missing or on its way, or the connection ended.
    pub const fn handle_behind(&mut self) {
        self.caught_up = false;
    }

    /// The inbox was emptied.
    pub const fn handle_emptied(&mut self) {
        *self = Self::new(None);
    }

    /// What may be said.
    #[must_use]
    pub const fn completeness(&self) -> Completeness {
        match (self.caught_up, self.complete_as_of) {
            (true, Some(as_of)) => Completeness::Complete { as_of },
            (_, missing_after) => Completeness::Incomplete { missing_after },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_sign_of_life_counts_only_while_nothing_is_missing() {
        let mut watch = CompletenessWatch::default();
        watch.handle_heard(at(1));
        assert_eq!(watch.completeness(), Completeness::Incomplete { missing_after: None });
        watch.handle_caught_up(at(2));
        watch.handle_heard(at(3));
        assert_eq!(watch.completeness(), Completeness::Complete { as_of: at(3) });
        watch.handle_behind();
        watch.handle_heard(at(4));
        assert_eq!(watch.completeness(), Completeness::Incomplete { missing_after: Some(at(3)) });
    }
}
