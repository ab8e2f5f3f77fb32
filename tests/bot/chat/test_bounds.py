"""The length of replies and posted texts, waiting requests and notices of a place are bounded."""

import asyncio
from dataclasses import replace

import pytest

from bot.chat import responder
from bot.chat.delivery import MAX_REPLY, RetryLater, split_reply
from bot.chat.proactive import post, regenerate
from bot.engine.interface import Status
from bot.errors import UserError
from bot.memory.queries import answers
from bot.message import Author
from tests.conftest import MARA, PLACE, Stage
from tests.fakes.outlet import Recorder

ANA = Author("ana", "Ana")
ENDLESS = {
    "words": "on and on " * 20_000,
    "no blank": "x" * 200_000,
    "lines": "a line\n" * 20_000,
    "paragraphs": "one\n\ntwo\n\n" * 20_000,
    "marks": "**bold** _thin_ `code` " * 10_000,
    "open marks": "**__~~||" * 20_000,
    "fences": "```python\nx = 1\n```\n" * 10_000,
    "a fence": "```\n" + "x = 1\n" * 30_000,
    "Chinese": "说个不停。" * 20_000,
    "flags": "🇩🇪" * 50_000,
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_reply_without_end_becomes_a_few_messages(
    stage: Stage, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.outlet.room = 1900
    stage.engine.script.append(ENDLESS[name])
    await stage.say("Tell me all.")
    assert 1 < len(stage.outlet.sent) <= 25
    (reply,) = [message.text for message in await stage.memory.history(PLACE) if message.persona]
    assert len(reply) <= MAX_REPLY
    assert reply.endswith("…")
    assert "reply_cut" in caplog.messages


@pytest.mark.parametrize("name", ENDLESS)
def test_the_longest_reply_in_bursts_is_a_few_messages(name: str) -> None:
    talkative = replace(MARA, bursts=True)
    assert len(split_reply(Recorder(1900), PLACE, talkative, ENDLESS[name][:MAX_REPLY])) <= 30


async def test_a_posted_text_beyond_the_bound_is_refused_with_the_number(stage: Stage) -> None:
    with pytest.raises(UserError, match="16,001 characters; at most 16,000 fit"):
        await post(stage.chat, stage.memory, PLACE, "x" * 16_001, ANA)
    assert stage.outlet.sent == []
    await post(stage.chat, stage.memory, PLACE, "x" * 16_000, ANA)
    assert [len(text) for _, text in stage.outlet.sent] == [16_000]


async def test_a_reply_for_which_too_many_wait_is_refused_with_a_notice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Status("ready", "scripted", queued=responder.MAX_REQUESTS, context=4096)
    monkeypatch.setattr(stage.engine, "status", lambda: full)
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, "Too many answers are being made at once: ask again in a moment.")]
    assert stage.engine.requests == []


async def test_messages_to_a_persona_that_is_gone_leave_one_notice_at_a_time(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "persona", "nobody")
    stage.outlet.failure = RetryLater("away", 0.05)
    for number in range(50):
        await stage.chat.receive(stage.message(f"line {number}"))
    stage.outlet.failure = None
    while stage.chat.workers():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert len(stage.outlet.sent) == 1
    await stage.say("Still there?")
    assert len(stage.outlet.sent) == 2


async def test_replies_that_were_given_again_are_kept_up_to_the_bound(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_ALTERNATIVES", 3)
    await stage.say("Rain?")
    for _ in range(10):
        await regenerate(stage.chat, stage.memory, PLACE, ANA)
    assert await stage.history() == ["Ana: Rain?", "Mara: Answer 11."]
    exported = str(await stage.memory.export(ANA.id))
    kept = [number for number in range(1, 12) if f"'Answer {number}.'" in exported]
    assert kept == [8, 9, 10, 11]
