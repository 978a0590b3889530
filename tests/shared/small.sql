-- Two tables, enough for a rehearsal that takes no time.
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED,
  text TEXT CHECK (length(text) < 100)
);
INSERT INTO people VALUES (1, 'Ada', 'ada@example.com'), (2, 'Grace', 'grace@example.com');
INSERT INTO notes VALUES (1, 1, 'engine'), (2, 2, 'compiler');
