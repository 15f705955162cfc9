-- Sagas: ordered steps, written down before and after each; their events are on the line of positions of all events.

-- The order as it was decided, beside what it is looked up by. The fold is made from the events.
CREATE TABLE saga (
    id TEXT PRIMARY KEY,
    release TEXT NOT NULL REFERENCES release (id),
    version INTEGER NOT NULL CHECK (version > 0),
    position INTEGER NOT NULL CHECK (position > 0), -- of its newest event
    purpose TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL, -- where it stands
    said TEXT NOT NULL DEFAULT '{}', -- what steps under way say, for the pages of other processes
    said_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX saga_by_release ON saga (release, created_at);
CREATE INDEX saga_by_position ON saga (position);

CREATE TABLE saga_event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    saga TEXT NOT NULL REFERENCES saga (id),
    version INTEGER NOT NULL CHECK (version > 0),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    decision TEXT REFERENCES decision (id),
    UNIQUE (saga, version)
) STRICT;

CREATE TRIGGER saga_event_no_update BEFORE UPDATE ON saga_event
BEGIN
    SELECT raise(ABORT, '`saga_event` is append-only');
END;

CREATE TRIGGER saga_event_no_delete BEFORE DELETE ON saga_event
BEGIN
    SELECT raise(ABORT, '`saga_event` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER saga_event_no_replace BEFORE INSERT ON saga_event
WHEN EXISTS (SELECT 1 FROM saga_event WHERE position = new.position)
    OR EXISTS (SELECT 1 FROM saga_event WHERE saga = new.saga AND version = new.version)
BEGIN
    SELECT raise(ABORT, 'the event exists already');
END;

-- Tokens grow over all leases: what deploys a service has seen those of its earlier releases.
CREATE INDEX lease_by_token ON lease (token);
