-- How a delivery is handed over: which provider has it, not before when, and the rest packed. Deliveries from before
-- never were and never will be.
ALTER TABLE deliveries ADD COLUMN provider TEXT;
ALTER TABLE deliveries ADD COLUMN urgency INTEGER;
ALTER TABLE deliveries ADD COLUMN due INTEGER;
ALTER TABLE deliveries ADD COLUMN provider_id TEXT;
ALTER TABLE deliveries ADD COLUMN way TEXT;
CREATE INDEX deliveries_due ON deliveries (project, provider, urgency, due, id) WHERE state = 'waiting';
CREATE INDEX deliveries_begun ON deliveries (id) WHERE state = 'handing_over';
CREATE INDEX deliveries_named ON deliveries (project, provider_id, id) WHERE provider_id IS NOT NULL;

-- What was spent on a channel, in millionths of the project's currency, by day in the project's zone.
CREATE TABLE spending (
    project TEXT NOT NULL,
    channel TEXT NOT NULL,
    day INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (project, channel, day)
) STRICT, WITHOUT ROWID;

-- What can be opened without signing in, by the hash of a token that cannot be guessed.
CREATE TABLE public_tokens (
    hash BLOB PRIMARY KEY,
    project TEXT NOT NULL,
    recipient TEXT NOT NULL,
    opens TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX public_tokens_recipient ON public_tokens (project, recipient);
CREATE INDEX public_tokens_expires ON public_tokens (expires_at) WHERE expires_at IS NOT NULL;
