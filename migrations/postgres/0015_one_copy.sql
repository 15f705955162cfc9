-- What a decision says stands in its entry and the texts beside it, and beyond what lists need nowhere a second time. Words are
-- looked for in the texts themselves: no index keeps them.
DROP INDEX decision_words;
DROP FUNCTION words(text);
ALTER TABLE decision DROP COLUMN search, DROP COLUMN body;
