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

-- What was counted of a rule's variants, set by set, and which of them won. Nobody's: no recipient is part of it.
CREATE TABLE tallies (
    project TEXT NOT NULL,
    rule TEXT NOT NULL,
    trial TEXT NOT NULL,
    variant TEXT NOT NULL,
    displayed INTEGER NOT NULL,
    read INTEGER NOT NULL,
    clicked INTEGER NOT NULL,
    converted INTEGER NOT NULL,
    PRIMARY KEY (project, rule, trial, variant)
) STRICT, WITHOUT ROWID;
CREATE TABLE wins (
    project TEXT NOT NULL,
    rule TEXT NOT NULL,
    trial TEXT NOT NULL,
    measure TEXT NOT NULL,
    variant TEXT NOT NULL,
    at INTEGER NOT NULL,
    configuration INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (project, rule, trial, measure)
) STRICT, WITHOUT ROWID;
