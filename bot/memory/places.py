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
    found = find(connection, place)
    if found is None:
        connection.execute(
            "INSERT INTO places (platform, account, chat, thread) VALUES (?, ?, ?, ?)", key(place)
        )
        found = find(connection, place)
    assert found is not None
    return found


def key(place: Place) -> tuple[str, str, str, str]:
    return place.platform, place.account, place.chat, place.thread


def place_of(connection: sqlite3.Connection, row: int) -> Place:
    return Place(
        *connection.execute(
            "SELECT platform, account, chat, thread FROM places WHERE id = ?", (row,)
        ).fetchone()
    )


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
