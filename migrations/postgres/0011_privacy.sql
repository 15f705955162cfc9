-- What must be kept although somebody, or a rule, would take it out.

-- Its reason is that of its decision and stands nowhere else.
CREATE TABLE legal_hold (
    id text COLLATE "C" PRIMARY KEY,
    release text COLLATE "C", -- no foreign key: the entry of a refused act may name a release that never was
    service text COLLATE "C",
    from_at bigint, -- inclusive
    to_at bigint, -- exclusive
    placed_at bigint NOT NULL,
    placed_by text COLLATE "C" NOT NULL REFERENCES decision (id),
    released_at bigint,
    released_by text COLLATE "C" REFERENCES decision (id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);

-- In the order in which texts were taken out: for copies of this list outside the database.
CREATE INDEX redaction_by_leaf ON redaction (by_leaf);

-- It is released once; nothing else of it changes.
CREATE FUNCTION refuse_unreleased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.released_at IS NULL AND new.released_at IS NOT NULL
        AND to_jsonb(new) - ARRAY['released_at', 'released_by'] = to_jsonb(old) - ARRAY['released_at', 'released_by'] THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`legal_hold` is append-only, but for its release' USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER legal_hold_no_update BEFORE UPDATE ON legal_hold
FOR EACH ROW EXECUTE FUNCTION refuse_unreleased();

CREATE TRIGGER legal_hold_no_change BEFORE DELETE OR TRUNCATE ON legal_hold
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE legal_hold ENABLE ALWAYS TRIGGER legal_hold_no_update;
ALTER TABLE legal_hold ENABLE ALWAYS TRIGGER legal_hold_no_change;
