-- What needs a person, who was told of it, and how far the events were read for it.

CREATE TABLE alarm (
    id text COLLATE "C" PRIMARY KEY,
    key text COLLATE "C" NOT NULL, -- what it is about
    kind text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    release text COLLATE "C", -- no foreign key: some matters are of no release
    service text COLLATE "C",
    raised_at bigint NOT NULL,
    ended_at bigint,
    body text COLLATE "C" NOT NULL,
    ending text COLLATE "C" -- how it ended, for people
);

-- One at a time about the same thing.
CREATE UNIQUE INDEX alarm_open ON alarm (key) WHERE ended_at IS NULL;
CREATE INDEX alarm_by_age ON alarm (raised_at, id);
CREATE INDEX alarm_by_release ON alarm (release, raised_at);

-- One message to one channel.
CREATE TABLE alarm_message (
    alarm text COLLATE "C" NOT NULL REFERENCES alarm (id),
    about text COLLATE "C" NOT NULL CHECK (about IN ('raised', 'resolved')),
    channel text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'done', 'given_up')),
    attempts bigint NOT NULL,
    next_at bigint NOT NULL, -- not tried before
    last_error text COLLATE "C",
    ended_at bigint,
    PRIMARY KEY (alarm, about, channel)
);

CREATE INDEX alarm_message_pending ON alarm_message (created_at) WHERE state = 'pending';
CREATE INDEX alarm_message_given_up ON alarm_message (ended_at) WHERE state = 'given_up';

-- The position up to which events were read. The past is told to nobody.
CREATE TABLE alarm_cursor (
    one bigint PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL
);

INSERT INTO alarm_cursor (one, position) SELECT 1, position FROM log_head WHERE one = 1;
