-- The server a place belongs to, and the newest message of people accepted there: where catching up begins.
ALTER TABLE places ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE places ADD COLUMN cursor TEXT NOT NULL DEFAULT '';
UPDATE places SET cursor = coalesce((
    SELECT message_id FROM messages WHERE messages.place = places.id AND persona IS NULL
    ORDER BY number DESC LIMIT 1), '');

-- What a platform delivered and nobody could read: which, and what was wrong with it, without its content.
CREATE TABLE dead_letters (
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    letter TEXT NOT NULL,
    reason TEXT NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (platform, account, letter)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
