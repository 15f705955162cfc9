-- The events, the decisions and the log: what is never changed and never removed.
-- Times are microseconds since the Unix epoch, UTC. Digests are `sha256:` and 64 hexadecimal digits.
-- Text is ordered by its bytes, as SQLite orders it.

-- One row. Whoever writes an event or an entry takes its number here first and keeps the row until the commit:
-- so numbers have no gaps, and the order of numbers is the order of commits.
CREATE TABLE log_head (
    one bigint PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL, -- of the newest event; 0 before the first
    leaves bigint NOT NULL -- how many entries the log has
);

INSERT INTO log_head (one, position, leaves) VALUES (1, 0, 0);

-- The fold of each stream, beside what it is looked up by.
CREATE TABLE release (
    id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    service text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    active bigint NOT NULL CHECK (active IN (0, 1)),
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);

CREATE INDEX release_by_age ON release (created_at, id);
-- One at a time: two would pull the same traffic two ways.
CREATE UNIQUE INDEX release_active ON release (service) WHERE active = 1;
CREATE INDEX release_active_by_age ON release (created_at, id) WHERE active = 1;
CREATE INDEX release_by_service ON release (service, created_at, id);

-- An act, accepted or refused. No foreign keys out of here: a refused act may name a release that never was.
CREATE TABLE decision (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    id text COLLATE "C" NOT NULL UNIQUE,
    at bigint NOT NULL,
    actor_key text COLLATE "C" NOT NULL,
    actor_label text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    release text COLLATE "C",
    service text COLLATE "C",
    outcome text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    evidence text COLLATE "C",
    body text COLLATE "C" NOT NULL,
    search text COLLATE "C" NOT NULL -- reason, actor label and service in lower case
);

CREATE INDEX decision_by_release ON decision (release, leaf_index);
CREATE INDEX decision_by_actor ON decision (actor_key, leaf_index);
CREATE INDEX decision_by_action ON decision (action, leaf_index);

CREATE TABLE audit_leaf (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    decision text COLLATE "C" NOT NULL UNIQUE REFERENCES decision (id),
    entry bytea NOT NULL CHECK (length(entry) <= 65535),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    at bigint NOT NULL
);

CREATE TABLE events (
    position bigint PRIMARY KEY CHECK (position > 0),
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    decision text COLLATE "C" REFERENCES decision (id),
    UNIQUE (release, version)
);

CREATE TABLE evidence (
    digest text COLLATE "C" PRIMARY KEY,
    body text COLLATE "C" NOT NULL
);

CREATE TABLE idempotency (
    actor text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    response text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '`%` is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER decision_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_leaf_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaf
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_change;
ALTER TABLE decision ENABLE ALWAYS TRIGGER decision_no_change;
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_no_change;
