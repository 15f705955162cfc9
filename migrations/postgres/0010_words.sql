-- Full-text search over what decisions say: reason, actor and service, word by word.

CREATE INDEX decision_by_service ON decision (service, leaf_index);

-- Words as SQLite's index has them: what stands between signs and spaces. The parsers of PostgreSQL make addresses,
-- versions and signed numbers of some, and those would be found by nobody who types a word of them.
CREATE FUNCTION words(text text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT left(word, 64)), '{}'))
    FROM regexp_split_to_table(text, '[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7\u2000-\u206f\u2190-\u245f\u2500-\u2bff\u3000-\u3004\u3008-\u3020\u20a0-\u20cf\u2116\u2117\u2120\u2122\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff]+') AS word
    WHERE word <> ''
);

-- GiST keeps hashes of words; GIN would keep the words themselves, and go on doing so after their texts were redacted.
CREATE INDEX decision_words ON decision USING gist (words(search));
