//! What a device asks for. Each operation has an id of the device's and takes effect once.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::item::QuietHoursItem;
use crate::{CategoryId, Channel, Cursor, Decision, DeviceReceipt, NotificationId, OperationId, Timestamp};

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The device's id for it.
    pub id: OperationId,
    /// When it was asked for, by the device's estimate of the relay's time.
    pub at: Option<Timestamp>,
    /// What is asked.
    pub request: Request,
}

/// What an operation asks for. The wire's `op` names the variant; the fields stand beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Everything up to here is durable on the device.
    Held {
        /// The device's cursor.
        cursor: Cursor,
    },
    /// Something became of a notification on this device.
    Receipt {
        /// Which notification.
        notification: NotificationId,
        /// What became of it.
        receipt: DeviceReceipt,
        /// Which action, with `acted`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<String>,
    },
    /// Sets what is named; each is a register of its own, the later one wins.
    Mark {
        /// Which notification.
        notification: NotificationId,
        /// Read or unread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read: Option<bool>,
        /// Archived or back in the inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        archived: Option<bool>,
        /// Sleeps until then; a time that has passed wakes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snoozed_until: Option<Timestamp>,
    },
    /// Everything up to a cursor is read.
    ReadUpTo {
        /// The place in the inbox.
        cursor: Cursor,
        /// Only this category, or all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<CategoryId>,
    },
    /// Wants a category on a channel, or does not.
    Preference {
        /// Which category.
        category: CategoryId,
        /// Which channel; none means all that the category has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Wanted or not.
        chosen: bool,
    },
    /// Sets the recipient's own quiet hours; null goes back to the project's.
    QuietHours {
        /// The quiet hours.
        quiet_hours: Option<QuietHoursItem>,
    },
    /// Pauses until an instant; null ends the pause.
    Pause {
        /// Until when.
        until: Option<Timestamp>,
    },
    /// Says where the recipient is and which language they read.
    Profile {
        /// An IANA zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_zone: Option<String>,
        /// A BCP 47 tag.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<String>,
    },
    /// Decides on a category's consent.
    Consent {
        /// Which category.
        category: CategoryId,
        /// Which channels, at least one.
        #[serde(deserialize_with = "crate::vocabulary::named_channels")]
        channels: Vec<Channel>,
        /// What was decided.
        decision: Decision,
        /// The version of the policy that was shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_version: Option<String>,
        /// The text that was shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text_shown: Option<String>,
        /// The device's cursor when the recipient decided; none means its last `held`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
    },
    /// Names an address at which this recipient can be reached.
    Endpoint {
        /// On which channel.
        channel: Channel,
        /// The address: a push subscription as JSON text, a mail address, a phone number.
        address: String,
        /// The code that was sent to a mail address or phone number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Says whether a notification was of use.
    Feedback {
        /// Which notification.
        notification: NotificationId,
        /// `useful` or `not_useful`.
        value: Feedback,
    },
}

/// What a recipient thinks of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feedback {
    /// It helped.
    Useful,
    /// It did not.
    NotUseful,
}

/// Why a JSON value is no operation. The id is there if it could be read, so that the device can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OperationError {
    /// The operation's id, if it has a good one.
    pub id: Option<OperationId>,
    /// `unknown_operation`, `unknown_field`, `missing_field` or `invalid`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl Operation {
    /// Reads one operation, so that a bad one does not spoil its neighbours.
    ///
    /// # Errors
    /// [`OperationError`] with a code and, where it could be read, the operation's id.
    pub fn read(value: Value) -> Result<Self, OperationError> {
        let Value::Object(mut fields) = value else {
            return Err(OperationError {
                id: None,
                code: "invalid",
                detail: "an operation is an object".into(),
            });
        };
        let id = take_id(&mut fields)?;
        let fail = |code, detail: String| OperationError { id: Some(id.clone()), code, detail };
        let at = match fields.remove("at") {
            None | Some(Value::Null) => None,
            Some(at) => Some(serde_json::from_value(at).map_err(|e| fail("invalid", format!("at: {e}")))?),
        };
        let request = serde_json::from_value(Value::Object(fields)).map_err(|error| {
            let detail = error.to_string();
            let code = match () {
                () if detail.starts_with("unknown variant") => "unknown_operation",
                () if detail.starts_with("unknown field") => "unknown_field",
                () if detail.starts_with("missing field") => "missing_field",
                () => "invalid",
            };
            fail(code, detail)
        })?;
        Ok(Self { id, at, request })
    }
}

fn take_id(fields: &mut Map<String, Value>) -> Result<OperationId, OperationError> {
    let fail = |code, detail: &str| OperationError { id: None, code, detail: detail.into() };
    let id = fields.remove("id").ok_or_else(|| fail("missing_field", "an operation needs an id"))?;
    let id = id.as_str().ok_or_else(|| fail("invalid", "an operation's id is a text"))?;
    OperationId::new(id).map_err(|error| fail("invalid", &error.to_string()))
}

impl Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            id: &'a OperationId,
            #[serde(skip_serializing_if = "Option::is_none")]
            at: Option<Timestamp>,
            #[serde(flatten)]
            request: &'a Request,
        }
        Wire { id: &self.id, at: self.at, request: &self.request }.serialize(serializer)
    }
}

/// An operation that was not applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Which operation.
    pub id: OperationId,
    /// Why, as a stable word.
    pub code: String,
    /// Why, as a sentence.
    pub detail: String,
    /// Whether asking again can never help.
    pub permanent: bool,
    /// The true value, so that the device can put it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The answer to a batch of operations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Took effect, now or when they were asked for the first time.
    pub done: Vec<OperationId>,
    /// Did not.
    pub refused: Vec<Refused>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_reads_what_it_writes() {
        let value = json!({"id": "op-2", "at": "2026-11-23T00:01:00.000Z", "op": "receipt", "notification": "n1", "receipt": "acknowledged"});
        let operation = Operation::read(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&operation).unwrap(), value);
    }

    #[test]
    fn a_bad_operation_keeps_its_id_and_says_what_is_wrong() {
        let code = |value| Operation::read(value).unwrap_err().code;
        assert_eq!(code(json!({"id": "a", "op": "dance"})), "unknown_operation");
        assert_eq!(code(json!({"id": "a", "op": "held", "cursor": "e.1", "x": 1})), "unknown_field");
        assert_eq!(code(json!({"id": "a", "op": "held"})), "missing_field");
        assert_eq!(code(json!({"op": "held", "cursor": "e.1"})), "missing_field");
        assert_eq!(code(json!([1])), "invalid");
        assert_eq!(Operation::read(json!({"id": "a", "op": "dance"})).unwrap_err().id.unwrap().as_str(), "a");
    }
}
