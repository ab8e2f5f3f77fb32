-- The formatted spans of a part's text, as JSON; '' for none, and for text that keeps its own marks.
ALTER TABLE outbox ADD COLUMN spans TEXT NOT NULL DEFAULT '';

PRAGMA user_version = 5;
