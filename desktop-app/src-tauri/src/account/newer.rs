//! Whether the operator of the relay offers a newer app. It is said with a link, and never installed by itself.

use std::sync::Arc;
use std::time::Duration;

use tidings_sdk::{AppOffer, Connection};

use super::Account;
use crate::view::NewerView;

/// How often a relay is asked that stays connected. One that was restarted, to offer another version, is asked at once.
const ASK_EVERY: Duration = Duration::from_secs(12 * 3_600);

impl Account {
    /// Asks the relay after each connect, and now and then.
    pub(super) async fn watch_offer(self: Arc<Self>) {
        let mut connection = self.client.connection();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                live = connection.wait_for(|now| *now == Connection::Live) => if live.is_none() { return },
            }
            match self.client.offered_app().await {
                Ok(offer) => self.desk.offer(&self.entry.id, offer.and_then(|offer| newer(&offer))),
                Err(error) => tracing::debug!(%error, "whether there is a newer app is not known"),
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(ASK_EVERY) => {}
                gone = connection.wait_for(|now| *now != Connection::Live) => if gone.is_none() { return },
            }
        }
    }
}

/// What is offered, if it is newer than this app and its link may be opened.
fn newer(offer: &AppOffer) -> Option<NewerView> {
    let url = crate::link::outward(&offer.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let is_newer = numbers(&offer.version)? > numbers(env!("CARGO_PKG_VERSION"))?;
    is_newer.then(|| NewerView { version: offer.version.clone(), url: url.into() })
}

/// A version as three numbers, which compare as they should.
pub(crate) fn numbers(version: &str) -> Option<[u32; 3]> {
    let numbers: Vec<u32> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_version_with_a_page_is_offered() {
        let offered = |version: &str, url: &str| {
            newer(&AppOffer::new(version.to_owned(), url.to_owned())).map(|newer| newer.version)
        };
        let page = "https://shop.example/app";
        assert_eq!(offered("0.10.0", page).as_deref(), Some("0.10.0"));
        assert_eq!(offered("99.0.0", "http://shop.example/").as_deref(), Some("99.0.0"));
        assert_eq!(offered(env!("CARGO_PKG_VERSION"), page), None, "it is this one");
        assert_eq!(offered("0.0.9", page), None, "it is an older one");
        assert_eq!(offered("newest", page), None);
        assert_eq!(offered("1.0.0.0", page), None);
        for link in ["file:///usr/bin/true", "javascript:alert(1)", "mailto:a@b.example", "tidings://connect"]
        {
            assert_eq!(offered("99.0.0", link), None, "{link}");
        }
    }
}
