"""Erasing a person: ids in settings and state, names in greetings, words that a persona was made to say."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.memory.store import Memory
from bot.message import Author, Place
from tests.bot.memory.queries.test_erase import copies
from tests.faults.memory_story import answer, reply, said

ANNA = Author("90817263", "Anna Quay")
OWN = Place("telegram", "bot", ANNA.id)
GROUP = Place("telegram", "bot", "-7")


@pytest.fixture
async def memory(tmp_path: Path):
    async with Memory(tmp_path / "memory.db") as opened:
        yield opened


async def say(memory: Memory, place: Place, name: str, text: str, why: Mapping[str, object]) -> None:
    await memory.finish(place, [], [reply(name, text, place=place)], [text], read=None, window=None, why=why)


async def test_whoever_only_gave_commands_is_in_no_file_after_an_erasure(memory: Memory, tmp_path: Path):
    await say(memory, OWN, "greeting", "Welcome.", {"rule": "greeting", "user": ANNA.id})
    for scope in (str(OWN), f"{OWN}/4", "telegram/bot/-7"):
        await memory.set_setting(scope, "persona", "eva")
    await memory.set_platform_state("telegram/bot", "done", f"{ANNA.id}/5 12 {ANNA.id}/6 press/7 -7/8")
    await memory.backup()
    erased = await memory.erase_author(ANNA.id)
    assert (erased.places, erased.settings) == (1, 2)
    assert copies(tmp_path, ANNA.id) == []
    assert await memory.platform_state("telegram/bot") == {"done": "12 press/7 -7/8"}
    assert await memory.settings("telegram/bot/-7") == {"persona": "eva"}


async def test_a_place_that_is_erased_whole_loses_its_settings(memory: Memory):
    there = Place("discord", "bot", "555")
    await memory.accept(said(1, place=there, author=ANNA))
    await memory.set_setting(str(there), "persona", "eva")
    await memory.erase_author(ANNA.id)
    assert await memory.setting_scopes() == ()


async def test_a_chat_of_the_same_id_in_which_others_speak_stays(memory: Memory):
    await memory.accept(said(1, place=OWN, author=Author("3", "Ben")))
    await memory.erase_author(ANNA.id)
    assert [message.id for message in await memory.history(OWN)] == ["m1"]


@pytest.mark.parametrize("rule", ["greeting", "posted"])
async def test_a_text_of_a_persona_with_the_name_or_words_of_the_person_goes(
    memory: Memory, tmp_path: Path, rule: str
):
    await memory.accept(said(1, place=GROUP, author=Author("3", "Ben")))
    await say(memory, GROUP, "one", "Sit, Anna Quay.", {"rule": rule, "user": ANNA.id})
    await say(memory, GROUP, "two", "Sit, Ben.", {"rule": rule, "user": "3"})
    erased = await memory.erase_author(ANNA.id)
    assert (erased.answers, erased.outgoing, erased.kept) == (1, 1, 0)
    assert copies(tmp_path, "Anna Quay") == []
    assert {message.text for message in await memory.history(GROUP)} == {"say 1", "Sit, Ben."}


async def test_a_greeting_of_an_earlier_version_is_found_by_the_name(memory: Memory, tmp_path: Path):
    await memory.accept(said(1, place=GROUP, author=ANNA))
    await memory.accept(said(2, place=GROUP, author=Author("3", "Ben")))
    await say(memory, GROUP, "one", "Sit, Anna Quay.", {"rule": "greeting"})
    await say(memory, GROUP, "two", "Sit, Ben.", {"rule": "greeting"})
    await memory.erase_author(ANNA.id)
    assert copies(tmp_path, "Anna Quay") == []
    assert {message.text for message in await memory.history(GROUP)} == {"say 2", "Sit, Ben."}


async def test_answers_to_others_that_may_repeat_the_words_are_counted_by_place(memory: Memory):
    for number, (place, author) in enumerate(
        [(GROUP, Author("3", "Ben")), (GROUP, ANNA), (GROUP, Author("3", "Ben")), (OWN, ANNA)]
    ):
        await memory.accept(said(number, place=place, author=author))
    await answer(memory, ["m0", "m1"], "both", place=GROUP)
    await answer(memory, ["m2"], "after", place=GROUP)
    await answer(memory, ["m3"], "hers", place=OWN)
    erased = await memory.erase_author(ANNA.id)
    assert (erased.kept, erased.kept_in) == (2, (str(GROUP),))


async def test_what_was_answered_before_the_person_spoke_is_not_counted(memory: Memory):
    await memory.accept(said(0, place=GROUP, author=Author("3", "Ben")))
    await answer(memory, ["m0"], "before", place=GROUP)
    await memory.accept(said(1, place=GROUP, author=ANNA))
    assert (await memory.erase_author(ANNA.id)).kept == 0


async def test_the_export_holds_what_an_erasure_would_take(memory: Memory):
    await say(memory, OWN, "one", "Welcome.", {"rule": "greeting", "user": ANNA.id})
    await say(memory, GROUP, "two", "Sit, Anna Quay.", {"rule": "greeting", "user": ANNA.id})
    await say(memory, GROUP, "three", "Sit, Ben.", {"rule": "greeting", "user": "3"})
    await memory.set_setting(str(OWN), "persona", "eva")
    exported = await memory.export(ANNA.id)
    assert [row["text"] for row in exported["answers"]] == ["Welcome.", "Sit, Anna Quay."]
    assert exported["settings"] == [{"scope": str(OWN), "name": "persona", "value": "eva"}]
