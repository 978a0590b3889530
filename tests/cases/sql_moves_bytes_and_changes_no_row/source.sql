CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO people SELECT i, 'name ' || i FROM n;
CREATE INDEX people_name ON people (name);
