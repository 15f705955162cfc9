-- Data migrations of releases: a stream of events each, on the same line of positions as those of releases and flags.

-- The fold of each stream. `position` is that of its newest event: whoever follows reads what lies above.
CREATE TABLE data_migration (
    release TEXT NOT NULL REFERENCES release (id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    position INTEGER NOT NULL CHECK (position > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (release, name)
) STRICT;

CREATE INDEX data_migration_by_position ON data_migration (position);

CREATE TABLE data_event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    release TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    decision TEXT REFERENCES decision (id),
    UNIQUE (release, name, version),
    FOREIGN KEY (release, name) REFERENCES data_migration (release, name)
) STRICT;

CREATE TRIGGER data_event_no_update BEFORE UPDATE ON data_event
BEGIN
    SELECT raise(ABORT, '`data_event` is append-only');
END;

CREATE TRIGGER data_event_no_delete BEFORE DELETE ON data_event
BEGIN
    SELECT raise(ABORT, '`data_event` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER data_event_no_replace BEFORE INSERT ON data_event
WHEN EXISTS (SELECT 1 FROM data_event WHERE position = new.position)
    OR EXISTS (SELECT 1 FROM data_event WHERE release = new.release AND name = new.name AND version = new.version)
BEGIN
    SELECT raise(ABORT, 'the event exists already');
END;
