"""Recall: what stands in the history of a place, and in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.memory.store import Memory
from bot.message import Author, Message, Place
from tests.faults.memory_story import ANNA, HERE, answer, ids, reply, said


async def accept(memory: Memory, *numbers: int) -> None:
    for number in numbers:
        await memory.accept(said(number))


async def test_a_place_nobody_spoke_in_has_no_history(memory: Memory):
    assert await memory.history(HERE) == ()
    assert await memory.last_answer(HERE) is None


async def test_an_answer_stands_behind_what_it_had_read_however_late_it_comes(memory: Memory):
    await accept(memory, 1, 2)
    await accept(memory, 3)
    await answer(memory, ["m3"], "r3")
    await answer(memory, ["m1", "m2"], "r2")
    assert await ids(memory) == ["m1", "m2", "r2", "m3", "r3"]


async def test_two_answers_behind_the_same_message_stand_as_they_came(memory: Memory):
    await accept(memory, 1, 2)
    await answer(memory, ["m1"], "first")
    await answer(memory, [], "second", read="first")
    await answer(memory, [], "third", read="m1")
    assert await ids(memory) == ["m1", "first", "second", "third", "m2"]


async def test_the_messages_of_one_answer_stand_together(memory: Memory):
    await accept(memory, 1, 2)
    replies = [reply("a"), reply("b")]
    await memory.finish(HERE, ["m1"], replies, ["a", "b"], read="m1", window=None, why={})
    assert await ids(memory) == ["m1", "a", "b", "m2"]
    assert (await memory.last_answer(HERE)).message.id == "b"


async def test_a_greeting_that_read_nothing_stands_first(memory: Memory):
    await accept(memory, 1)
    await answer(memory, [], "greeting")
    assert await ids(memory) == ["greeting", "m1"]


async def test_a_replaced_answer_leaves_the_history_and_its_place_to_the_new_one(memory: Memory):
    await accept(memory, 1, 2)
    await answer(memory, ["m1"], "old")
    await answer(memory, [], "new", read="m1", replaces="old")
    assert await ids(memory) == ["m1", "new", "m2"]
    assert await memory.find(HERE, "old") is not None
    last = await memory.last_answer(HERE)
    assert (last.message.id, last.answered, last.read) == ("new", ("m1",), "m1")


async def test_what_was_replaced_before_it_was_sent_is_not_sent(memory: Memory):
    await accept(memory, 1)
    (old,) = await answer(memory, ["m1"], "old")
    (new,) = await answer(memory, ["m1"], "new", replaces="old")
    assert old.key != new.key
    assert await memory.unsent("telegram", "bot") == (new,)


async def test_every_message_of_a_replaced_answer_leaves(memory: Memory):
    await accept(memory, 1)
    await memory.finish(HERE, ["m1"], [reply("a"), reply("b")], ["a"], read="m1", window=None, why={})
    await answer(memory, [], "new", read="m1", replaces="b")
    assert await ids(memory) == ["m1", "new"]


async def test_the_last_answer_is_the_newest_given(memory: Memory):
    await accept(memory, 1, 2)
    await answer(memory, ["m2"], "r2")
    await answer(memory, ["m1"], "r1")
    last = await memory.last_answer(HERE)
    assert (last.message, last.answered, last.read) == (reply("r1", to="m1"), ("m1",), "m1")


async def test_a_reset_hides_what_was_said_and_answers_to_it_that_come_later(memory: Memory):
    await accept(memory, 1, 2)
    await answer(memory, ["m1"], "r1")
    await memory.reset(HERE)
    assert await ids(memory) == []
    assert await memory.last_answer(HERE) is None
    await answer(memory, ["m2"], "late")
    await answer(memory, [], "greeting")
    await accept(memory, 3)
    assert await ids(memory) == ["greeting", "m3"]
    assert await memory.find(HERE, "late") is not None


async def test_history_begins_at_the_window_until_the_next_reset(memory: Memory):
    await accept(memory, 1, 2, 3)
    await answer(memory, ["m3"], "r3", window="m2")
    assert await ids(memory) == ["m2", "m3", "r3"]
    await answer(memory, [], "more", read="r3")
    assert await ids(memory) == ["m2", "m3", "r3", "more"]
    await answer(memory, [], "end", read="r3", window="r3")
    assert await ids(memory) == ["r3", "more", "end"]
    await memory.reset(HERE)
    await accept(memory, 4)
    assert await ids(memory) == ["m4"]


async def test_the_window_outlives_the_message_it_began_at(memory: Memory):
    await memory.accept(said(1))
    await memory.accept(said(2, author=Author("2", "Ben")))
    await memory.accept(said(3))
    await answer(memory, ["m3"], "r3", window="m2")
    await memory.erase_author("2")
    assert await ids(memory) == ["m3", "r3"]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"limit": 2}, ["m3", "m4"]),
        ({"limit": 0}, []),
        ({"characters": 10}, ["m3", "m4"]),
        ({"characters": 9}, ["m4"]),
        ({"characters": 4}, []),
        ({"limit": 3, "characters": 100}, ["m2", "m3", "m4"]),
    ],
)
async def test_the_newest_are_kept_under_the_limits(memory: Memory, limits: dict[str, int], kept: list[str]):
    for number in range(1, 5):
        await memory.accept(said(number, "12345"))
    assert await ids(memory, **limits) == kept


async def test_history_is_found_by_its_index(memory: Memory):
    plan = await memory._database.run(
        lambda inside: inside.execute(
            "EXPLAIN QUERY PLAN SELECT text FROM messages WHERE place = 1 AND NOT replaced"
            " AND (anchor, number) >= (0, 0) ORDER BY anchor DESC, number DESC LIMIT 5"
        ).fetchall()
    )
    assert [row[3] for row in plan] == [
        "SEARCH messages USING INDEX messages_reading (place=? AND (anchor,number)>(?,?))"
    ]


PARTS = ("telegram", "discord", "", "a/b", "1", "%", "_")


async def test_the_same_chat_id_elsewhere_is_another_place(memory: Memory):
    places = [
        Place(*parts)
        for parts in (
            ("telegram", "bot", "7"),
            ("discord", "bot", "7"),
            ("telegram", "other", "7"),
            ("telegram", "bot", "7", "1"),
            ("telegram", "bot", "7", "2"),
            ("telegram", "bot", "", "7"),
            ("telegram", "bot", "71"),
            ("telegram", "bot", "7/1"),
        )
    ]
    for place in places:
        assert await memory.accept(said(1, f"canary {place}", place=place))
        await answer(memory, ["m1"], "r1", place=place, text=f"answer {place}")
    for place in places:
        texts = [message.text for message in await memory.history(place)]
        assert texts == [f"canary {place}", f"answer {place}"]
    await memory.reset(places[0])
    await memory.erase_place(places[1])
    assert [len(await memory.history(place)) for place in places] == [0, 0, 2, 2, 2, 2, 2, 2]


@given(some.data())
async def test_history_holds_what_was_said_there_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: some.DataObject
):
    place = some.builds(Place, *[some.sampled_from(PARTS)] * 4)
    spoken = data.draw(some.lists(some.tuples(place, some.sampled_from(["m1", "m2"])), max_size=12))
    expected: dict[Place, dict[str, Message]] = {}
    async with Memory(tmp_path_factory.mktemp("memory") / "memory.db") as memory:
        for where, message_id in spoken:
            message = Message(where, message_id, ANNA, f"{where!r}", 1.0)
            new = expected.setdefault(where, {}).setdefault(message_id, message) is message
            assert await memory.accept(message) is new
        for where, messages in expected.items():
            assert await memory.history(where) == tuple(messages.values())
