CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES (1, 'Ada');
PRAGMA writable_schema=ON;
UPDATE sqlite_schema SET sql = 'CREATE TABLE people (x)';
