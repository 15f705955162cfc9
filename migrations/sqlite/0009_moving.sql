-- Which services move in releases that are under way: the judged one and all its components. A service moves in one
-- release at a time: two would pull the same traffic two ways. A row stands here as long as the engine has work with it.
CREATE TABLE moving (
    service TEXT NOT NULL,
    release TEXT NOT NULL REFERENCES release (id) DEFERRABLE INITIALLY DEFERRED,
    -- 1 for what was under way beside an older release when this table was made. It keeps others off until it ends.
    beside INTEGER NOT NULL DEFAULT 0 CHECK (beside IN (0, 1)),
    PRIMARY KEY (service, release)
) STRICT;

CREATE UNIQUE INDEX moving_alone ON moving (service) WHERE beside = 0;
CREATE INDEX moving_by_release ON moving (release);

INSERT INTO moving (service, release, beside)
SELECT service, id, CASE WHEN row_number() OVER (PARTITION BY service ORDER BY created_at, id) = 1 THEN 0 ELSE 1 END
FROM (
    SELECT service, id, created_at FROM release WHERE active = 1
    UNION
    SELECT json_extract(component.value, '$.name'), release.id, release.created_at
    FROM release, json_each(release.body, '$.components') AS component
    WHERE release.active = 1
);
