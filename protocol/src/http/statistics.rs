//! `/v1/statistics`, as they are read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CategoryId, RuleId, Timestamp};

/// What came of the notifications that were made in a span of time, each counted once in its group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatisticsResponse {
    /// By what they are summed up.
    pub by: String,
    /// Made at or after.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Made before.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The groups, in order of their values.
    pub items: Vec<StatisticsItem>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatisticsItem {
    /// The template, variant, category, channel or rule; null for those that have none.
    pub value: Option<String>,
    /// Of which rule, where the group is a variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// Made, stopped ones too.
    pub made: u64,
    /// Those that reached somebody.
    pub reached: u64,
    /// Those that were displayed, or answered.
    pub displayed: u64,
    /// Those that were read.
    pub read: u64,
    /// Those of which a link was followed.
    pub clicked: u64,
    /// Those of which an action was chosen.
    pub acted: u64,
    /// Those that were converted.
    pub converted: u64,
    /// Those whose mail a program opened: counted nowhere else.
    pub opened_by_program: u64,
    /// Those of whose mail a program followed a link: counted nowhere else.
    pub followed_by_program: u64,
    /// Clicked of a hundred that reached somebody, to one decimal; null if none did.
    pub click_rate: Option<f64>,
    /// For a template whose rate is below half of its category's: what is wrong, and what to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<LowBody>,
}

/// That a template is clicked much less than its category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LowBody {
    /// In which category.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// Its rate there.
    pub click_rate: f64,
    /// The rate of all others of the category.
    pub others: f64,
    /// What to try: `variant`, `hour` or `words`.
    #[serde(rename = "try")]
    pub suggestion: String,
    /// The same as a sentence.
    pub text: String,
}
