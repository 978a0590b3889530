INSERT INTO notes VALUES (3, 9, 'of nobody');
