"""The key of all memory, as a row: places are found by all four of their parts, never by fewer."""

import sqlite3

from bot.message import Place


def find(connection: sqlite3.Connection, place: Place) -> int | None:
    row = connection.execute(
        "SELECT id FROM places WHERE platform = ? AND account = ? AND chat = ? AND thread = ?", key(place)
    ).fetchone()
    return row and int(row[0])


def enter(connection: sqlite3.Connection, place: Place) -> int:
    """The place's row, made where there is none."""
    connection.execute(
        "INSERT INTO places (platform, account, chat, thread, server) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (platform, account, chat, thread) DO UPDATE SET server = excluded.server"
        " WHERE excluded.server NOT IN ('', server)",
        (*key(place), place.server),
    )
    found = find(connection, place)
    assert found is not None
    return found


def key(place: Place) -> tuple[str, str, str, str]:
    return place.platform, place.account, place.chat, place.thread


def place_of(connection: sqlite3.Connection, row: int) -> Place:
    *key, server = connection.execute(
        "SELECT platform, account, chat, thread, server FROM places WHERE id = ?", (row,)
    ).fetchone()
    return Place(*key, server=server)


def advance(connection: sqlite3.Connection, row: int) -> int:
    """The next number of this place."""
    return int(
        connection.execute("UPDATE places SET tip = tip + 1 WHERE id = ? RETURNING tip", (row,)).fetchone()[0]
    )


def since(connection: sqlite3.Connection, row: int) -> int:
    return int(connection.execute("SELECT since FROM places WHERE id = ?", (row,)).fetchone()[0])


def is_cut(connection: sqlite3.Connection, place: Place) -> bool:
    """Whether the window begins later than the conversation does."""
    row = connection.execute("SELECT window_number > 0 FROM places WHERE id = ?", (find(connection, place),))
    return bool(row.fetchone() == (1,))


def reset(connection: sqlite3.Connection, place: Place) -> None:
    """Let the conversation start anew behind everything that was said."""
    row = find(connection, place)
    if row is not None:
        connection.execute(
            "UPDATE places SET since = ?, window_anchor = 0, window_number = 0 WHERE id = ?",
            (advance(connection, row), row),
        )


def cursors(connection: sqlite3.Connection, platform: str, account: str) -> dict[Place, str]:
    """The newest message accepted in each place of an account, by the platform's id."""
    rows = connection.execute(
        "SELECT id, cursor FROM places WHERE platform = ? AND account = ? AND cursor != '' ORDER BY id",
        (platform, account),
    ).fetchall()
    return {place_of(connection, row): cursor for row, cursor in rows}


def move_cursor(connection: sqlite3.Connection, row: int, message_id: str) -> None:
    """Ids of one place grow: a longer one is greater, then by digits."""
    connection.execute(
        "UPDATE places SET cursor = ?2 WHERE id = ?1 AND (length(?2), ?2) > (length(cursor), cursor)",
        (row, message_id),
    )
