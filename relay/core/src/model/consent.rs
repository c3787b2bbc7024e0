//! The consent ledger: what a recipient decided, chained so that no entry can be changed unseen.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use tidings_protocol::{CategoryId, Channel, Decision, EntryId, RecipientId, Timestamp};

/// What holds for a recipient, and the end of the chain.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Consents {
    /// The latest decision on each category and channel.
    pub states: BTreeMap<(CategoryId, Channel), ConsentState>,
    /// The end of the recipient's chain.
    pub head: ConsentHead,
}

/// The latest decision on a category and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentState {
    /// What was decided.
    pub decision: Decision,
    /// Since when, by the relay's clock.
    pub since: Timestamp,
    /// In which entry.
    pub entry: EntryId,
    /// To which policy it refers.
    pub policy_version: Option<Box<str>>,
}

/// The end of a recipient's chain.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ConsentHead {
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the last one; zeros before the first.
    pub hash: EntryHash,
}

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EntryHash(pub [u8; 32]);

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One entry of the ledger. Never changed; its personal fields can be destroyed without breaking the chain, because
/// the chain holds only a salted commitment to them.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsentEntry {
    /// The relay's id.
    pub id: EntryId,
    /// Its place in the recipient's chain, from 1.
    pub number: u64,
    /// When the relay wrote it.
    pub at: Timestamp,
    /// What was decided.
    pub decision: Decision,
    /// On which category.
    pub category: CategoryId,
    /// On which channels, sorted.
    pub channels: Vec<Channel>,
    /// To which policy it refers.
    pub policy_version: Option<Box<str>>,
    /// Who, what was shown and how it was collected; none after erasure.
    pub personal: Option<PersonalFields>,
    /// SHA-256 over the salt and the personal fields.
    pub commitment: EntryHash,
    /// The hash of the entry before.
    pub previous: EntryHash,
    /// The hash of this entry.
    pub hash: EntryHash,
}

/// What erasure destroys.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalFields {
    /// 128 random bits, so that the commitment cannot be guessed once the fields are gone.
    pub salt: [u8; 16],
    /// Whose decision it is.
    pub recipient: RecipientId,
    /// The text that was shown.
    pub text_shown: Option<Box<str>>,
    /// How it came about.
    pub collected: Option<Collected>,
}

/// What a decision on a whole channel is about in the ledger: every category, those made later too. No document names a
/// category so.
#[must_use]
pub fn every_category() -> CategoryId {
    CategoryId::new("*").expect("a star is an id")
}

/// How a decision came about that was answered to a text message.
pub const SMS_KEYWORD: &str = "sms_keyword";

/// How a decision came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// `signup_form`, `device`, …
    pub how: Box<str>,
    /// When the recipient decided, by the collector's clock.
    pub at: Option<Timestamp>,
    /// In which language the text was shown.
    pub locale: Option<Box<str>>,
    /// By which device or operator.
    pub by: Option<Box<str>>,
}

impl PersonalFields {
    /// The commitment that the chain holds. Each field goes in with its length, so that none can flow into the next.
    #[must_use]
    pub fn commitment(&self) -> EntryHash {
        let mut hash = Sha256::new();
        hash.update(b"tidings.consent.personal.1");
        hash.update(self.salt);
        let collected = self.collected.as_ref();
        let at = collected.and_then(|c| c.at).map(|at| at.to_string());
        let fields = [
            Some(self.recipient.as_str()),
            self.text_shown.as_deref(),
            collected.map(|c| &*c.how),
            at.as_deref(),
            collected.and_then(|c| c.locale.as_deref()),
            collected.and_then(|c| c.by.as_deref()),
        ];
        for field in fields {
            absorb(&mut hash, field);
        }
        EntryHash(hash.finalize().into())
    }
}

/// The hash of an entry: over everything in it but its own hash and the fields that the commitment stands for.
#[must_use]
pub fn entry_hash(entry: &ConsentEntry) -> EntryHash {
    let mut hash = Sha256::new();
    hash.update(b"tidings.consent.entry.1");
    hash.update(entry.previous.0);
    hash.update(entry.number.to_be_bytes());
    hash.update(entry.at.as_millis().to_be_bytes());
    hash.update(entry.commitment.0);
    absorb(&mut hash, Some(entry.id.as_str()));
    absorb(&mut hash, Some(entry.decision.as_str()));
    absorb(&mut hash, Some(entry.category.as_str()));
    for channel in &entry.channels {
        absorb(&mut hash, Some(channel.as_str()));
    }
    absorb(&mut hash, entry.policy_version.as_deref());
    EntryHash(hash.finalize().into())
}

fn absorb(hash: &mut Sha256, field: Option<&str>) {
    match field {
        None => hash.update(u64::MAX.to_be_bytes()),
        Some(text) => {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> ConsentEntry {
        let personal = personal();
        let mut entry = ConsentEntry {
            id: EntryId::new("e1").unwrap(),
            number: 2,
            at: Timestamp::from_millis(1),
            decision: Decision::Granted,
            category: CategoryId::new("offers").unwrap(),
            channels: vec![Channel::Email, Channel::Sms],
            policy_version: Some("2026-11".into()),
            commitment: personal.commitment(),
            personal: Some(personal),
            previous: EntryHash([7; 32]),
            hash: EntryHash::default(),
        };
        entry.hash = entry_hash(&entry);
        entry
    }

    fn personal() -> PersonalFields {
        let collected = Collected {
            how: "form".into(),
            at: Some(Timestamp::from_millis(2)),
            locale: Some("en".into()),
            by: Some("laptop".into()),
        };
        PersonalFields {
            salt: [1; 16],
            recipient: RecipientId::new("alice").unwrap(),
            text_shown: Some("Offers".into()),
            collected: Some(collected),
        }
    }

    #[test]
    fn no_field_of_an_entry_changes_unseen() {
        let changes: [fn(&mut ConsentEntry); 9] = [
            |entry| entry.id = EntryId::new("e2").unwrap(),
            |entry| entry.number = 3,
            |entry| entry.at = Timestamp::from_millis(9),
            |entry| entry.decision = Decision::Withdrawn,
            |entry| entry.category = CategoryId::new("orders").unwrap(),
            |entry| entry.channels = vec![Channel::Email],
            |entry| entry.policy_version = None,
            |entry| entry.commitment = EntryHash([9; 32]),
            |entry| entry.previous = EntryHash([9; 32]),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = entry();
            change(&mut changed);
            assert_ne!(entry_hash(&changed), entry().hash, "change {number}");
        }
    }

    #[test]
    fn no_personal_field_changes_unseen_and_the_salt_hides_them() {
        let changes: [fn(&mut PersonalFields); 8] = [
            |fields| fields.salt = [2; 16],
            |fields| fields.recipient = RecipientId::new("bob").unwrap(),
            |fields| fields.text_shown = None,
            |fields| fields.collected = None,
            |fields| fields.collected.as_mut().unwrap().how = "call".into(),
            |fields| fields.collected.as_mut().unwrap().at = None,
            |fields| fields.collected.as_mut().unwrap().locale = Some("de".into()),
            |fields| fields.collected.as_mut().unwrap().by = None,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = personal();
            change(&mut changed);
            assert_ne!(changed.commitment(), personal().commitment(), "change {number}");
        }
    }

    #[test]
    fn destroying_the_personal_fields_leaves_the_chain_whole() {
        let erased = ConsentEntry { personal: None, ..entry() };
        assert_eq!(entry_hash(&erased), entry().hash);
    }
}
