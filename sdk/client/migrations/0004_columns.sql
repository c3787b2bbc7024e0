-- What stands in `words` now.
ALTER TABLE items DROP COLUMN title;
ALTER TABLE items DROP COLUMN body;
ALTER TABLE items DROP COLUMN link;
ALTER TABLE items DROP COLUMN icon;
ALTER TABLE items DROP COLUMN image;
ALTER TABLE items DROP COLUMN actions;
ALTER TABLE items DROP COLUMN because;
