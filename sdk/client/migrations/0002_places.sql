-- Where a notification came into the inbox, and by which word it was marked unread: what a watermark is compared with.
ALTER TABLE items ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN server_unread_at INTEGER;
ALTER TABLE items ADD COLUMN server_unread_by TEXT;
ALTER TABLE items ADD COLUMN unread_at INTEGER;
ALTER TABLE items ADD COLUMN unread_by TEXT;
-- The rows that are here have no place: the relay sends them once more.
UPDATE account SET cursor = NULL;
