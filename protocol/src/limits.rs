//! Every limit that an outside program can meet, with its unit. API.md names them; `/openapi.json` shows them.

/// An id, in bytes.
pub const ID_BYTES_MAX: usize = 128;
/// A request's body, in bytes.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// A configuration document with its files, in bytes.
pub const CONFIGURATION_BYTES_MAX: usize = 8 << 20;
/// Events in one request.
pub const EVENTS_PER_REQUEST_MAX: usize = 1_000;
/// The `data` of one event, in bytes of JSON.
pub const EVENT_DATA_BYTES_MAX: usize = 64 << 10;
/// Nesting of arrays and objects in any JSON that is taken in.
pub const JSON_DEPTH_MAX: usize = 32;
/// Recipients named in one direct send.
pub const SEND_RECIPIENTS_MAX: usize = 1_000;
/// A title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// A body, in characters.
pub const BODY_CHARS_MAX: usize = 4_000;
/// A notification's content with all its fields, in bytes of JSON.
pub const CONTENT_BYTES_MAX: usize = 16 << 10;
/// Actions of one notification.
pub const ACTIONS_MAX: usize = 4;
/// The longest delay, hold or expiry, in milliseconds: 90 days.
pub const HOLD_MILLIS_MAX: i64 = 90 * 86_400_000;
/// How far back an event's `time` may lie, in milliseconds: 30 days.
pub const EVENT_TIME_PAST_MILLIS_MAX: i64 = 30 * 86_400_000;
/// How far ahead an event's `time` may lie, in milliseconds: 5 minutes.
pub const EVENT_TIME_FUTURE_MILLIS_MAX: i64 = 5 * 60_000;
/// Steps of one plan.
pub const STEPS_MAX: usize = 16;
/// Showings of one step that repeats.
pub const ROUNDS_MAX: u32 = 100;
/// Rules of one project.
pub const RULES_MAX: usize = 10_000;
/// Open sessions of one recipient.
pub const SESSIONS_PER_RECIPIENT_MAX: usize = 32;
/// Operations that wait on one device.
pub const OPERATIONS_WAITING_MAX: usize = 10_000;
/// Operations in one `ops` frame or one request.
pub const OPERATIONS_PER_FRAME_MAX: usize = 500;
/// Watermarks (`read_up_to`) that one inbox keeps for one category, or for all. More than one is kept only where a
/// later one reaches less far, which takes devices that were offline in turn.
pub const WATERMARKS_MAX: usize = 16;
/// One page of changes.
pub const CHANGES_PER_PAGE_MAX: usize = 500;
/// One frame of the socket, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 << 10;
/// A cursor's text, in bytes.
pub const CURSOR_BYTES_MAX: usize = 64;
/// An idempotency key, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Entries of one list answer.
pub const LIST_LIMIT_MAX: usize = 500;
/// Entries of one list answer if the call names none.
pub const LIST_LIMIT_DEFAULT: usize = 50;
/// How long a call may wait for changes, in milliseconds: 60 seconds.
pub const WAIT_MILLIS_MAX: i64 = 60_000;
/// How long a socket may wait with its `hello`, in milliseconds.
pub const HELLO_MILLIS_MAX: i64 = 5_000;
/// A recipient's attributes, in bytes of JSON.
pub const ATTRIBUTES_BYTES_MAX: usize = 16 << 10;
