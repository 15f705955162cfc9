-- What is looked for while texts are taken out and the log waits.

-- Who rests on a piece of evidence.
CREATE INDEX decision_by_evidence ON decision (evidence) WHERE evidence IS NOT NULL;

-- Answers are kept for a day.
CREATE INDEX idempotency_by_age ON idempotency (at);
