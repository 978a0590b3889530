ALTER TABLE people ADD COLUMN age INTEGER;

UPDATE people
   SET age = 30;
UPDAET people SET age = 31;
