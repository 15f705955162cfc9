-- Sagas: ordered steps, written down before and after each.

-- The order as it was decided, beside what it is looked up by. The fold is made from the events.
CREATE TABLE saga (
    id text COLLATE "C" PRIMARY KEY,
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    version bigint NOT NULL CHECK (version > 0),
    purpose text COLLATE "C" NOT NULL,
    active bigint NOT NULL CHECK (active IN (0, 1)),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text COLLATE "C" NOT NULL -- where it stands
);

CREATE INDEX saga_by_release ON saga (release, created_at);

CREATE TABLE saga_event (
    saga text COLLATE "C" NOT NULL REFERENCES saga (id),
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    decision text COLLATE "C" REFERENCES decision (id),
    PRIMARY KEY (saga, version)
);

CREATE TRIGGER saga_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON saga_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE saga_event ENABLE ALWAYS TRIGGER saga_event_no_change;
