-- The configuration and the people.

CREATE TABLE document (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    digest text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (kind, name, version)
);

CREATE INDEX document_by_digest ON document (digest);

CREATE TABLE person (
    id text COLLATE "C" PRIMARY KEY,
    login text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    disabled_at bigint
);

CREATE TABLE session (
    hash bytea PRIMARY KEY,
    person text COLLATE "C" NOT NULL REFERENCES person (id),
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    agent text COLLATE "C" NOT NULL
);

CREATE INDEX session_by_person ON session (person);

CREATE TABLE token (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL REFERENCES person (id),
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint,
    revoked_at bigint
);

CREATE INDEX token_by_owner ON token (owner, created_at);

CREATE TABLE setting (
    key text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);
