CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES (1, 'Ada');
ATTACH DATABASE '/etc/passwd' AS outside;
