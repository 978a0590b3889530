CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES (1, 'Ada');
INSERT INTO people VALUES
  (2, 'Grace'),
  (3, 'Eve',);
