//! Whether the law allows a category on a channel: consent by legal class.
//!
//! Priority never changes consent, and preferences are asked elsewhere.

use tidings_protocol::{CategoryId, Channel, Decision, LegalClass, Reason, Verdict};

use crate::configuration::{Basis, Category};
use crate::model::{Consents, every_category};

/// What the law says on one category and channel.
///
/// Essential needs no record. Service needs none in the inbox, nor anywhere on the basis of a contract, but a refusal or
/// withdrawal wins over both. Everything else needs a grant that was not taken back.
#[must_use]
pub fn permission(
    id: &CategoryId,
    category: &Category,
    channel: Channel,
    consents: &Consents,
) -> (Verdict, Reason) {
    let decided = decided(id, category, channel, consents);
    let needs_grant = match category.legal {
        LegalClass::Essential => return (Verdict::Pass, Reason::EssentialNoConsent),
        LegalClass::Service => category.basis == Basis::Consent && channel != Channel::Inapp,
        LegalClass::Marketing => true,
    };
    match (decided, needs_grant) {
        (Some(Decision::Withdrawn), _) => (Verdict::Stop, Reason::ConsentWithdrawn),
        (Some(Decision::Refused), _) => (Verdict::Stop, Reason::ConsentRefused),
        (Some(Decision::Granted), true) => (Verdict::Pass, Reason::ConsentGranted),
        (Some(Decision::Granted) | None, false) if category.basis == Basis::Consent => {
            (Verdict::Pass, Reason::ServiceInbox)
        }
        (Some(Decision::Granted) | None, false) => (Verdict::Pass, Reason::ServiceBasisContract),
        (None, true) => (Verdict::Stop, Reason::NoConsent),
    }
}

/// What was decided on a category and channel. Whoever stopped a channel as a whole stopped what is made later, too, but for
/// what is essential; taking that back grants nothing.
#[must_use]
pub fn decided(
    id: &CategoryId,
    category: &Category,
    channel: Channel,
    consents: &Consents,
) -> Option<Decision> {
    let own = consents.states.get(&(id.clone(), channel)).map(|state| state.decision);
    own.or_else(|| {
        let every = consents.states.get(&(every_category(), channel))?;
        let is_stopped = matches!(every.decision, Decision::Withdrawn | Decision::Refused);
        (is_stopped && category.legal != LegalClass::Essential).then_some(Decision::Withdrawn)
    })
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

    #[test]
    fn a_service_in_the_inbox_needs_no_grant_and_is_taken_back_all_the_same() {
        let (id, mut consents) = (CategoryId::new("c").unwrap(), Consents::default());
        let service = category(LegalClass::Service, Basis::Consent);
        assert_eq!(
            permission(&id, &service, Channel::Inapp, &consents),
            (Verdict::Pass, Reason::ServiceInbox)
        );
        assert_eq!(permission(&id, &service, Channel::Push, &consents), (Verdict::Stop, Reason::NoConsent));
        let email = after(Some(Decision::Withdrawn)).states.remove(&(id.clone(), Channel::Email)).unwrap();
        consents.states.insert((id.clone(), Channel::Inapp), email);
        assert_eq!(permission(&id, &service, Channel::Inapp, &consents).1, Reason::ConsentWithdrawn);
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

    #[rstest]
    #[case::service(LegalClass::Service, None, Decision::Withdrawn, Reason::ConsentWithdrawn)]
    #[case::essential(LegalClass::Essential, None, Decision::Withdrawn, Reason::EssentialNoConsent)]
    #[case::granted_since(
        LegalClass::Marketing,
        Some(Decision::Granted),
        Decision::Withdrawn,
        Reason::ConsentGranted
    )]
    #[case::given_back(LegalClass::Service, None, Decision::Granted, Reason::ServiceBasisContract)]
    #[case::given_back_is_no_grant(LegalClass::Marketing, None, Decision::Granted, Reason::NoConsent)]
    fn whoever_stopped_a_channel_stopped_what_is_made_later(
        #[case] legal: LegalClass,
        #[case] own: Option<Decision>,
        #[case] every: Decision,
        #[case] reason: Reason,
    ) {
        let mut consents = after(own);
        let of_all = after(Some(every)).states.into_values().next().unwrap();
        consents.states.insert((every_category(), Channel::Email), of_all);
        let (id, category) = (CategoryId::new("c").unwrap(), category(legal, Basis::Contract));
        assert_eq!(permission(&id, &category, Channel::Email, &consents).1, reason);
        let other = permission(&id, &category, Channel::Sms, &consents).1;
        assert_ne!(other, Reason::ConsentWithdrawn, "another channel is not stopped");
    }
}
