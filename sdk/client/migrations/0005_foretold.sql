-- What a push told and no page has written yet: see store/foretold.rs.
CREATE INDEX items_foretold ON items (arrived) WHERE written = 0;
