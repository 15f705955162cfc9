-- The log as a Merkle tree: what stands beside its entries, its inner hashes, its signed heads, and the one door through
-- which text leaves it.

-- Salts and texts of which an entry holds only commitments. They leave through `redaction`, and nothing else does.
CREATE TABLE audit_text (
    leaf_index INTEGER NOT NULL REFERENCES audit_leaf (leaf_index),
    field TEXT NOT NULL,
    salt TEXT NOT NULL, -- 32 bytes in base64
    text TEXT NOT NULL,
    PRIMARY KEY (leaf_index, field)
) STRICT, WITHOUT ROWID;

-- Which texts were removed, and by which entry. A row opens the door for these texts alone.
CREATE TABLE redaction (
    leaf_index INTEGER NOT NULL REFERENCES audit_leaf (leaf_index),
    field TEXT NOT NULL,
    by_leaf INTEGER NOT NULL REFERENCES audit_leaf (leaf_index),
    at INTEGER NOT NULL,
    PRIMARY KEY (leaf_index, field),
    CHECK (by_leaf > leaf_index)
) STRICT, WITHOUT ROWID;

-- Roots of complete subtrees of 256, 65,536, … entries: the hashes in tiles above level 0. Those of level 0 are
-- `audit_leaf.leaf_hash`.
CREATE TABLE log_node (
    level INTEGER NOT NULL CHECK (level > 0 AND level % 8 = 0),
    idx INTEGER NOT NULL CHECK (idx >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- Signed heads, as they were published.
CREATE TABLE log_checkpoint (
    size INTEGER PRIMARY KEY CHECK (size >= 0),
    note TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER audit_text_no_update BEFORE UPDATE ON audit_text
BEGIN
    SELECT raise(ABORT, '`audit_text` is append-only');
END;

CREATE TRIGGER audit_text_no_delete BEFORE DELETE ON audit_text
WHEN NOT EXISTS (SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index AND field = old.field)
BEGIN
    SELECT raise(ABORT, '`audit_text` is append-only, but for what is redacted');
END;

CREATE TRIGGER redaction_no_update BEFORE UPDATE ON redaction
BEGIN
    SELECT raise(ABORT, '`redaction` is append-only');
END;

CREATE TRIGGER redaction_no_delete BEFORE DELETE ON redaction
BEGIN
    SELECT raise(ABORT, '`redaction` is append-only');
END;

CREATE TRIGGER log_node_no_update BEFORE UPDATE ON log_node
BEGIN
    SELECT raise(ABORT, '`log_node` is append-only');
END;

CREATE TRIGGER log_node_no_delete BEFORE DELETE ON log_node
BEGIN
    SELECT raise(ABORT, '`log_node` is append-only');
END;

CREATE TRIGGER log_checkpoint_no_update BEFORE UPDATE ON log_checkpoint
BEGIN
    SELECT raise(ABORT, '`log_checkpoint` is append-only');
END;

CREATE TRIGGER log_checkpoint_no_delete BEFORE DELETE ON log_checkpoint
BEGIN
    SELECT raise(ABORT, '`log_checkpoint` is append-only');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above.
CREATE TRIGGER audit_text_no_replace BEFORE INSERT ON audit_text
WHEN EXISTS (SELECT 1 FROM audit_text WHERE leaf_index = new.leaf_index AND field = new.field)
BEGIN
    SELECT raise(ABORT, 'the text exists already');
END;

CREATE TRIGGER redaction_no_replace BEFORE INSERT ON redaction
WHEN EXISTS (SELECT 1 FROM redaction WHERE leaf_index = new.leaf_index AND field = new.field)
BEGIN
    SELECT raise(ABORT, 'the redaction exists already');
END;

CREATE TRIGGER log_node_no_replace BEFORE INSERT ON log_node
WHEN EXISTS (SELECT 1 FROM log_node WHERE level = new.level AND idx = new.idx)
BEGIN
    SELECT raise(ABORT, 'the node exists already');
END;

CREATE TRIGGER log_checkpoint_no_replace BEFORE INSERT ON log_checkpoint
WHEN EXISTS (SELECT 1 FROM log_checkpoint WHERE size = new.size)
BEGIN
    SELECT raise(ABORT, 'the checkpoint exists already');
END;

-- A redacted decision loses its texts, and nothing else of it changes.
DROP TRIGGER decision_no_update;

CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
WHEN NOT EXISTS (SELECT 1 FROM redaction WHERE leaf_index = old.leaf_index)
    OR new.leaf_index IS NOT old.leaf_index OR new.id IS NOT old.id OR new.at IS NOT old.at
    OR new.actor_key IS NOT old.actor_key OR new.action IS NOT old.action OR new.release IS NOT old.release
    OR new.service IS NOT old.service OR new.outcome IS NOT old.outcome OR new.evidence IS NOT old.evidence
BEGIN
    SELECT raise(ABORT, '`decision` is append-only, but for what is redacted');
END;

-- The same of events: those of a redacted decision lose their texts.
DROP TRIGGER events_no_update;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
WHEN NOT EXISTS (SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index WHERE d.id = old.decision)
    OR new.position IS NOT old.position OR new.release IS NOT old.release OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`events` is append-only, but for what is redacted');
END;

DROP TRIGGER saga_event_no_update;

CREATE TRIGGER saga_event_no_update BEFORE UPDATE ON saga_event
WHEN NOT EXISTS (SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index WHERE d.id = old.decision)
    OR new.position IS NOT old.position OR new.saga IS NOT old.saga OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`saga_event` is append-only, but for what is redacted');
END;

DROP TRIGGER flag_event_no_update;

CREATE TRIGGER flag_event_no_update BEFORE UPDATE ON flag_event
WHEN NOT EXISTS (SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index WHERE d.id = old.decision)
    OR new.position IS NOT old.position OR new.flag IS NOT old.flag OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`flag_event` is append-only, but for what is redacted');
END;

DROP TRIGGER data_event_no_update;

CREATE TRIGGER data_event_no_update BEFORE UPDATE ON data_event
WHEN NOT EXISTS (SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index WHERE d.id = old.decision)
    OR new.position IS NOT old.position OR new.release IS NOT old.release OR new.name IS NOT old.name
    OR new.version IS NOT old.version OR new.kind IS NOT old.kind OR new.at IS NOT old.at
    OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`data_event` is append-only, but for what is redacted');
END;
