-- Sagas: ordered steps, written down before and after each; their events are on the line of positions of all events.

-- The order as it was decided, beside what it is looked up by. The fold is made from the events.
CREATE TABLE saga (
    id text COLLATE "C" PRIMARY KEY,
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    version bigint NOT NULL CHECK (version > 0),
    position bigint NOT NULL CHECK (position > 0), -- of its newest event
    purpose text COLLATE "C" NOT NULL,
    active bigint NOT NULL CHECK (active IN (0, 1)),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text COLLATE "C" NOT NULL, -- where it stands
    said text COLLATE "C" NOT NULL DEFAULT '{}', -- what steps under way say, for the pages of other processes
    said_at bigint NOT NULL DEFAULT 0
);

CREATE INDEX saga_by_release ON saga (release, created_at);
CREATE INDEX saga_by_position ON saga (position);

CREATE TABLE saga_event (
    position bigint PRIMARY KEY CHECK (position > 0),
    saga text COLLATE "C" NOT NULL REFERENCES saga (id),
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    decision text COLLATE "C" REFERENCES decision (id),
    UNIQUE (saga, version)
);

CREATE TRIGGER saga_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON saga_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE saga_event ENABLE ALWAYS TRIGGER saga_event_no_change;

-- Tokens grow over all leases: what deploys a service has seen those of its earlier releases.
CREATE INDEX lease_by_token ON lease (token);
