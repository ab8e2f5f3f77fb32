-- Words of other authors that came with a message: of a message replied to that is not stored here, of a selected part,
-- of a forwarded message. `source` is the quoted message's id in the same place.
CREATE TABLE quotations (
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reply', 'excerpt', 'forward')),
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    is_bot INTEGER NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX quotations_author ON quotations (author_id);
CREATE INDEX quotations_source ON quotations (source) WHERE source != '';

-- Something came with the message that nobody here can read, such as a picture.
ALTER TABLE messages ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 4;
