//! What a transaction reads. `k` holds the keys that are asked for.

macro_rules! notifications {
    () => {
        concat!(
            "SELECT ",
            notification_columns!(),
            " FROM json_each(?1) AS k CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content WHERE "
        )
    };
}

macro_rules! of_person {
    ($columns:literal, $table:literal) => {
        concat!(
            "SELECT t.project, t.recipient, ",
            $columns,
            " FROM json_each(?1) AS k CROSS JOIN ",
            $table,
            " AS t WHERE t.project = k.value ->> 0 AND t.recipient = k.value ->> 1"
        )
    };
}

statements! {
    PROJECTS = "SELECT p.id, p.name, p.configuration, p.stop FROM json_each(?1) AS k CROSS JOIN projects AS p
        WHERE p.id = k.value";
    RECIPIENTS = of_person!(
        "t.time_zone, t.locale, t.attributes, t.preferences, t.created_at, t.revision", "recipients");
    INBOXES = of_person!(
        "t.epoch, t.seq, t.version, t.floor, t.settings_seq, t.withdrawn_seq, t.counters, t.throttles, t.watermarks",
        "inboxes");
    CONSENT_STATES = of_person!("t.category, t.channel, t.decision, t.since, t.entry, t.policy_version",
        "consent_states");
    CONSENT_HEADS = "SELECT h.project, h.chain, h.entries, h.hash FROM json_each(?1) AS k
        CROSS JOIN consent_heads AS h WHERE h.project = k.value ->> 0 AND h.chain = k.value ->> 1";
    TOPICS = of_person!("t.topic", "topics");
    ENDPOINTS = of_person!(
        "t.channel, t.address, t.verified, EXISTS (SELECT 1 FROM stop_list AS s
            WHERE s.project = t.project AND s.channel = t.channel AND s.address = t.address)",
        "endpoints");
    DEVICES = of_person!(
        "t.device, t.platform, t.nonce, t.held, t.understands, t.created_at, t.seen_at, t.revoked_at", "devices");
    ERASED = "SELECT e.project, e.name, e.at, e.epoch FROM json_each(?1) AS k CROSS JOIN erased AS e
        WHERE e.project = k.value ->> 0 AND e.name = k.value ->> 1";

    EVENTS = "SELECT ", event_columns!(), " FROM json_each(?1) AS k CROSS JOIN events AS e WHERE e.id = k.value";
    SAME_EVENTS = "SELECT ", event_columns!(), " FROM json_each(?1) AS k CROSS JOIN events AS e
        WHERE e.project = k.value ->> 0 AND e.external_id = k.value ->> 2 AND e.source IS k.value ->> 1
        AND e.external_id IS NOT NULL AND +e.accepted_at >= k.value ->> 3";

    NOTIFICATIONS = notifications!(), "n.id = k.value ->> 1 AND n.project = k.value ->> 0";
    MADE = notifications!(), "n.event = k.value ->> 0 AND ifnull(n.rule, '') = ifnull(k.value ->> 1, '')
        AND n.project = k.value ->> 2 AND n.recipient = k.value ->> 3
        AND n.step IS NULL AND n.is_digest = 0 AND n.state <> 'erased'";
    COLLAPSE = notifications!(), "n.project = k.value ->> 0 AND n.recipient = k.value ->> 1
        AND n.category = k.value ->> 2 AND n.collapse = k.value ->> 3
        AND (n.state IN ('held', 'active') OR (n.created_seq IS NOT NULL AND n.retracted_at IS NULL
            AND n.state NOT IN ('cancelled', 'retracted', 'expired', 'erased')))";
    MATCHES = "SELECT ", notification_columns!(), " FROM json_each(?1) AS k CROSS JOIN match_keys AS m
        CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content
        WHERE m.project = k.value ->> 0 AND m.rule = k.value ->> 1 AND m.event_type = k.value ->> 2
        AND m.value IS k.value ->> 3 AND n.id = m.notification AND n.project = m.project";
    PENDING = notifications!(), "n.project = k.value ->> 0 AND n.recipient = k.value ->> 1
        AND n.state IN ('held', 'active')";
    EVERYTHING = notifications!(), "n.project = k.value ->> 0 AND n.recipient = k.value ->> 1";
    PLACED = notifications!(), "n.project = k.value ->> 0 AND n.recipient = k.value ->> 1
        AND n.inapp_state = 'placed' AND n.created_seq > k.value ->> 2 AND n.created_seq <= k.value ->> 3";
    CHAINED = notifications!(), "n.project = k.value ->> 0 AND n.chain = k.value ->> 1";
    OF_EVENT = "SELECT ", notification_columns!(), " FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content WHERE n.event = ?1 AND n.id > ?2 ORDER BY n.id LIMIT ?3";
    DIGEST_MEMBERS = notifications!(), "n.digest = k.value AND n.state = 'held'";

    DIGESTS = "SELECT d.project, d.recipient, d.scope, d.of, d.key, d.id, d.opened_at, d.due, d.members
        FROM json_each(?1) AS k CROSS JOIN digests AS d WHERE d.project = k.value ->> 0
        AND d.recipient = k.value ->> 1 AND d.scope = k.value ->> 2 AND d.of = k.value ->> 3
        AND d.key = k.value ->> 4";
    DIGESTS_BY_ID = "SELECT d.project, d.recipient, d.scope, d.of, d.key, d.id, d.opened_at, d.due, d.members
        FROM json_each(?1) AS k CROSS JOIN digests AS d WHERE d.id = k.value";
    ONCE = "SELECT o.project, o.recipient, o.rule, o.value, o.notification, o.until FROM json_each(?1) AS k
        CROSS JOIN once AS o WHERE o.project = k.value ->> 0 AND o.recipient = k.value ->> 1
        AND o.rule = k.value ->> 2 AND o.value = k.value ->> 3";
    HISTORIES = "SELECT k.key, (SELECT count(*) FROM collected AS c WHERE c.project = k.value ->> 0
        AND c.recipient = k.value ->> 1 AND c.event_type = k.value ->> 2 AND c.at >= k.value ->> 3)
        FROM json_each(?1) AS k";
    DELIVERIES = "SELECT ", delivery_columns!(), " FROM json_each(?1) AS k CROSS JOIN deliveries AS d
        WHERE d.notification = k.value AND d.state IN ('waiting', 'handing_over')";
    PENDING_DELIVERIES = "SELECT ", delivery_columns!(), " FROM json_each(?1) AS k CROSS JOIN deliveries AS d
        WHERE d.project = k.value ->> 0 AND d.recipient = k.value ->> 1
        AND d.state IN ('waiting', 'handing_over')";
    ALL_DELIVERIES = "SELECT ", delivery_columns!(), " FROM json_each(?1) AS k CROSS JOIN deliveries AS d
        WHERE d.project = k.value ->> 0 AND d.recipient = k.value ->> 1";
    DUE = "SELECT d.project, d.recipient, d.kind, d.id, d.rule, d.at FROM json_each(?1) AS k CROSS JOIN due AS d
        WHERE d.project = k.value ->> 0 AND d.kind = k.value ->> 1 AND d.id = k.value ->> 2
        AND d.rule = k.value ->> 3";
    OPERATIONS = "SELECT o.project, o.recipient, o.device, o.operation, o.at, o.for_ever, o.refused
        FROM json_each(?1) AS k CROSS JOIN operations AS o WHERE o.project = k.value ->> 0
        AND o.recipient = k.value ->> 1 AND o.device = k.value ->> 2 AND o.operation = k.value ->> 3";
    ANSWERS = "SELECT a.project, a.route, a.key, a.fingerprint, a.status, a.body, a.until FROM json_each(?1) AS k
        CROSS JOIN answers AS a WHERE a.project = k.value ->> 0 AND a.route = k.value ->> 1
        AND a.key = k.value ->> 2";
    OWNERS = "SELECT e.project, e.recipient, e.channel, e.address FROM json_each(?1) AS k
        CROSS JOIN endpoints AS e WHERE e.project = k.value ->> 0 AND e.channel = k.value ->> 1
        AND e.address = k.value ->> 2";
    MEMBERS = "SELECT recipient FROM topics WHERE project = ?1 AND topic = ?2 AND recipient > ?3
        ORDER BY recipient LIMIT ?4";
    PEOPLE = "SELECT recipient FROM recipients WHERE project = ?1 AND recipient > ?2 ORDER BY recipient LIMIT ?3";
}
