-- What is in an inbox, by age: what the retention of inboxes takes out first.
CREATE INDEX notifications_age ON notifications (project, created_at, id) WHERE created_seq IS NOT NULL;

-- How many notifications were shown to a recipient and answered, by day; empty where no cap adapts to it.
ALTER TABLE inboxes ADD COLUMN responses TEXT NOT NULL DEFAULT '';
