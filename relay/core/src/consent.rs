//! Whether the law allows a category on a channel: consent by legal class.
//!
//! Priority never changes consent, and preferences are asked elsewhere.

use tidings_protocol::{CategoryId, Channel, Decision, LegalClass, Reason, Verdict};

use crate::configuration::{Basis, Category};
use crate::model::Consents;

/// What the law says on one category and channel.
///
/// Essential needs no record. Service on the basis of a contract needs none either, but a refusal or withdrawal wins
/// over the contract. Everything else needs a grant that was not taken back.
#[must_use]
pub fn permission(
    id: &CategoryId,
    category: &Category,
    channel: Channel,
    consents: &Consents,
) -> (Verdict, Reason) {
    let decided = consents.states.get(&(id.clone(), channel)).map(|state| state.decision);
    let needs_grant = match category.legal {
        LegalClass::Essential => return (Verdict::Pass, Reason::EssentialNoConsent),
        LegalClass::Service => category.basis == Basis::Consent,
        LegalClass::Marketing => true,
    };
    match (decided, needs_grant) {
        (Some(Decision::Withdrawn), _) => (Verdict::Stop, Reason::ConsentWithdrawn),
        (Some(Decision::Refused), _) => (Verdict::Stop, Reason::ConsentRefused),
        (Some(Decision::Granted), true) => (Verdict::Pass, Reason::ConsentGranted),
        (Some(Decision::Granted) | None, false) => (Verdict::Pass, Reason::ServiceBasisContract),
        (None, true) => (Verdict::Stop, Reason::NoConsent),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tidings_protocol::{EntryId, Timestamp};

    use super::*;
    use crate::configuration::Configuration;
    use crate::model::ConsentState;

    fn category(legal: LegalClass, basis: Basis) -> Category {
        let built_in = Configuration::built_in();
        let general = built_in.categories.values().next().expect("the built-in document has one").clone();
        Category { legal, basis, ..general }
    }

    fn after(decision: Option<Decision>) -> Consents {
        let mut consents = Consents::default();
        if let Some(decision) = decision {
            let state = ConsentState {
                decision,
                since: Timestamp::ZERO,
                entry: EntryId::new("e").unwrap(),
                policy_version: None,
            };
            consents.states.insert((CategoryId::new("c").unwrap(), Channel::Email), state);
        }
        consents
    }

    #[rstest]
    #[case(
        LegalClass::Essential,
        Basis::Contract,
        Some(Decision::Withdrawn),
        Verdict::Pass,
        Reason::EssentialNoConsent
    )]
    #[case(LegalClass::Service, Basis::Contract, None, Verdict::Pass, Reason::ServiceBasisContract)]
    #[case(
        LegalClass::Service,
        Basis::Contract,
        Some(Decision::Withdrawn),
        Verdict::Stop,
        Reason::ConsentWithdrawn
    )]
    #[case(
        LegalClass::Service,
        Basis::Contract,
        Some(Decision::Refused),
        Verdict::Stop,
        Reason::ConsentRefused
    )]
    #[case(LegalClass::Service, Basis::Consent, None, Verdict::Stop, Reason::NoConsent)]
    #[case(
        LegalClass::Service,
        Basis::Consent,
        Some(Decision::Granted),
        Verdict::Pass,
        Reason::ConsentGranted
    )]
    #[case(LegalClass::Marketing, Basis::Contract, None, Verdict::Stop, Reason::NoConsent)]
    #[case(
        LegalClass::Marketing,
        Basis::Contract,
        Some(Decision::Granted),
        Verdict::Pass,
        Reason::ConsentGranted
    )]
    #[case(
        LegalClass::Marketing,
        Basis::Contract,
        Some(Decision::Withdrawn),
        Verdict::Stop,
        Reason::ConsentWithdrawn
    )]
    fn the_legal_class_decides_whether_a_grant_is_needed(
        #[case] legal: LegalClass,
        #[case] basis: Basis,
        #[case] decision: Option<Decision>,
        #[case] verdict: Verdict,
        #[case] reason: Reason,
    ) {
        let id = CategoryId::new("c").unwrap();
        let found = permission(&id, &category(legal, basis), Channel::Email, &after(decision));
        assert_eq!(found, (verdict, reason));
    }

    #[test]
    fn a_grant_holds_for_its_own_channel_only() {
        let id = CategoryId::new("c").unwrap();
        let marketing = category(LegalClass::Marketing, Basis::Contract);
        let found = permission(&id, &marketing, Channel::Sms, &after(Some(Decision::Granted)));
        assert_eq!(found, (Verdict::Stop, Reason::NoConsent));
    }
}
