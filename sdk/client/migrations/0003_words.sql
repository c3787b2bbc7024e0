-- What a notification says in one sealed value instead of one for each column: see store/words.rs, which fills it.
ALTER TABLE items ADD COLUMN words BLOB NOT NULL DEFAULT x'';
