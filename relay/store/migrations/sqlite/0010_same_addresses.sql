-- The form in which addresses are compared with the stop list (core/src/delivery/same_address.rs). SQLite's lower() knows
-- ASCII alone: an older address with other letters compares as it was written until it is set again.
ALTER TABLE endpoints ADD COLUMN compared TEXT NOT NULL DEFAULT '';
UPDATE endpoints SET compared = CASE channel WHEN 'email' THEN lower(trim(address)) ELSE address END;
CREATE INDEX endpoints_compared ON endpoints (project, channel, compared);

ALTER TABLE stop_list ADD COLUMN compared TEXT NOT NULL DEFAULT '';
UPDATE stop_list SET compared = CASE channel
    WHEN 'email' THEN lower(trim(address))
    WHEN 'sms' THEN replace(replace(replace(replace(replace(address, ' ', ''), '-', ''), '(', ''), ')', ''), '.', '')
    ELSE address END;
UPDATE stop_list SET compared = '+' || substr(compared, 3) WHERE channel = 'sms' AND compared LIKE '00%';
-- Of several entries for one address the first one stays.
DELETE FROM stop_list WHERE EXISTS (SELECT 1 FROM stop_list AS o WHERE o.project = stop_list.project
    AND o.channel = stop_list.channel AND o.compared = stop_list.compared AND o.id < stop_list.id);
DROP INDEX stop_list_address;
CREATE UNIQUE INDEX stop_list_compared ON stop_list (project, channel, compared);
