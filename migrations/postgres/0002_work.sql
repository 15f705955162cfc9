-- The engine's work: leases, what it read and judged, what it asked for.

-- Rows stay when a lease is given back, so that tokens only grow.
CREATE TABLE lease (
    name text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL, -- empty: nobody
    token bigint NOT NULL CHECK (token > 0),
    until bigint NOT NULL -- by the database's clock
);

CREATE TABLE tick (
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    number bigint NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (release, number)
);

-- After the last tick of each release.
CREATE TABLE judge_state (
    release text COLLATE "C" PRIMARY KEY REFERENCES release (id),
    number bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);

-- What the board shows of each release beside its fold.
CREATE TABLE live (
    release text COLLATE "C" PRIMARY KEY REFERENCES release (id),
    body text COLLATE "C" NOT NULL
);

CREATE TABLE traffic (
    service text COLLATE "C" PRIMARY KEY,
    body text COLLATE "C" NOT NULL
);

CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of commits, with gaps
    id text COLLATE "C" NOT NULL UNIQUE,
    key text COLLATE "C" NOT NULL UNIQUE,
    release text COLLATE "C" NOT NULL REFERENCES release (id),
    service text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'done', 'superseded')),
    attempts bigint NOT NULL,
    last_error text COLLATE "C",
    ended_at bigint
);

CREATE INDEX outbox_by_release ON outbox (release, seq);
CREATE INDEX outbox_pending ON outbox (release, seq) WHERE state = 'pending';
