-- A refresh token has a family, so that any token of it that was exchanged before is recognised. Tokens that were given
-- out without one get it at their next exchange.
ALTER TABLE device_tokens ADD COLUMN family BLOB;
CREATE INDEX device_tokens_family ON device_tokens (family) WHERE family IS NOT NULL;

-- Tokens and families of recipients that were erased: keyed hashes of random texts, and nothing that tells whose.
CREATE TABLE erased_tokens (
    hash BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_tokens_at ON erased_tokens (at);
