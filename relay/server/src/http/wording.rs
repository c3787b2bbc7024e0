//! Reasons as sentences, for those that come without particulars.

use tidings_core::model::Stopped;
use tidings_protocol::http::StoppedBy;
use tidings_protocol::{NotificationState, Reason};

/// What stopped a notification; none while it only waits.
pub(crate) fn stopped_by(state: NotificationState, stopped: Option<&Stopped>) -> Option<StoppedBy> {
    stopped.filter(|_| state != NotificationState::Held).map(told)
}

/// What holds a notification that waits.
pub(crate) fn held_by(state: NotificationState, stopped: Option<&Stopped>) -> Option<StoppedBy> {
    stopped.filter(|_| state == NotificationState::Held).map(told)
}

fn told(stopped: &Stopped) -> StoppedBy {
    let text = stopped.text.as_deref().unwrap_or_else(|| sentence(stopped.reason));
    StoppedBy { gate: stopped.by(), reason: stopped.reason, text: text.to_owned() }
}

/// What a category that needs no consent rests on; names of categories are often plural.
pub(crate) fn by_contract(category: &str) -> String {
    let rests = if category.ends_with('s') { "rest" } else { "rests" };
    format!("{category} {rests} on the contract; no consent is needed")
}

/// A reason as a sentence.
#[expect(clippy::too_many_lines, reason = "one line for each reason")]
pub(crate) const fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Running => "Nothing is stopped",
        Reason::ProjectStopped => "The project's stop switch is on",
        Reason::RuleStopped => "The rule's stop switch is on",
        Reason::Known => "The recipient is known",
        Reason::Created => "The recipient was seen for the first time",
        Reason::UnknownRecipient => "The project refuses recipients that it never saw",
        Reason::NoCohort => "The rule is for everyone",
        Reason::InCohort => "The recipient is among those who try the rule",
        Reason::OutsideCohort => "The recipient is not among those who try the rule",
        Reason::NoHoldout => "Nobody is left out to compare",
        Reason::NotHeldOut => "The recipient is not left out to compare",
        Reason::HeldOut => "The recipient is left out to compare",
        Reason::Drawn => "It was drawn for this recipient",
        Reason::Won => "It won over the rule's other variants",
        Reason::AddressFree => "No address is on the stop list",
        Reason::AddressStopped => "The address is on the stop list",
        Reason::EssentialNoConsent => "Essential: no consent is needed",
        Reason::ServiceBasisContract => "It rests on the contract; no consent is needed",
        Reason::ServiceInbox => "A service in the inbox needs no consent",
        Reason::ConsentGranted => "The recipient agreed",
        Reason::NoConsent => "The recipient did not agree to it",
        Reason::ConsentRefused => "The recipient said no",
        Reason::ConsentWithdrawn => "The recipient took the consent back",
        Reason::NotSwitchedOff => "The recipient did not switch it off",
        Reason::EssentialAlways => "Essential: it cannot be switched off",
        Reason::CategoryOff => "The recipient switched the category off",
        Reason::ChannelOff => "The recipient switched the category off on this channel",
        Reason::NoOnceKey => "The rule may tell it again",
        Reason::FirstTime => "It was not told before",
        Reason::AlreadyTold => "It was told before",
        Reason::NoThrottle => "The rule has no throttle",
        Reason::ThrottleRoom => "The rule's throttle has room",
        Reason::Throttled => "The rule told this recipient enough for the time being",
        Reason::Delay => "The rule waits",
        Reason::SendWindow => "Outside the hours in which the rule sends",
        Reason::QuietHours => "Inside the recipient's quiet hours",
        Reason::Paused => "The recipient paused",
        Reason::BestHour => "The recipient is usually there later",
        Reason::Now => "Nothing makes it wait",
        Reason::NoCap => "No cap applies",
        Reason::CapRoom => "All caps have room",
        Reason::Cap => "The recipient was told enough for this period",
        Reason::Digest => "It is collected into a digest",
        Reason::Spread => "Releases are spread over a few minutes",
        Reason::Planned => "The channel carries it",
        Reason::NoProvider => "The channel has no provider",
        Reason::NoEndpoint => "The recipient has no address on the channel",
        Reason::NoChannel => "No channel is left",
        Reason::Rendered => "It is put into words",
        Reason::Template => "The template could not be rendered",
        Reason::RuleGone => "The rule or category is not in the configuration any more",
        Reason::Collapse => "A newer one replaced it",
        Reason::CancelledByEvent => "A later event cancelled it",
        Reason::NoLongerAllowed => "It was withdrawn or switched off before it was handed over",
        Reason::TooLate => "It was handed over before it could be stopped",
        Reason::Retracted => "Its sender took it back",
        Reason::Expired => "Its time passed",
        Reason::ReceivedInTime => "A device received it in time",
        Reason::DisplayedInTime => "A device showed it in time",
        Reason::ReadInTime => "It was read in time",
        Reason::AcknowledgedInTime => "It was acknowledged in time",
        Reason::Unacknowledged => "The plan ended and nobody acknowledged",
        Reason::StepDue => "The step is due",
        Reason::Repeated => "It is shown again",
        Reason::Erased => "The recipient was erased",
        Reason::Replayed => "Its sender replayed it",
        Reason::SendStopped => "Its sender stopped the send",
        Reason::Sandbox => "The sandbox does everything but the hand-over",
        Reason::CheaperChannel => "It is not urgent, and another channel is cheaper",
        Reason::Budget => "The channel's budget is spent",
        Reason::Present => "The recipient is active on a device that has it",
        Reason::Retry => "The provider could not take it now; it is tried again",
        Reason::NextProvider => "The provider was given up; the next one is asked",
        Reason::Repeat => "It may have arrived; it is repeated once, with the same key",
        Reason::Accepted => "The provider took it",
        Reason::Permanent => "The provider will not take it",
        Reason::AddressGone => "Nobody is behind the address any more",
        Reason::TimeBudget => "It was tried for as long as it may be",
        Reason::OutcomeUnknown => "It may have arrived, and nobody knows",
        Reason::Bounced => "It came back after the provider had taken it",
        Reason::Delivered => "The mailbox, phone or device proved it",
        Reason::EndpointMoved => "The address is not the recipient's any more",
    }
}
