//! Keeping the store: its own numbers, and what is past its retention.

/// A step or another showing of the notification is due at some time.
macro_rules! plan_goes_on {
    () => {
        "EXISTS (SELECT 1 FROM due AS w WHERE w.project = n.project AND w.kind IN ('step', 'repeat') AND w.id = n.id
            AND w.rule = '')"
    };
}

/// Nothing can come of the notification any more.
macro_rules! at_rest {
    () => {
        concat!(
            "n.state NOT IN ('held', 'active') AND NOT ",
            plan_goes_on!(),
            " AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.notification = n.id
                AND d.state IN ('waiting', 'handing_over'))"
        )
    };
}

statements! {
    META = "SELECT value FROM meta WHERE name = ?1";
    SET_META = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    LAST_BATCH = "SELECT coalesce(max(number), 0) FROM batches";
    NEW_EPOCHS = "UPDATE inboxes SET epoch = CASE WHEN epoch = ?1 THEN (?1 + 1) & 4294967295 ELSE ?1 END";

    PURGE_OPERATIONS = "DELETE FROM operations WHERE (project, recipient, device, operation) IN
        (SELECT project, recipient, device, operation FROM operations WHERE for_ever = 0 AND at < ?1 LIMIT ?2)";
    PURGE_ANSWERS = "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE until < ?1 LIMIT ?2)";
    PURGE_ONCE = "DELETE FROM once WHERE (project, recipient, rule, value) IN
        (SELECT project, recipient, rule, value FROM once WHERE until < ?1 LIMIT ?2)";
    PURGE_COLLECTED = "DELETE FROM collected WHERE number IN
        (SELECT number FROM collected WHERE until < ?1 LIMIT ?2)";
    FORGET_CONVERSIONS = "DELETE FROM conversion_keys WHERE notification IN
        (SELECT notification FROM conversion_keys WHERE until < ?1 LIMIT ?2)";
    PURGE_FEED = "DELETE FROM feed WHERE rowid IN
        (SELECT first.entry FROM (SELECT rowid AS entry, at FROM feed ORDER BY rowid LIMIT ?2) AS first
        WHERE first.at < ?1)";
    PURGE_CONNECT_CODES = "DELETE FROM connect_codes WHERE hash IN
        (SELECT hash FROM connect_codes WHERE expires_at < ?1 LIMIT ?2)";
    PURGE_PUBLIC_TOKENS = "DELETE FROM public_tokens WHERE hash IN
        (SELECT hash FROM public_tokens WHERE expires_at < ?1 LIMIT ?2)";
    PURGE_DEVICE_TOKENS = "DELETE FROM device_tokens WHERE rowid IN
        (SELECT rowid FROM device_tokens WHERE used_at < ?1 LIMIT ?2)";
    PURGE_ERASED_TOKENS = "DELETE FROM erased_tokens WHERE hash IN
        (SELECT hash FROM erased_tokens WHERE at < ?1 LIMIT ?2)";
    PURGE_BATCHES = "DELETE FROM batches WHERE number IN (SELECT number FROM batches
        WHERE number <= (SELECT max(number) FROM batches) - ?1 ORDER BY number LIMIT ?2)";
    FORGET_WORDS = "UPDATE deliveries SET way = json_remove(way, '$.form') WHERE id IN
        (SELECT d.id FROM deliveries AS d INDEXED BY deliveries_words
            LEFT JOIN notifications AS n ON n.id = d.notification
            WHERE d.project = ?1 AND d.state = 'dead' AND json_extract(d.way, '$.form') IS NOT NULL
                AND (n.id IS NULL OR n.expires_at <= ?4 OR n.created_at < ?2)
            LIMIT ?3)";
    LEAVING = "SELECT n.id, n.recipient, n.seq, hex(n.content) FROM notifications AS n
        WHERE n.project = ?1 AND n.created_at < ?2 AND n.created_seq IS NOT NULL AND ", at_rest!(), "
        ORDER BY n.created_at, n.id LIMIT ?3";
    LEAVE_INBOXES = "UPDATE notifications SET created_seq = NULL, seq = NULL, content = NULL, words = NULL
        WHERE id IN (SELECT c0 FROM k)";
    OLD_NOTIFICATIONS = "SELECT n.id, n.created_at, n.state, n.inapp_made_at, n.inapp_state, hex(n.content)
        FROM notifications AS n WHERE n.project = ?1 AND n.created_at < ?2 AND n.created_seq IS NULL AND ",
        at_rest!(), "
        ORDER BY n.created_at, n.id LIMIT ?3";
    DELIVERIES_OF = "SELECT d.project, d.made_at, d.state FROM k CROSS JOIN deliveries AS d
        WHERE d.notification = k.c0";
    REMOVE_NOTIFICATIONS = "DELETE FROM notifications WHERE id IN (SELECT c0 FROM k)";
    REMOVE_DELIVERIES = "DELETE FROM deliveries WHERE notification IN (SELECT c0 FROM k)";
    REMOVE_RECEIPTS = "DELETE FROM receipts WHERE notification IN (SELECT c0 FROM k)";
    RAISE_FLOORS = "UPDATE inboxes SET floor = max(floor, k.c2) FROM k
        WHERE inboxes.project = k.c0 AND inboxes.recipient = k.c1";
    OLD_EVENTS = "SELECT e.id, e.accepted_at, e.state FROM events AS e
        WHERE e.project = ?1 AND e.accepted_at < ?2 AND e.state = 'done'
        AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.event = e.id
            AND (n.state IN ('held', 'active') OR ", plan_goes_on!(), "))
        ORDER BY e.accepted_at, e.id LIMIT ?3";
    REMOVE_EVENTS = "DELETE FROM events WHERE id IN (SELECT c0 FROM k)";
}
