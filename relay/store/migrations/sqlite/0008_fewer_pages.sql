-- A commit writes a page of its log for each tree that it touches; these were touched by each and asked by none.

-- The newest batches are always kept, so that their numbers rise without a table that counts them. Whether a batch was
-- committed is asked when a commit's outcome is unknown, and the batch is then among the newest.
CREATE TABLE committed_batches (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL
) STRICT;
INSERT INTO committed_batches (number, id) SELECT number, id FROM batches;
DROP TABLE batches;
ALTER TABLE committed_batches RENAME TO batches;

-- Entries of the feed stand in the order of their commits: the oldest are the first.
DROP INDEX feed_at;

-- What a device holds is found among all that came after its last place: which of it came by then is asked of the index
-- alone, and not of each row.
DROP INDEX notifications_inbox;
CREATE INDEX notifications_inbox ON notifications (project, recipient, seq, created_seq) WHERE created_seq IS NOT NULL;
