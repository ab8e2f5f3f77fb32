-- The tables of OS X 10.9: seconds, and neither edits, replies nor apps.
PRAGMA page_size = 512;
CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT, handle_id INTEGER, service TEXT,
    date INTEGER, is_from_me INTEGER, item_type INTEGER);
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, guid TEXT, chat_identifier TEXT);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
INSERT INTO handle VALUES (1, '+15550100001');
INSERT INTO chat VALUES (1, 'iMessage;-;+15550100001', '+15550100001');
INSERT INTO chat_handle_join VALUES (1, 1);
INSERT INTO message VALUES (1, 'OLD-1', 'the tide is out', 1, 'iMessage', 415000000, 0, 0);
INSERT INTO message VALUES (2, 'OLD-2', 'then we walk', 1, 'iMessage', 415000060, 1, 0);
INSERT INTO message VALUES (3, 'OLD-3', NULL, 1, 'iMessage', 415000120, 0, 1);
INSERT INTO chat_message_join VALUES (1, 1), (1, 2), (1, 3);
