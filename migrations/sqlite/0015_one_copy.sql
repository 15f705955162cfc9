-- What a decision says stands in its entry and the texts beside it, and nowhere a second time.
ALTER TABLE decision DROP COLUMN body;
