-- Answers that were made in place of each other, of which one stands in the history, have the id of the first of them.
ALTER TABLE answers ADD COLUMN swipe_of INTEGER;
CREATE INDEX answers_swipes ON answers (swipe_of) WHERE swipe_of IS NOT NULL;

PRAGMA user_version = 6;
