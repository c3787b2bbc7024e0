//! The closed lists of words that the contract uses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not one of the words that stand here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of: {expected}")]
pub struct UnknownWord {
    /// What was written, shortened.
    pub given: String,
    /// What could have been written.
    pub expected: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as the contract writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        given: text.chars().take(64).collect(),
                        expected: [$($word),+].join(", "),
                    }),
                }
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// How urgent a notification is. It says nothing about consent.
    Priority {
        /// Can wait; goes on the cheapest channel.
        Low = "low",
        /// The default.
        Normal = "normal",
        /// Soon.
        High = "high",
        /// At once.
        Urgent = "urgent",
    }
    /// Which law a category falls under. It says nothing about urgency.
    LegalClass {
        /// Must be sent (a security notice, a recall): no consent, no preference.
        Essential = "essential",
        /// Belongs to a contract or was asked for.
        Service = "service",
        /// Advertising: only after an explicit grant.
        Marketing = "marketing",
    }
    /// A way to reach a recipient.
    Channel {
        /// The inbox on the recipient's devices.
        Inapp = "inapp",
        /// Web Push, FCM, APNs.
        Push = "push",
        /// Electronic mail.
        Email = "email",
        /// Text messages to a phone.
        Sms = "sms",
        /// A URL of the recipient's.
        Webhook = "webhook",
    }
    /// What a recipient decided on a category and channel.
    Decision {
        /// Agreed.
        Granted = "granted",
        /// Was asked and said no.
        Refused = "refused",
        /// Took an earlier grant back, or objected.
        Withdrawn = "withdrawn",
    }
    /// What became of a notification on a device. `received` is not among them: it is told by `held`.
    DeviceReceipt {
        /// The operating system showed it.
        Displayed = "displayed",
        /// The recipient opened it.
        Read = "read",
        /// The recipient followed its link.
        Clicked = "clicked",
        /// The recipient chose one of its actions.
        Acted = "acted",
        /// The recipient confirmed it.
        Acknowledged = "acknowledged",
        /// The recipient swept it away.
        Dismissed = "dismissed",
    }
}
/// Channels that somebody names: none at all would be read as all of them, and mean the contrary of what it says.
pub(crate) fn named_channels<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Channel>, D::Error> {
    let channels = Vec::<Channel>::deserialize(from)?;
    if channels.is_empty() {
        return Err(serde::de::Error::custom(
            "name at least one channel, or leave channels out for all of them",
        ));
    }
    Ok(channels)
}
