INSERT INTO people (id, name) VALUES (3, 'Eve');
INSERT OR ROLLBACK INTO people (id, name) VALUES (1, 'Eve');
