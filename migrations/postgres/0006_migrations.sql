-- Data migrations of releases: a stream of events each, on the same line of positions as those of releases and flags.

-- The fold of each stream. `position` is that of its newest event: whoever follows reads what lies above.
CREATE TABLE data_migration (
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    position bigint NOT NULL CHECK (position > 0),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (release, name)
);

CREATE INDEX data_migration_by_position ON data_migration (position);

CREATE TABLE data_event (
    position bigint PRIMARY KEY CHECK (position > 0),
    release text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    decision text COLLATE "C" REFERENCES decision (id),
    UNIQUE (release, name, version),
    FOREIGN KEY (release, name) REFERENCES data_migration (release, name)
);

CREATE TRIGGER data_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON data_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE data_event ENABLE ALWAYS TRIGGER data_event_no_change;
