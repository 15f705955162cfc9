-- Full-text search over what decisions say: reason, actor and service, word by word.

CREATE INDEX decision_by_service ON decision (service, leaf_index);

-- The words alone; the texts stay where they are. `remove_diacritics 0`: `Ögün` is found as it is written, in any case.
CREATE VIRTUAL TABLE decision_words USING fts5 (
    search,
    content = 'decision',
    content_rowid = 'leaf_index',
    tokenize = 'unicode61 remove_diacritics 0'
);

-- Words that are taken out leave the index at once, and not with some later merge of it.
INSERT INTO decision_words (decision_words, rank) VALUES ('secure-delete', 1);

INSERT INTO decision_words (decision_words) VALUES ('rebuild');

CREATE TRIGGER decision_words_add AFTER INSERT ON decision
BEGIN
    INSERT INTO decision_words (rowid, search) VALUES (new.leaf_index, new.search);
END;

-- A redacted decision is found by what is left of it.
CREATE TRIGGER decision_words_change AFTER UPDATE OF search ON decision
BEGIN
    INSERT INTO decision_words (decision_words, rowid, search) VALUES ('delete', old.leaf_index, old.search);
    INSERT INTO decision_words (rowid, search) VALUES (new.leaf_index, new.search);
END;
