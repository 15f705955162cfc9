-- Keys that sign the log, each from one size on, and who outside was last shown a head of it.

CREATE TABLE log_key (
    from_size INTEGER PRIMARY KEY CHECK (from_size >= 0), -- the smallest size it signs; the entry before it says so
    key TEXT NOT NULL UNIQUE, -- as others check with it: NAME+ID+BASE64
    change TEXT NOT NULL CHECK (change IN ('first', 'rotated', 'lost')),
    statement TEXT NOT NULL, -- the signed note; empty for the first
    at INTEGER NOT NULL,
    CHECK ((change = 'first') = (statement = '') AND (change = 'first') = (from_size = 0))
) STRICT;

-- The last time each way. Witnesses sign what they are shown; the note then bears their signature.
CREATE TABLE log_outside (
    way TEXT NOT NULL CHECK (way IN ('witness', 'channel')),
    who TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (way, who)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER log_key_no_update BEFORE UPDATE ON log_key
BEGIN
    SELECT raise(ABORT, '`log_key` is append-only');
END;

CREATE TRIGGER log_key_no_delete BEFORE DELETE ON log_key
BEGIN
    SELECT raise(ABORT, '`log_key` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER log_key_no_replace BEFORE INSERT ON log_key
WHEN EXISTS (SELECT 1 FROM log_key WHERE from_size = new.from_size OR key = new.key)
BEGIN
    SELECT raise(ABORT, 'the key exists already');
END;
-- What a decision wrote is found by it, when its texts are taken out.
CREATE INDEX events_by_decision ON events (decision) WHERE decision IS NOT NULL;
CREATE INDEX saga_event_by_decision ON saga_event (decision) WHERE decision IS NOT NULL;
CREATE INDEX flag_event_by_decision ON flag_event (decision) WHERE decision IS NOT NULL;
CREATE INDEX data_event_by_decision ON data_event (decision) WHERE decision IS NOT NULL;
