ALTER TABLE people ADD COLUMN age INTEGER;
UPDATE people SET age = 36 WHERE name = 'Ada';
