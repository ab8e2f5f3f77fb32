"""Traces of a person beside their messages: private chats, settings, ids, texts with their name or words."""

import sqlite3
from collections.abc import Iterable, Mapping

from bot.memory.queries import conversations
from bot.memory.queries.records import NAMED
from bot.prompt.speaker_labels import speaker_label

OWN_PAGE = "web"  # the platform whose accounts are people, each with conversations of their own


def own_chats(connection: sqlite3.Connection, author_id: str, platform: str | None) -> set[int]:
    """Return the places of private chats whose id is the person's own, as on Telegram, and of the page."""
    rows = connection.execute(
        "SELECT id FROM places WHERE (chat = ?1 OR (platform = 'web' AND account = ?1))"
        " AND (?2 IS NULL OR platform = ?2)",
        (author_id, platform),
    )
    return {row for (row,) in rows.fetchall()}


def delete_place(connection: sqlite3.Connection, row: int) -> None:
    """Delete a place with all that was said there, and its settings."""
    scope = str(conversations.place_of(connection, row))
    connection.execute("DELETE FROM settings WHERE scope = ?", (scope,))
    connection.execute("DELETE FROM places WHERE id = ?", (row,))


def erase_texts_naming(connection: sqlite3.Connection, author_id: str, platform: str | None) -> None:
    """Delete the greetings that name a person, and the texts that the person had a persona say.

    Greetings of versions that did not note whom they name are searched for the names of the person.
    """
    rows = connection.execute(
        "SELECT answers.id, text, json_extract(why, ?2) FROM answers"
        " JOIN messages ON messages.answer = answers.id JOIN places ON places.id = answers.place"
        " WHERE rule IN ('greeting', 'posted') AND (?1 IS NULL OR platform = ?1)",
        (platform, f"$.{NAMED}"),
    ).fetchall()
    names = names_of(connection, author_id, platform)
    for answer, text, named in rows:
        if named == author_id or (named is None and any(name in text for name in names)):
            connection.execute("DELETE FROM answers WHERE id = ?", (answer,))


def names_of(connection: sqlite3.Connection, author_id: str, platform: str | None) -> set[str]:
    """Return the names that a person showed, as platforms and as prompts write them."""
    rows = connection.execute(
        "SELECT author_name FROM messages JOIN places ON places.id = messages.place"
        " WHERE author_id = ?1 AND persona IS NULL AND (?2 IS NULL OR platform = ?2)"
        " UNION SELECT quotations.author_name FROM quotations"
        " JOIN messages ON messages.id = quotations.message JOIN places ON places.id = messages.place"
        " WHERE quotations.author_id = ?1 AND (?2 IS NULL OR platform = ?2)",
        (author_id, platform),
    ).fetchall()
    return {shown for (name,) in rows if name.strip() for shown in (name, speaker_label(name))}


def own_settings(
    connection: sqlite3.Connection, author_id: str, platform: str | None
) -> list[tuple[str, str, str]]:
    """Return scope, key and value of the settings of private chats, as of `own_chats`."""
    rows = connection.execute("SELECT scope, key, value FROM settings ORDER BY scope, key").fetchall()
    return [row for row in rows if _is_own(row[0].split("/"), author_id, platform)]


def _is_own(scope: list[str], author_id: str, platform: str | None) -> bool:
    if len(scope) < 3 or platform not in (None, scope[0]):
        return False
    return scope[2] == author_id or (scope[0], scope[1]) == (OWN_PAGE, author_id)


def erase_ids(connection: sqlite3.Connection, author_id: str, platform: str | None) -> None:
    """Delete settings of the person's private chats, and their ids among the commands that were handled."""
    for scope, _, _ in own_settings(connection, author_id, platform):
        connection.execute("DELETE FROM settings WHERE scope = ?", (scope,))
    handled = connection.execute("SELECT scope, value FROM platform_state WHERE name = 'done'").fetchall()
    for scope, value in handled:  # chat and message of each command; a private chat has its person's id
        kept = [name for name in value.split() if not name.startswith(f"{author_id}/")]
        if platform in (None, scope.partition("/")[0]):
            connection.execute(
                "UPDATE platform_state SET value = ? WHERE scope = ? AND name = 'done'",
                (" ".join(kept), scope),
            )


def first_numbers(connection: sqlite3.Connection, author_id: str, places: Iterable[int]) -> dict[int, int]:
    """Return the number of the first message in each place that is a person's, or that quotes the person."""
    numbers: dict[int, int] = {}
    for place in places:
        found = connection.execute(
            "SELECT min(number) FROM messages WHERE place = ?1 AND ((author_id = ?2 AND persona IS NULL)"
            " OR id IN (SELECT message FROM quotations WHERE author_id = ?2))",
            (place, author_id),
        )
        numbers[place] = found.fetchone()[0]
    return numbers


def kept_answers(connection: sqlite3.Connection, first: Mapping[int, int]) -> tuple[int, tuple[str, ...]]:
    """Return the count of answers that were made after a person's first message, and their places."""
    counts = {
        place: connection.execute(
            "SELECT count(*) FROM answers WHERE place = ? AND decided > ?"
            " AND rule NOT IN ('greeting', 'posted')",
            (place, number),
        ).fetchone()[0]
        for place, number in sorted(first.items())
    }
    places = (str(conversations.place_of(connection, place)) for place, count in counts.items() if count)
    return sum(counts.values()), tuple(places)
