-- The index comes out in another order of its bytes; every row is what it was.
UPDATE people SET name = 'z' || name WHERE id BETWEEN 50 AND 60;
UPDATE people SET name = substr(name, 2) WHERE id BETWEEN 50 AND 60;
