-- The server that an address names itself: each has a lane of its own, so that one that is slow keeps no other waiting.
-- What waits from before stays in the lane of its provider until it is written again.
ALTER TABLE deliveries ADD COLUMN host TEXT NOT NULL DEFAULT '';
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (project, provider, host, urgency, due, id) WHERE state = 'waiting';

-- Dead deliveries that still have their words: they lose them when nobody can revive them any more.
CREATE INDEX deliveries_words ON deliveries (project, notification)
    WHERE state = 'dead' AND json_extract(way, '$.form') IS NOT NULL;
