"""Messages that come in a row or while a reply is being made."""

import asyncio

from bot.message import Place
from tests.conftest import PLACE, Stage


async def test_a_burst_is_answered_once(stage: Stage, tmp_path: object) -> None:
    await stage.restart(debounce=0.05)
    for text in ("one", "two", "three"):
        await stage.chat.receive(stage.message(text))
    await stage.chat.worker(PLACE).idle()
    assert len(stage.engine.requests) == 1
    assert "Ana: one\nAna: two\nAna: three<" in stage.engine.prompts()[0]


async def test_a_message_of_the_same_author_supersedes_a_reply_that_nobody_saw(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("two"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == [("mara", "Answer 2.")]
    assert "Ana: one\nAna: two<" in stage.engine.prompts()[1]


async def test_a_message_of_another_author_waits_for_the_next_reply(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("two", name="Bo"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]


async def test_places_neither_wait_for_each_other_nor_read_each_other(stage: Stage) -> None:
    other = Place("test", "bot", "other")
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("slow secret"))
    await stage.engine.holding.wait()
    stage.engine.hold = None
    await stage.say("quick", place=other)
    assert stage.outlet.sent == [("mara", "Answer 2.")]
    assert "secret" not in stage.engine.prompts()[1]
