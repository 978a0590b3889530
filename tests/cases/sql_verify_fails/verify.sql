SELECT name FROM people WHERE age IS NULL;
