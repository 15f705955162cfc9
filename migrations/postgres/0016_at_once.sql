-- A decision is one message to the database, and guards are called for what they refuse.

-- Ends a statement of which a part did not do what was asked of it, and says which part.
CREATE FUNCTION refuse_unmet(place bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'not what was expected: part %', place USING ERRCODE = 'SW001';
END
$$;

DROP TRIGGER log_head_no_less ON log_head;

CREATE OR REPLACE FUNCTION refuse_less() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '`%` is append-only: it only grows', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER log_head_no_less BEFORE UPDATE ON log_head
FOR EACH ROW WHEN (new.one <> old.one OR new.leaves < old.leaves OR new.position < old.position)
EXECUTE FUNCTION refuse_less();

CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head
FOR EACH ROW EXECUTE FUNCTION refuse_less();

ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_no_less;
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_no_delete;
