-- What needs a person, who was told of it, and how far the events were read for it.

CREATE TABLE alarm (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL, -- what it is about
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    release TEXT, -- no foreign key: some matters are of no release
    service TEXT,
    raised_at INTEGER NOT NULL,
    ended_at INTEGER,
    body TEXT NOT NULL,
    ending TEXT -- how it ended, for people
) STRICT;

-- One at a time about the same thing.
CREATE UNIQUE INDEX alarm_open ON alarm (key) WHERE ended_at IS NULL;
CREATE INDEX alarm_by_age ON alarm (raised_at, id);
CREATE INDEX alarm_by_release ON alarm (release, raised_at);

-- One message to one channel.
CREATE TABLE alarm_message (
    alarm TEXT NOT NULL REFERENCES alarm (id),
    about TEXT NOT NULL CHECK (about IN ('raised', 'resolved')),
    channel TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'given_up')),
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL, -- not tried before
    last_error TEXT,
    ended_at INTEGER,
    PRIMARY KEY (alarm, about, channel)
) STRICT;

CREATE INDEX alarm_message_pending ON alarm_message (created_at) WHERE state = 'pending';
CREATE INDEX alarm_message_given_up ON alarm_message (ended_at) WHERE state = 'given_up';

-- The position up to which events were read. The past is told to nobody.
CREATE TABLE alarm_cursor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;

INSERT INTO alarm_cursor (one, position) SELECT 1, position FROM log_head WHERE one = 1;
