-- The engine's work: leases, what it read and judged, what it asked for.

-- Rows stay when a lease is given back, so that tokens only grow.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL, -- empty: nobody
    token INTEGER NOT NULL CHECK (token > 0),
    until INTEGER NOT NULL -- by the database's clock
) STRICT;

CREATE TABLE tick (
    release TEXT NOT NULL REFERENCES release (id),
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (release, number)
) STRICT;

-- After the last tick of each release.
CREATE TABLE judge_state (
    release TEXT PRIMARY KEY REFERENCES release (id),
    number INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- What the board shows of each release beside its fold.
CREATE TABLE live (
    release TEXT PRIMARY KEY REFERENCES release (id),
    body TEXT NOT NULL
) STRICT;

CREATE TABLE traffic (
    service TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- order of commits, with gaps
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    release TEXT NOT NULL REFERENCES release (id),
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'superseded')),
    attempts INTEGER NOT NULL,
    last_error TEXT,
    ended_at INTEGER
) STRICT;

CREATE INDEX outbox_by_release ON outbox (release, seq);
CREATE INDEX outbox_pending ON outbox (release, seq) WHERE state = 'pending';
