-- What was learned of a recipient from receipts; empty where no rule makes use of it, or the recipient refuses profiling.
ALTER TABLE inboxes ADD COLUMN learned TEXT NOT NULL DEFAULT '';
