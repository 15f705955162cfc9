-- Flags: a stream of events each, like releases, and on the same line of positions.

-- The fold of each stream. `position` is that of its newest event: whoever follows reads what lies above.
CREATE TABLE flag (
    key TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    position INTEGER NOT NULL CHECK (position > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX flag_by_position ON flag (position);

CREATE TABLE flag_event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    flag TEXT NOT NULL REFERENCES flag (key),
    version INTEGER NOT NULL CHECK (version > 0),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    decision TEXT REFERENCES decision (id),
    UNIQUE (flag, version)
) STRICT;

CREATE TRIGGER flag_event_no_update BEFORE UPDATE ON flag_event
BEGIN
    SELECT raise(ABORT, '`flag_event` is append-only');
END;

CREATE TRIGGER flag_event_no_delete BEFORE DELETE ON flag_event
BEGIN
    SELECT raise(ABORT, '`flag_event` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER flag_event_no_replace BEFORE INSERT ON flag_event
WHEN EXISTS (SELECT 1 FROM flag_event WHERE position = new.position)
    OR EXISTS (SELECT 1 FROM flag_event WHERE flag = new.flag AND version = new.version)
BEGIN
    SELECT raise(ABORT, 'the event exists already');
END;
