"""What platforms change behind a conversation: edits, deletions, chats that move, drafts of answers."""

import sqlite3
from contextlib import closing
from dataclasses import replace

from bot.memory.store import Memory
from bot.message import Message, Place
from tests.faults.memory_story import ANNA, BEN, HERE, answer, half_turns, ids, said

NEW = Place("telegram", "bot", "-100777")


async def texts(memory: Memory, place: Place = HERE) -> list[str]:
    return [message.text for message in await memory.history(place)]


async def test_an_edited_message_is_read_as_edited(memory: Memory):
    await memory.accept(said(1, "tea"))
    assert await memory.edit(HERE, "m1", "coffee")
    assert not await memory.edit(HERE, "m1", "coffee")
    assert not await memory.edit(HERE, "m2", "milk")
    assert await texts(memory) == ["coffee"]


async def test_a_personas_own_words_are_edited_by_nobody(memory: Memory):
    await memory.accept(said(1))
    await answer(memory, ["m1"], "r1")
    assert not await memory.edit(HERE, "r1", "forged")
    assert await texts(memory) == ["say 1", "reply r1"]


async def test_a_deleted_message_is_neither_read_nor_answered(memory: Memory):
    for number in (1, 2):
        await memory.accept(said(number))
    assert await memory.remove(HERE, ["m1", "m9"]) == 1
    assert await ids(memory) == ["m2"]
    assert [message.id for message in await memory.pending("telegram", "bot")] == ["m2"]
    assert await memory.begin(HERE, ["m1"], "eva", "direct") == ()
    assert half_turns(memory.path) == []


async def test_the_answer_to_a_deleted_message_stays(memory: Memory):
    await memory.accept(said(1))
    await answer(memory, ["m1"], "r1")
    await memory.remove(HERE, ["m1"])
    assert await ids(memory) == ["r1"]
    assert half_turns(memory.path) == []


async def test_no_byte_of_a_deleted_message_is_left_once_memory_settles(memory: Memory):
    await memory.accept(said(1, "purple elephant"))
    await memory.backup()
    await memory.remove(HERE, ["m1"])
    await memory.settle()
    files = [path for path in memory.path.parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"purple elephant" in path.read_bytes()]


async def test_an_answer_deleted_on_its_platform_leaves_the_history(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sending(part.key)
    await memory.sent(part.key, "77")
    assert await memory.remove(HERE, ["77"]) == 1
    assert await ids(memory) == ["m1"]


async def test_a_chat_that_moves_keeps_its_story_and_its_settings(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.set_setting(str(HERE), "persona", "eva")
    await memory.move(HERE, NEW)
    await memory.accept(said(1, "first of the new chat", place=NEW))
    assert await texts(memory, NEW) == ["say 1", "reply r1", "first of the new chat"]
    assert await texts(memory, HERE) == []
    assert await memory.settings(str(NEW)) == {"persona": "eva"}
    assert [one.place for one in await memory.unsent("telegram", "bot")] == [NEW]
    assert [one.key for one in await memory.unsent("telegram", "bot")] == [part.key]
    assert half_turns(memory.path) == []


async def test_a_chat_moves_before_what_was_already_said_in_the_new_one(memory: Memory):
    await memory.accept(said(1, "old"))
    await answer(memory, ["m1"], "r1")
    await memory.accept(said(1, "new", place=NEW))
    await answer(memory, ["m1"], "r2", place=NEW)
    await memory.move(HERE, NEW)
    assert await texts(memory, NEW) == ["old", "reply r1", "new", "reply r2"]
    await memory.accept(said(2, "newer", place=NEW))
    assert (await texts(memory, NEW))[-1] == "newer"
    assert (await memory.status()).places == 1
    assert half_turns(memory.path) == []


async def test_a_new_chats_message_is_not_taken_for_one_sent_in_the_old_one(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sent(part.key, "m2")
    await memory.move(HERE, NEW)
    assert await memory.accept(said(2, "say 2", place=NEW))
    assert await memory.sent_of(NEW, f"{HERE.chat}:r1") == (f"{HERE.chat}:m2",)


async def test_settings_move_with_a_chat_in_which_nothing_was_said(memory: Memory):
    await memory.set_setting(str(HERE), "listen", "on")
    await memory.move(HERE, NEW)
    assert (await memory.settings(str(HERE)), await memory.settings(str(NEW))) == ({}, {"listen": "on"})


async def test_moving_a_chat_nobody_knows_changes_nothing(memory: Memory):
    await memory.move(HERE, NEW)
    assert (await memory.status()).places == 0


async def test_a_draft_is_the_same_after_a_crash_and_becomes_the_answer(memory: Memory):
    await memory.accept(said(1))
    draft = await memory.draft(HERE, "m1", "eva")
    assert draft
    assert await memory.unsent("telegram", "bot") == ()
    await memory.shown(draft.key, "55")
    assert await memory.draft(HERE, "m1", "eva") == replace(draft, sent_id="55", attempts=1)
    (part,) = await answer(memory, ["m1"], "r1")
    assert (part.key, part.sent_id, part.text, part.state) == (draft.key, "55", "reply r1", "sending")
    assert await memory.unsent("telegram", "bot") == (part,)
    assert half_turns(memory.path) == []


async def test_a_draft_of_what_is_given_up_gives_way_to_the_notice(memory: Memory):
    await memory.accept(said(1))
    draft = await memory.draft(HERE, "m1", "eva")
    assert draft
    await memory.shown(draft.key, "55")
    (notice,) = await memory.give_up(HERE, ["m1"], "why", "Sorry.")
    assert notice.key != draft.key
    assert (notice.sent_id, notice.state, notice.persona) == ("55", "sending", "eva")
    assert await memory.give_up(HERE, ["m1"], "why", "Sorry.") == (notice,)
    assert await memory.unsent("telegram", "bot") == (notice,)
    assert not await memory.accept(Message(HERE, "55", ANNA, "own words", 1.0))


async def test_every_draft_of_what_is_given_up_gives_way_even_one_that_is_not_known_to_be_seen(
    memory: Memory,
):
    for number in (1, 2, 3):
        await memory.accept(said(number))
    for number in (2, 3):
        await memory.draft(HERE, f"m{number}", "eva")
    notices = await memory.give_up(HERE, ["m1", "m2", "m3"], "why", "Sorry.")
    assert [(notice.reply_to, notice.text, notice.state) for notice in notices] == [
        ("m2", "Sorry.", "sending"),
        ("m3", "Sorry.", "sending"),
    ]
    assert await memory.unsent("telegram", "bot") == notices


async def test_there_is_no_draft_for_a_message_that_is_gone(memory: Memory):
    await memory.accept(said(1))
    await memory.remove(HERE, ["m1"])
    assert await memory.draft(HERE, "m1", "eva") is None


async def test_the_cursor_of_a_place_is_its_newest_message_even_when_that_is_erased(memory: Memory):
    for number in ("998", "1001", "999"):
        await memory.accept(replace(said(number), id=number))
    await memory.accept(replace(said("7", place=NEW, author=BEN), id="7"))
    assert await memory.cursors("telegram", "bot") == {HERE: "1001", NEW: "7"}
    await memory.remove(HERE, ["1001"])
    assert await memory.cursors("telegram", "bot") == {HERE: "1001", NEW: "7"}


async def test_a_place_remembers_its_server_and_is_the_same_without(memory: Memory):
    there = replace(HERE, server="guild")
    await memory.accept(said(1, place=there))
    await memory.accept(said(2))
    (known,) = await memory.cursors("telegram", "bot")
    assert (known, known.server) == (HERE, "guild")
    assert (await memory.status()).places == 1


async def test_what_cannot_be_read_is_counted_once(memory: Memory):
    for _ in range(2):
        await memory.dead_letter("telegram", "bot", "42", "its date is out of range")
    assert (await memory.status()).dead == 1


async def test_every_part_of_an_answer_is_found_by_its_reply(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    assert await memory.sent_of(HERE, "r1") == ()
    await memory.sent(part.key, "77")
    assert await memory.sent_of(HERE, "r1") == ("77",)
    with closing(sqlite3.connect(memory.path)) as connection:
        assert connection.execute("SELECT text FROM outbox").fetchall() == [("",)]


async def test_what_was_said_before_a_reset_or_taken_back_is_quoted_no_more(memory: Memory):
    await memory.accept(said(1))
    (part,) = await answer(memory, ["m1"], "r1")
    await memory.sent(part.key, "77")
    assert {*await memory.parents(HERE, ["m1", "77", "m9"])} == {"m1", "77"}
    await memory.remove(HERE, ["77"])
    assert {*await memory.parents(HERE, ["m1", "77"])} == {"m1"}
    await memory.reset(HERE)
    assert await memory.parents(HERE, ["m1", "77"]) == {}
