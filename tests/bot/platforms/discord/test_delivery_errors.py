"""Failed calls on Discord: an answer is delayed or dropped with a reason, and never shown twice."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.chat.delivery import DeliveryRefused, RetryLater
from tests.conftest import MARA
from tests.fakes.discord_server import answer, limited, reset, stall
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged
from tests.fixtures.discord_outlet import (
    POST,
    channel_of_sender,
    outgoing,
    outlet,
    send_question,
    sent_texts,
)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_an_error_of_the_server_delays_an_answer_and_copies_nothing(
    stage: DiscordStage, sender: str, status: int
) -> None:
    stage.fake.faults.script(POST[sender], answer(status))
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel) == ["Answer 1."])
    await stage.idle()
    assert sent_texts(channel) == ["Answer 1."]


@pytest.mark.parametrize(
    ("fault", "deadline"),
    [
        (answer(502, after=True), 9.0),
        (answer(503, after=True), 9.0),
        (reset(), 9.0),
        (stall(1.0, after=True), 0.3),
    ],
)
async def test_a_message_stored_although_the_call_failed_is_shown_once(
    tmp_path: Path, sender: str, fault: Any, deadline: float
) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, call_timeout=deadline)
        await stage.start()
        channel = channel_of_sender(stage, sender)
        stage.fake.faults.script(POST[sender], fault)
        send_question(stage, channel)
        await stage.fake.until(lambda: sent_texts(channel) == ["Answer 1."])
        await stage.idle()
        assert sent_texts(channel) == ["Answer 1."]
        assert (await stage.memory.status()).unsent == 0


async def test_a_message_stored_long_after_the_calls_deadline_is_shown_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, call_timeout=0.3)
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        stage.fake.faults.script(POST["account"], stall(2.0))
        send_question(stage, chat)
        served = lambda: [one for one in stage.fake.sent(POST["account"]) if one.status]  # noqa: E731
        await stage.fake.until(lambda: len(served()) == 2)
        await stage.idle()
        assert sent_texts(chat) == ["Answer 1."]


async def test_a_draft_that_was_stored_although_the_call_failed_becomes_the_answer(
    tmp_path: Path, sender: str
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        channel = channel_of_sender(stage, sender)
        stage.fake.faults.script(POST[sender], reset())
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.05
        send_question(stage, channel)
        await stage.fake.until(lambda: sent_texts(channel) == ["one two three four five"])
        await stage.idle()
        assert sent_texts(channel) == ["one two three four five"]


async def test_a_limit_is_waited_out(stage: DiscordStage, sender: str) -> None:
    stage.fake.faults.script(POST[sender], limited(0.3))
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel) == ["Answer 1."])
    first, second = stage.fake.sent(POST[sender])
    assert second.at - first.at >= 0.3


async def test_a_long_limit_delays_a_message_for_as_long_and_no_longer(
    stage: DiscordStage, sender: str
) -> None:
    stage.fake.faults.script(POST[sender], limited(60.0))
    with pytest.raises(RetryLater) as caught:
        await outlet(stage).send(outgoing(stage), MARA if sender == "webhook" else None)
    assert caught.value.seconds == 60.0
    assert len(stage.fake.sent(POST[sender])) == 1


async def test_a_ban_stops_sending_for_long_and_is_logged(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.fake.faults.script(POST["account"], limited(1.0, via=False))
    before = len(stage.fake.requests)
    for persona in (None, MARA, None):
        with pytest.raises(RetryLater) as caught:
            await outlet(stage).send(outgoing(stage), persona)
        assert QUICK.ban_pause - 1 < caught.value.seconds <= QUICK.ban_pause
    assert len(stage.fake.requests) == before + 1
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == ["cloudflare_ban"]


async def test_a_global_limit_holds_other_channels_too_and_passes(stage: DiscordStage) -> None:
    stage.fake.faults.script("POST /channels/*/typing", limited(0.5, "global"))
    chats = [stage.fake.dm(user) for user in (stage.ana, stage.bo)]
    asked = stage.fake.say(chats[0], stage.ana, "Rain?")
    await stage.fake.until(lambda: stage.fake.sent("POST /channels/*/typing"))
    stage.fake.say(chats[1], stage.bo, "Rain?")
    for chat in chats:
        await stage.fake.until(lambda chat=chat: len(sent_texts(chat)) == 1)  # type: ignore[misc]
        assert list(chat.messages.values())[-1].at - asked.at >= 0.45


async def test_a_call_given_up_in_a_global_limit_does_not_hold_the_others_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        stage.timings = replace(QUICK, call_timeout=0.2)
        await stage.start()
        monkeypatch.setattr(stage.bot._client.http, "max_ratelimit_timeout", 1.0)
        stage.fake.faults.script("POST /channels/*/typing", limited(0.9, "global"))
        chat = stage.fake.dm(stage.ana)
        stage.fake.say(chat, stage.ana, "Rain?")
        await stage.fake.until(lambda: len(sent_texts(chat)) == 1)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("kicked", "the bot cannot see the channel"),
        ("closed", "the channel was deleted"),
        ("muted", "the bot lacks the permission Send Messages"),
        ("blind", "the bot cannot see the channel"),
    ],
)
async def test_an_undeliverable_message_is_dropped_with_a_reason(
    stage: DiscordStage, trouble: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    stage.engine.hold = asyncio.Event()
    stage.call("Rain?")
    await stage.engine.holding.wait()
    if trouble == "kicked":
        stage.fake.kick(stage.guild)
    elif trouble == "closed":
        stage.fake.close(stage.quay)
    else:
        denied = "send_messages" if trouble == "muted" else "view_channel"
        stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks", denied])
    stage.engine.hold.set()
    await stage.idle()
    assert (await stage.memory.status()).unsent == 0
    (record,) = (r for r in caplog.records if r.getMessage() == "send_refused")
    assert record.__dict__["reason"].startswith(reason)
    chat = stage.fake.dm(stage.bo)
    stage.fake.say(chat, stage.bo, "Still there?")
    await stage.fake.until(lambda: len(sent_texts(chat)) == 1)


async def test_a_person_who_takes_no_direct_messages_gets_none(stage: DiscordStage) -> None:
    chat = stage.fake.dm(stage.ana)
    stage.ana.accepts_dms = False
    with pytest.raises(DeliveryRefused, match="takes no direct messages"):
        await outlet(stage).send(outgoing(stage, place=stage.place(chat)), MARA)


async def test_a_message_in_garbage_is_tried_again(stage: DiscordStage) -> None:
    stage.fake.faults.script(POST["account"], answer(200, "<html>"), answer(200, {"id": 1}))
    for _ in range(2):
        with pytest.raises(RetryLater):
            await outlet(stage).send(outgoing(stage), None)
