-- "alte": how a file is known to be ours.
PRAGMA application_id = 1634497637;

-- `tip` is the last number given out in this place: to a message, a decision or a reset.
-- What stands before `since` was said before the last reset; the window begins at (window_anchor, window_number).
CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    chat TEXT NOT NULL,
    thread TEXT NOT NULL,
    tip INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL DEFAULT 0,
    window_anchor INTEGER NOT NULL DEFAULT 0,
    window_number INTEGER NOT NULL DEFAULT 0,
    UNIQUE (platform, account, chat, thread)
) STRICT;

-- One answer of a persona: one or more messages, and why they were said. `read` is the last message its prompt had read.
CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE,
    decided INTEGER NOT NULL,
    persona TEXT NOT NULL,
    rule TEXT NOT NULL,
    why TEXT NOT NULL,
    read INTEGER REFERENCES messages ON DELETE SET NULL
) STRICT;
CREATE INDEX answers_decided ON answers (place, decided);
CREATE INDEX answers_read ON answers (read);

-- Read in the order (anchor, number): people's messages anchor on themselves, an answer on what it had read.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE,
    anchor INTEGER NOT NULL,
    number INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    is_bot INTEGER NOT NULL,
    text TEXT NOT NULL,
    time REAL NOT NULL,
    address TEXT NOT NULL,
    reply_to TEXT,
    persona TEXT,
    answer INTEGER REFERENCES answers ON DELETE CASCADE,
    replaced INTEGER NOT NULL DEFAULT 0,
    UNIQUE (place, message_id)
) STRICT;
CREATE INDEX messages_reading ON messages (place, anchor, number) WHERE NOT replaced;
CREATE INDEX messages_answers ON messages (place, number) WHERE persona IS NOT NULL AND NOT replaced;
CREATE INDEX messages_answer ON messages (answer) WHERE answer IS NOT NULL;
CREATE INDEX messages_author ON messages (author_id, place) WHERE persona IS NULL;

CREATE TABLE answered (
    answer INTEGER NOT NULL REFERENCES answers ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    PRIMARY KEY (answer, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_message ON answered (message);

CREATE TABLE inbox (
    message INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'ignored', 'answered', 'given_up')),
    accepted REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0,
    persona TEXT,
    rule TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX inbox_pending ON inbox (message) WHERE state = 'accepted';
CREATE INDEX inbox_decided ON inbox (place, decided);

-- A part of an answer, or a notice about a message. A dropped part is one that shall not be sent any more.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    place INTEGER NOT NULL REFERENCES places ON DELETE CASCADE,
    answer INTEGER REFERENCES answers ON DELETE CASCADE,
    message INTEGER REFERENCES messages ON DELETE CASCADE,
    part INTEGER NOT NULL,
    text TEXT NOT NULL,
    reply_to TEXT,
    persona TEXT,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_id TEXT
) STRICT;
CREATE INDEX outbox_unsent ON outbox (id) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_sent ON outbox (place, sent_id);
CREATE INDEX outbox_answer ON outbox (answer);
CREATE INDEX outbox_message ON outbox (message);

CREATE TABLE settings (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- Erasures whose copies in the log and in backups are not known to be gone yet.
CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    time REAL NOT NULL
) STRICT;

PRAGMA user_version = 1;
