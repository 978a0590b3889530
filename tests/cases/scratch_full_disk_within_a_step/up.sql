CREATE TABLE blobs (x);
INSERT INTO blobs VALUES (zeroblob(4000000));
