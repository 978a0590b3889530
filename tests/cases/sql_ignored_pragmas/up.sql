PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
ALTER TABLE people ADD COLUMN age INTEGER;
UPDATE people SET age = 36;
