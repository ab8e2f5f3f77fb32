"""Changes by platforms: edited and deleted messages, moved chats, dead letters."""

import sqlite3
from collections.abc import Sequence

from bot.memory.queries import conversations
from bot.memory.queries.history import row_of, sent_row
from bot.memory.queries.inbox import rows_of
from bot.memory.queries.outbox import withdraw_answer
from bot.memory.queries.quotations import edit_source, remove_source
from bot.message import Place

MAX_DEAD_LETTERS, MAX_REASON = 1000, 200  # letters of an account, and characters of a reason


def edit_message(connection: sqlite3.Connection, place: Place, message_id: str, text: str) -> bool:
    """Change the text of a person's message, and of its quotations.

    Return False if the text is the same or the message unknown.
    """
    where = conversations.place_row(connection, place)
    if where is None:
        return False
    edit_source(connection, where, message_id, text)
    row = row_of(connection, where, message_id)
    changed = connection.execute(
        "UPDATE messages SET text = ? WHERE id = ? AND persona IS NULL AND text != ?", (text, row, text)
    )
    return changed.rowcount == 1


def remove_messages(
    connection: sqlite3.Connection, place: Place, message_ids: Sequence[str], now: float
) -> int:
    """Erase people's messages with their quotations, and take answers with a deleted part out of the history.

    Return the number of messages of both kinds. The next finished erasure deletes copies in log and backups.
    """
    where = conversations.place_row(connection, place)
    if where is None:
        return 0
    rows = dict(rows_of(connection, where, message_ids))
    replies = {found for given in message_ids if (found := sent_row(connection, where, given)) is not None}
    removed = sum(
        connection.execute("DELETE FROM messages WHERE id = ? AND persona IS NULL", (row,)).rowcount
        for row in rows.values()
    )
    quoted = sum(remove_source(connection, where, given) for given in message_ids)
    if removed or quoted:
        connection.execute("INSERT INTO erasures (time) VALUES (?)", (now,))
    return removed + sum(withdraw_reply(connection, row) for row in replies)


def withdraw_reply(connection: sqlite3.Connection, reply: int) -> int:
    """Take the answer that a reply belongs to out of the history; what is not sent of it is dropped."""
    row = connection.execute("SELECT answer FROM messages WHERE id = ?", (reply,)).fetchone()
    return withdraw_answer(connection, row[0]) if row and row[0] is not None else 0


def move_place(connection: sqlite3.Connection, old: Place, new: Place) -> None:
    """Move a chat to another place, before the messages that stand there.

    Old message ids get a prefix, since the new chat counts anew.
    """
    connection.execute("UPDATE OR REPLACE settings SET scope = ? WHERE scope = ?", (str(new), str(old)))
    before = conversations.place_row(connection, old)
    if before is None:
        return
    connection.execute(
        "UPDATE messages SET message_id = ?1 || ':' || message_id, reply_to = ?1 || ':' || reply_to"
        " WHERE place = ?2",
        (old.chat, before),
    )
    connection.execute(
        "UPDATE quotations SET source = ?1 || ':' || source"
        " WHERE source != '' AND message IN (SELECT id FROM messages WHERE place = ?2)",
        (old.chat, before),
    )
    connection.execute(
        "UPDATE outbox SET sent_id = ?1 || ':' || sent_id, reply_to = ?1 || ':' || reply_to WHERE place = ?2",
        (old.chat, before),
    )
    behind = conversations.place_row(connection, new)
    if behind is not None:
        append_place(connection, behind, before)
    connection.execute(
        "UPDATE places SET chat = ?, thread = ?, server = ?, cursor = '' WHERE id = ?",
        (new.chat, new.thread, new.server, before),
    )


def append_place(connection: sqlite3.Connection, place: int, to: int) -> None:
    """Append all rows of one place to another."""
    (tip,) = connection.execute("SELECT tip FROM places WHERE id = ?", (to,)).fetchone()
    (more,) = connection.execute("SELECT tip FROM places WHERE id = ?", (place,)).fetchone()
    connection.execute(
        "UPDATE messages SET place = ?1, anchor = anchor + ?2, number = number + ?2 WHERE place = ?3",
        (to, tip, place),
    )
    connection.execute(
        "UPDATE inbox SET place = ?1, decided = iif(decided, decided + ?2, 0) WHERE place = ?3",
        (to, tip, place),
    )
    connection.execute(
        "UPDATE answers SET place = ?1, decided = decided + ?2 WHERE place = ?3", (to, tip, place)
    )
    connection.execute("UPDATE outbox SET place = ? WHERE place = ?", (to, place))
    connection.execute("UPDATE places SET tip = ? WHERE id = ?", (tip + more, to))
    connection.execute("DELETE FROM places WHERE id = ?", (place,))


def dead_letter(
    connection: sqlite3.Connection, platform: str, account: str, letter: str, reason: str, now: float
) -> None:
    """Store a dead letter; of an account's, the newest `MAX_DEAD_LETTERS` are kept."""
    connection.execute(
        "INSERT INTO dead_letters (platform, account, letter, reason, time) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET reason = excluded.reason",
        (platform, account, letter, reason[:MAX_REASON], now),
    )
    connection.execute(
        "DELETE FROM dead_letters WHERE platform = ?1 AND account = ?2 AND letter IN"
        " (SELECT letter FROM dead_letters WHERE platform = ?1 AND account = ?2"
        " ORDER BY time DESC, letter DESC LIMIT -1 OFFSET ?3)",
        (platform, account, MAX_DEAD_LETTERS),
    )
