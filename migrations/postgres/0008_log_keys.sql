-- Keys that sign the log, each from one size on, and who outside was last shown a head of it.

CREATE TABLE log_key (
    from_size bigint PRIMARY KEY CHECK (from_size >= 0), -- the smallest size it signs; the entry before it says so
    key text COLLATE "C" NOT NULL UNIQUE, -- as others check with it: NAME+ID+BASE64
    change text COLLATE "C" NOT NULL CHECK (change IN ('first', 'rotated', 'lost')),
    statement text COLLATE "C" NOT NULL, -- the signed note; empty for the first
    at bigint NOT NULL,
    CHECK ((change = 'first') = (statement = '') AND (change = 'first') = (from_size = 0))
);

-- The last time each way. Witnesses sign what they are shown; the note then bears their signature.
CREATE TABLE log_outside (
    way text COLLATE "C" NOT NULL CHECK (way IN ('witness', 'channel')),
    who text COLLATE "C" NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    note text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (way, who)
);

CREATE TRIGGER log_key_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log_key
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE log_key ENABLE ALWAYS TRIGGER log_key_no_change;
-- What a decision wrote is found by it, when its texts are taken out.
CREATE INDEX events_by_decision ON events (decision) WHERE decision IS NOT NULL;
CREATE INDEX saga_event_by_decision ON saga_event (decision) WHERE decision IS NOT NULL;
CREATE INDEX flag_event_by_decision ON flag_event (decision) WHERE decision IS NOT NULL;
CREATE INDEX data_event_by_decision ON data_event (decision) WHERE decision IS NOT NULL;
