CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO people VALUES
  (1, N'Ada'),
  (2, N'Grace') (3, N'Eve');
