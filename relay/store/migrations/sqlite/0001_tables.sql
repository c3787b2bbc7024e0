-- Time is milliseconds since 1970 in UTC, days are days since then. Packed fields are JSON as text. Ids are opaque text
-- and compared byte by byte. Every table of a tenant begins with its project, but for those that are keyed by an id
-- that the relay made.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an operator sets up.
CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    configuration INTEGER NOT NULL,
    stop TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    hash BLOB NOT NULL,
    sandbox INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE configurations (
    project TEXT NOT NULL,
    version INTEGER NOT NULL,
    bundle TEXT NOT NULL,
    digest TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL,
    PRIMARY KEY (project, version)
) STRICT;

CREATE TABLE secrets (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stop_list (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX stop_list_address ON stop_list (project, channel, address);

-- People.
CREATE TABLE recipients (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    time_zone TEXT,
    locale TEXT,
    attributes TEXT NOT NULL,
    preferences TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (project, recipient)
) STRICT, WITHOUT ROWID;

-- The row that each notification of a recipient updates: kept narrow.
CREATE TABLE inboxes (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    settings_seq INTEGER NOT NULL,
    withdrawn_seq INTEGER NOT NULL,
    counters TEXT NOT NULL,
    throttles TEXT NOT NULL,
    watermarks TEXT NOT NULL,
    PRIMARY KEY (project, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE consent_states (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    category TEXT NOT NULL,
    channel TEXT NOT NULL,
    decision TEXT NOT NULL,
    since INTEGER NOT NULL,
    entry TEXT NOT NULL,
    policy_version TEXT,
    PRIMARY KEY (project, recipient, category, channel)
) STRICT, WITHOUT ROWID;

-- A chain is named by its recipient, and after an erasure by a keyed hash.
CREATE TABLE consent_entries (
    project TEXT NOT NULL,
    chain TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    decision TEXT NOT NULL,
    category TEXT NOT NULL,
    channels TEXT NOT NULL,
    policy_version TEXT,
    personal TEXT,
    commitment BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (project, chain, number)
) STRICT;

CREATE TABLE consent_heads (
    project TEXT NOT NULL,
    chain TEXT NOT NULL,
    entries INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (project, chain)
) STRICT, WITHOUT ROWID;

CREATE TABLE topics (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    topic TEXT NOT NULL,
    PRIMARY KEY (project, recipient, topic)
) STRICT, WITHOUT ROWID;
CREATE INDEX topics_members ON topics (project, topic, recipient);

CREATE TABLE endpoints (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    verified INTEGER NOT NULL,
    PRIMARY KEY (project, recipient, channel, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_owners ON endpoints (project, channel, address);

CREATE TABLE devices (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    device TEXT NOT NULL,
    platform TEXT NOT NULL,
    nonce TEXT NOT NULL,
    held INTEGER NOT NULL,
    understands TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (project, recipient, device)
) STRICT, WITHOUT ROWID;

-- That somebody was erased, under a keyed hash.
CREATE TABLE erased (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;

-- Events and direct sends.
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    recipient TEXT,
    source TEXT,
    external_id TEXT,
    accepted_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    made INTEGER NOT NULL,
    configuration INTEGER NOT NULL,
    sandbox INTEGER NOT NULL,
    body TEXT NOT NULL,
    considered TEXT NOT NULL,
    fan_outs TEXT NOT NULL
) STRICT;
CREATE INDEX events_external ON events (project, external_id, source) WHERE external_id IS NOT NULL;
CREATE INDEX events_recipient ON events (project, recipient) WHERE recipient IS NOT NULL;
CREATE INDEX events_accepted ON events (project, accepted_at, id);

-- Words that many recipients may share, by the SHA-256 of the project and their JSON.
CREATE TABLE contents (
    hash BLOB PRIMARY KEY,
    content TEXT NOT NULL
) STRICT;

-- The story of a notification's making stands in `origin`, what came later in `story`.
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    event TEXT NOT NULL,
    rule TEXT,
    step INTEGER,
    is_digest INTEGER NOT NULL,
    category TEXT NOT NULL,
    collapse TEXT,
    chain TEXT,
    digest TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_seq INTEGER,
    seq INTEGER,
    inapp_state TEXT,
    inapp_made_at INTEGER,
    retracted_at INTEGER,
    content BLOB,
    origin TEXT NOT NULL,
    packed TEXT NOT NULL
) STRICT;
-- An event reaches a recipient once for a rule, whatever fails in between.
CREATE UNIQUE INDEX notifications_made ON notifications (event, ifnull(rule, ''), project, recipient)
    WHERE step IS NULL AND is_digest = 0 AND state <> 'erased';
CREATE INDEX notifications_event ON notifications (event, id);
CREATE INDEX notifications_recipient ON notifications (project, recipient, created_at, id);
CREATE INDEX notifications_created ON notifications (project, created_at, id);
CREATE INDEX notifications_inbox ON notifications (project, recipient, seq) WHERE created_seq IS NOT NULL;
CREATE INDEX notifications_placed ON notifications (project, recipient, created_seq) WHERE inapp_state = 'placed';
CREATE INDEX notifications_pending ON notifications (project, recipient) WHERE state IN ('held', 'active');
CREATE INDEX notifications_expires ON notifications (expires_at, id) WHERE state IN ('held', 'active');
CREATE INDEX notifications_collapse ON notifications (project, recipient, category, collapse)
    WHERE collapse IS NOT NULL;
CREATE INDEX notifications_chain ON notifications (project, chain) WHERE chain IS NOT NULL;
CREATE INDEX notifications_digest ON notifications (digest) WHERE digest IS NOT NULL AND state = 'held';
CREATE INDEX notifications_content ON notifications (content) WHERE content IS NOT NULL;

-- Which later events cancel an open notification; gone when nothing can come of it any more.
CREATE TABLE match_keys (
    project TEXT NOT NULL,
    rule TEXT NOT NULL,
    event_type TEXT NOT NULL,
    value TEXT,
    notification TEXT NOT NULL
) STRICT;
CREATE INDEX match_keys_value ON match_keys (project, rule, event_type, value);
CREATE INDEX match_keys_notification ON match_keys (notification);

CREATE TABLE story (
    number INTEGER PRIMARY KEY,
    notification TEXT NOT NULL,
    line TEXT NOT NULL
) STRICT;
CREATE INDEX story_notification ON story (notification, number);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    notification TEXT NOT NULL,
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    step INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_notification ON deliveries (notification, id);
CREATE INDEX deliveries_recipient ON deliveries (project, recipient);
CREATE INDEX deliveries_pending ON deliveries (project, recipient) WHERE state IN ('waiting', 'handing_over');
CREATE INDEX deliveries_project ON deliveries (project, id);
CREATE INDEX deliveries_state ON deliveries (project, state, id);

-- Work that waits. `rule` is empty where there is none.
CREATE TABLE due (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    rule TEXT NOT NULL,
    recipient TEXT NOT NULL,
    lane TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (project, kind, id, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX due_lane ON due (lane, project, at, kind, id, rule);
CREATE INDEX due_at ON due (at);
CREATE INDEX due_recipient ON due (project, recipient);

CREATE TABLE once (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    rule TEXT NOT NULL,
    value TEXT NOT NULL,
    notification TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (project, recipient, rule, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_until ON once (until);

CREATE TABLE digests (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    scope TEXT NOT NULL,
    of TEXT NOT NULL,
    key TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    opened_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    members INTEGER NOT NULL,
    PRIMARY KEY (project, recipient, scope, of, key)
) STRICT;

-- What is kept so that nothing takes effect twice.
CREATE TABLE receipts (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    notification TEXT NOT NULL,
    device TEXT NOT NULL,
    receipt TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (project, recipient, notification, device, receipt)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_notification ON receipts (notification);

CREATE TABLE operations (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    device TEXT NOT NULL,
    operation TEXT NOT NULL,
    at INTEGER NOT NULL,
    for_ever INTEGER NOT NULL,
    refused TEXT,
    PRIMARY KEY (project, recipient, device, operation)
) STRICT, WITHOUT ROWID;
CREATE INDEX operations_at ON operations (at) WHERE for_ever = 0;

CREATE TABLE collected (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    event_type TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX collected_asked ON collected (project, recipient, event_type, at);
CREATE INDEX collected_until ON collected (until);

CREATE TABLE answers (
    project TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (project, route, key)
) STRICT;
CREATE INDEX answers_until ON answers (until);

-- Numbered in the order of commits; the head outlives the entries, so that no number is used again.
CREATE TABLE feed (
    project TEXT NOT NULL,
    number INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    notification TEXT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (project, number)
) STRICT;
CREATE INDEX feed_recipient ON feed (project, recipient);
CREATE INDEX feed_at ON feed (at);

CREATE TABLE feed_heads (
    project TEXT PRIMARY KEY,
    head INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The books, and what was purged of the rows that they count.
CREATE TABLE accounting (
    project TEXT NOT NULL,
    day INTEGER NOT NULL,
    ledger TEXT NOT NULL,
    term TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (project, day, ledger, term)
) STRICT, WITHOUT ROWID;

CREATE TABLE purged (
    project TEXT NOT NULL,
    day INTEGER NOT NULL,
    ledger TEXT NOT NULL,
    term TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (project, day, ledger, term)
) STRICT, WITHOUT ROWID;

-- Which batches were committed. The numbers are never used again: they tell how old a database is.
CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE
) STRICT;

-- The sign-in of devices.
CREATE TABLE connect_codes (
    hash BLOB PRIMARY KEY,
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX connect_codes_recipient ON connect_codes (project, recipient);
CREATE INDEX connect_codes_expires ON connect_codes (expires_at);

CREATE TABLE device_tokens (
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    device TEXT NOT NULL,
    current BLOB NOT NULL,
    previous BLOB,
    previous_at INTEGER,
    last_answer BLOB,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (project, recipient, device)
) STRICT;
CREATE INDEX device_tokens_current ON device_tokens (current);
CREATE INDEX device_tokens_previous ON device_tokens (previous) WHERE previous IS NOT NULL;
CREATE INDEX device_tokens_used ON device_tokens (used_at);
