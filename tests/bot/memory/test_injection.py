"""Text that looks like SQL is text."""

import ast
import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path

import bot.memory
from bot.memory.store import Memory
from bot.message import Author, Message, Place

SOURCE = Path(bot.memory.__file__).parent
OPENERS = ("'", '"', "')", '")', "`", "]", "';", "%' ")
ATTACKS = (
    "; DROP TABLE messages; --",
    " OR 1=1 --",
    " UNION SELECT sql FROM sqlite_schema --",
    "; UPDATE inbox SET state='answered'; --",
    "; PRAGMA writable_schema=ON; DELETE FROM sqlite_schema; --",
    ", (SELECT group_concat(text) FROM messages)) --",
)
CLOSERS = ("", "'", '"', ")", "\n--", "/*", "\t", "%", ";", "' AND '1'='1")
PAYLOADS = [
    *map("".join, product(OPENERS, ATTACKS, CLOSERS)),
    "?1",
    ":place",
    "@x",
    "$1",
    "NEAR(a b)",
    '"a" * NOT',
    "\\'",
    "/*",
    *(f"{word}{end}" for word in ("NEAR(a, 3)", '"a" OR', "a*", "^a", "a AND NOT") for end in ("", "*", '"')),
]


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


async def test_payloads_through_every_entry_change_nothing_and_come_back(tmp_path: Path):
    path = tmp_path / "memory.db"
    async with Memory(path) as memory:
        before = schema(path)
        for payload in PAYLOADS:
            await tell(memory, payload)
        status = await memory.status()
    assert len(PAYLOADS) >= 500
    assert schema(path) == before
    assert (status.messages, status.places) == (3 * len(PAYLOADS), len(PAYLOADS))
    assert status.inbox == {"answered": len(PAYLOADS), "given_up": len(PAYLOADS)}


async def tell(memory: Memory, text: str) -> None:
    """One story in which every word is the payload."""
    place = Place(text, text, text, text)
    asked = Message(place, text, Author(text, text), text, 1.0, reply_to=text)
    failed = Message(place, f"{text}2", Author(text, text), text, 1.0)
    reply = Message(place, f"{text}r", Author(text, text), text, 2.0, persona=text)
    assert await memory.accept(asked)
    assert await memory.accept(failed)
    await memory.ignore(place, f"{text}3", text)
    assert await memory.begin(place, [text], text, text) == (text,)
    (part,) = await memory.finish(place, [text], [reply], [text], read=text, window=text, why={text: text})
    assert (await memory.why(place)).why == {text: text}
    (notice,) = await memory.give_up(place, [failed.id], text, text)
    assert await memory.unsent(text, text) == (part, notice)
    for outgoing in (part, notice):
        await memory.sending(outgoing.key)
        await memory.sent(outgoing.key, f"{text}{outgoing.part}")
    await memory.sent(text, text)
    await memory.set_setting(text, text, text)
    assert await memory.settings(text) == {text: text}
    assert await memory.history(place) == (asked, reply, failed)
    assert await memory.find(place, text) == asked
    assert await memory.pending(text, text) == ()
    assert (await memory.last_answer(place)).message == reply
    assert len((await memory.export(text, text))["messages"]) == 2


async def test_erasing_by_a_payload_erases_that_and_nothing_else(tmp_path: Path):
    async with Memory(tmp_path / "memory.db") as memory:
        for payload in PAYLOADS[::8]:
            await tell(memory, payload)
        before = (await memory.status()).messages
        assert (await memory.erase_author("' OR 1=1 --", "%")).messages == 0
        assert (await memory.erase_author(PAYLOADS[0], PAYLOADS[0])).messages == 3
        assert (await memory.erase_place(Place(*[PAYLOADS[8]] * 4))).messages == 3
        assert (await memory.status()).messages == before - 6


def test_no_statement_is_built_from_strings():
    calls = [
        (file.name, call)
        for file in SOURCE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "execute"
    ]
    assert len(calls) > 50
    named = {(name, call.args[0].id) for name, call in calls if isinstance(call.args[0], ast.Name)}
    built = [call for _, call in calls if not isinstance(call.args[0], ast.Constant | ast.Name)]
    assert built == []
    assert named == {
        ("connection.py", "sql"),
        ("connection.py", "pragma"),
        ("migration.py", "statement"),
        ("export.py", "query"),
        ("status.py", "WAITING"),
        ("swipes.py", "_SWIPES"),
    }
