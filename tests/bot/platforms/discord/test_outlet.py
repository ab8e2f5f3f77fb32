"""What personas say on Discord: shown, sent once, and what becomes of it when Discord is in trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.chat.proactive import post, regenerate
from bot.memory.queries.records import Outgoing
from bot.persona.card import Card
from bot.persona.persona import Persona
from tests.conftest import MARA
from tests.fakes.discord_server import Channel, answer, limited, reset, stall
from tests.fixtures.discord_bot import QUICK, DiscordStage, staged

POST = {"account": "POST /channels/*/messages", "webhook": "POST /webhooks/*"}
PATCH = {"account": "PATCH /channels/*/messages/*", "webhook": "PATCH /webhooks/*"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        yield await built.start()


@pytest.fixture(params=POST)
def voice(request: pytest.FixtureRequest) -> str:
    """Who speaks: the account, in a direct chat, or a webhook, in a channel."""
    return str(request.param)


def room(stage: DiscordStage, voice: str) -> Channel:
    return stage.fake.dm(stage.ana) if voice == "account" else stage.quay


def ask(stage: DiscordStage, channel: Channel, text: str = "Rain?") -> None:
    stage.fake.say(channel, stage.ana, text, mentions=[stage.fake.bot])


def said(channel: Channel) -> list[str]:
    """What the bot said, without name lines."""
    return [m.content.removeprefix("**Mara**\n") for m in channel.messages.values() if m.author.bot]


def outgoing(stage: DiscordStage, text: str = "words", **others: Any) -> Outgoing:
    whole = Outgoing("a" * 24, stage.place(), 0, text, "queued", 0, None, None)
    return replace(whole, **others)


def outlet(stage: DiscordStage) -> Any:
    return stage.chat._resources.outlets["discord"]


async def test_typing_is_shown_at_once_and_again_while_it_lasts(stage: DiscordStage) -> None:
    stage.engine.hold = asyncio.Event()
    asked = stage.call("Rain?")
    await stage.fake.until(lambda: len(stage.fake.typings) >= 3)
    assert stage.fake.typings[0].at - asked.at < 0.3
    stage.engine.hold.set()
    await stage.says("Answer 1.")
    count = len(stage.fake.typings)
    await asyncio.sleep(0.4)
    assert len(stage.fake.typings) == count


async def test_typing_that_fails_holds_nothing_up(stage: DiscordStage) -> None:
    stage.fake.faults.script("POST /channels/*/typing", answer(403), reset(), stall(9), times=3)
    stage.call("Rain?")
    await stage.says("Answer 1.")


async def test_an_answer_is_shown_while_it_comes_in_one_message(stage: DiscordStage, voice: str) -> None:
    stage.engine.script.append(" ".join(f"word{number}" for number in range(30)))
    stage.engine.delay = 0.01
    channel = room(stage, voice)
    ask(stage, channel)
    whole = " ".join(f"word{number}" for number in range(30))
    await stage.fake.until(lambda: said(channel) == [whole])
    await stage.idle()
    (message,) = (m for m in channel.messages.values() if m.author.bot)
    shown = [version.content for version in message.versions]
    assert 3 <= len(shown) <= 15
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


async def test_edits_keep_to_the_limits_and_end_with_the_newest_words(
    stage: DiscordStage, voice: str
) -> None:
    stage.fake.limits.on = True
    for line in list(stage.fake.limits.rules):
        stage.fake.limits.rules[line] = (3, 0.4)
    stage.engine.script.append(" ".join(f"word{number}" for number in range(60)))
    stage.engine.delay = 0.01
    channel = room(stage, voice)
    ask(stage, channel)
    await stage.fake.until(lambda: said(channel)[-1:] == [" ".join(f"word{n}" for n in range(60))])
    await stage.idle()
    assert [request.line for request in stage.fake.requests if request.status == 429] == []
    assert len(stage.fake.sent(PATCH[voice])) <= 15


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_an_error_of_the_server_delays_an_answer_and_copies_nothing(
    stage: DiscordStage, voice: str, status: int
) -> None:
    stage.fake.faults.script(POST[voice], answer(status))
    channel = room(stage, voice)
    ask(stage, channel)
    await stage.fake.until(lambda: said(channel) == ["Answer 1."])
    await stage.idle()
    assert said(channel) == ["Answer 1."]


@pytest.mark.parametrize(
    ("fault", "deadline"),
    [
        (answer(502, after=True), 9.0),
        (answer(503, after=True), 9.0),
        (reset(), 9.0),
        (stall(1.0, after=True), 0.3),
    ],
)
async def test_what_was_stored_although_the_call_failed_is_there_once(
    tmp_path: Path, voice: str, fault: Any, deadline: float
) -> None:
    async with staged(tmp_path) as stage:
        stage.clocks = replace(QUICK, call=deadline)
        await stage.start()
        channel = room(stage, voice)
        stage.fake.faults.script(POST[voice], fault)
        ask(stage, channel)
        await stage.fake.until(lambda: said(channel) == ["Answer 1."])
        await stage.idle()
        assert said(channel) == ["Answer 1."]
        assert (await stage.memory.status()).unsent == 0


async def test_what_is_stored_long_after_the_call_was_given_up_is_there_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.clocks = replace(QUICK, call=0.3)
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        stage.fake.faults.script(POST["account"], stall(2.0))
        ask(stage, chat)
        served = lambda: [one for one in stage.fake.sent(POST["account"]) if one.status]  # noqa: E731
        await stage.fake.until(lambda: len(served()) == 2)
        await stage.idle()
        assert said(chat) == ["Answer 1."]


async def test_a_draft_that_was_stored_although_the_call_failed_becomes_the_answer(
    tmp_path: Path, voice: str
) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        channel = room(stage, voice)
        stage.fake.faults.script(POST[voice], reset())
        stage.engine.script.append("one two three four five")
        stage.engine.delay = 0.05
        ask(stage, channel)
        await stage.fake.until(lambda: said(channel) == ["one two three four five"])
        await stage.idle()
        assert said(channel) == ["one two three four five"]


async def test_a_limit_is_waited_out(stage: DiscordStage, voice: str) -> None:
    stage.fake.faults.script(POST[voice], limited(0.3))
    channel = room(stage, voice)
    ask(stage, channel)
    await stage.fake.until(lambda: said(channel) == ["Answer 1."])
    first, second = stage.fake.sent(POST[voice])
    assert second.at - first.at >= 0.3


async def test_a_long_limit_delays_a_message_for_as_long_and_no_longer(
    stage: DiscordStage, voice: str
) -> None:
    stage.fake.faults.script(POST[voice], limited(60.0))
    with pytest.raises(RetryLater) as caught:
        await outlet(stage).send(outgoing(stage), MARA if voice == "webhook" else None)
    assert caught.value.seconds == 60.0
    assert len(stage.fake.sent(POST[voice])) == 1


async def test_a_ban_stops_sending_for_long_and_is_logged(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.fake.faults.script(POST["account"], limited(1.0, via=False))
    before = len(stage.fake.requests)
    for persona in (None, MARA, None):
        with pytest.raises(RetryLater) as caught:
            await outlet(stage).send(outgoing(stage), persona)
        assert QUICK.banned - 1 < caught.value.seconds <= QUICK.banned
    assert len(stage.fake.requests) == before + 1
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "Cloudflare has banned this address: nothing is sent for a while"
    ]


async def test_a_global_limit_holds_other_channels_too_and_passes(stage: DiscordStage) -> None:
    stage.fake.faults.script("POST /channels/*/typing", limited(0.5, "global"))
    chats = [stage.fake.dm(user) for user in (stage.ana, stage.bo)]
    asked = stage.fake.say(chats[0], stage.ana, "Rain?")
    await stage.fake.until(lambda: stage.fake.sent("POST /channels/*/typing"))
    stage.fake.say(chats[1], stage.bo, "Rain?")
    for chat in chats:
        await stage.fake.until(lambda chat=chat: len(said(chat)) == 1)  # type: ignore[misc]
        assert list(chat.messages.values())[-1].at - asked.at >= 0.45


async def test_a_call_given_up_in_a_global_limit_does_not_hold_the_others_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        stage.clocks = replace(QUICK, call=0.2)
        await stage.start()
        monkeypatch.setattr(stage.bot._client.http, "max_ratelimit_timeout", 1.0)
        stage.fake.faults.script("POST /channels/*/typing", limited(0.9, "global"))
        chat = stage.fake.dm(stage.ana)
        stage.fake.say(chat, stage.ana, "Rain?")
        await stage.fake.until(lambda: len(said(chat)) == 1)


async def test_a_long_answer_comes_in_parts_that_joined_are_the_answer(
    stage: DiscordStage, voice: str
) -> None:
    text = "\n".join(f"{number} " + "word " * 30 for number in range(40)).strip()
    stage.engine.script.append(text)
    channel = room(stage, voice)
    ask(stage, channel)
    await stage.fake.until(lambda: sum(map(len, said(channel))) >= 5900)
    await stage.idle()
    assert all(len(message.content) <= 2000 for message in channel.messages.values())
    assert "".join("".join(said(channel)).split()) == "".join(text.split())


async def test_blank_words_are_not_sent(stage: DiscordStage) -> None:
    for text in ("", " ", "\n"):
        with pytest.raises(DeliveryRefused, match="no words"):
            await outlet(stage).send(outgoing(stage, text), None)
    assert stage.fake.sent(POST["account"]) == []


async def test_an_empty_answer_of_the_model_is_told_and_not_sent(stage: DiscordStage) -> None:
    stage.engine.script.append("   ")
    stage.call("Rain?")
    await stage.says("Mara found no words; ask again.")


async def test_the_first_part_answers_the_message_where_the_account_speaks(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    asked = stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")
    (message,) = (m for m in stage.quay.messages.values() if m.author is stage.fake.bot)
    assert (message.reply_to, message.pings) == (asked, frozenset())


async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    sent_id = await outlet(stage).send(outgoing(stage, reply_to="123456789012345678"), None)
    assert [str(m.id) for m in stage.quay.messages.values()] == [sent_id]


async def test_a_draft_that_was_deleted_is_said_anew(stage: DiscordStage, voice: str) -> None:
    channel = room(stage, voice)
    stage.engine.script.append("one two three four five six seven")
    stage.engine.delay = 0.05
    ask(stage, channel)
    await stage.fake.until(lambda: len(said(channel)) == 1)
    stage.fake.delete(list(channel.messages.values())[-1])
    await stage.fake.until(lambda: said(channel) == ["one two three four five six seven"])
    await stage.idle()
    assert said(channel) == ["one two three four five six seven"]


async def test_a_nonce_that_stands_for_a_deleted_message_is_replaced(stage: DiscordStage) -> None:
    part = outgoing(stage)
    first = await outlet(stage).send(part, None)
    stage.fake.delete(stage.quay.messages[int(first)])
    second = await outlet(stage).send(part, None)
    assert second != first
    assert stage.quay.texts == ["words"]


async def test_the_same_part_sent_twice_stands_once(stage: DiscordStage) -> None:
    sent = [await outlet(stage).send(outgoing(stage), None) for _ in range(2)]
    assert sent[0] == sent[1]
    assert stage.quay.texts == ["words"]


@pytest.mark.parametrize("persona", [None, MARA])
async def test_a_part_tried_long_ago_is_found_again(stage: DiscordStage, persona: Persona | None) -> None:
    part = outgoing(stage)
    first = await outlet(stage).send(part, persona)
    stage.fake.nonce_window = 0.0
    again = replace(part, state="sending", attempts=1)
    assert await outlet(stage).send(again, persona) == first
    assert stage.quay.texts == ["words"]


async def test_what_is_known_as_sent_is_not_taken_for_what_is_to_be_sent(stage: DiscordStage) -> None:
    stage.engine.script.append("words")
    stage.call("Rain?")
    await stage.says("words")
    again = outgoing(stage, state="sending", attempts=1)
    await outlet(stage).send(again, MARA)
    assert said(stage.quay) == ["words", "words"]


async def test_another_answer_takes_the_place_of_the_last(stage: DiscordStage, voice: str) -> None:
    channel = room(stage, voice)
    ask(stage, channel)
    await stage.fake.until(lambda: said(channel) == ["Answer 1."])
    await stage.idle()
    await regenerate(stage.chat, stage.memory, stage.place(channel), "ana")
    await stage.fake.until(lambda: said(channel) == ["Answer 2."])


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("kicked", "the bot cannot see the channel"),
        ("closed", "the channel is gone"),
        ("muted", "the bot lacks the permission Send Messages"),
        ("blind", "the bot cannot see the channel"),
    ],
)
async def test_what_can_never_be_sent_is_dropped_with_a_reason(
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
    await stage.fake.until(lambda: len(said(chat)) == 1)


async def test_somebody_who_takes_no_messages_is_not_written_to(stage: DiscordStage) -> None:
    chat = stage.fake.dm(stage.ana)
    stage.ana.accepts_dms = False
    with pytest.raises(DeliveryRefused, match="takes no direct messages"):
        await outlet(stage).send(outgoing(stage, place=stage.place(chat)), MARA)


async def test_a_message_in_garbage_is_tried_again(stage: DiscordStage) -> None:
    stage.fake.faults.script(POST["account"], answer(200, "<html>"), answer(200, {"id": 1}))
    for _ in range(2):
        with pytest.raises(RetryLater):
            await outlet(stage).send(outgoing(stage), None)


PINGS = ["@everyone", "@here", "<@{user}>", "<@&{role}>", "`@everyone`", "```\n@everyone <@{user}>\n```"]


@pytest.mark.parametrize(
    "path", ["webhook", "shown", "account", "direct", "split", "post", "notice", "again", "command"]
)
async def test_nothing_that_a_model_writes_pings_anybody(stage: DiscordStage, path: str) -> None:
    role = stage.fake.role(stage.guild, "deck", mentionable=True)
    text = " ".join(PINGS).format(user=stage.bo.id, role=role.id)
    channel = stage.fake.dm(stage.ana) if path == "direct" else stage.quay
    if path in ("account", "notice"):
        stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    if path == "split":
        text = " ".join([text] * 40)
    if path == "shown":
        stage.engine.delay = 0.02
    stage.engine.script.extend([text, text])
    if path == "command":
        stage.fake.slash(stage.quay, stage.ana, "persona", name=text[:1000])
    elif path == "post":
        await post(stage.chat, stage.memory, stage.place(), text)
    elif path == "notice":
        await outlet(stage).send(outgoing(stage, text, reply_to=str(stage.call("x").id)), None)
    else:
        ask(stage, channel)
    await stage.fake.until(lambda: any("@everyone" in m.content for m in stage.fake.messages if m.author.bot))
    await stage.idle()
    if path == "again":
        await regenerate(stage.chat, stage.memory, stage.place(), "ana")
    pings = [message.pings for message in stage.fake.messages if message.author.bot]
    assert len(pings) >= 1
    assert set(pings) == {frozenset()}


async def test_a_name_that_would_ping_does_not(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.cast.personas["mara"] = Persona("mara", Card(name="@everyone <@1>", description="x"))
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        for channel in (chat, stage.quay):
            ask(stage, channel)
            await stage.fake.until(lambda channel=channel: len(said(channel)) == 1)  # type: ignore[misc]
        assert {m.pings for m in stage.fake.messages if m.author.bot} == {frozenset()}
