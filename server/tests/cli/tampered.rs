//! What somebody with every right to the database might do to the log, and what the verifier says of it.

/// Everything of it.
pub(super) const ALL: [&[Tamper]; 8] = [&ENTRIES, &TEXTS, &HASHES, &CHECKPOINTS, &DECISIONS, &EVIDENCE, &EVENTS, &KEPT];

/// What is done, in the words of either database; what is said of it; the entry that is named.
pub(super) struct Tamper {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
    pub(super) said: &'static str,
    pub(super) entry: Option<u64>,
}

const fn both(sql: &'static str, said: &'static str, entry: Option<u64>) -> Tamper {
    Tamper { sqlite: sql, postgres: sql, said, entry }
}

const ENTRIES: [Tamper; 12] = [
    Tamper {
        sqlite: "UPDATE audit_leaf SET entry = CAST(replace(CAST(entry AS TEXT), 'promote', 'freeze_') AS BLOB) \
            WHERE leaf_index = 7",
        postgres: "UPDATE audit_leaf SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'promote', 'freeze_'), \
            'UTF8') WHERE leaf_index = 7",
        said: "entry 7 was changed",
        entry: Some(7),
    },
    // Another signed entry in its place, hash and all.
    both(
        "UPDATE audit_leaf SET entry = (SELECT o.entry FROM audit_leaf o WHERE o.leaf_index = 8), \
         leaf_hash = (SELECT o.leaf_hash FROM audit_leaf o WHERE o.leaf_index = 8) WHERE leaf_index = 7",
        "look at entry 7 first",
        Some(7),
    ),
    both("DELETE FROM audit_leaf WHERE leaf_index = 7", "entry 7 is missing", Some(7)),
    // Removed, and all that follow moved up.
    both(
        "DELETE FROM audit_leaf WHERE leaf_index = 7; \
         UPDATE audit_leaf SET leaf_index = leaf_index + 1000 WHERE leaf_index > 7; \
         UPDATE audit_leaf SET leaf_index = leaf_index - 1001 WHERE leaf_index > 1000",
        "look at entry 7 first",
        Some(7),
    ),
    both(
        "CREATE TABLE aside AS SELECT leaf_index, entry, leaf_hash FROM audit_leaf WHERE leaf_index IN (7, 8); \
         UPDATE audit_leaf SET entry = (SELECT a.entry FROM aside a WHERE a.leaf_index = 15 - audit_leaf.leaf_index), \
         leaf_hash = (SELECT a.leaf_hash FROM aside a WHERE a.leaf_index = 15 - audit_leaf.leaf_index) \
         WHERE leaf_index IN (7, 8)",
        "look at entry 7 first",
        Some(7),
    ),
    both("DELETE FROM audit_leaf WHERE leaf_index = 299", "1 are missing at the end", Some(299)),
    both(
        "UPDATE log_head SET leaves = 290; DELETE FROM audit_text WHERE leaf_index >= 290; \
         DELETE FROM audit_leaf WHERE leaf_index >= 290; DELETE FROM decision WHERE leaf_index >= 290",
        "the log ends after 290 entries, and a checkpoint says that it had 300",
        Some(290),
    ),
    both("DELETE FROM audit_leaf", "the log ends after 0 entries", Some(0)),
    both(
        "INSERT INTO audit_leaf SELECT 300, '00000000-0000-0000-0000-000000000fff', entry, leaf_hash, at \
         FROM audit_leaf WHERE leaf_index = 7",
        "and there are more",
        Some(300),
    ),
    both(
        "UPDATE log_head SET leaves = 301; INSERT INTO audit_leaf \
         SELECT 300, '00000000-0000-0000-0000-000000000fff', entry, leaf_hash, at FROM audit_leaf WHERE leaf_index = 7",
        "of entry 300 is gone",
        Some(300),
    ),
    both("UPDATE log_head SET leaves = 299", "300", Some(299)),
    both("DELETE FROM log_head", "", None),
];

const TEXTS: [Tamper; 6] = [
    both(
        "UPDATE audit_text SET text = 'another' WHERE leaf_index = 7 AND field = 'reason'",
        "entry 7: the text of `reason` is not the one that was written down",
        Some(7),
    ),
    both(
        "UPDATE audit_text SET salt = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' WHERE leaf_index = 7 \
         AND field = 'actor.name'",
        "entry 7: the text of `actor.name` is not the one",
        Some(7),
    ),
    both(
        "DELETE FROM audit_text WHERE leaf_index = 7 AND field = 'actor.name'",
        "the text of `actor.name` of entry 7 is gone",
        Some(7),
    ),
    both("DELETE FROM audit_text WHERE leaf_index > 6", "of entry 7 is gone", Some(7)),
    both(
        "CREATE TABLE aside AS SELECT leaf_index, salt, text FROM audit_text WHERE leaf_index IN (7, 8) \
         AND field = 'reason'; UPDATE audit_text SET \
         salt = (SELECT a.salt FROM aside a WHERE a.leaf_index = 15 - audit_text.leaf_index), \
         text = (SELECT a.text FROM aside a WHERE a.leaf_index = 15 - audit_text.leaf_index) \
         WHERE leaf_index IN (7, 8) AND field = 'reason'",
        "entry 7: the text of `reason`",
        Some(7),
    ),
    both(
        "INSERT INTO audit_text SELECT leaf_index, 'effects.0', salt, 'put in' FROM audit_text WHERE leaf_index = 7 \
         AND field = 'reason'",
        "entry 7: there is a text of `effects.0`, of which the entry knows nothing",
        Some(7),
    ),
];

const HASHES: [Tamper; 6] = [
    Tamper {
        sqlite: "UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE leaf_index = 7",
        postgres: "UPDATE audit_leaf SET leaf_hash = decode(repeat('00', 32), 'hex') WHERE leaf_index = 7",
        said: "the hash kept for entry 7",
        entry: Some(7),
    },
    both(
        "CREATE TABLE aside AS SELECT leaf_index, leaf_hash FROM audit_leaf WHERE leaf_index IN (7, 8); \
         UPDATE audit_leaf SET leaf_hash = (SELECT a.leaf_hash FROM aside a \
         WHERE a.leaf_index = 15 - audit_leaf.leaf_index) WHERE leaf_index IN (7, 8)",
        "the hash kept for entry 7",
        Some(7),
    ),
    Tamper {
        sqlite: "UPDATE log_node SET hash = zeroblob(32)",
        postgres: "UPDATE log_node SET hash = decode(repeat('00', 32), 'hex')",
        said: "the hash kept for the entries from 0 on",
        entry: None,
    },
    both("DELETE FROM log_node", "the hash kept for the entries from 0 on", None),
    both("INSERT INTO log_node SELECT level, 1, hash FROM log_node", "there is a hash 1 at level 1", None),
    both("INSERT INTO log_node SELECT 16, 0, hash FROM log_node", "there is a hash 0 at level 2", None),
];

const CHECKPOINTS: [Tamper; 4] = [
    both("UPDATE log_checkpoint SET note = replace(note, '300', '299')", "the newest checkpoint: the signature", None),
    both("UPDATE log_checkpoint SET note = 'nothing'", "the newest checkpoint", None),
    both("DELETE FROM log_checkpoint", "nothing of the log is signed with the key that you gave", None),
    both("INSERT INTO log_checkpoint SELECT 400, 'nothing', at FROM log_checkpoint", "the newest checkpoint", None),
];

const DECISIONS: [Tamper; 9] = [
    both(
        "UPDATE decision SET reason = 'another' WHERE leaf_index = 7",
        "shows another reason than its entry 7",
        Some(7),
    ),
    both("UPDATE decision SET outcome = 'refused' WHERE leaf_index = 7", "shows another outcome", Some(7)),
    both("UPDATE decision SET actor_label = 'Somebody' WHERE leaf_index = 7", "shows another actor", Some(7)),
    both("UPDATE decision SET service = 'search' WHERE leaf_index = 7", "shows another target", Some(7)),
    both("UPDATE decision SET at = at + 1 WHERE leaf_index = 7", "shows another time", Some(7)),
    both(
        "UPDATE decision SET evidence = NULL WHERE leaf_index = 7",
        "shows another evidence than its entry 7",
        Some(7),
    ),
    both("DELETE FROM decision WHERE leaf_index = 7", "has no decision that goes with it", Some(7)),
    both(
        "UPDATE decision SET leaf_index = 1007 WHERE leaf_index = 7; UPDATE decision SET leaf_index = 7 \
         WHERE leaf_index = 8; UPDATE decision SET leaf_index = 8 WHERE leaf_index = 1007",
        "has no decision that goes with it",
        Some(7),
    ),
    both(
        "INSERT INTO decision SELECT 300, '00000000-0000-0000-0000-000000000fff', at, actor_key, actor_label, action, \
         release, service, outcome, reason, evidence FROM decision WHERE leaf_index = 7",
        "claims the place 300 of the log, where there is no entry",
        None,
    ),
];

/// Entries 8 and 9 rest on the same.
const EVIDENCE: [Tamper; 4] = [
    both(
        "UPDATE evidence SET body = 'another' WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 9)",
        "the evidence of entry 8 is not the one it names",
        Some(8),
    ),
    both(
        "CREATE TABLE aside AS SELECT body FROM evidence WHERE digest = (SELECT evidence FROM decision \
         WHERE leaf_index = 10); UPDATE evidence SET body = (SELECT body FROM aside) \
         WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 8)",
        "the evidence of entry 8 is not the one it names",
        Some(8),
    ),
    both(
        "DELETE FROM evidence WHERE digest = (SELECT evidence FROM decision WHERE leaf_index = 9)",
        "the evidence of entry 8 is missing",
        Some(8),
    ),
    both("DELETE FROM evidence", "the evidence of entry 0 is missing", Some(0)),
];

const EVENTS: [Tamper; 7] = [
    both("DELETE FROM events WHERE position = 2", "event 2 is missing: 2 of 3", None),
    both("DELETE FROM events WHERE position = 3", "event 3 is missing: 2 of 3", None),
    both(
        "DELETE FROM events WHERE position = 3; UPDATE log_head SET position = 2",
        "is at version 3 and has 2 events: one was removed",
        None,
    ),
    both("DELETE FROM events; UPDATE log_head SET position = 0", "is at version 3 and has 0 events", None),
    both(
        "INSERT INTO events SELECT 4, release, 4, kind, at, body, decision FROM events WHERE position = 3; \
         UPDATE log_head SET position = 4",
        "is at version 3 and has 4 events",
        None,
    ),
    both("UPDATE events SET version = 9 WHERE position = 2", "is at version 3 and has 3 events", None),
    both(
        "UPDATE events SET decision = '00000000-0000-0000-0000-000000000fff' WHERE position = 2",
        "event 2 belongs to decision `00000000-0000-0000-0000-000000000fff`, which is not there",
        None,
    ),
];

/// What only says what entries say, and documents: a plan in two versions and a runbook.
const KEPT: [Tamper; 11] = [
    both(
        "INSERT INTO legal_hold (id, service, placed_at, placed_by) \
         SELECT '00000000-0000-0000-0000-000000000fff', 'checkout', at, id FROM decision WHERE leaf_index = 7",
        "legal hold `00000000-0000-0000-0000-000000000fff` was placed by decision",
        None,
    ),
    both(
        "INSERT INTO redaction (leaf_index, field, by_leaf, at) VALUES (7, 'reason', 8, 1)",
        "entry 8 took the text of `reason` of entry 7 out, and that entry does not say so",
        Some(7),
    ),
    both(
        "UPDATE document SET body = '{\"stages\":[]}' WHERE kind = 'Plan' AND version = 2",
        "version 2 of Plan `quick` is not the one whose digest stands beside it",
        None,
    ),
    both("DELETE FROM document WHERE kind = 'Plan' AND version = 1", "version 1 of Plan `quick` is missing", None),
    both(
        "UPDATE document SET body = replace(body, 'Call the bank', 'Wait and see') WHERE kind = 'Runbook'",
        "version 1 of Runbook `payments-back` is not the one",
        None,
    ),
    both(
        "UPDATE document SET source = replace(source, 'Call the bank', 'Wait and see') WHERE kind = 'Runbook'",
        "version 1 of Runbook `payments-back` is not the one",
        None,
    ),
    both(
        "DELETE FROM document WHERE kind = 'Plan' AND version = 2",
        "entry 251 applied Plan `quick`, and that version is gone or not in its place",
        Some(251),
    ),
    both(
        "DELETE FROM document WHERE kind = 'Runbook'",
        "entry 250 applied Runbook `payments-back`, and that version is gone or not in its place",
        Some(250),
    ),
    both(
        "INSERT INTO document (kind, name, version, digest, body, source, at) \
         SELECT kind, 'slow', 1, digest, body, source, at FROM document WHERE kind = 'Plan' AND version = 2",
        "version 1 of Plan `slow` is there, and no entry says that it was applied",
        None,
    ),
    both(
        "INSERT INTO document (kind, name, version, digest, body, source, at) \
         SELECT kind, name, 3, digest, body, source, at FROM document WHERE kind = 'Plan' AND version = 1",
        "version 3 of Plan `quick` is there, and no entry says that it was applied",
        None,
    ),
    both(
        "UPDATE document SET version = 3 WHERE kind = 'Plan' AND version = 1; \
         UPDATE document SET version = 1 WHERE kind = 'Plan' AND version = 2; \
         UPDATE document SET version = 2 WHERE kind = 'Plan' AND version = 3",
        "entry 250 applied Plan `quick`, and that version is gone or not in its place",
        Some(250),
    ),
];
