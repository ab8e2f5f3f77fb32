-- The tables of Messages as far as they are read, with a message of each kind. Nobody wrote these words.
PRAGMA page_size = 512;
CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT, attributedBody BLOB,
    handle_id INTEGER, service TEXT, subject TEXT, date INTEGER, is_from_me INTEGER, item_type INTEGER,
    message_summary_info BLOB, date_edited INTEGER, associated_message_type INTEGER,
    thread_originator_guid TEXT, balloon_bundle_id TEXT, is_system_message INTEGER, is_auto_reply INTEGER,
    is_forward INTEGER);
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, guid TEXT, style INTEGER, chat_identifier TEXT,
    display_name TEXT);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT, service TEXT);
CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY, filename TEXT, transfer_name TEXT, mime_type TEXT,
    is_sticker INTEGER);
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
CREATE TABLE message_attachment_join (message_id INTEGER, attachment_id INTEGER);

-- Ann by number, over iMessage and by SMS, and by e-mail address; a group of Ann and Bo
INSERT INTO handle VALUES (1, '+15550100001', 'iMessage'), (2, '+15550100001', 'SMS'), (3, 'bo@example.org', 'iMessage');
INSERT INTO chat VALUES (1, 'iMessage;-;+15550100001', 45, '+15550100001', ''), (2, 'SMS;-;+15550100001', 45, '+15550100001', NULL),
    (3, 'iMessage;+;chat100200', 43, 'chat100200', 'Quay cleaners');
INSERT INTO chat_handle_join VALUES (1, 1), (2, 2), (3, 1), (3, 3);
-- words in `text` alone
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (1, 'GUID-01', 1, 794052060500000000, 0, 'iMessage', 'where is the ladder');
INSERT INTO chat_message_join VALUES (1, 1);
-- words in attributedBody alone, of a mutable string
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, attributedBody)
    VALUES (2, 'GUID-02', 1, 794052120500000000, 1, 'iMessage', X'040B73747265616D747970656481E803840140848484194E534D757461626C6541747472696275746564537472696E67008484124E5341747472696275746564537472696E67008484084E534F626A6563740085928484840F4E534D757461626C65537472696E67018484084E53537472696E67019584012B0F626568696E64207468652073686564868402694901');
INSERT INTO chat_message_join VALUES (1, 2);
-- both, and a file between the words
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, attributedBody)
    VALUES (3, 'GUID-03', 1, 794052180500000000, 0, 'iMessage', '￼this one?', X'040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B0CEFBFBC74686973206F6E653F868402694901');
INSERT INTO chat_message_join VALUES (1, 3);
INSERT INTO attachment VALUES (1, '~/Library/Messages/Attachments/ab/IMG_1.heic', 'IMG_1.heic', 'image/heic', 0);
INSERT INTO message_attachment_join VALUES (3, 1);
-- words of more than 127 bytes, which have a length of two
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, attributedBody)
    VALUES (4, 'GUID-04', 1, 794052240500000000, 1, 'iMessage', X'040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B81C6006E6F2C20746865206C6F6E67206F6E653A2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C2072756E672C20868402694901');
INSERT INTO chat_message_join VALUES (1, 4);
-- a reply, in the chat of iMessage and in that of SMS
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, thread_originator_guid)
    VALUES (5, 'GUID-05', 1, 794052300500000000, 0, 'iMessage', 'that has thirty rungs', 'GUID-04');
INSERT INTO chat_message_join VALUES (1, 5);
INSERT INTO chat_message_join VALUES (2, 5);
-- an edited message as Ventura has it: no words but the versions
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, date_edited, message_summary_info)
    VALUES (6, 'GUID-06', 1, 794052360500000000, 1, 'iMessage', NULL, 794052400000000000, X'62706C6973743030D301020304051053616D63526563536F74721001D106075130A2080DD2090A0B0C516451742341C7AA22D00000004F1057040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B0774616B65206974868402694901D2090A0E0F2341C7AA22D08000004F105C040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B0C74616B652069742061776179868402694901D10611D212131415526C65526C6F100510000008000F00130016001A001C001F002100240029002B002D003600900095009E00FD010001050108010B010D000000000000020100000000000000160000000000000000000000000000010F');
INSERT INTO chat_message_join VALUES (1, 6);
-- an edited message with its words
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, attributedBody, date_edited, message_summary_info)
    VALUES (7, 'GUID-07', 1, 794052420500000000, 1, 'iMessage', X'040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B107468697274792D6F6E652072756E6773868402694901', 794052460000000000, X'62706C6973743030D301020304051053616D63526563536F74721001D106075130A2080DD2090A0B0C516451742341C7AA22D00000004F105C040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B0C7468697274792072756E6773868402694901D2090A0E0F2341C7AA22D08000004F1060040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B107468697274792D6F6E652072756E6773868402694901D10611D212131415526C65526C6F100510000008000F00130016001A001C001F002100240029002B002D00360095009A00A301060109010E0111011401160000000000000201000000000000001600000000000000000000000000000118');
INSERT INTO chat_message_join VALUES (1, 7);
-- unsent
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, date_edited, message_summary_info)
    VALUES (8, 'GUID-08', 1, 794052480500000000, 0, 'iMessage', 794052500000000000, X'62706C6973743030D40102030405060C0D53616D63536F7472527270537573741000D107085130D2090A0B05526C65526C6F100DA10509081115191C202225272C2F3234360000000000000101000000000000000E00000000000000000000000000000037');
INSERT INTO chat_message_join VALUES (1, 8);
-- a tapback
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, associated_message_type)
    VALUES (9, 'GUID-09', 1, 794052540500000000, 0, 'iMessage', 'Loved “behind the shed”', 2000);
INSERT INTO chat_message_join VALUES (1, 9);
-- a tapback that is taken back
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, associated_message_type)
    VALUES (10, 'GUID-10', 1, 794052600500000000, 0, 'iMessage', 'Removed a heart from “behind the shed”', 3000);
INSERT INTO chat_message_join VALUES (1, 10);
-- a sticker on a message
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, associated_message_type)
    VALUES (11, 'GUID-11', 1, 794052660500000000, 0, 'iMessage', 1000);
INSERT INTO chat_message_join VALUES (1, 11);
-- a tapback of an unknown kind
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, associated_message_type)
    VALUES (12, 'GUID-12', 1, 794052720500000000, 0, 'iMessage', 9001);
INSERT INTO chat_message_join VALUES (1, 12);
-- a tapback that came by SMS
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (13, 'GUID-13', 2, 794052780500000000, 0, 'SMS', 'Liked “behind the shed”');
INSERT INTO chat_message_join VALUES (2, 13);
-- words that came by SMS, in seconds
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (14, 'GUID-14', 2, 794052840, 0, 'SMS', 'Liked the view');
INSERT INTO chat_message_join VALUES (2, 14);
-- a subject
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, subject, text)
    VALUES (15, 'GUID-15', 1, 794052900500000000, 0, 'iMessage', 'Ladder', 'it is yours');
INSERT INTO chat_message_join VALUES (1, 15);
-- a recording
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, attributedBody)
    VALUES (16, 'GUID-16', 1, 794052960500000000, 0, 'iMessage', X'040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B03EFBFBC868402694901');
INSERT INTO chat_message_join VALUES (1, 16);
INSERT INTO attachment VALUES (2, '~/Library/Messages/Attachments/ac/Audio Message.caf', NULL, 'audio/x-caf', 0);
INSERT INTO message_attachment_join VALUES (16, 2);
-- a link with its preview
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, balloon_bundle_id)
    VALUES (17, 'GUID-17', 1, 794053020500000000, 1, 'iMessage', 'https://example.org/boats', 'com.apple.messages.URLBalloonProvider');
INSERT INTO chat_message_join VALUES (1, 17);
INSERT INTO attachment VALUES (3, 'a/1.pluginPayloadAttachment', '1.pluginPayloadAttachment', NULL, 0);
INSERT INTO message_attachment_join VALUES (17, 3);
-- a payment
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, balloon_bundle_id)
    VALUES (18, 'GUID-18', 1, 794053080500000000, 1, 'iMessage', '�', 'com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.apple.PassbookUIService.PeerPaymentMessagesExtension');
INSERT INTO chat_message_join VALUES (1, 18);
-- a game
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, balloon_bundle_id)
    VALUES (19, 'GUID-19', 1, 794053140500000000, 0, 'iMessage', 'Your move', 'com.apple.messages.MSMessageExtensionBalloonPlugin:EWFNLB79LQ:org.example.game');
INSERT INTO chat_message_join VALUES (1, 19);
-- an automatic reply
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, is_auto_reply)
    VALUES (20, 'GUID-20', 1, 794053200500000000, 0, 'iMessage', 'I am driving', 1);
INSERT INTO chat_message_join VALUES (1, 20);
-- an event of an unknown kind
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, item_type)
    VALUES (21, 'GUID-21', 1, 794053260500000000, 0, 'iMessage', 77);
INSERT INTO chat_message_join VALUES (1, 21);
-- a name for the group
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, item_type)
    VALUES (22, 'GUID-22', 1, 794053320500000000, 0, 'iMessage', 2);
INSERT INTO chat_message_join VALUES (3, 22);
-- Bo in the group
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (23, 'GUID-23', 3, 794053380500000000, 0, 'iMessage', 'who has the rope');
INSERT INTO chat_message_join VALUES (3, 23);
-- oneself in the group, where no handle is named
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (24, 'GUID-24', 0, 794053440500000000, 1, 'iMessage', 'not me');
INSERT INTO chat_message_join VALUES (3, 24);
-- nobody in the group
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (25, 'GUID-25', 0, 794053500500000000, 0, 'iMessage', 'by nobody');
INSERT INTO chat_message_join VALUES (3, 25);
-- a place that is shared
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, item_type)
    VALUES (26, 'GUID-26', 1, 794053560500000000, 0, 'iMessage', 4);
INSERT INTO chat_message_join VALUES (1, 26);
-- a message in no chat
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (27, 'GUID-27', 1, 794053620500000000, 0, 'iMessage', 'of a deleted chat');
-- no time
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text)
    VALUES (28, 'GUID-28', 1, 0, 0, 'iMessage', 'without a time');
INSERT INTO chat_message_join VALUES (1, 28);
-- words that cannot be decoded
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, attributedBody)
    VALUES (29, 'GUID-29', 1, 794053740500000000, 0, 'iMessage', X'040B73747265616D747970656481E803840140848484124E5341747472696275746564537472696E67008484084E534F626A656374008592848484084E53537472696E67019484012B0763');
INSERT INTO chat_message_join VALUES (1, 29);
-- no words at all
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service)
    VALUES (30, 'GUID-30', 1, 794053800500000000, 0, 'iMessage');
INSERT INTO chat_message_join VALUES (1, 30);
-- forwarded
INSERT INTO message (ROWID, guid, handle_id, date, is_from_me, service, text, is_forward)
    VALUES (31, 'GUID-31', 1, 794053860500000000, 0, 'iMessage', 'so said the harbour', 1);
INSERT INTO chat_message_join VALUES (1, 31);
