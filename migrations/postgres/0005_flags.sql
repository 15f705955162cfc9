-- Flags: a stream of events each, like releases, and on the same line of positions.

-- The fold of each stream. `position` is that of its newest event: whoever follows reads what lies above.
CREATE TABLE flag (
    key text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    position bigint NOT NULL CHECK (position > 0),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);

CREATE INDEX flag_by_position ON flag (position);

CREATE TABLE flag_event (
    position bigint PRIMARY KEY CHECK (position > 0),
    flag text COLLATE "C" NOT NULL REFERENCES flag (key),
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    decision text COLLATE "C" REFERENCES decision (id),
    UNIQUE (flag, version)
);

CREATE TRIGGER flag_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON flag_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE flag_event ENABLE ALWAYS TRIGGER flag_event_no_change;
