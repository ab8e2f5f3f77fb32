"""Messages and turns for tests of memory, and the check that no turn was stored by half."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Author, Message, Place

HERE = Place("telegram", "bot", "7")
ANNA = Author("1", "Anna")
BEN = Author("2", "Ben")
EVA = Author("99", "Eva", is_bot=True)

HALF_TURNS = {
    "answered without an answer that stands": """
        SELECT count(*) FROM inbox WHERE state = 'answered' AND NOT EXISTS (
            SELECT 1 FROM answered JOIN messages USING (answer)
            WHERE answered.message = inbox.message AND NOT replaced)""",
    "an answer to what is not answered": """
        SELECT count(*) FROM answered JOIN inbox USING (message) WHERE state != 'answered'""",
    "an answer without a reply": """
        SELECT count(*) FROM answers WHERE NOT EXISTS (SELECT 1 FROM messages WHERE answer = answers.id)""",
    "an answer without a part to send": """
        SELECT count(*) FROM answers WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE answer = answers.id)""",
    "a reply without an answer": """
        SELECT count(*) FROM messages WHERE persona IS NOT NULL AND answer IS NULL""",
    "a message of a person without an inbox row": """
        SELECT count(*) FROM messages LEFT JOIN inbox ON message = id
        WHERE messages.persona IS NULL AND state IS NULL""",
    "two answers that stand": """
        SELECT count(*) FROM (
            SELECT 1 FROM answered JOIN messages USING (answer) WHERE NOT replaced
            GROUP BY answered.message HAVING count(DISTINCT answer) > 1)""",
}


def half_turns(path: Path) -> list[str]:
    """Return the checks that found a turn stored by half, and the faults that SQLite finds."""
    with closing(sqlite3.connect(path)) as connection:
        broken = [name for name, query in HALF_TURNS.items() if connection.execute(query).fetchone()[0]]
        broken += [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        return broken + [str(row) for row in connection.execute("PRAGMA foreign_key_check")]


def said(
    number: int | str,
    text: str = "",
    *,
    place: Place = HERE,
    author: Author = ANNA,
    reply_to: str | None = None,
) -> Message:
    return Message(place, f"m{number}", author, text or f"say {number}", 1.5, "direct", reply_to)


def reply(name: str, text: str = "", *, place: Place = HERE, to: str | None = None) -> Message:
    return Message(place, name, EVA, text or f"reply {name}", 2.5, "", to, persona="eva")


async def answer(
    memory: Memory,
    asked: list[str],
    name: str,
    *,
    place: Place = HERE,
    read: str | None = None,
    window: str | None = None,
    replaces: str | None = None,
    text: str = "",
) -> tuple[Outgoing, ...]:
    """One reply, sent as one part, that had read up to the last message it answers, or to `read`."""
    said = reply(name, text, place=place, to=asked[0] if asked else None)
    read = read or (asked[-1] if asked else None)
    why = {"rule": "direct", "seed": 3}
    return await memory.finish(
        place, asked, [said], [said.text], read=read, window=window, why=why, replaces=replaces
    )


async def ids(memory: Memory, place: Place = HERE, **limits: int) -> list[str]:
    return [message.id for message in await memory.history(place, **limits)]
