INSERT INTO search VALUES ('blue fish');
INSERT INTO boxes VALUES (3, 0, 1, 0, 1);
INSERT INTO old VALUES ('fourth and last');
INSERT INTO notes (id, body) VALUES (4, 'quick again');
INSERT INTO people (name) VALUES ('Eve');
