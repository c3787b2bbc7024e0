-- Words that one notification says stand in its row; `contents` has those that several rows share.
ALTER TABLE notifications ADD COLUMN words TEXT;

-- What is placed after a point of an inbox is found by the inbox's own order: a place is never above the row's seq.
DROP INDEX notifications_placed;
