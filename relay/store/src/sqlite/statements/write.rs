//! What a transaction writes. `k` holds the rows.

statements! {
    ADD_BATCH = "INSERT INTO batches (id) VALUES (?1)";

    ADD_EVENTS = "INSERT INTO events (id, project, recipient, source, external_id, accepted_at, state, made,
            configuration, sandbox, body, considered, fan_outs)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12 FROM json_each(?1)";
    CHANGE_EVENTS = "UPDATE events SET state = k.value ->> 2, made = k.value ->> 3, considered = k.value ->> 4,
            fan_outs = k.value ->> 5
        FROM json_each(?1) AS k WHERE events.id = k.value ->> 0 AND events.project = k.value ->> 1";
    ERASE_EVENTS = "UPDATE events SET recipient = NULL, body = k.value ->> 2, considered = k.value ->> 3
        FROM json_each(?1) AS k WHERE events.id = k.value ->> 0 AND events.project = k.value ->> 1";

    ADD_CONTENTS = "INSERT OR IGNORE INTO contents (hash, content)
        SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1)";
    ADD_NOTIFICATIONS = "INSERT INTO notifications (id, project, recipient, category, collapse, chain, digest, state,
            expires_at, created_seq, seq, inapp_state, inapp_made_at, retracted_at, content, packed, event, rule, step,
            is_digest, created_at, origin)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
            unhex(value ->> 14), value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19,
            value ->> 20, value ->> 21 FROM json_each(?1)";
    CHANGE_NOTIFICATIONS = "UPDATE notifications SET recipient = k.value ->> 2, category = k.value ->> 3,
            collapse = k.value ->> 4, chain = k.value ->> 5, digest = k.value ->> 6, state = k.value ->> 7,
            expires_at = k.value ->> 8, created_seq = k.value ->> 9, seq = k.value ->> 10,
            inapp_state = k.value ->> 11, inapp_made_at = k.value ->> 12, retracted_at = k.value ->> 13,
            content = unhex(k.value ->> 14), packed = k.value ->> 15
        FROM json_each(?1) AS k WHERE notifications.id = k.value ->> 0 AND notifications.project = k.value ->> 1";
    ADD_STORY = "INSERT INTO story (notification, line) SELECT value ->> 0, value ->> 1 FROM json_each(?1)";
    REMOVE_STORY = "DELETE FROM story WHERE notification IN (SELECT value FROM json_each(?1))";
    REMOVE_ORIGIN = "UPDATE notifications SET origin = '[]' FROM json_each(?1) AS k WHERE notifications.id = k.value";
    ADD_MATCHES = "INSERT INTO match_keys (project, rule, event_type, value, notification)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";
    REMOVE_MATCHES = "DELETE FROM match_keys WHERE notification IN (SELECT value FROM json_each(?1))";
    CONTENT_HASHES = "SELECT DISTINCT hex(n.content) FROM json_each(?1) AS k CROSS JOIN notifications AS n
        WHERE n.id = k.value AND n.content IS NOT NULL";
    REMOVE_CONTENTS = "DELETE FROM contents WHERE hash IN (SELECT unhex(value) FROM json_each(?1))
        AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.content = contents.hash)";

    ADD_DELIVERIES = "INSERT INTO deliveries (id, notification, project, recipient, channel, address, state, reason,
            step, made_at, changed_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9, value ->> 10 FROM json_each(?1)";
    CHANGE_DELIVERIES = "UPDATE deliveries SET recipient = k.value ->> 3, channel = k.value ->> 4,
            address = k.value ->> 5, state = k.value ->> 6, reason = k.value ->> 7, step = k.value ->> 8,
            changed_at = k.value ->> 10
        FROM json_each(?1) AS k WHERE deliveries.id = k.value ->> 0 AND deliveries.project = k.value ->> 2";

    SET_RECIPIENTS = "INSERT OR REPLACE INTO recipients (project, recipient, time_zone, locale, attributes,
            preferences, created_at, revision)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7 FROM json_each(?1)";
    SET_INBOXES = "INSERT OR REPLACE INTO inboxes (project, recipient, epoch, seq, version, floor, settings_seq,
            withdrawn_seq, counters, throttles, watermarks)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9, value ->> 10 FROM json_each(?1)";
    ADD_CONSENT_ENTRIES = "INSERT INTO consent_entries (project, chain, number, id, at, decision, category, channels,
            policy_version, personal, commitment, previous, hash)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9, unhex(value ->> 10), unhex(value ->> 11), unhex(value ->> 12)
        FROM json_each(?1)";
    SET_CONSENT_HEADS = "INSERT OR REPLACE INTO consent_heads (project, chain, entries, hash)
        SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 12) FROM json_each(?1)";
    SET_CONSENT_STATES = "INSERT OR REPLACE INTO consent_states (project, recipient, category, channel, decision,
            since, entry, policy_version)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7 FROM json_each(?1)";
    ADD_TOPICS = "INSERT OR IGNORE INTO topics (project, recipient, topic)
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)";
    REMOVE_TOPICS = "DELETE FROM topics WHERE (project, recipient, topic) IN
        (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))";
    SET_ENDPOINTS = "INSERT OR REPLACE INTO endpoints (project, recipient, channel, address, verified)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";
    REMOVE_ENDPOINTS = "DELETE FROM endpoints WHERE (project, recipient, channel, address) IN
        (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";
    SET_DEVICES = "INSERT OR REPLACE INTO devices (project, recipient, device, platform, nonce, held, understands,
            created_at, seen_at, revoked_at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8, value ->> 9 FROM json_each(?1)";

    CLEAR_DUE = "DELETE FROM due WHERE (project, kind, id, rule) IN
        (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";
    SET_DUE = "INSERT OR REPLACE INTO due (project, kind, id, rule, recipient, lane, at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
        FROM json_each(?1)";
    SET_ONCE = "INSERT OR REPLACE INTO once (project, recipient, rule, value, notification, until)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1)";
    REMOVE_ONCE = "DELETE FROM once WHERE (project, recipient, rule, value, notification) IN
        (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1))";
    REMOVE_DIGESTS = "DELETE FROM digests WHERE (project, recipient, scope, of, key) IN
        (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1))";
    SET_DIGESTS = "INSERT INTO digests (project, recipient, scope, of, key, id, opened_at, due, members)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
            value ->> 7, value ->> 8 FROM json_each(?1) WHERE true
        ON CONFLICT (project, recipient, scope, of, key) DO UPDATE SET id = excluded.id,
            opened_at = excluded.opened_at, due = excluded.due, members = excluded.members";

    ADD_RECEIPTS = "INSERT OR IGNORE INTO receipts (project, recipient, notification, device, receipt, at)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1)";
    SET_OPERATIONS = "INSERT OR REPLACE INTO operations (project, recipient, device, operation, at, for_ever, refused)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
        FROM json_each(?1)";
    ADD_COLLECTED = "INSERT INTO collected (project, recipient, event_type, at, until)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";
    FEED_HEADS = "SELECT h.project, h.head FROM json_each(?1) AS k CROSS JOIN feed_heads AS h
        WHERE h.project = k.value";
    SET_FEED_HEADS = "INSERT OR REPLACE INTO feed_heads (project, head)
        SELECT value ->> 0, value ->> 1 FROM json_each(?1)";
    ADD_FEED = "INSERT INTO feed (project, number, recipient, notification, at, kind, detail)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
        FROM json_each(?1)";
    SET_ANSWERS = "INSERT OR REPLACE INTO answers (project, route, key, fingerprint, status, body, until)
        SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5, value ->> 6
        FROM json_each(?1)";
    COUNT = "INSERT INTO accounting (project, day, ledger, term, n)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
        ON CONFLICT (project, day, ledger, term) DO UPDATE SET n = n + excluded.n";
    COUNT_PURGED = "INSERT INTO purged (project, day, ledger, term, n)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
        ON CONFLICT (project, day, ledger, term) DO UPDATE SET n = n + excluded.n";

    SEAL_CHAIN = "UPDATE consent_entries SET chain = ?3, personal = NULL WHERE project = ?1 AND chain = ?2";
    SEAL_HEAD = "UPDATE consent_heads SET chain = ?3 WHERE project = ?1 AND chain = ?2";
    ADD_ERASED = "INSERT OR REPLACE INTO erased (project, name, at, epoch) VALUES (?1, ?2, ?3, ?4)";
    ERASED_EVENTS = "SELECT ", event_columns!(), " FROM events AS e WHERE e.project = ?1 AND e.recipient = ?2";
    FORGET_RECIPIENT = "DELETE FROM recipients WHERE project = ?1 AND recipient = ?2";
    FORGET_INBOX = "DELETE FROM inboxes WHERE project = ?1 AND recipient = ?2";
    FORGET_TOPICS = "DELETE FROM topics WHERE project = ?1 AND recipient = ?2";
    FORGET_ENDPOINTS = "DELETE FROM endpoints WHERE project = ?1 AND recipient = ?2";
    FORGET_DEVICES = "DELETE FROM devices WHERE project = ?1 AND recipient = ?2";
    FORGET_CONSENT_STATES = "DELETE FROM consent_states WHERE project = ?1 AND recipient = ?2";
    FORGET_ONCE = "DELETE FROM once WHERE project = ?1 AND recipient = ?2";
    FORGET_DIGESTS = "DELETE FROM digests WHERE project = ?1 AND recipient = ?2";
    FORGET_DUE = "DELETE FROM due INDEXED BY due_recipient WHERE project = ?1 AND recipient = ?2 AND kind <> 'fan_out'";
    FORGET_RECEIPTS = "DELETE FROM receipts WHERE project = ?1 AND recipient = ?2";
    FORGET_OPERATIONS = "DELETE FROM operations WHERE project = ?1 AND recipient = ?2";
    FORGET_COLLECTED = "DELETE FROM collected WHERE project = ?1 AND recipient = ?2";
    FORGET_FEED = "DELETE FROM feed WHERE project = ?1 AND recipient = ?2";
    FORGET_CONNECT_CODES = "DELETE FROM connect_codes WHERE project = ?1 AND recipient = ?2";
    FORGET_DEVICE_TOKENS = "DELETE FROM device_tokens WHERE project = ?1 AND recipient = ?2";
}

/// What an erasure deletes, by project and recipient.
pub(in crate::sqlite) const FORGET: [&str; 15] = [
    FORGET_RECIPIENT,
    FORGET_INBOX,
    FORGET_TOPICS,
    FORGET_ENDPOINTS,
    FORGET_DEVICES,
    FORGET_CONSENT_STATES,
    FORGET_ONCE,
    FORGET_DIGESTS,
    FORGET_DUE,
    FORGET_RECEIPTS,
    FORGET_OPERATIONS,
    FORGET_COLLECTED,
    FORGET_FEED,
    FORGET_CONNECT_CODES,
    FORGET_DEVICE_TOKENS,
];
