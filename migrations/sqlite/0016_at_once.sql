-- A decision is one message to the database.

-- Whatever is put in here ends the statement: a part before it did not do what was asked of it.
CREATE VIEW unmet (place) AS SELECT 0 WHERE false;

CREATE TRIGGER unmet_refused INSTEAD OF INSERT ON unmet
BEGIN
    SELECT raise(ABORT, 'a part before this one did not do what was asked of it');
END;
