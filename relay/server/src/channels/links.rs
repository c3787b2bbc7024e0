//! The ways out that a delivery carries, and the links of a mail that are counted.
//!
//! A token is 128 bits of an HMAC under the relay's own hash key over what it opens, so that it is the same each time:
//! a recipient has one row for each category and channel however many mails they get, and a repeated hand-over carries
//! the same links. That key is no signing key: `tidings keys rotate-signing` leaves every link good. The epoch of the
//! inbox is part of it: who was erased and comes back has new ones. What is kept is a hash of the token, by which
//! nobody gets at the token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidings_core::configuration::{Configuration, Count};
use tidings_core::delivery::{Form, Handover};
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxReader, Opens, PublicToken, PublicTokens, StoreError};
use tidings_protocol::{Channel, LegalClass, Timestamp};

use super::{Links, counted};
use crate::vault::{Purpose, Vault};

/// How many bytes of the HMAC are the token: 128 bits, which nobody guesses.
const TOKEN_BYTES: usize = 16;
/// How long a counted link leads on, in milliseconds: a year, in which people find old mails.
const COUNTED_LASTS_MILLIS: i64 = 365 * 24 * 3_600 * 1_000;
/// Tokens that are remembered as kept, so that a recipient's next mail writes nothing.
const KEPT_MAX: u64 = 100_000;

/// Makes links.
pub(crate) struct LinkMaker {
    vault: Arc<Vault>,
    inbox: Arc<dyn InboxReader>,
    tokens: Arc<dyn PublicTokens>,
    public_url: Box<str>,
    kept: moka::sync::Cache<[u8; 32], ()>,
}

impl std::fmt::Debug for LinkMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkMaker").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// The hash by which a token is found.
pub(crate) fn hash(vault: &Vault, token: &str) -> [u8; 32] {
    vault.hash(Purpose::PublicToken, token)
}

impl LinkMaker {
    pub(crate) fn new(
        vault: Arc<Vault>,
        inbox: Arc<dyn InboxReader>,
        tokens: Arc<dyn PublicTokens>,
        public_url: &str,
    ) -> Self {
        let kept = moka::sync::Cache::new(KEPT_MAX);
        Self { vault, inbox, tokens, public_url: public_url.trim_end_matches('/').into(), kept }
    }

    /// Makes the links of deliveries of one project that are about to be handed over, in their order. They are kept
    /// before this returns.
    ///
    /// # Errors
    /// [`StoreError`]: nothing may be handed over without its way out.
    pub(crate) async fn make(
        &self,
        configuration: &Configuration,
        handovers: &[&Handover],
        now: Timestamp,
    ) -> Result<Vec<Links>, StoreError> {
        let people: BTreeSet<PersonKey> = handovers.iter().map(|handover| person(handover)).collect();
        let people: Vec<PersonKey> = people.into_iter().collect();
        let heads = self.inbox.heads(&people).await?;
        let epochs: BTreeMap<PersonKey, u32> =
            heads.into_iter().map(|(who, epoch, _)| (who, epoch)).collect();
        let mut rows = Rows { maker: self, now, new: Vec::new() };
        let links = handovers
            .iter()
            .map(|handover| {
                let category = configuration.categories.get(&handover.category);
                let count = category.map_or(Count::default(), |category| category.count);
                let epoch = epochs.get(&person(handover)).copied().unwrap_or(0);
                rows.links(handover, epoch, count)
            })
            .collect();
        let new = rows.new;
        if !new.is_empty() {
            self.tokens.put_public_tokens(&new, None).await?;
            for row in &new {
                self.kept.insert(row.hash, ());
            }
        }
        Ok(links)
    }
}

fn person(handover: &Handover) -> PersonKey {
    PersonKey { project: handover.project.clone(), recipient: handover.recipient.clone() }
}

/// Tokens that are made, with those that are to be kept.
struct Rows<'m> {
    maker: &'m LinkMaker,
    now: Timestamp,
    new: Vec<PublicToken>,
}

impl Rows<'_> {
    fn links(&mut self, handover: &Handover, epoch: u32, count: Count) -> Links {
        if handover.legal == LegalClass::Essential || handover.channel == Channel::Inapp {
            return Links::default();
        }
        let epoch = epoch.to_string();
        let of = [&*epoch, "unsubscribe", handover.category.as_str(), handover.channel.as_str()];
        let opens = Opens::Unsubscribe { category: handover.category.clone(), channel: handover.channel };
        let token = self.token(&of, handover, opens, None);
        let base = self.maker.public_url.clone();
        let mut links = Links { unsubscribe: Some(format!("{base}/u/{token}")), ..Links::default() };
        let Form::Email(content) = &handover.form else { return links };
        let Some(html) = &content.html else { return links };
        let (notification, delivery) = (&handover.notification, &handover.delivery);
        let expires_at = Some(self.now.plus_millis(COUNTED_LASTS_MILLIS));
        if count.links {
            for url in counted::links_of(html) {
                let opens = Opens::Link {
                    notification: notification.clone(),
                    delivery: delivery.clone(),
                    url: url.as_str().into(),
                };
                let token = self.token(&[&*epoch, "link", &**delivery, &url], handover, opens, expires_at);
                links.counted.push((url, format!("{base}/c/{token}")));
            }
        }
        if count.opens {
            let opens = Opens::Opened { notification: notification.clone(), delivery: delivery.clone() };
            let token = self.token(&[&*epoch, "opened", &**delivery], handover, opens, expires_at);
            links.opened = Some(format!("{base}/c/{token}"));
        }
        links
    }

    fn token(
        &mut self,
        of: &[&str],
        handover: &Handover,
        opens: Opens,
        expires_at: Option<Timestamp>,
    ) -> String {
        // No id has a control character in it.
        let whose = [handover.project.as_str(), handover.recipient.as_str()];
        let text = whose.iter().chain(of).copied().collect::<Vec<_>>().join("\0");
        let vault = &self.maker.vault;
        let token = URL_SAFE_NO_PAD.encode(&vault.hash(Purpose::PublicLink, &text)[..TOKEN_BYTES]);
        let hash = hash(vault, &token);
        if !self.maker.kept.contains_key(&hash) && !self.new.iter().any(|row| row.hash == hash) {
            let person = person(handover);
            self.new.push(PublicToken { hash, person, opens, made_at: self.now, expires_at });
        }
        token
    }
}
