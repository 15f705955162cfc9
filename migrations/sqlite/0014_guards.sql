-- What is written down about texts, holds, evidence and documents stays, too: doors are open while the entry that opens them
-- is the newest one, and no longer.

-- The count of entries says which one is the newest: it never goes back.
CREATE TRIGGER log_head_no_less BEFORE UPDATE ON log_head
WHEN new.leaves < old.leaves OR new.position < old.position OR new.one IS NOT old.one
BEGIN
    SELECT raise(ABORT, '`log_head` is append-only: it only grows');
END;

CREATE TRIGGER log_head_no_delete BEFORE DELETE ON log_head
BEGIN
    SELECT raise(ABORT, '`log_head` is append-only');
END;

CREATE TRIGGER log_head_no_replace BEFORE INSERT ON log_head
WHEN EXISTS (SELECT 1 FROM log_head WHERE one = new.one)
BEGIN
    SELECT raise(ABORT, 'the head exists already');
END;

-- Only the newest entry takes texts out, if it is one that does.
CREATE TRIGGER redaction_no_forgery BEFORE INSERT ON redaction
WHEN NOT EXISTS (
    SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
    WHERE d.leaf_index = new.by_leaf AND d.action = 'redact' AND d.outcome = 'accepted'
)
BEGIN
    SELECT raise(ABORT, '`redaction` is append-only: no entry that was just written takes this text out');
END;

DROP TRIGGER audit_text_no_delete;

CREATE TRIGGER audit_text_no_delete BEFORE DELETE ON audit_text
WHEN NOT EXISTS (
    SELECT 1 FROM redaction r JOIN log_head h ON r.by_leaf = h.leaves - 1
    WHERE r.leaf_index = old.leaf_index AND r.field = old.field
)
BEGIN
    SELECT raise(ABORT, '`audit_text` is append-only, but for what is redacted');
END;

-- What was taken out does not come back.
CREATE TRIGGER audit_text_no_return BEFORE INSERT ON audit_text
WHEN EXISTS (SELECT 1 FROM redaction WHERE leaf_index = new.leaf_index AND field = new.field)
BEGIN
    SELECT raise(ABORT, '`audit_text` is append-only: this text was redacted');
END;

DROP TRIGGER decision_no_update;

CREATE TRIGGER decision_no_update BEFORE UPDATE ON decision
WHEN NOT EXISTS (
        SELECT 1 FROM redaction r JOIN log_head h ON r.by_leaf = h.leaves - 1 WHERE r.leaf_index = old.leaf_index
    )
    OR new.leaf_index IS NOT old.leaf_index OR new.id IS NOT old.id OR new.at IS NOT old.at
    OR new.actor_key IS NOT old.actor_key OR new.action IS NOT old.action OR new.release IS NOT old.release
    OR new.service IS NOT old.service OR new.outcome IS NOT old.outcome OR new.evidence IS NOT old.evidence
BEGIN
    SELECT raise(ABORT, '`decision` is append-only, but for what is redacted');
END;

DROP TRIGGER events_no_update;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
WHEN NOT EXISTS (
        SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index
        JOIN log_head h ON r.by_leaf = h.leaves - 1 WHERE d.id = old.decision
    )
    OR new.position IS NOT old.position OR new.release IS NOT old.release OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`events` is append-only, but for what is redacted');
END;

DROP TRIGGER saga_event_no_update;

CREATE TRIGGER saga_event_no_update BEFORE UPDATE ON saga_event
WHEN NOT EXISTS (
        SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index
        JOIN log_head h ON r.by_leaf = h.leaves - 1 WHERE d.id = old.decision
    )
    OR new.position IS NOT old.position OR new.saga IS NOT old.saga OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`saga_event` is append-only, but for what is redacted');
END;

DROP TRIGGER flag_event_no_update;

CREATE TRIGGER flag_event_no_update BEFORE UPDATE ON flag_event
WHEN NOT EXISTS (
        SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index
        JOIN log_head h ON r.by_leaf = h.leaves - 1 WHERE d.id = old.decision
    )
    OR new.position IS NOT old.position OR new.flag IS NOT old.flag OR new.version IS NOT old.version
    OR new.kind IS NOT old.kind OR new.at IS NOT old.at OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`flag_event` is append-only, but for what is redacted');
END;

DROP TRIGGER data_event_no_update;

CREATE TRIGGER data_event_no_update BEFORE UPDATE ON data_event
WHEN NOT EXISTS (
        SELECT 1 FROM redaction r JOIN decision d ON d.leaf_index = r.leaf_index
        JOIN log_head h ON r.by_leaf = h.leaves - 1 WHERE d.id = old.decision
    )
    OR new.position IS NOT old.position OR new.release IS NOT old.release OR new.name IS NOT old.name
    OR new.version IS NOT old.version OR new.kind IS NOT old.kind OR new.at IS NOT old.at
    OR new.decision IS NOT old.decision
BEGIN
    SELECT raise(ABORT, '`data_event` is append-only, but for what is redacted');
END;

-- A hold is placed and released by the newest entry, if it is one that does.
CREATE TRIGGER legal_hold_no_forgery BEFORE INSERT ON legal_hold
WHEN new.released_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
    WHERE d.id = new.placed_by AND d.at = new.placed_at AND d.action = 'legal_hold' AND d.outcome = 'accepted'
)
BEGIN
    SELECT raise(ABORT, '`legal_hold` is append-only: no entry that was just written places this hold');
END;

DROP TRIGGER legal_hold_no_update;

CREATE TRIGGER legal_hold_no_update BEFORE UPDATE ON legal_hold
WHEN old.released_at IS NOT NULL OR new.released_at IS NULL
    OR new.rowid IS NOT old.rowid OR new.id IS NOT old.id OR new.release IS NOT old.release
    OR new.service IS NOT old.service OR new.from_at IS NOT old.from_at OR new.to_at IS NOT old.to_at
    OR new.placed_at IS NOT old.placed_at OR new.placed_by IS NOT old.placed_by OR new.released_by = old.placed_by
    OR NOT EXISTS (
        SELECT 1 FROM log_head h JOIN decision d ON d.leaf_index = h.leaves - 1
        WHERE d.id = new.released_by AND d.at = new.released_at AND d.action = 'legal_hold' AND d.outcome = 'accepted'
    )
BEGIN
    SELECT raise(ABORT, '`legal_hold` is append-only, but for its release');
END;

DROP TRIGGER legal_hold_no_replace;

CREATE TRIGGER legal_hold_no_replace BEFORE INSERT ON legal_hold
WHEN EXISTS (SELECT 1 FROM legal_hold WHERE id = new.id) OR EXISTS (SELECT 1 FROM legal_hold WHERE rowid = new.rowid)
BEGIN
    SELECT raise(ABORT, 'the hold exists already');
END;

-- Evidence goes as a whole, and only with a text that may stand in it: of a decision that rests on it, or of an earlier one
-- about the same flag or data. Addresses stand in none. (`+`: found by its decision, however long the stream is.)
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
BEGIN
    SELECT raise(ABORT, '`evidence` is append-only');
END;

CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
WHEN NOT EXISTS (
    SELECT 1 FROM log_head h JOIN redaction r ON r.by_leaf = h.leaves - 1
    JOIN decision t ON t.leaf_index = r.leaf_index JOIN decision d ON d.evidence = old.digest
    WHERE r.field NOT IN ('origin.ip', 'origin.user_agent') AND (
        d.id = t.id
        OR EXISTS (
            SELECT 1 FROM flag_event e JOIN flag_event o ON +o.flag = e.flag AND +o.version > e.version
            WHERE e.decision = t.id AND o.decision = d.id
        )
        OR EXISTS (
            SELECT 1 FROM data_event e JOIN data_event o
            ON +o.release = e.release AND +o.name = e.name AND +o.version > e.version
            WHERE e.decision = t.id AND o.decision = d.id
        )
    )
)
BEGIN
    SELECT raise(ABORT, '`evidence` is append-only, but for what is redacted');
END;

-- INSERT OR REPLACE removes rows without firing the triggers above, also by `rowid`, where that is no column of the table.
CREATE TRIGGER evidence_no_rowid BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE rowid = new.rowid AND digest IS NOT new.digest)
BEGIN
    SELECT raise(ABORT, '`evidence` is append-only');
END;

-- Storing it again changes nothing.
CREATE TRIGGER evidence_no_replace BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE digest = new.digest)
BEGIN
    SELECT raise(IGNORE);
END;

CREATE TRIGGER document_no_update BEFORE UPDATE ON document
BEGIN
    SELECT raise(ABORT, '`document` is append-only');
END;

CREATE TRIGGER document_no_delete BEFORE DELETE ON document
BEGIN
    SELECT raise(ABORT, '`document` is append-only');
END;

CREATE TRIGGER document_no_replace BEFORE INSERT ON document
WHEN EXISTS (SELECT 1 FROM document WHERE kind = new.kind AND name = new.name AND version = new.version)
    OR EXISTS (SELECT 1 FROM document WHERE rowid = new.rowid)
BEGIN
    SELECT raise(ABORT, 'the document exists already');
END;
