//! What operators and backends read.

statements! {
    STORY = "SELECT ", notification_columns!(), ", n.origin FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content WHERE n.id = ?1 AND n.project = ?2";
    LINES = "SELECT s.notification, s.line FROM k CROSS JOIN story AS s
        WHERE s.notification = k.c0 ORDER BY s.number";
    DELIVERIES_OF = "SELECT ", delivery_columns!(), " FROM deliveries AS d
        WHERE d.notification = ?1 AND d.project = ?2 ORDER BY d.id";
    // One statement each for what a list is asked by, so that each walks its own index; the rest filters.
    BY_PROJECT = notification_list!("n.project = ?1");
    BY_RECIPIENT = notification_list!("n.project = ?1 AND n.recipient = ?2");
    BY_EVENT = notification_list!("+n.project = ?1 AND n.event = ?3");
    EVENT = "SELECT ", event_columns!(), " FROM events AS e WHERE e.id = ?1 AND e.project = ?2";
    SAME_EVENT = "SELECT ", event_columns!(), " FROM events AS e WHERE e.project = ?1 AND e.source IS ?2
        AND e.external_id = ?3 AND e.external_id IS NOT NULL ORDER BY +e.accepted_at DESC, e.id DESC LIMIT 1";
    EVENTS_NAMED = "SELECT e.source, e.id, max(e.accepted_at) FROM events AS e WHERE e.project = ?1
        AND e.external_id = ?2 AND e.external_id IS NOT NULL GROUP BY e.source ORDER BY e.source LIMIT 100";
    EVENTS = "SELECT ", event_columns!(), " FROM events AS e WHERE e.project = ?1 AND e.accepted_at >= ?2
        AND e.accepted_at < ?3 AND (e.accepted_at, e.id) > (?4, ?5) ORDER BY e.accepted_at, e.id LIMIT ?6";
    PROGRESS = "SELECT state, count(*) FROM notifications WHERE event = ?1 GROUP BY state";
    MEMBERS_COUNTED = "SELECT count(*) FROM topics WHERE project = ?1 AND topic = ?2";
    INAPP_DELIVERIES = "SELECT ", notification_columns!(), " FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content
        WHERE n.project = ?1 AND n.created_seq IS NOT NULL AND n.created_at <= ?2 AND n.id < ?3
        AND n.inapp_state IS NOT NULL AND (?4 IS NULL OR n.recipient = ?4) AND (?5 IS NULL OR n.inapp_state = ?5)
        AND n.inapp_made_at >= ?6 AND n.inapp_made_at < ?7 ORDER BY n.created_at DESC, n.id DESC LIMIT ?8";
    DELIVERIES = delivery_list!("");
    DELIVERIES_IN = delivery_list!(" AND d.state = ?10");
    FEED = "SELECT project, number, recipient, notification, at, kind, detail FROM feed
        WHERE project = ?1 AND number > ?2 ORDER BY number LIMIT ?3";

    CONSENT_ENTRIES = "SELECT project, chain, number, id, at, decision, category, channels, policy_version, personal,
        commitment, previous, hash FROM consent_entries WHERE project = ?1 AND chain = ?2 AND number > ?3
        ORDER BY number LIMIT ?4";
    CONSENT_ENTRY = "SELECT project, chain, number, id, at, decision, category, channels, policy_version, personal,
        commitment, previous, hash FROM consent_entries WHERE project = ?1 AND chain = ?2 AND id = ?3";
    CHAINS = "SELECT project, chain, entries, hash FROM consent_heads WHERE project = ?1 AND chain > ?2
        ORDER BY chain LIMIT ?3";
    EXPORTED = "SELECT ", notification_columns!(), ", n.origin FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content WHERE n.project = ?1 AND n.recipient = ?2 ORDER BY n.id";
    EXPORTED_EVENTS = "SELECT ", event_columns!(), " FROM events AS e WHERE e.project = ?1 AND e.recipient = ?2
        ORDER BY e.id";
}
