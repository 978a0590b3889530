CREATE TRIGGER no_more_customers BEFORE INSERT ON customers BEGIN SELECT raise(ABORT, 'customers are frozen'); END;
