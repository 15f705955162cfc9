-- What a decision says stands in its entry and the texts beside it, and beyond what lists need nowhere a second time. Words are
-- looked for in the texts themselves: no index keeps them.
DROP TRIGGER decision_words_add;
DROP TRIGGER decision_words_change;
DROP TABLE decision_words;
ALTER TABLE decision DROP COLUMN search;
ALTER TABLE decision DROP COLUMN body;
