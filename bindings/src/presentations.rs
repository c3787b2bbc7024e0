//! What is to be shown on this device, live and after a push.

use std::sync::Arc;
use std::time::Duration;

use tidings_sdk::{Error as SdkError, Presentation as SdkPresentation, Presentations as SdkPresentations};

use crate::client::Client;
use crate::error::ClientError;
use crate::item::InboxItem;
use crate::pull::{Pull, Source};

/// One thing to do on the screen.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Presentation {
    /// Show it; then call `shown`.
    Show {
        /// What to show.
        item: InboxItem,
    },
    /// Show it in the place of one that is on the screen; then call `shown`.
    Update {
        /// What to show.
        item: InboxItem,
        /// Whose place it takes; its own id for another round of the same.
        replaces: String,
    },
    /// Take it off the screen: it was read, archived or retracted, or it expired.
    Withdraw {
        /// Which one.
        id: String,
    },
    /// Many came while the device was away: say how many.
    Summary {
        /// How many.
        count: u64,
    },
}

impl Presentation {
    pub(crate) fn of(presentation: SdkPresentation) -> Option<Self> {
        match presentation {
            SdkPresentation::Show(item) => Some(Self::Show { item: (*item).into() }),
            SdkPresentation::Update { item, replaces } => {
                Some(Self::Update { item: (*item).into(), replaces: replaces.to_string() })
            }
            SdkPresentation::Withdraw(id) => Some(Self::Withdraw { id: id.to_string() }),
            SdkPresentation::Summary { count } => {
                Some(Self::Summary { count: u64::try_from(count).unwrap_or(u64::MAX) })
            }
            // A kind that this layer does not know cannot be shown above it.
            _ => None,
        }
    }
}

/// A presentation with its number.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ToldPresentation {
    /// Say it when asking for the next.
    pub number: u64,
    /// What to do.
    pub presentation: Presentation,
}

/// Presentations that came together.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct ToldPresentations {
    /// The number of the last; say it with the next call.
    pub number: u64,
    /// What to do, in order.
    pub presentations: Vec<Presentation>,
}

impl ToldPresentations {
    /// Forgets those up to a number: the caller has them.
    fn retain_after(&mut self, received: u64) {
        let waiting = usize::try_from(self.number.saturating_sub(received)).unwrap_or(usize::MAX);
        let done = self.presentations.len().saturating_sub(waiting);
        self.presentations.drain(..done);
    }

    fn extend(&mut self, presentations: Vec<SdkPresentation>) {
        for presentation in presentations.into_iter().filter_map(Presentation::of) {
            self.number += 1;
            self.presentations.push(presentation);
        }
    }
}

struct Screen(SdkPresentations);

impl Source for Screen {
    type Told = Presentation;

    async fn next(&mut self) -> Result<Option<Presentation>, SdkError> {
        loop {
            match self.0.next().await? {
                None => return Ok(None),
                Some(presentation) => {
                    if let Some(known) = Presentation::of(presentation) {
                        return Ok(Some(known));
                    }
                }
            }
        }
    }
}

/// What is to be shown, in order.
#[derive(uniffi::Object)]
pub struct Presentations(Pull<Presentation>);

#[uniffi::export]
impl Presentations {
    /// The one after that with a number, zero for the first; waits for it. None after the client was closed.
    pub async fn next(&self, received: u64) -> Result<Option<ToldPresentation>, ClientError> {
        let told = self.0.next(received).await?;
        Ok(told.map(|(number, presentation)| ToldPresentation { number, presentation }))
    }
}

/// What a push says, before anything is fetched.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Push {
    /// The notification that it is about.
    pub notification: Option<String>,
    /// Whose it is, where a device has several accounts.
    pub recipient: Option<String>,
    /// One line, if it carries words.
    pub title: Option<String>,
    /// Some lines, if it carries words.
    pub body: Option<String>,
    /// Where a click leads, if it carries words.
    pub link: Option<String>,
}

/// Reads a push's payload; none if it is not one of Tidings, which still means: look what there is.
#[uniffi::export]
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "values that come from another language are owned")]
pub fn read_push(payload: Vec<u8>) -> Option<Push> {
    let push = tidings_sdk::Push::read(&payload)?;
    Some(Push {
        notification: push.notification.map(|id| id.to_string()),
        recipient: push.recipient,
        title: push.title,
        body: push.body,
        link: push.link,
    })
}

#[uniffi::export]
impl Client {
    /// What is to be shown from now on. Several may be taken; each presentation comes out of one of them.
    pub fn presentations(&self) -> Arc<Presentations> {
        let screen = Screen(self.core.client.presentations());
        Arc::new(Presentations(Pull::new(&self.core.handle, screen)))
    }

    /// Woken by a push: catches up within the deadline and returns what is to be shown. What an earlier call found and
    /// its caller did not receive comes first, so calls are made one after the other.
    pub async fn handle_push(
        &self,
        payload: Vec<u8>,
        deadline: Duration,
        received: u64,
    ) -> Result<ToldPresentations, ClientError> {
        let found = Arc::clone(&self.found);
        let call = |client: tidings_sdk::Client| async move {
            let mut found = found.lock().await;
            found.retain_after(received);
            let presentations = client.handle_push(&payload, deadline).await?;
            found.extend(presentations);
            Ok(found.clone())
        };
        self.core.call(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_push_found_stays_until_it_was_received() {
        let mut found = ToldPresentations::default();
        found.extend(vec![SdkPresentation::Summary { count: 1 }, SdkPresentation::Summary { count: 2 }]);
        found.retain_after(0);
        assert_eq!((found.number, found.presentations.len()), (2, 2), "the caller never had them");
        found.extend(vec![SdkPresentation::Summary { count: 3 }]);
        found.retain_after(2);
        assert_eq!(found.presentations, [Presentation::Summary { count: 3 }]);
        found.retain_after(3);
        assert_eq!(found.presentations, []);
    }
}
