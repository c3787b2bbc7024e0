//! What a transaction reads. `k` holds the keys that are asked for.

macro_rules! notifications {
    () => {
        concat!(
            "SELECT ",
            notification_columns!(),
            " FROM k CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content WHERE "
        )
    };
}

macro_rules! of_person {
    ($columns:literal, $table:literal) => {
        concat!(
            "SELECT t.project, t.recipient, ",
            $columns,
            " FROM k CROSS JOIN ",
            $table,
            " AS t WHERE t.project = k.c0 AND t.recipient = k.c1"
        )
    };
}

statements! {
    PROJECTS = "SELECT p.id, p.name, p.configuration, p.stop FROM k CROSS JOIN projects AS p
        WHERE p.id = k.c0";
    RECIPIENTS = of_person!(
        "t.time_zone, t.locale, t.attributes, t.preferences, t.created_at, t.revision", "recipients");
    INBOXES = of_person!(
        "t.epoch, t.seq, t.version, t.floor, t.settings_seq, t.withdrawn_seq, t.counters, t.throttles, t.watermarks,
            t.responses, t.learned",
        "inboxes");
    CONSENT_STATES = of_person!("t.category, t.channel, t.decision, t.since, t.entry, t.policy_version",
        "consent_states");
    CONSENT_HEADS = "SELECT h.project, h.chain, h.entries, h.hash FROM k
        CROSS JOIN consent_heads AS h WHERE h.project = k.c0 AND h.chain = k.c1";
    TOPICS = of_person!("t.topic", "topics");
    ENDPOINTS = of_person!(
        "t.channel, t.address, t.verified, EXISTS (SELECT 1 FROM stop_list AS s
            WHERE s.project = t.project AND s.channel = t.channel AND s.compared = t.compared)",
        "endpoints");
    DEVICES = of_person!(
        "t.device, t.platform, t.nonce, t.held, t.understands, t.created_at, t.seen_at, t.revoked_at", "devices");
    ERASED = "SELECT e.project, e.name, e.at, e.epoch FROM k CROSS JOIN erased AS e
        WHERE e.project = k.c0 AND e.name = k.c1";

    EVENTS = "SELECT ", event_columns!(), " FROM k CROSS JOIN events AS e WHERE e.id = k.c0";
    SAME_EVENTS = "SELECT ", event_columns!(), " FROM k CROSS JOIN events AS e
        WHERE e.project = k.c0 AND e.external_id = k.c2 AND e.source IS k.c1
        AND e.external_id IS NOT NULL AND +e.accepted_at >= k.c3";

    NOTIFICATIONS = notifications!(), "n.id = k.c1 AND n.project = k.c0";
    MADE = notifications!(), "n.event = k.c0 AND ifnull(n.rule, '') = ifnull(k.c1, '')
        AND n.project = k.c2 AND n.recipient = k.c3
        AND n.step IS NULL AND n.is_digest = 0 AND n.state <> 'erased'";
    COLLAPSE = notifications!(), "n.project = k.c0 AND n.recipient = k.c1
        AND n.category = k.c2 AND n.collapse = k.c3
        AND (n.state IN ('held', 'active') OR (n.created_seq IS NOT NULL AND n.retracted_at IS NULL
            AND n.state NOT IN ('cancelled', 'retracted', 'expired', 'erased')))";
    MATCHES = "SELECT ", notification_columns!(), " FROM k CROSS JOIN match_keys AS m
        CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content
        WHERE m.project = k.c0 AND m.rule = k.c1 AND m.event_type = k.c2
        AND m.value IS k.c3 AND n.id = m.notification AND n.project = m.project";
    CONVERTIBLE = "SELECT ", notification_columns!(), " FROM k CROSS JOIN conversion_keys AS m
        CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content
        WHERE m.project = k.c0 AND m.rule = k.c1 AND m.event_type = k.c2
        AND m.value IS k.c3 AND m.recipient = k.c4 AND m.until >= k.c5 AND m.since <= k.c5
        AND n.id = m.notification AND n.project = m.project";
    CONVERTIBLE_OF_ANYBODY = "SELECT ", notification_columns!(), " FROM k CROSS JOIN conversion_keys AS m
        CROSS JOIN notifications AS n LEFT JOIN contents AS c ON c.hash = n.content
        WHERE m.project = k.c0 AND m.rule = k.c1 AND m.event_type = k.c2
        AND m.value IS k.c3 AND k.c4 IS NULL AND m.until >= k.c5 AND m.since <= k.c5
        AND n.id = m.notification AND n.project = m.project";
    PENDING = notifications!(), "n.project = k.c0 AND n.recipient = k.c1
        AND n.state IN ('held', 'active')";
    EVERYTHING = notifications!(), "n.project = k.c0 AND n.recipient = k.c1";
    PLACED = notifications!(), "n.project = k.c0 AND n.recipient = k.c1 AND n.created_seq IS NOT NULL AND n.seq > k.c2
        AND n.inapp_state = 'placed' AND n.created_seq > k.c2 AND n.created_seq <= k.c3";
    CHAINED = notifications!(), "n.project = k.c0 AND n.chain = k.c1";
    OF_EVENT = "SELECT ", notification_columns!(), " FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content WHERE n.event = ?1 AND n.id > ?2 ORDER BY n.id LIMIT ?3";
    DIGEST_MEMBERS = notifications!(), "n.digest = k.c0 AND n.state = 'held'";

    DIGESTS = "SELECT d.project, d.recipient, d.scope, d.of, d.key, d.id, d.opened_at, d.due, d.members
        FROM k CROSS JOIN digests AS d WHERE d.project = k.c0
        AND d.recipient = k.c1 AND d.scope = k.c2 AND d.of = k.c3
        AND d.key = k.c4";
    DIGESTS_BY_ID = "SELECT d.project, d.recipient, d.scope, d.of, d.key, d.id, d.opened_at, d.due, d.members
        FROM k CROSS JOIN digests AS d WHERE d.id = k.c0";
    ONCE = "SELECT o.project, o.recipient, o.rule, o.value, o.notification, o.until FROM k
        CROSS JOIN once AS o WHERE o.project = k.c0 AND o.recipient = k.c1
        AND o.rule = k.c2 AND o.value = k.c3";
    HISTORIES = "SELECT k.c4, (SELECT count(*) FROM collected AS c WHERE c.project = k.c0
        AND c.recipient = k.c1 AND c.event_type = k.c2 AND c.at >= k.c3)
        FROM k";
    DELIVERY = "SELECT ", delivery_columns!(), " FROM k CROSS JOIN deliveries AS d
        WHERE d.id = k.c1 AND d.project = k.c0";
    DELIVERIES = "SELECT ", delivery_columns!(), " FROM k CROSS JOIN deliveries AS d
        WHERE d.notification = k.c0 AND d.state IN ('waiting', 'handing_over')";
    DELIVERIES_OF = "SELECT ", delivery_columns!(), " FROM k CROSS JOIN deliveries AS d WHERE d.notification = k.c0";
    SPENDING = "SELECT s.project, s.channel, s.day, s.spent FROM k CROSS JOIN spending AS s
        WHERE s.project = k.c0 AND s.channel = k.c1";
    TALLIES = "SELECT t.project, t.rule, t.trial, t.variant, t.displayed, t.read, t.clicked, t.converted FROM k
        CROSS JOIN tallies AS t WHERE t.project = k.c0 AND t.rule = k.c1 AND t.trial = k.c2";
    WINS = "SELECT w.project, w.rule, w.trial, w.measure, w.variant, w.at, w.configuration, w.text FROM k
        CROSS JOIN wins AS w WHERE w.project = k.c0";
    PENDING_DELIVERIES = "SELECT ", delivery_columns!(), " FROM k CROSS JOIN deliveries AS d
        WHERE d.project = k.c0 AND d.recipient = k.c1
        AND d.state IN ('waiting', 'handing_over')";
    ALL_DELIVERIES = "SELECT ", delivery_columns!(), " FROM k CROSS JOIN deliveries AS d
        WHERE d.project = k.c0 AND d.recipient = k.c1";
    DUE = "SELECT d.project, d.recipient, d.kind, d.id, d.rule, d.at FROM k CROSS JOIN due AS d
        WHERE d.project = k.c0 AND d.kind = k.c1 AND d.id = k.c2
        AND d.rule = k.c3";
    OPERATIONS = "SELECT o.project, o.recipient, o.device, o.operation, o.at, o.for_ever, o.refused
        FROM k CROSS JOIN operations AS o WHERE o.project = k.c0
        AND o.recipient = k.c1 AND o.device = k.c2 AND o.operation = k.c3";
    ANSWERS = "SELECT a.project, a.route, a.key, a.fingerprint, a.status, a.body, a.until FROM k
        CROSS JOIN answers AS a WHERE a.project = k.c0 AND a.route = k.c1
        AND a.key = k.c2";
    OWNERS = "SELECT e.project, e.recipient, e.channel, e.address FROM k
        CROSS JOIN endpoints AS e WHERE e.project = k.c0 AND e.channel = k.c1
        AND e.address = k.c2";
    MEMBERS = "SELECT recipient FROM topics WHERE project = ?1 AND topic = ?2 AND recipient > ?3
        ORDER BY recipient LIMIT ?4";
    PEOPLE = "SELECT recipient FROM recipients WHERE project = ?1 AND recipient > ?2 ORDER BY recipient LIMIT ?3";
}
