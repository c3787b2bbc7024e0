//! The words in which the relay explains what it decided.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::vocabulary::{UnknownWord, words};

words! {
    /// Where a notification stands.
    NotificationState {
        /// Waits for its due time.
        Held = "held",
        /// Has a delivery that is pending or a step that waits.
        Active = "active",
        /// Was received on a device or taken by a provider.
        Reached = "reached",
        /// Could not be rendered or delivered.
        Failed = "failed",
        /// Its time passed before it reached anyone.
        Expired = "expired",
        /// A gate stopped it.
        Suppressed = "suppressed",
        /// Became part of a digest.
        Merged = "merged",
        /// A later fact made it needless.
        Cancelled = "cancelled",
        /// Its sender took it back.
        Retracted = "retracted",
        /// Its recipient was erased.
        Erased = "erased",
    }
    /// Where a delivery stands.
    DeliveryState {
        /// Waits to be handed over.
        Waiting = "waiting",
        /// Is with a provider; the outcome is not known.
        HandingOver = "handing_over",
        /// Is in the inbox; no device holds it yet.
        Placed = "placed",
        /// A device or mailbox proved it.
        Received = "received",
        /// The provider took it.
        Sent = "sent",
        /// Given up.
        Dead = "dead",
        /// Not to be handed over.
        Suppressed = "suppressed",
        /// Needless before it was handed over.
        Cancelled = "cancelled",
        /// Its time passed.
        Expired = "expired",
        /// Its recipient was erased.
        Erased = "erased",
    }
    /// Where an event or send stands.
    EventState {
        /// Its fan-out is not finished.
        Open = "open",
        /// Everything it causes was made.
        Done = "done",
    }
    /// One check of the plan, in the order in which they are asked, and behind them what else ends a notification.
    Gate {
        /// Is the project, or the rule, running?
        Stop = "stop",
        /// Is the recipient known?
        Recipient = "recipient",
        /// Is the recipient among those who get the rule at all?
        Cohort = "cohort",
        /// Is the recipient left out to compare?
        Holdout = "holdout",
        /// Which of the rule's variants.
        Variant = "variant",
        /// Is the address one never to use?
        StopList = "stop_list",
        /// Does the law allow it?
        Consent = "consent",
        /// Does the recipient want it?
        Preference = "preference",
        /// Was it told before?
        Once = "once",
        /// Did the rule speak to this recipient too often?
        Throttle = "throttle",
        /// The rule's own delay.
        Delay = "delay",
        /// The operator's hours.
        SendWindow = "send_window",
        /// The recipient's hours.
        QuietHours = "quiet_hours",
        /// The recipient's pause.
        Pause = "pause",
        /// The hour at which the recipient is usually there.
        BestHour = "best_hour",
        /// Was the recipient told enough for today or this week?
        Cap = "cap",
        /// Is it collected into a digest?
        Digest = "digest",
        /// Which channels carry it?
        ChannelPlan = "channel_plan",
        /// Can it be put into words?
        Render = "render",
        /// Not asked by the plan: a newer notification replaced it.
        Collapse = "collapse",
        /// Not asked by the plan: a later event made it needless.
        CancelOn = "cancel_on",
        /// Not asked by the plan: its sender took it back.
        Retract = "retract",
        /// Not asked by the plan: its time passed.
        Expires = "expires",
        /// Not asked by the plan: somebody of its chain acknowledged.
        Acknowledgement = "acknowledgement",
    }
    /// What a gate says.
    Verdict {
        /// Go on.
        Pass = "pass",
        /// Wait.
        Hold = "hold",
        /// Not at all.
        Stop = "stop",
    }
    /// The stable code behind a verdict or a change of state.
    Reason {
        /// Nothing is stopped.
        Running = "running",
        /// The project's stop switch is on.
        ProjectStopped = "project_stopped",
        /// The rule's stop switch is on.
        RuleStopped = "rule_stopped",
        /// The recipient is known.
        Known = "known",
        /// The recipient was created by this.
        Created = "created",
        /// The project refuses recipients that it never saw.
        UnknownRecipient = "unknown_recipient",
        /// The rule is for everyone.
        NoCohort = "no_cohort",
        /// Among those who try the rule.
        InCohort = "in_cohort",
        /// Not among those who try the rule.
        OutsideCohort = "outside_cohort",
        /// Nobody is left out.
        NoHoldout = "no_holdout",
        /// Not left out.
        NotHeldOut = "not_held_out",
        /// Left out to compare.
        HeldOut = "held_out",
        /// The variant was drawn.
        Drawn = "drawn",
        /// The variant won over the others.
        Won = "won",
        /// No address is stopped.
        AddressFree = "address_free",
        /// The address is on the stop list.
        AddressStopped = "address_stopped",
        /// Essential: no consent is asked.
        EssentialNoConsent = "essential_no_consent",
        /// Rests on the contract.
        ServiceBasisContract = "service_basis_contract",
        /// A service in the inbox: it needs no grant, whatever it rests on.
        ServiceInbox = "service_inbox",
        /// The recipient agreed.
        ConsentGranted = "consent_granted",
        /// The recipient was never asked or never answered.
        NoConsent = "no_consent",
        /// The recipient said no.
        ConsentRefused = "consent_refused",
        /// The recipient took it back or objected.
        ConsentWithdrawn = "consent_withdrawn",
        /// The recipient did not switch it off.
        NotSwitchedOff = "not_switched_off",
        /// Essential: it cannot be switched off.
        EssentialAlways = "essential_always",
        /// The recipient switched the category off on every channel of the plan.
        CategoryOff = "category_off",
        /// The recipient switched the category off on this channel.
        ChannelOff = "channel_off",
        /// The rule has no once-key.
        NoOnceKey = "no_once_key",
        /// This value was not told before.
        FirstTime = "first_time",
        /// This value was told before.
        AlreadyTold = "already_told",
        /// The rule has no throttle.
        NoThrottle = "no_throttle",
        /// The throttle has room.
        ThrottleRoom = "throttle_room",
        /// The throttle is full.
        Throttled = "throttled",
        /// The rule has this delay.
        Delay = "delay",
        /// Outside the operator's hours.
        SendWindow = "send_window",
        /// Inside the recipient's quiet hours.
        QuietHours = "quiet_hours",
        /// The recipient paused.
        Paused = "paused",
        /// The recipient is usually there later.
        BestHour = "best_hour",
        /// Nothing makes it wait.
        Now = "now",
        /// No cap applies.
        NoCap = "no_cap",
        /// All caps have room.
        CapRoom = "cap_room",
        /// A cap is full.
        Cap = "cap",
        /// Collected into a digest.
        Digest = "digest",
        /// Normal and low releases are spread over a few minutes.
        Spread = "spread",
        /// This channel carries it.
        Planned = "planned",
        /// The channel has no provider.
        NoProvider = "no_provider",
        /// The recipient has no address on this channel.
        NoEndpoint = "no_endpoint",
        /// No channel is left.
        NoChannel = "no_channel",
        /// In words.
        Rendered = "rendered",
        /// The template could not be rendered.
        Template = "template",
        /// The rule or category is not in the configuration any more.
        RuleGone = "rule_gone",
        /// A newer one with the same collapse key came.
        Collapse = "collapse",
        /// A later event cancelled it.
        CancelledByEvent = "cancelled_by_event",
        /// Withdrawn, switched off or stopped before it was handed over.
        NoLongerAllowed = "no_longer_allowed",
        /// Handed over before it could be stopped.
        TooLate = "too_late",
        /// The sender took it back.
        Retracted = "retracted",
        /// Its time passed.
        Expired = "expired",
        /// A device received it before the step was due.
        ReceivedInTime = "received_in_time",
        /// A device showed it before the step was due.
        DisplayedInTime = "displayed_in_time",
        /// It was read before the step was due.
        ReadInTime = "read_in_time",
        /// It was acknowledged before the step was due.
        AcknowledgedInTime = "acknowledged_in_time",
        /// The plan ended and nobody acknowledged.
        Unacknowledged = "unacknowledged",
        /// The step is due.
        StepDue = "step_due",
        /// Shown again, as the step repeats.
        Repeated = "repeated",
        /// The recipient was erased.
        Erased = "erased",
        /// The sender replayed it.
        Replayed = "replayed",
        /// The project's time ran out.
        SendStopped = "send_stopped",
        /// The sandbox does everything but the hand-over.
        Sandbox = "sandbox",
        /// Another channel of the plan is cheaper, and it is not urgent.
        CheaperChannel = "cheaper_channel",
        /// The channel's budget is spent.
        Budget = "budget",
        /// The recipient is active on a device that has it.
        Present = "present",
        /// The provider could not take it now: it is tried again.
        Retry = "retry",
        /// The provider was given up: the next one is asked.
        NextProvider = "next_provider",
        /// It may have arrived: it is repeated once, with the same key.
        Repeat = "repeat",
        /// The provider took it.
        Accepted = "accepted",
        /// The provider will never take it.
        Permanent = "permanent",
        /// Nobody is behind the address any more.
        AddressGone = "address_gone",
        /// It was tried for as long as it may be.
        TimeBudget = "time_budget",
        /// It may have arrived twice over, and nobody knows.
        OutcomeUnknown = "outcome_unknown",
        /// It came back after the provider had taken it.
        Bounced = "bounced",
        /// The mailbox, phone or device proved it.
        Delivered = "delivered",
        /// The address belongs to somebody else, or to nobody any more.
        EndpointMoved = "endpoint_moved",
    }
    /// What kind of line stands in a story.
    StoryKind {
        /// A gate was asked.
        Decided = "decided",
        /// It waits.
        Held = "held",
        /// It left its holds.
        Released = "released",
        /// A delivery changed.
        Outcome = "outcome",
        /// A step, a delivery or the whole was cancelled.
        Cancelled = "cancelled",
        /// A device told something.
        Receipt = "receipt",
        /// The whole came to an end.
        Ended = "ended",
        /// Shown again.
        Repeated = "repeated",
        /// Feedback of the recipient.
        Feedback = "feedback",
        /// What its rule counts as success happened.
        Converted = "converted",
    }
}
