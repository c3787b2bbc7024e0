//! `/v1/rules`, as they are read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CategoryId, RuleId, Timestamp};

/// A rule of the live document, with what came of its variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleResponse {
    /// Its name in the document.
    #[schema(value_type = String)]
    pub id: RuleId,
    /// The event type that it listens to.
    pub on: String,
    /// What its notifications are about.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// The version of the live document.
    pub configuration: u64,
    /// The name of the set of variants; another one if what is compared is another. Null with fewer than two.
    pub trial: Option<String>,
    /// The variants by name, with what was counted of this set.
    pub variants: Vec<VariantBody>,
    /// Where the comparison stands; null without a `winner` in the document.
    pub winner: Option<WinnerBody>,
    /// Every win that the rule had, with those of earlier sets, oldest first.
    pub story: Vec<WinBody>,
}

/// A variant and its counts, each notification once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VariantBody {
    /// Its name in the document.
    pub name: String,
    /// Its share among the weights of all.
    pub weight: u32,
    /// What it says.
    pub template: String,
    /// Shown: displayed or answered on a device, or taken by a provider of mail, text message or webhook.
    pub displayed: u64,
    /// Those of them that were read.
    pub read: u64,
    /// Those of them that were clicked.
    pub clicked: u64,
    /// Those of them that were converted.
    pub converted: u64,
}

/// Where the comparison of variants stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WinnerBody {
    /// `conversion`, `click` or `read`.
    pub by: String,
    /// Displays that each variant must have had.
    pub after: u64,
    /// How sure.
    pub confidence: f64,
    /// `too_few` displays of a variant, `open`, or `won`.
    pub state: String,
    /// The variant that everybody gets; null while they are drawn.
    pub variant: Option<String>,
    /// The variant with the highest share at the moment.
    pub best: Option<String>,
    /// The best beside each other one at the moment.
    pub comparisons: Vec<ComparisonBody>,
}

/// The best variant beside another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComparisonBody {
    /// The other.
    pub variant: String,
    /// By how many standard errors the best is better, to three decimals.
    pub z: f64,
    /// How many it takes; null before both were shown.
    pub needed: Option<f64>,
}

/// That a variant won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WinBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Of which set of variants.
    pub trial: String,
    /// What they were compared by.
    pub by: String,
    /// The one that won.
    pub variant: String,
    /// The version of the document that decided.
    pub configuration: u64,
    /// The counts that decided, as a sentence.
    pub text: String,
}
