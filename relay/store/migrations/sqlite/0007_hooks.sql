-- How far each hook has told the project's feed.
CREATE TABLE hooks (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    told INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    next_at INTEGER,
    code TEXT,
    gone INTEGER,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;
