-- Which later event would be the conversion of a notification that was shown; gone once it has one.
CREATE TABLE conversion_keys (
    notification TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    rule TEXT NOT NULL,
    event_type TEXT NOT NULL,
    value TEXT,
    recipient TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conversion_keys_asked ON conversion_keys (project, rule, event_type, value, recipient, until);
CREATE INDEX conversion_keys_until ON conversion_keys (until);
