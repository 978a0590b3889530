PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES (1, 'Ada');
/**** ERROR: (11) database disk image is malformed *****/
ROLLBACK; -- due to errors
