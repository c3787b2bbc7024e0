//! Every row of every table, for dumps.

statements! {
    PROJECTS = "SELECT id, name, configuration, stop, created_at FROM projects";
    KEYS = "SELECT id, project, hash, sandbox, scopes, label, created_at, revoked_at FROM keys";
    CONFIGURATIONS = "SELECT project, version, bundle, digest, applied_at, applied_by FROM configurations";
    SECRETS = "SELECT project, name, sealed, set_at FROM secrets";
    STOP_LIST = "SELECT id, project, channel, address, reason, at FROM stop_list";
    HOOKS = "SELECT project, name, told, failed, next_at, code, gone FROM hooks";
    RECIPIENTS = "SELECT project, recipient, time_zone, locale, attributes, preferences, created_at, revision
        FROM recipients";
    INBOXES = "SELECT project, recipient, epoch, seq, version, floor, settings_seq, withdrawn_seq, counters,
        throttles, watermarks, responses, learned FROM inboxes";
    CONSENT_STATES = "SELECT project, recipient, category, channel, decision, since, entry, policy_version
        FROM consent_states";
    CONSENT_ENTRIES = "SELECT project, chain, number, id, at, decision, category, channels, policy_version, personal,
        commitment, previous, hash FROM consent_entries";
    CONSENT_HEADS = "SELECT project, chain, entries, hash FROM consent_heads";
    TOPICS = "SELECT project, recipient, topic FROM topics";
    ENDPOINTS = "SELECT project, recipient, channel, address, verified, 0 FROM endpoints";
    DEVICES = "SELECT project, recipient, device, platform, nonce, held, understands, created_at, seen_at, revoked_at
        FROM devices";
    ERASED = "SELECT project, name, at, epoch FROM erased";
    EVENTS = "SELECT ", event_columns!(), " FROM events AS e";
    NOTIFICATIONS = "SELECT ", notification_columns!(), ", n.origin FROM notifications AS n
        LEFT JOIN contents AS c ON c.hash = n.content";
    STORY = "SELECT notification, line FROM story ORDER BY number";
    DELIVERIES = "SELECT ", delivery_columns!(), " FROM deliveries AS d";
    SPENDING = "SELECT project, channel, day, spent FROM spending";
    TALLIES = "SELECT project, rule, trial, variant, displayed, read, clicked, converted FROM tallies";
    WINS = "SELECT project, rule, trial, measure, variant, at, configuration, text FROM wins";
    PUBLIC_TOKENS = "SELECT hash, project, recipient, opens, made_at, expires_at FROM public_tokens";
    DUE = "SELECT project, recipient, kind, id, rule, at FROM due";
    ONCE = "SELECT project, recipient, rule, value, notification, until FROM once";
    DIGESTS = "SELECT project, recipient, scope, of, key, id, opened_at, due, members FROM digests";
    RECEIPTS = "SELECT project, recipient, notification, device, receipt, at FROM receipts";
    OPERATIONS = "SELECT project, recipient, device, operation, at, for_ever, refused FROM operations";
    COLLECTED = "SELECT project, recipient, event_type, at, until, number FROM collected";
    FEED = "SELECT project, number, recipient, notification, at, kind, detail FROM feed";
    FEED_HEADS = "SELECT project, head FROM feed_heads";
    ANSWERS = "SELECT project, route, key, fingerprint, status, body, until FROM answers";
    ACCOUNTING = "SELECT project, day, ledger, term, n FROM accounting";
    PURGED = "SELECT project, day, ledger, term, n FROM purged";
    BATCHES = "SELECT number, id FROM batches";
    CONNECT_CODES = "SELECT hash, project, recipient, expires_at FROM connect_codes";
    DEVICE_TOKENS = "SELECT project, recipient, device, family, current, previous, previous_at, last_answer, used_at
        FROM device_tokens";
    ERASED_TOKENS = "SELECT hash, at FROM erased_tokens";
}
