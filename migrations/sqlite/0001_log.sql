-- The events, the decisions and the log: what is never changed and never removed.
-- Times are microseconds since the Unix epoch, UTC. Digests are `sha256:` and 64 hexadecimal digits.

-- One row. Whoever writes an event or an entry takes its number here first and keeps the row until the commit:
-- so numbers have no gaps, and the order of numbers is the order of commits.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL, -- of the newest event; 0 before the first
    leaves INTEGER NOT NULL -- how many entries the log has
) STRICT;

INSERT INTO log_head (one, position, leaves) VALUES (1, 0, 0);

-- The fold of each stream, beside what it is looked up by.
CREATE TABLE release (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX release_by_age ON release (created_at, id);
-- One at a time: two would pull the same traffic two ways.
CREATE UNIQUE INDEX release_active ON release (service) WHERE active = 1;
CREATE INDEX release_active_by_age ON release (created_at, id) WHERE active = 1;
CREATE INDEX release_by_service ON release (service, created_at, id);

-- An act, accepted or refused. No foreign keys out of here: a refused act may name a release that never was.
CREATE TABLE decision (
    leaf_index INTEGER PRIMARY KEY CHECK (leaf_index >= 0),
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    actor_key TEXT NOT NULL,
    actor_label TEXT NOT NULL,
    action TEXT NOT NULL,
    release TEXT,
    service TEXT,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT,
    body TEXT NOT NULL,
    search TEXT NOT NULL -- reason, actor label and service in lower case
) STRICT;

CREATE INDEX decision_by_release ON decision (release, leaf_index);
CREATE INDEX decision_by_actor ON decision (actor_key, leaf_index);
CREATE INDEX decision_by_action ON decision (action, leaf_index);

CREATE TABLE audit_leaf (
    leaf_index INTEGER PRIMARY KEY CHECK (leaf_index >= 0),
    decision TEXT NOT NULL UNIQUE REFERENCES decision (id),
    entry BLOB NOT NULL CHECK (length(entry) <= 65535),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    release TEXT NOT NULL REFERENCES release (id),
    version INTEGER NOT NULL CHECK (version > 0),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    decision TEXT REFERENCES decision (id),
    UNIQUE (release, version)
) STRICT;

CREATE TABLE evidence (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    response TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, '`events` is append-only');
END;

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, '`events` is append-only');
END;

CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
BEGIN
    SELECT raise(ABORT, '`decision` is append-only');
END;

CREATE TRIGGER decision_no_delete BEFORE DELETE ON decision
BEGIN
    SELECT raise(ABORT, '`decision` is append-only');
END;

CREATE TRIGGER audit_leaf_no_update BEFORE UPDATE ON audit_leaf
BEGIN
    SELECT raise(ABORT, '`audit_leaf` is append-only');
END;

CREATE TRIGGER audit_leaf_no_delete BEFORE DELETE ON audit_leaf
BEGIN
    SELECT raise(ABORT, '`audit_leaf` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = new.position)
    OR EXISTS (SELECT 1 FROM events WHERE release = new.release AND version = new.version)
BEGIN
    SELECT raise(ABORT, 'the event exists already');
END;

CREATE TRIGGER decision_no_replace BEFORE INSERT ON decision
WHEN EXISTS (SELECT 1 FROM decision WHERE leaf_index = new.leaf_index)
    OR EXISTS (SELECT 1 FROM decision WHERE id = new.id)
BEGIN
    SELECT raise(ABORT, 'the decision exists already');
END;

CREATE TRIGGER audit_leaf_no_replace BEFORE INSERT ON audit_leaf
WHEN EXISTS (SELECT 1 FROM audit_leaf WHERE leaf_index = new.leaf_index)
    OR EXISTS (SELECT 1 FROM audit_leaf WHERE decision = new.decision)
BEGIN
    SELECT raise(ABORT, 'the entry exists already');
END;
