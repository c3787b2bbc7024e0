//! Every statement, as constants. `k` is the set of keys or rows that a statement is for (`bulk.rs`); it is always the outer
//! loop (`CROSS JOIN` keeps it so).

macro_rules! statements {
    ($($name:ident = $($part:expr),+;)*) => {
        $(pub(in crate::sqlite) const $name: &str = concat!($($part),+);)*
        /// Every statement of this file by name.
        #[cfg(test)]
        pub(in crate::sqlite) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

macro_rules! notification_columns {
    () => {
        "n.id, n.project, n.recipient, n.category, n.collapse, n.chain, n.digest, n.state, n.expires_at, \
         n.created_seq, n.seq, n.inapp_state, n.inapp_made_at, n.retracted_at, n.packed, n.event, n.rule, n.step, \
         n.is_digest, n.created_at, coalesce(n.words, c.content)"
    };
}

macro_rules! event_columns {
    () => {
        "e.id, e.project, e.recipient, e.source, e.external_id, e.accepted_at, e.state, e.made, e.configuration, \
         e.sandbox, e.body, e.considered, e.fan_outs"
    };
}

macro_rules! delivery_columns {
    () => {
        "d.id, d.notification, d.project, d.recipient, d.channel, d.address, d.state, d.reason, d.step, d.made_at, \
         d.changed_at, d.provider, d.urgency, d.due, d.provider_id, d.way"
    };
}

/// Lists are filtered by what may be absent; which index is walked depends on what is always asked.
macro_rules! notification_list {
    ($of:literal) => {
        concat!(
            "SELECT ",
            notification_columns!(),
            " FROM notifications AS n LEFT JOIN contents AS c ON c.hash = n.content WHERE ",
            $of,
            " AND (?3 IS NULL OR n.event = ?3) AND (?4 IS NULL OR n.category = ?4) AND (?5 IS NULL OR n.rule = ?5)
              AND (?6 IS NULL OR n.state = ?6) AND n.created_at >= ?7 AND n.created_at < ?8
              AND (n.created_at, n.id) < (?9, ?10) AND (?2 IS NULL OR n.recipient = ?2)
              ORDER BY n.created_at DESC, n.id DESC LIMIT ?11"
        )
    };
}

/// Deliveries are walked by project, or by project and state; the rest filters.
macro_rules! delivery_list {
    ($of:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries AS d WHERE d.project = ?1 AND d.id < ?2",
            $of,
            " AND (?4 IS NULL OR d.channel = ?4) AND (?5 IS NULL OR d.provider = ?5)
              AND (?6 IS NULL OR d.recipient = ?6) AND (?7 IS NULL OR d.reason = ?7)
              AND d.made_at >= ?8 AND d.made_at < ?9 ORDER BY d.id DESC LIMIT ?3"
        )
    };
}

pub(super) mod dump;
pub(super) mod find;
pub(super) mod keep;
pub(super) mod read;
pub(super) mod setup;
pub(super) mod story;
pub(super) mod write;

/// Every statement of the store by name.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    [dump::ALL, find::ALL, keep::ALL, read::ALL, setup::ALL, story::ALL, write::ALL].into_iter().flatten()
}

#[cfg(test)]
mod tests;
