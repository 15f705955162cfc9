-- What must be kept although somebody, or a rule, would take it out.

-- Its reason is that of its decision and stands nowhere else.
CREATE TABLE legal_hold (
    id TEXT PRIMARY KEY,
    release TEXT, -- no foreign key: the entry of a refused act may name a release that never was
    service TEXT,
    from_at INTEGER, -- inclusive
    to_at INTEGER, -- exclusive
    placed_at INTEGER NOT NULL,
    placed_by TEXT NOT NULL REFERENCES decision (id),
    released_at INTEGER,
    released_by TEXT REFERENCES decision (id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
) STRICT;

-- In the order in which texts were taken out: for copies of this list outside the database.
CREATE INDEX redaction_by_leaf ON redaction (by_leaf);

-- It is released once; nothing else of it changes.
CREATE TRIGGER legal_hold_no_update BEFORE UPDATE ON legal_hold
WHEN old.released_at IS NOT NULL OR new.released_at IS NULL
    OR new.id IS NOT old.id OR new.release IS NOT old.release OR new.service IS NOT old.service
    OR new.from_at IS NOT old.from_at OR new.to_at IS NOT old.to_at
    OR new.placed_at IS NOT old.placed_at OR new.placed_by IS NOT old.placed_by
BEGIN
    SELECT raise(ABORT, '`legal_hold` is append-only, but for its release');
END;

CREATE TRIGGER legal_hold_no_delete BEFORE DELETE ON legal_hold
BEGIN
    SELECT raise(ABORT, '`legal_hold` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER legal_hold_no_replace BEFORE INSERT ON legal_hold
WHEN EXISTS (SELECT 1 FROM legal_hold WHERE id = new.id)
BEGIN
    SELECT raise(ABORT, 'the hold exists already');
END;
