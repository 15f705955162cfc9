-- The log as a Merkle tree: what stands beside its entries, its inner hashes, its signed heads, and the one door through
-- which text leaves it.

-- Salts and texts of which an entry holds only commitments. They leave through `redaction`, and nothing else does.
CREATE TABLE audit_text (
    leaf_index bigint NOT NULL REFERENCES audit_leaf (leaf_index),
    field text COLLATE "C" NOT NULL,
    salt text COLLATE "C" NOT NULL, -- 32 bytes in base64
    text text COLLATE "C" NOT NULL,
    PRIMARY KEY (leaf_index, field)
);

-- Which texts were removed, and by which entry. A row opens the door for these texts alone.
CREATE TABLE redaction (
    leaf_index bigint NOT NULL REFERENCES audit_leaf (leaf_index),
    field text COLLATE "C" NOT NULL,
    by_leaf bigint NOT NULL REFERENCES audit_leaf (leaf_index),
    at bigint NOT NULL,
    PRIMARY KEY (leaf_index, field),
    CHECK (by_leaf > leaf_index)
);

-- Roots of complete subtrees of 256, 65,536, … entries: the hashes in tiles above level 0. Those of level 0 are
-- `audit_leaf.leaf_hash`.
CREATE TABLE log_node (
    level bigint NOT NULL CHECK (level > 0 AND level % 8 = 0),
    idx bigint NOT NULL CHECK (idx >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
);

-- Signed heads, as they were published.
CREATE TABLE log_checkpoint (
    size bigint PRIMARY KEY CHECK (size >= 0),
    note text COLLATE "C" NOT NULL,
    at bigint NOT NULL
);

CREATE TRIGGER redaction_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON redaction
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER log_node_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log_node
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER log_checkpoint_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_text_no_change BEFORE UPDATE OR TRUNCATE ON audit_text
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_unredacted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_table_name = 'audit_text' THEN
        IF EXISTS (SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index AND field = old.field) THEN
            RETURN old;
        END IF;
    ELSIF tg_table_name <> 'decision' THEN
        IF to_jsonb(new) - 'body' = to_jsonb(old) - 'body' AND EXISTS (
            SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index WHERE d.id = old.decision
        ) THEN
            RETURN new;
        END IF;
    ELSIF EXISTS (SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index)
        AND to_jsonb(new) - ARRAY['actor_label', 'reason', 'body', 'search']
            = to_jsonb(old) - ARRAY['actor_label', 'reason', 'body', 'search'] THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION '`%` is append-only, but for what is redacted', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER audit_text_no_delete BEFORE DELETE ON audit_text
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

-- A redacted decision loses its texts, and nothing else of it changes.
DROP TRIGGER decision_no_change ON decision;

CREATE TRIGGER decision_no_change BEFORE DELETE OR TRUNCATE ON decision
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

-- The same of events: those of a redacted decision lose their texts.
DROP TRIGGER events_no_change ON events;

CREATE TRIGGER events_no_change BEFORE DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

DROP TRIGGER saga_event_no_change ON saga_event;

CREATE TRIGGER saga_event_no_change BEFORE DELETE OR TRUNCATE ON saga_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER saga_event_no_update BEFORE UPDATE ON saga_event
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

DROP TRIGGER flag_event_no_change ON flag_event;

CREATE TRIGGER flag_event_no_change BEFORE DELETE OR TRUNCATE ON flag_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER flag_event_no_update BEFORE UPDATE ON flag_event
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

DROP TRIGGER data_event_no_change ON data_event;

CREATE TRIGGER data_event_no_change BEFORE DELETE OR TRUNCATE ON data_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER data_event_no_update BEFORE UPDATE ON data_event
FOR EACH ROW EXECUTE FUNCTION refuse_unredacted();

-- Also in sessions that replay (`session_replication_role = replica`).
ALTER TABLE redaction ENABLE ALWAYS TRIGGER redaction_no_change;
ALTER TABLE log_node ENABLE ALWAYS TRIGGER log_node_no_change;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_no_change;
ALTER TABLE audit_text ENABLE ALWAYS TRIGGER audit_text_no_change;
ALTER TABLE audit_text ENABLE ALWAYS TRIGGER audit_text_no_delete;
ALTER TABLE decision ENABLE ALWAYS TRIGGER decision_no_change;
ALTER TABLE decision ENABLE ALWAYS TRIGGER decision_no_update;
ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_change;
ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_update;
ALTER TABLE saga_event ENABLE ALWAYS TRIGGER saga_event_no_change;
ALTER TABLE saga_event ENABLE ALWAYS TRIGGER saga_event_no_update;
ALTER TABLE flag_event ENABLE ALWAYS TRIGGER flag_event_no_change;
ALTER TABLE flag_event ENABLE ALWAYS TRIGGER flag_event_no_update;
ALTER TABLE data_event ENABLE ALWAYS TRIGGER data_event_no_change;
ALTER TABLE data_event ENABLE ALWAYS TRIGGER data_event_no_update;
