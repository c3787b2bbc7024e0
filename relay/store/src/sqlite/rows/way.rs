//! How a delivery is handed over.

use serde::{Deserialize, Serialize};
use tidings_core::delivery::Form;
use tidings_core::model::{Paid, Way};
use tidings_core::ports::StoreError;
use tidings_protocol::{Priority, Timestamp};

use crate::sqlite::cells::{Cells, damaged};

/// What stands in no column of its own.
#[derive(Serialize, Deserialize)]
pub(in crate::sqlite) struct PackedWay {
    attempts: u32,
    known: u32,
    tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given_up: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    /// The day, the millionths, and whether they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid: Option<(i32, i64, bool)>,
    /// The attempt for which alone they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid_unknown: Option<u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    round: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<Box<Form>>,
}

impl PackedWay {
    /// Which attempt is the newest, and whose it is.
    pub(in crate::sqlite) const fn begun(&self) -> (u32, Option<u64>) {
        (self.attempts, self.owner)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(round: &u32) -> bool {
    *round == 0
}

pub(in crate::sqlite) fn pack(way: &Way) -> PackedWay {
    PackedWay {
        attempts: way.attempts,
        known: way.known,
        tries: way.tries,
        first_at: way.first_at.map(Timestamp::as_millis),
        provider_at: way.provider_at.map(Timestamp::as_millis),
        given_up: way.given_up.clone(),
        owner: way.owner,
        repeated: way.repeated,
        paid: way.paid.map(|paid| (paid.day, paid.millionths, paid.is_kept)),
        paid_unknown: way.paid.and_then(|paid| paid.unknown),
        round: way.round,
        code: way.code.clone(),
        form: way.form.clone(),
    }
}

/// The order of priorities in a lane: the most urgent first.
pub(in crate::sqlite) const fn urgency(priority: Priority) -> i64 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// Every priority, the most urgent first.
pub(in crate::sqlite) const BY_URGENCY: [Priority; 4] =
    [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];

/// `provider, urgency, due, provider_id, way`.
pub(in crate::sqlite) fn way(cells: &mut Cells<'_>) -> Result<Option<Box<Way>>, StoreError> {
    let (provider, place): (_, Option<i64>) = (cells.text_maybe()?, cells.cell()?);
    let (due, provider_id) = (cells.time_maybe()?, cells.text_maybe()?);
    let priority = BY_URGENCY.into_iter().find(|priority| Some(urgency(*priority)) == place);
    let packed: Option<PackedWay> = cells.json_maybe()?;
    let Some(packed) = packed else { return Ok(None) };
    let half = || damaged("a delivery's way has no provider or no time".to_owned());
    Ok(Some(Box::new(Way {
        provider: provider.ok_or_else(half)?,
        priority: priority.ok_or_else(half)?,
        due: due.ok_or_else(half)?,
        attempts: packed.attempts,
        known: packed.known,
        tries: packed.tries,
        first_at: packed.first_at.map(Timestamp::from_millis),
        provider_at: packed.provider_at.map(Timestamp::from_millis),
        given_up: packed.given_up,
        owner: packed.owner,
        repeated: packed.repeated,
        paid: packed.paid.map(|(day, millionths, is_kept)| Paid {
            day,
            millionths,
            is_kept,
            unknown: packed.paid_unknown,
        }),
        round: packed.round,
        code: packed.code,
        provider_id,
        form: packed.form,
    })))
}
