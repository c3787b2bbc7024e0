//! What the gates decide together, under a virtual clock: every gate from both sides, with its reason in the story,
//! and books that balance after every act.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends where something is not as it must be"
)]

#[path = "deciding/adapting.rs"]
mod adapting;
#[path = "deciding/audiences.rs"]
mod audiences;
#[path = "deciding/choosing.rs"]
mod choosing;
#[path = "deciding/converting.rs"]
mod converting;
#[path = "deciding/documents.rs"]
mod documents;
#[path = "deciding/ending.rs"]
mod ending;
#[path = "deciding/escalating.rs"]
mod escalating;
#[path = "deciding/gathering.rs"]
mod gathering;
#[path = "deciding/handing_over.rs"]
mod handing_over;
#[path = "deciding/hours.rs"]
mod hours;
#[path = "deciding/interests.rs"]
mod interests;
#[path = "deciding/learning.rs"]
mod learning;
#[path = "deciding/limits.rs"]
mod limits;
#[path = "deciding/paying.rs"]
mod paying;
#[path = "deciding/racing.rs"]
mod racing;
#[path = "deciding/random.rs"]
mod random;
#[path = "deciding/repeating.rs"]
mod repeating;
#[path = "deciding/reviving.rs"]
mod reviving;
#[path = "deciding/sandbox.rs"]
mod sandbox;
#[path = "deciding/scene.rs"]
mod scene;
#[path = "deciding/steps.rs"]
mod steps;
#[path = "deciding/winning.rs"]
mod winning;
#[path = "deciding/withdrawing.rs"]
mod withdrawing;
