//! Keeping the store: its own numbers, and what is past its retention.

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
    PURGE_FEED = "DELETE FROM feed WHERE rowid IN (SELECT rowid FROM feed WHERE at < ?1 LIMIT ?2)";
    PURGE_CONNECT_CODES = "DELETE FROM connect_codes WHERE hash IN
        (SELECT hash FROM connect_codes WHERE expires_at < ?1 LIMIT ?2)";
    PURGE_DEVICE_TOKENS = "DELETE FROM device_tokens WHERE rowid IN
        (SELECT rowid FROM device_tokens WHERE used_at < ?1 LIMIT ?2)";
    PURGE_ERASED_TOKENS = "DELETE FROM erased_tokens WHERE hash IN
        (SELECT hash FROM erased_tokens WHERE at < ?1 LIMIT ?2)";
    PURGE_BATCHES = "DELETE FROM batches WHERE number IN (SELECT number FROM batches
        WHERE number <= (SELECT max(number) FROM batches) - ?1 ORDER BY number LIMIT ?2)";
    OLD_NOTIFICATIONS = "SELECT n.id, n.project, n.recipient, n.created_at, n.state, n.inapp_made_at, n.inapp_state,
            n.seq, hex(n.content)
        FROM projects AS p CROSS JOIN notifications AS n WHERE n.project = p.id AND n.created_at < ?1
        AND n.state NOT IN ('held', 'active') AND n.expires_at < ?2
        AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.notification = n.id
            AND d.state IN ('waiting', 'handing_over'))
        ORDER BY n.created_at, n.id LIMIT ?3";
    DELIVERIES_OF = "SELECT d.project, d.made_at, d.state FROM k CROSS JOIN deliveries AS d
        WHERE d.notification = k.c0";
    REMOVE_NOTIFICATIONS = "DELETE FROM notifications WHERE id IN (SELECT c0 FROM k)";
    REMOVE_DELIVERIES = "DELETE FROM deliveries WHERE notification IN (SELECT c0 FROM k)";
    REMOVE_RECEIPTS = "DELETE FROM receipts WHERE notification IN (SELECT c0 FROM k)";
    RAISE_FLOORS = "UPDATE inboxes SET floor = max(floor, k.c2) FROM k
        WHERE inboxes.project = k.c0 AND inboxes.recipient = k.c1";
    OLD_EVENTS = "SELECT e.id, e.project, e.accepted_at, e.state FROM projects AS p CROSS JOIN events AS e
        WHERE e.project = p.id AND e.accepted_at < ?1 AND e.state = 'done'
        AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.event = e.id)
        ORDER BY e.accepted_at, e.id LIMIT ?2";
    REMOVE_EVENTS = "DELETE FROM events WHERE id IN (SELECT c0 FROM k)";
}
