"""Quotations: words of other authors that came with a message, erased with their authors and sources."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.message import Author, Quotation


def insert_quotations(connection: sqlite3.Connection, row: int, quotations: Iterable[Quotation]) -> None:
    for position, quotation in enumerate(quotations):
        author = quotation.author
        connection.execute(
            "INSERT INTO quotations (message, position, kind, author_id, author_name, is_bot, text, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row,
                position,
                quotation.kind,
                author.id,
                author.name,
                author.is_bot,
                quotation.text,
                quotation.source,
            ),
        )


def quotations_of(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, tuple[Quotation, ...]]:
    """Return the quotations of messages, by row; a message without one is left out."""
    found = connection.execute(
        "SELECT message, kind, author_id, author_name, is_bot, text, source FROM quotations"
        " WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, position",
        (json.dumps(rows),),
    )
    by_row: dict[int, list[Quotation]] = defaultdict(list)
    for row, kind, author, name, is_bot, text, source in found:
        by_row[row].append(Quotation(kind, Author(author, name, bool(is_bot)), text, source))
    return {row: tuple(quotations) for row, quotations in by_row.items()}


def remove_source(connection: sqlite3.Connection, place: int, source: str) -> int:
    """Erase the quotations of a message that was deleted; return their number."""
    found = _quoting(connection, place, source)
    _delete(connection, [(row, position) for row, position, *_ in found])
    return len(found)


def edit_source(connection: sqlite3.Connection, place: int, source: str, text: str) -> None:
    """Quote a message's new text; erase the excerpts that are no part of it any more."""
    for row, position, kind, quoted in _quoting(connection, place, source):
        if kind == "reply":
            connection.execute(
                "UPDATE quotations SET text = ? WHERE message = ? AND position = ?", (text, row, position)
            )
        elif quoted not in text:
            _delete(connection, [(row, position)])


def erase_author_quotations(connection: sqlite3.Connection, author_id: str, platform: str | None) -> None:
    """Erase what others quoted of a person."""
    found = connection.execute(
        "SELECT quotations.message, position FROM quotations"
        " JOIN messages ON messages.id = quotations.message JOIN places ON places.id = messages.place"
        " WHERE quotations.author_id = ?1 AND (?2 IS NULL OR platform = ?2)",
        (author_id, platform),
    )
    _delete(connection, found.fetchall())


def places_quoting(connection: sqlite3.Connection, author_id: str, platform: str | None) -> set[int]:
    """Return the places in which others quoted a person."""
    found = connection.execute(
        "SELECT DISTINCT messages.place FROM quotations JOIN messages ON messages.id = quotations.message"
        " JOIN places ON places.id = messages.place"
        " WHERE quotations.author_id = ?1 AND (?2 IS NULL OR platform = ?2)",
        (author_id, platform),
    )
    return {place for (place,) in found}


def _quoting(connection: sqlite3.Connection, place: int, source: str) -> list[tuple[int, int, str, str]]:
    """Return message, position, kind and text of the quotations of a message."""
    return connection.execute(
        "SELECT quotations.message, position, quotations.kind, quotations.text FROM quotations"
        " JOIN messages ON messages.id = quotations.message WHERE source = ? AND messages.place = ?",
        (source, place),
    ).fetchall()


def _delete(connection: sqlite3.Connection, keys: Sequence[tuple[int, int]]) -> None:
    connection.executemany("DELETE FROM quotations WHERE message = ? AND position = ?", keys)
