//! What a transaction writes. `k` holds the rows.
//!
//! A statement of the hot path fails with `OR FAIL`: what it wrote before the row that is refused stays in the
//! transaction, which is rolled back as a whole by whoever began it. SQLite then keeps no copy of each page beside the
//! transaction's own to take back the statement alone.

statements! {
    ADD_BATCH = "INSERT OR FAIL INTO batches (id) SELECT unhex(c0) FROM k";

    ADD_EVENTS = "INSERT OR FAIL INTO events (id, project, recipient, source, external_id, accepted_at, state, made,
            configuration, sandbox, body, considered, fan_outs)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8, c9, c10, c11, c12 FROM k";
    CHANGE_EVENTS = "UPDATE OR FAIL events SET state = k.c2, made = k.c3, considered = k.c4,
            fan_outs = k.c5
        FROM k WHERE events.id = k.c0 AND events.project = k.c1";
    ERASE_EVENTS = "UPDATE events SET recipient = NULL, body = k.c2, considered = k.c3
        FROM k WHERE events.id = k.c0 AND events.project = k.c1";

    ADD_CONTENTS = "INSERT OR IGNORE INTO contents (hash, content)
        SELECT unhex(c0), c1 FROM k";
    ADD_NOTIFICATIONS = "INSERT OR FAIL INTO notifications (id, project, recipient, category, collapse, chain, digest,
            expires_at, created_seq, seq, state, inapp_state, inapp_made_at, retracted_at, packed, event, rule, step,
            is_digest, created_at, origin, content, words)
        SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20,
            unhex(c21), c22 FROM k";
    // SQLite writes the entries of every index that has a column which is set, whether or not it changes. Where a row is
    // found by is set for itself, and only if it is another: most changes are of the state alone.
    MOVE_NOTIFICATIONS = "UPDATE OR FAIL notifications SET recipient = k.c2, category = k.c3, collapse = k.c4, chain = k.c5,
            digest = k.c6, expires_at = k.c7, created_seq = k.c8, seq = k.c9
        FROM k WHERE notifications.id = k.c0 AND notifications.project = k.c1
        AND (notifications.recipient, notifications.category, notifications.collapse, notifications.chain,
            notifications.digest, notifications.expires_at, notifications.created_seq, notifications.seq)
            IS NOT (k.c2, k.c3, k.c4, k.c5, k.c6, k.c7, k.c8, k.c9)";
    CHANGE_NOTIFICATIONS = "UPDATE OR FAIL notifications SET state = k.c2, inapp_state = k.c3, inapp_made_at = k.c4,
            retracted_at = k.c5, packed = k.c6
        FROM k WHERE notifications.id = k.c0 AND notifications.project = k.c1";
    SET_WORDS = "UPDATE OR FAIL notifications SET content = NULL, words = k.c1 FROM k WHERE notifications.id = k.c0";
    ADD_STORY = "INSERT OR FAIL INTO story (notification, line) SELECT c0, c1 FROM k";
    REMOVE_STORY = "DELETE FROM story WHERE notification IN (SELECT c0 FROM k)";
    REMOVE_ORIGIN = "UPDATE notifications SET origin = '[]' FROM k WHERE notifications.id = k.c0";
    ADD_MATCHES = "INSERT OR FAIL INTO match_keys (project, rule, event_type, value, notification)
        SELECT c0, c1, c2, c3, c4 FROM k";
    REMOVE_MATCHES = "DELETE FROM match_keys WHERE notification IN (SELECT c0 FROM k)";
    ADD_CONVERSIONS = "INSERT OR FAIL INTO conversion_keys (project, rule, event_type, value, recipient, since, until,
            notification)
        SELECT c0, c1, c2, c3, c4, c5, c6, c7 FROM k";
    REMOVE_CONVERSIONS = "DELETE FROM conversion_keys WHERE notification IN (SELECT c0 FROM k)";
    CONTENT_HASHES = "SELECT DISTINCT hex(n.content) FROM k CROSS JOIN notifications AS n
        WHERE n.id = k.c0 AND n.content IS NOT NULL";
    REMOVE_CONTENTS = "DELETE FROM contents WHERE hash IN (SELECT unhex(c0) FROM k)
        AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.content = contents.hash)";

    ADD_DELIVERIES = "INSERT OR FAIL INTO deliveries (id, notification, project, recipient, channel, address, state, reason,
            step, made_at, changed_at, provider, urgency, due, provider_id, way, host)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8, c9, c10, c11, c12, c13, c14, c15, c16 FROM k";
    CHANGE_DELIVERIES = "UPDATE OR FAIL deliveries SET recipient = k.c3, channel = k.c4,
            address = k.c5, state = k.c6, reason = k.c7, step = k.c8,
            changed_at = k.c10, provider = k.c11, urgency = k.c12, due = k.c13, provider_id = k.c14,
            way = k.c15, host = k.c16
        FROM k WHERE deliveries.id = k.c0 AND deliveries.project = k.c2";

    ADD_PUBLIC_TOKENS = "INSERT INTO public_tokens (hash, project, recipient, opens, made_at, expires_at)
        SELECT unhex(c0), c1, c2, c3, c4, c5 FROM k WHERE true ON CONFLICT (hash) DO NOTHING";
    ADD_SPENDING = "INSERT INTO spending (project, channel, day, spent) SELECT c0, c1, c2, c3 FROM k WHERE true
        ON CONFLICT (project, channel, day) DO UPDATE SET spent = spent + excluded.spent";
    ADD_TALLIES = "INSERT INTO tallies (project, rule, trial, variant, displayed, read, clicked, converted)
        SELECT c0, c1, c2, c3, c4, c5, c6, c7 FROM k WHERE true
        ON CONFLICT (project, rule, trial, variant) DO UPDATE SET displayed = displayed + excluded.displayed,
            read = read + excluded.read, clicked = clicked + excluded.clicked, converted = converted + excluded.converted";
    ADD_WINS = "INSERT OR IGNORE INTO wins (project, rule, trial, measure, variant, at, configuration, text)
        SELECT c0, c1, c2, c3, c4, c5, c6, c7 FROM k";
    SET_RECIPIENTS = "INSERT OR REPLACE INTO recipients (project, recipient, time_zone, locale, attributes,
            preferences, created_at, revision)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7 FROM k";
    SET_INBOXES = "INSERT OR REPLACE INTO inboxes (project, recipient, epoch, seq, version, floor, settings_seq,
            withdrawn_seq, counters, throttles, watermarks, responses, learned)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8, c9, c10, c11, c12 FROM k";
    ADD_CONSENT_ENTRIES = "INSERT OR FAIL INTO consent_entries (project, chain, number, id, at, decision, category, channels,
            policy_version, personal, commitment, previous, hash)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8, c9, unhex(c10), unhex(c11), unhex(c12)
        FROM k";
    SET_CONSENT_HEADS = "INSERT OR REPLACE INTO consent_heads (project, chain, entries, hash)
        SELECT c0, c1, c2, unhex(c12) FROM k";
    SET_CONSENT_STATES = "INSERT OR REPLACE INTO consent_states (project, recipient, category, channel, decision,
            since, entry, policy_version)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7 FROM k";
    ADD_TOPICS = "INSERT OR IGNORE INTO topics (project, recipient, topic)
        SELECT c0, c1, c2 FROM k";
    REMOVE_TOPICS = "DELETE FROM topics WHERE (project, recipient, topic) IN
        (SELECT c0, c1, c2 FROM k)";
    SET_ENDPOINTS = "INSERT OR REPLACE INTO endpoints (project, recipient, channel, address, verified, compared)
        SELECT c0, c1, c2, c3, c4, c5 FROM k";
    REMOVE_ENDPOINTS = "DELETE FROM endpoints WHERE (project, recipient, channel, address) IN
        (SELECT c0, c1, c2, c3 FROM k)";
    SET_DEVICES = "INSERT OR REPLACE INTO devices (project, recipient, device, platform, nonce, held, understands,
            created_at, seen_at, revoked_at)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8, c9 FROM k";

    CLEAR_DUE = "DELETE FROM due WHERE (project, kind, id, rule) IN
        (SELECT c0, c1, c2, c3 FROM k)";
    SET_DUE = "INSERT OR REPLACE INTO due (project, kind, id, rule, recipient, lane, at)
        SELECT c0, c1, c2, c3, c4, c5, c6
        FROM k";
    SET_ONCE = "INSERT OR REPLACE INTO once (project, recipient, rule, value, notification, until)
        SELECT c0, c1, c2, c3, c4, c5 FROM k";
    REMOVE_ONCE = "DELETE FROM once WHERE (project, recipient, rule, value, notification) IN
        (SELECT c0, c1, c2, c3, c4 FROM k)";
    REMOVE_DIGESTS = "DELETE FROM digests WHERE (project, recipient, scope, of, key) IN
        (SELECT c0, c1, c2, c3, c4 FROM k)";
    SET_DIGESTS = "INSERT INTO digests (project, recipient, scope, of, key, id, opened_at, due, members)
        SELECT c0, c1, c2, c3, c4, c5, c6,
            c7, c8 FROM k WHERE true
        ON CONFLICT (project, recipient, scope, of, key) DO UPDATE SET id = excluded.id,
            opened_at = excluded.opened_at, due = excluded.due, members = excluded.members";

    ADD_RECEIPTS = "INSERT OR IGNORE INTO receipts (project, recipient, notification, device, receipt, at)
        SELECT c0, c1, c2, c3, c4, c5 FROM k";
    SET_OPERATIONS = "INSERT OR REPLACE INTO operations (project, recipient, device, operation, at, for_ever, refused)
        SELECT c0, c1, c2, c3, c4, c5, c6
        FROM k";
    ADD_COLLECTED = "INSERT OR FAIL INTO collected (project, recipient, event_type, at, until)
        SELECT c0, c1, c2, c3, c4 FROM k";
    ADD_FEED = "INSERT OR FAIL INTO feed (project, number, recipient, notification, at, kind, detail)
        SELECT c0, c1 + coalesce((SELECT h.head FROM feed_heads AS h WHERE h.project = c0), 0), c2, c3, c4, c5, c6
        FROM k";
    RAISE_FEED_HEADS = "INSERT INTO feed_heads (project, head)
        SELECT c0, c1 FROM k WHERE true
        ON CONFLICT (project) DO UPDATE SET head = head + excluded.head";
    SET_ANSWERS = "INSERT OR REPLACE INTO answers (project, route, key, fingerprint, status, body, until)
        SELECT c0, c1, c2, unhex(c3), c4, c5, c6
        FROM k";
    COUNT = "INSERT INTO accounting (project, day, ledger, term, n)
        SELECT c0, c1, c2, c3, c4 FROM k WHERE true
        ON CONFLICT (project, day, ledger, term) DO UPDATE SET n = n + excluded.n";
    COUNT_PURGED = "INSERT INTO purged (project, day, ledger, term, n)
        SELECT c0, c1, c2, c3, c4 FROM k WHERE true
        ON CONFLICT (project, day, ledger, term) DO UPDATE SET n = n + excluded.n";

    SEAL_CHAIN = "UPDATE consent_entries SET chain = ?3, personal = NULL WHERE project = ?1 AND chain = ?2";
    SEAL_HEAD = "UPDATE consent_heads SET chain = ?3 WHERE project = ?1 AND chain = ?2";
    ADD_ERASED = "INSERT OR REPLACE INTO erased (project, name, at, epoch) VALUES (?1, ?2, ?3, ?4)";
    ADD_ERASED_TOKENS = "INSERT OR REPLACE INTO erased_tokens (hash, at)
        SELECT current, ?3 FROM device_tokens WHERE project = ?1 AND recipient = ?2
        UNION SELECT previous, ?3 FROM device_tokens WHERE project = ?1 AND recipient = ?2 AND previous IS NOT NULL
        UNION SELECT family, ?3 FROM device_tokens WHERE project = ?1 AND recipient = ?2 AND family IS NOT NULL";
    ERASED_EVENTS = "SELECT ", event_columns!(), " FROM events AS e WHERE e.project = ?1 AND e.recipient = ?2";
    THEIRS_ALONE = "SELECT ", event_columns!(), " FROM json_each(?2) AS k CROSS JOIN events AS e
        WHERE e.id = k.value AND e.project = ?1 AND e.recipient IS NULL AND e.state = 'done'
        AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.event = e.id AND n.state <> 'erased')";
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
    FORGET_PUBLIC_TOKENS = "DELETE FROM public_tokens WHERE project = ?1 AND recipient = ?2";
}

/// What an erasure deletes, by project and recipient.
pub(in crate::sqlite) const FORGET: [&str; 16] = [
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
    FORGET_PUBLIC_TOKENS,
];
