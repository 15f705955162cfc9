-- What is written down about texts, holds, evidence and documents stays, too: doors are open while the entry that opens them
-- is the newest one, and no longer.

-- The count of entries says which one is the newest: it never goes back.
CREATE FUNCTION refuse_less() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'UPDATE' AND new.one = old.one AND new.leaves >= old.leaves AND new.position >= old.position THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`%` is append-only: it only grows', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER log_head_no_less BEFORE UPDATE OR DELETE ON log_head
FOR EACH ROW EXECUTE FUNCTION refuse_less();

CREATE TRIGGER log_head_no_truncate BEFORE TRUNCATE ON log_head
FOR EACH STATEMENT EXECUTE FUNCTION refuse_less();

-- Only the newest entry takes texts out, or places or releases a hold, if it is one that does. What was taken out does not
-- come back.
CREATE FUNCTION refuse_forged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_table_name = 'audit_text' THEN
        IF NOT EXISTS (SELECT 1 FROM redaction WHERE leaf_index = new.leaf_index AND field = new.field) THEN
            RETURN new;
        END IF;
        RAISE EXCEPTION '`audit_text` is append-only: this text was redacted' USING ERRCODE = 'restrict_violation';
    ELSIF tg_table_name = 'redaction' THEN
        IF EXISTS (
            SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
            WHERE d.leaf_index = new.by_leaf AND d.action = 'redact' AND d.outcome = 'accepted'
        ) THEN
            RETURN new;
        END IF;
    ELSIF new.released_at IS NULL AND EXISTS (
        SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
        WHERE d.id = new.placed_by AND d.at = new.placed_at AND d.action = 'legal_hold' AND d.outcome = 'accepted'
    ) THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`%` is append-only: no entry that was just written says so', tg_table_name
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER redaction_no_forgery BEFORE INSERT ON redaction
FOR EACH ROW EXECUTE FUNCTION refuse_forged();

CREATE TRIGGER legal_hold_no_forgery BEFORE INSERT ON legal_hold
FOR EACH ROW EXECUTE FUNCTION refuse_forged();

CREATE TRIGGER audit_text_no_return BEFORE INSERT ON audit_text
FOR EACH ROW EXECUTE FUNCTION refuse_forged();

CREATE OR REPLACE FUNCTION refuse_unredacted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest bigint := (SELECT leaves - 1 FROM log_head WHERE one = 1);
BEGIN
    IF tg_table_name = 'audit_text' THEN
        IF EXISTS (
            SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index AND field = old.field AND by_leaf = newest
        ) THEN
            RETURN old;
        END IF;
    ELSIF tg_table_name = 'evidence' THEN
        IF EXISTS (
            SELECT 1 FROM redaction r JOIN decision t ON t.leaf_index = r.leaf_index
            JOIN decision d ON d.evidence = old.digest
            WHERE r.by_leaf = newest AND r.field NOT IN ('origin.ip', 'origin.user_agent') AND (
                d.id = t.id
                OR EXISTS (
                    SELECT 1 FROM flag_event e JOIN flag_event o ON o.flag = e.flag AND o.version > e.version
                    WHERE e.decision = t.id AND o.decision = d.id
                )
                OR EXISTS (
                    SELECT 1 FROM data_event e JOIN data_event o
                    ON o.release = e.release AND o.name = e.name AND o.version > e.version
                    WHERE e.decision = t.id AND o.decision = d.id
                )
            )
        ) THEN
            RETURN old;
        END IF;
    ELSIF tg_table_name <> 'decision' THEN
        IF to_jsonb(new) - 'body' = to_jsonb(old) - 'body' AND EXISTS (
            SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index
            WHERE d.id = old.decision AND r.by_leaf = newest
        ) THEN
            RETURN new;
        END IF;
    ELSIF EXISTS (SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index AND by_leaf = newest)
        AND to_jsonb(new) - ARRAY['actor_label', 'reason', 'body', 'search']
            = to_jsonb(old) - ARRAY['actor_label', 'reason', 'body', 'search'] THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`%` is append-only, but for what is redacted', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;

CREATE OR REPLACE FUNCTION refuse_unreleased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.released_at IS NULL AND new.released_at IS NOT NULL AND new.released_by <> old.placed_by
        AND to_jsonb(new) - ARRAY['released_at', 'released_by'] = to_jsonb(old) - ARRAY['released_at', 'released_by']
        AND EXISTS (
            SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
            WHERE d.id = new.released_by AND d.at = new.released_at AND d.action = 'legal_hold' AND d.outcome = 'accepted'
        ) THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`legal_hold` is append-only, but for its release' USING ERRCODE = 'restrict_violation';
END
$$;

-- Evidence goes as a whole, and only with a text that may stand in it: of a decision that rests on it, or of an earlier one
-- about the same flag or data. Addresses stand in none.
CREATE TRIGGER evidence_no_change BEFORE UPDATE OR TRUNCATE ON evidence
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

CREATE TRIGGER document_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON document
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Also in sessions that replay (`session_replication_role = replica`), but for `redaction_no_forgery` and
-- `legal_hold_no_forgery`: a restore and a replica put in rows of entries that are no longer, or not yet, the newest.
-- `sternway audit verify` holds each of them against its entry.
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_no_less;
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_no_truncate;
ALTER TABLE audit_text ENABLE ALWAYS TRIGGER audit_text_no_return;
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_no_change;
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_no_delete;
ALTER TABLE document ENABLE ALWAYS TRIGGER document_no_change;
