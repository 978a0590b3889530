SELECT 'search' WHERE (SELECT count(*) FROM search WHERE search MATCH 'fish') <> 3;
SELECT 'boxes' WHERE (SELECT count(*) FROM boxes WHERE x1 < 2) <> 2;
SELECT 'old' WHERE (SELECT count(*) FROM old WHERE old MATCH 'fourth') <> 2;
SELECT 'docs' WHERE (SELECT count(*) FROM "the docs" WHERE "the docs" MATCH 'quick') <> 2;
SELECT 'people' WHERE (SELECT max(id) || max(shout) FROM people WHERE name = 'Eve') <> '5EVE';
SELECT 'lines' WHERE (SELECT count(*) FROM people WHERE name IN ('two' || char(10) || 'lines', 'cr' || char(13, 10) || 'lf')) <> 2;
SELECT 'alias' WHERE (SELECT alias FROM aliased) <> 1;
