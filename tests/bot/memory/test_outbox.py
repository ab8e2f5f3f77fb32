"""Memory stores an answer once, queues its parts, and knows what was sent or shown."""

from pathlib import Path

import pytest

from bot.memory.store import Memory
from bot.message import Place
from tests.faults.memory_story import HERE, answer, ids, reply, said


async def test_an_answer_is_queued_in_parts_with_a_key_each(memory: Memory):
    await memory.accept(said(1))
    said_in_reply = reply("r1", "one two", to="m1")
    parts = await memory.finish(HERE, ["m1"], [said_in_reply], ["one", "two"], read="m1", window=None, why={})
    assert [(part.part, part.text, part.state, part.reply_to, part.persona) for part in parts] == [
        (0, "one", "queued", "m1", "eva"),
        (1, "two", "queued", "m1", "eva"),
    ]
    assert len({part.key for part in parts}) == 2
    assert all(len(part.key) <= 25 for part in parts)
    assert await memory.unsent("telegram", "bot") == parts
    assert await memory.unsent("telegram", "other") == ()


async def test_the_key_of_a_part_depends_on_what_it_answers_and_nothing_else(tmp_path: Path):
    keys = set()
    for name in ("first", "second"):
        async with Memory(tmp_path / name / "memory.db") as memory:
            await memory.accept(said(1))
            keys |= {part.key for part in await answer(memory, ["m1"], name)}
    assert len(keys) == 1


async def test_finishing_again_stores_nothing_and_returns_the_parts(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2))
    parts = await answer(memory, ["m1", "m2"], "r1")
    assert await answer(memory, ["m1", "m2"], "r1") == parts
    assert await answer(memory, ["m1", "m2"], "another") == parts
    assert await ids(memory) == ["m1", "m2", "r1"]


async def test_an_answer_to_nobody_is_stored_once_too(memory: Memory):
    parts = await answer(memory, [], "greeting")
    assert await answer(memory, [], "greeting") == parts
    assert await ids(memory) == ["greeting"]


async def test_only_what_is_open_is_answered(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2))
    await answer(memory, ["m1"], "r1")
    await answer(memory, ["m1", "m2"], "r2")
    assert (await memory.last_answer(HERE)).answered == ("m2",)


@pytest.mark.parametrize(
    "about", [{"asked": ["m1"]}, {"asked": [], "read": "m1"}, {"asked": [], "replaces": "r0"}]
)
async def test_an_answer_to_what_was_erased_meanwhile_is_not_stored(memory: Memory, about: dict):
    await memory.accept(said(1))
    await answer(memory, ["m1"], "r0")
    await memory.erase_place(HERE)
    assert await answer(memory, name="r1", **about) == ()
    assert await memory.places() == ()


async def test_an_answer_needs_a_reply_by_a_persona_and_a_part(memory: Memory):
    for replies, parts in (([], ["a"]), ([reply("r1")], []), ([said(1)], ["a"])):
        with pytest.raises(ValueError, match="persona"):
            await memory.finish(HERE, [], replies, parts, read=None, window=None, why={})


async def test_sent_parts_leave_the_outbox_and_their_text_with_them(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sending(part.key)
    ((key, state, attempts),) = [
        (part.key, part.state, part.attempts) for part in await memory.unsent("telegram", "bot")
    ]
    assert (key, state, attempts) == (part.key, "sending", 1)
    await memory.sent(part.key, "55")
    assert await memory.unsent("telegram", "bot") == ()
    assert [(part.state, part.text) for part in await answer(memory, ["m1"], "r1")] == [("sent", "")]


async def test_what_cannot_be_sent_is_dropped(memory: Memory):
    (part,) = await answer(memory, [], "greeting")
    await memory.drop(part.key)
    assert await memory.unsent("telegram", "bot") == ()


async def test_a_draft_noted_before_says_that_it_may_be_shown_already(memory: Memory):
    await memory.accept(said(1))
    drafts = [await memory.draft(HERE, "m1", "eva") for _ in range(2)]
    assert [draft and draft.attempts for draft in drafts] == [0, 1]
    assert len({draft.key for draft in drafts if draft}) == 1


async def test_the_ids_of_what_was_sent_or_shown_are_told_apart(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sent(part.key, "p1")
    await memory.accept(said(2))
    draft = await memory.draft(HERE, "m2", "eva")
    assert draft
    await memory.shown(draft.key, "p2")
    assert await memory.sent_among(HERE, ["p0", "p1", "p2", "m1"]) == {"p1", "p2"}
    assert await memory.sent_among(Place("telegram", "bot", "elsewhere"), ["p1"]) == frozenset()


async def test_an_answer_of_which_a_part_was_deleted_is_sent_no_more(memory: Memory):
    await memory.accept(said(1))
    parts = await memory.finish(
        HERE, ["m1"], [reply("r1", "one two three")], ["one", "two", "three"], read="m1", window=None, why={}
    )
    assert await memory.sending(parts[0].key)
    await memory.sent(parts[0].key, "s1")
    await memory.remove(HERE, ["s1"])
    assert await memory.unsent("telegram", "bot") == ()
    assert not await memory.sending(parts[1].key)
    assert await ids(memory) == ["m1"]


async def test_a_discarded_part_takes_its_answer_with_it(memory: Memory):
    await memory.accept(said(1))
    parts = await memory.finish(
        HERE, ["m1"], [reply("r1", "one two")], ["one", "two"], read="m1", window=None, why={}
    )
    await memory.discard(parts[0].key)
    assert await memory.unsent("telegram", "bot") == ()
    assert await ids(memory) == ["m1"]
    assert await memory.pending("telegram", "bot") == ()
