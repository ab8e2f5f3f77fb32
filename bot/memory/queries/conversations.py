"""Rows of places, found by all four parts of their key, never by fewer."""

import sqlite3

from bot.message import Place


def place_row(connection: sqlite3.Connection, place: Place) -> int | None:
    row = connection.execute(
        "SELECT id FROM places WHERE platform = ? AND account = ? AND chat = ? AND thread = ?",
        place_key(place),
    ).fetchone()
    return row and int(row[0])


def ensure_place(connection: sqlite3.Connection, place: Place) -> int:
    """Return the row of a place, inserted if missing."""
    connection.execute(
        "INSERT INTO places (platform, account, chat, thread, server) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (platform, account, chat, thread) DO UPDATE SET server = excluded.server"
        " WHERE excluded.server NOT IN ('', server)",
        (*place_key(place), place.server),
    )
    found = place_row(connection, place)
    assert found is not None
    return found


def place_key(place: Place) -> tuple[str, str, str, str]:
    return place.platform, place.account, place.chat, place.thread


def place_of(connection: sqlite3.Connection, row: int) -> Place:
    *key, server = connection.execute(
        "SELECT platform, account, chat, thread, server FROM places WHERE id = ?", (row,)
    ).fetchone()
    return Place(*key, server=server)


def next_number(connection: sqlite3.Connection, row: int) -> int:
    """Return the next number of a place."""
    return int(
        connection.execute("UPDATE places SET tip = tip + 1 WHERE id = ? RETURNING tip", (row,)).fetchone()[0]
    )


def last_reset(connection: sqlite3.Connection, row: int) -> int:
    return int(connection.execute("SELECT since FROM places WHERE id = ?", (row,)).fetchone()[0])


def is_cut(connection: sqlite3.Connection, place: Place) -> bool:
    """Return whether the window begins later than the conversation."""
    row = connection.execute(
        "SELECT window_number > 0 FROM places WHERE id = ?", (place_row(connection, place),)
    )
    return bool(row.fetchone() == (1,))


def reset_conversation(connection: sqlite3.Connection, place: Place) -> None:
    """Let the conversation begin behind all stored messages."""
    row = place_row(connection, place)
    if row is not None:
        connection.execute(
            "UPDATE places SET since = ?, window_anchor = 0, window_number = 0 WHERE id = ?",
            (next_number(connection, row), row),
        )


def cursors(connection: sqlite3.Connection, platform: str, account: str) -> dict[Place, str]:
    """Return the platform's id of the newest accepted message, by place of an account."""
    rows = connection.execute(
        "SELECT id, cursor FROM places WHERE platform = ? AND account = ? AND cursor != '' ORDER BY id",
        (platform, account),
    ).fetchall()
    return {place_of(connection, row): cursor for row, cursor in rows}


def move_cursor(connection: sqlite3.Connection, row: int, message_id: str) -> None:
    """Move the cursor forward. Ids of a place grow: a longer one is greater, then by digits."""
    connection.execute(
        "UPDATE places SET cursor = ?2 WHERE id = ?1 AND (length(?2), ?2) > (length(cursor), cursor)",
        (row, message_id),
    )
