//! Verifies one recipient's chain of consents: every hash is computed anew.

use tidings_core::model::{ConsentEntry, ConsentHead, EntryHash, entry_hash};

/// The first thing that is wrong with a chain; none if it is whole.
pub(super) fn fault(entries: &[ConsentEntry], head: &ConsentHead) -> Option<String> {
    let mut previous = EntryHash::default();
    for (entry, number) in entries.iter().zip(1..) {
        if entry.number != number {
            return Some(format!("entry {number} is missing: number {} stands in its place", entry.number));
        }
        if entry.previous != previous {
            return Some(format!("entry {number} does not follow the one before it"));
        }
        if entry_hash(entry) != entry.hash {
            return Some(format!("entry {number} was changed: its hash is another one"));
        }
        // Erasure destroys the fields and leaves their commitment.
        if entry.personal.as_ref().is_some_and(|fields| fields.commitment() != entry.commitment) {
            return Some(format!("the personal fields of entry {number} were changed"));
        }
        previous = entry.hash;
    }
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    if head.entries != count {
        return Some(format!("{} entries were written and {count} are there", head.entries));
    }
    (head.hash != previous).then(|| "its end is not the one that was written last".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tidings_core::model::PersonalFields;
    use tidings_protocol::{CategoryId, Channel, Decision, EntryId, RecipientId, Timestamp};

    use super::*;

    fn chain() -> (Vec<ConsentEntry>, ConsentHead) {
        let mut entries: Vec<ConsentEntry> = Vec::new();
        for number in 1..=3 {
            let recipient = RecipientId::new("alice").unwrap();
            let personal = PersonalFields { salt: [7; 16], recipient, text_shown: None, collected: None };
            let mut entry = ConsentEntry {
                id: EntryId::new(format!("e{number}")).unwrap(),
                number,
                at: Timestamp::ZERO,
                decision: Decision::Granted,
                category: CategoryId::new("promotions").unwrap(),
                channels: vec![Channel::Email],
                policy_version: None,
                commitment: personal.commitment(),
                personal: Some(personal),
                previous: entries.last().map(|entry| entry.hash).unwrap_or_default(),
                hash: EntryHash::default(),
            };
            entry.hash = entry_hash(&entry);
            entries.push(entry);
        }
        let head = ConsentHead { entries: 3, hash: entries[2].hash };
        (entries, head)
    }

    #[test]
    fn a_chain_that_nobody_touched_is_whole() {
        let (entries, head) = chain();
        assert_eq!(fault(&entries, &head), None);
        assert_eq!(fault(&[], &ConsentHead::default()), None);
    }

    #[test]
    fn erased_fields_leave_the_chain_whole() {
        let (mut entries, head) = chain();
        entries.iter_mut().for_each(|entry| entry.personal = None);
        assert_eq!(fault(&entries, &head), None);
    }

    #[rstest]
    #[case::a_decision(|entries: &mut Vec<ConsentEntry>| entries[1].decision = Decision::Withdrawn, "entry 2 was changed")]
    #[case::a_shown_text(|entries: &mut Vec<ConsentEntry>| entries[1].personal.as_mut().unwrap().text_shown = Some("x".into()), "personal fields of entry 2")]
    #[case::a_removed_entry(|entries: &mut Vec<ConsentEntry>| drop(entries.remove(1)), "entry 2 is missing")]
    #[case::a_removed_end(|entries: &mut Vec<ConsentEntry>| drop(entries.pop()), "3 entries were written and 2 are there")]
    #[case::a_rewritten_entry(|entries: &mut Vec<ConsentEntry>| {
        entries[1].decision = Decision::Withdrawn;
        entries[1].hash = entry_hash(&entries[1]);
    }, "entry 3 does not follow")]
    #[case::a_rewritten_end(|entries: &mut Vec<ConsentEntry>| {
        entries[2].decision = Decision::Withdrawn;
        entries[2].hash = entry_hash(&entries[2]);
    }, "its end is not")]
    fn a_touched_chain_names_the_place(#[case] touch: fn(&mut Vec<ConsentEntry>), #[case] words: &str) {
        let (mut entries, head) = chain();
        touch(&mut entries);
        let fault = fault(&entries, &head).unwrap();
        assert!(fault.contains(words), "{fault}");
    }
}
