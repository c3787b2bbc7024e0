-- One row: who the account is, how far the inbox is stored, and the credentials.
CREATE TABLE account (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    tag TEXT NOT NULL,
    device TEXT NOT NULL,
    nonce TEXT NOT NULL,
    cursor TEXT,
    pages INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    resetting INTEGER NOT NULL DEFAULT 0,
    settings TEXT,
    settings_written INTEGER NOT NULL DEFAULT 0,
    last_contact INTEGER,
    clock_offset_ms INTEGER NOT NULL DEFAULT 0,
    project TEXT,
    recipient TEXT,
    access_token TEXT,
    access_expires_at INTEGER,
    refresh_token TEXT,
    code_spent TEXT,
    key_check BLOB
);

-- What the relay said stands in server_*; beside it the same with the pending operations on top, so that lists,
-- counts and filters see what the recipient did a moment ago. Text columns are sealed if the account has a key.
CREATE TABLE items (
    id TEXT PRIMARY KEY,
    category TEXT NOT NULL,
    priority TEXT NOT NULL,
    title BLOB NOT NULL,
    body BLOB NOT NULL,
    link BLOB,
    icon BLOB,
    image BLOB,
    actions BLOB NOT NULL,
    because BLOB NOT NULL,
    collapse TEXT,
    needs_acknowledgement INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    server_round INTEGER NOT NULL,
    server_read_at INTEGER,
    server_archived_at INTEGER,
    server_snoozed_until INTEGER,
    server_acknowledged_at INTEGER,
    round INTEGER NOT NULL,
    read_at INTEGER,
    archived_at INTEGER,
    snoozed_until INTEGER,
    acknowledged_at INTEGER,
    arrived INTEGER NOT NULL,
    written INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    after_absence INTEGER NOT NULL,
    unsettled INTEGER NOT NULL
);
CREATE INDEX items_newest ON items (created_at DESC, id DESC);
CREATE INDEX items_unread ON items (category) WHERE read_at IS NULL AND archived_at IS NULL;
CREATE INDEX items_unsettled ON items (written) WHERE unsettled = 1;

CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    page INTEGER NOT NULL,
    operation TEXT NOT NULL
);

CREATE TABLE refused (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    value TEXT
);

-- The memory of what was shown outlives the items: a reset or a lost key must not show everything again.
CREATE TABLE shown (
    notification TEXT NOT NULL,
    round INTEGER NOT NULL,
    PRIMARY KEY (notification, round)
) WITHOUT ROWID;

CREATE TABLE screen (
    notification TEXT PRIMARY KEY,
    round INTEGER NOT NULL,
    category TEXT NOT NULL,
    collapse TEXT
) WITHOUT ROWID;

-- Which process holds the connection, and what it says about it.
CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    holder TEXT,
    process INTEGER,
    beat INTEGER NOT NULL DEFAULT 0,
    connection TEXT NOT NULL DEFAULT 'offline',
    complete_as_of INTEGER
);
INSERT INTO lease (one) VALUES (1);
