"""Words of others in memory: stored with the message, erased with their author or source."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.memory.store import Memory
from bot.message import Author, Message, Place, Quotation
from tests.bot.memory.queries.test_erase import copies

HERE, THERE = Place("telegram", "bot", "-7"), Place("discord", "bot", "7")
ANA, BO = Author("1", "Ana"), Author("2", "Bo")
REPLY = Quotation("reply", BO, "The tide table is wrong.", "9")
EXCERPT = Quotation("excerpt", BO, "tide table", "9")
FORWARD = Quotation("forward", BO, "The harbour closes.")


@pytest.fixture
async def memory(tmp_path: Path):
    async with Memory(tmp_path / "memory.db") as opened:
        yield opened


def said(*quotations: Quotation, place: Place = HERE, id: str = "10", text: str = "true?") -> Message:
    return Message(place, id, ANA, text, 1.0, reply_to="9", quotations=quotations)


async def quoted(memory: Memory, place: Place = HERE) -> list[str]:
    return [each.text for message in await memory.history(place) for each in message.quotations]


async def test_quotations_are_kept_in_their_order(memory: Memory) -> None:
    message = said(EXCERPT, FORWARD, REPLY)
    await memory.accept(message)
    assert await memory.history(HERE) == (message,)
    assert await memory.find(HERE, "10") == message
    assert await memory.pending("telegram", "bot") == (message,)


async def test_a_message_that_memory_holds_is_not_stored_again_as_a_quotation(memory: Memory) -> None:
    await memory.accept(Message(HERE, "9", BO, "The tide table is wrong.", 0.0))
    await memory.accept(said(REPLY, EXCERPT))
    assert await quoted(memory) == ["tide table"]


async def test_an_erased_author_is_quoted_nowhere(memory: Memory, tmp_path: Path) -> None:
    await memory.accept(said(REPLY, FORWARD))
    await memory.accept(said(FORWARD, place=THERE))
    assert (await memory.erase_author("2", "telegram")).quotations == 2
    assert (await quoted(memory), await quoted(memory, THERE)) == ([], ["The harbour closes."])
    assert (await memory.erase_author("2")).quotations == 1
    assert copies(tmp_path, "The harbour closes") == []
    assert len(await memory.history(HERE)) == 1


async def test_an_answer_made_behind_a_quotation_is_told_of_when_its_author_is_erased(memory: Memory) -> None:
    await memory.accept(said(REPLY))
    reply = Message(HERE, "a1", Author("persona:mara", "Mara", True), "Aye.", 2.0, persona="mara")
    await memory.finish(HERE, ["10"], [reply], ["Aye."], read="10", window=None, why={"rule": "x"})
    erased = await memory.erase_author("2")
    assert (erased.kept, erased.kept_in) == (1, (str(HERE),))


async def test_a_deleted_message_is_quoted_no_more(memory: Memory) -> None:
    await memory.accept(said(REPLY, EXCERPT, FORWARD))
    await memory.accept(said(REPLY, place=THERE))
    await memory.remove(HERE, ["9"])
    assert (await quoted(memory), await quoted(memory, THERE)) == (["The harbour closes."], [REPLY.text])


async def test_an_edited_message_is_quoted_as_edited(memory: Memory) -> None:
    await memory.accept(said(REPLY, EXCERPT))
    await memory.edit(HERE, "9", "The tide table is right.")
    assert await quoted(memory) == ["The tide table is right.", "tide table"]
    await memory.edit(HERE, "9", "All is right.")
    assert await quoted(memory) == ["All is right."]


async def test_a_chat_that_moves_keeps_its_quotations(memory: Memory) -> None:
    await memory.accept(said(REPLY))
    moved = Place("telegram", "bot", "-100")
    await memory.move(HERE, moved)
    assert await quoted(memory, moved) == [REPLY.text]
    await memory.remove(moved, ["-7:9"])
    assert await quoted(memory, moved) == []


async def test_an_export_holds_where_a_person_is_quoted(memory: Memory) -> None:
    await memory.accept(said(REPLY))
    exported = await memory.export("2", "telegram")
    assert [(row["message_id"], row["text"]) for row in exported["quoted"]] == [("10", REPLY.text)]
    assert (await memory.export("2", "discord"))["quoted"] == []


async def test_quotations_count_among_the_characters_of_a_history(memory: Memory) -> None:
    await memory.accept(said(REPLY, text="a", id="10"))
    await memory.accept(said(text="b", id="11"))
    assert [message.text for message in await memory.history(HERE, characters=10)] == ["b"]


async def test_a_notice_about_an_unread_message_is_stored_once_for_its_author(memory: Memory) -> None:
    unread = [replace(said(id=str(number)), unread=True) for number in range(3)]
    for message in unread:
        await memory.accept(message)
    other = replace(unread[0], id="7", author=BO)
    await memory.accept(other)
    told = [await memory.tell_unread(message, "not read") for message in (*unread, other, unread[0])]
    assert [[part.text for part in parts] for parts in told] == [
        ["not read"],
        [],
        [],
        ["not read"],
        ["not read"],
    ]
    assert told[0][0].key == told[4][0].key


async def test_a_recorded_notice_waits_for_no_answer_and_moves_no_cursor(memory: Memory) -> None:
    await memory.accept(said())
    notice = Message(HERE, "reaction:10:2", BO, "[reacted with 🌊]", 2.0, reply_to="10")
    assert await memory.record(notice, "a notice")
    assert not await memory.record(notice, "a notice")
    assert [message.id for message in await memory.pending("telegram", "bot")] == ["10"]
    assert await memory.cursors("telegram", "bot") == {HERE: "10"}


async def test_an_ignored_message_is_accepted_again(memory: Memory) -> None:
    await memory.accept(said())
    assert not await memory.reopen(said())
    await memory.ignore(HERE, "10", "not addressed")
    assert await memory.ignored_by(HERE, "10") == "not addressed"
    assert await memory.reopen(replace(said(), address="mention"))
    (pending,) = await memory.pending("telegram", "bot")
    assert (pending.id, pending.address) == ("10", "mention")
    assert await memory.ignored_by(HERE, "10") is None
