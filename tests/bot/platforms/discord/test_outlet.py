"""Answers on Discord: typing, drafts, parts, and one message for each part."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.chat.delivery import DeliveryRefused
from bot.chat.proactive import regenerate
from bot.message import Author
from bot.persona.persona import Persona
from tests.conftest import MARA
from tests.fakes.discord_server import answer, reset, stall
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.discord_outlet import (
    PATCH,
    POST,
    channel_of_sender,
    outgoing,
    outlet,
    send_question,
    sent_texts,
)


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


async def test_an_answer_is_shown_while_it_comes_in_one_message(stage: DiscordStage, sender: str) -> None:
    stage.engine.script.append(" ".join(f"word{number}" for number in range(30)))
    stage.engine.delay = 0.01
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    whole = " ".join(f"word{number}" for number in range(30))
    await stage.fake.until(lambda: sent_texts(channel) == [whole])
    await stage.idle()
    (message,) = (m for m in channel.messages.values() if m.author.bot)
    shown = [version.content for version in message.versions]
    assert 3 <= len(shown) <= 15
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


async def test_edits_keep_to_the_limits_and_end_with_the_newest_text(
    stage: DiscordStage, sender: str
) -> None:
    stage.fake.limits.on = True
    for line in list(stage.fake.limits.rules):
        stage.fake.limits.rules[line] = (3, 0.4)
    stage.engine.script.append(" ".join(f"word{number}" for number in range(60)))
    stage.engine.delay = 0.01
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel)[-1:] == [" ".join(f"word{n}" for n in range(60))])
    await stage.idle()
    assert [request.line for request in stage.fake.requests if request.status == 429] == []
    assert len(stage.fake.sent(PATCH[sender])) <= 15


async def test_a_long_answer_comes_in_parts_that_joined_are_the_answer(
    stage: DiscordStage, sender: str
) -> None:
    text = "\n".join(f"{number} " + "word " * 30 for number in range(40)).strip()
    stage.engine.script.append(text)
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sum(map(len, sent_texts(channel))) >= 5900)
    await stage.idle()
    assert all(len(message.content) <= 2000 for message in channel.messages.values())
    assert "".join("".join(sent_texts(channel)).split()) == "".join(text.split())


async def test_a_blank_text_is_not_sent(stage: DiscordStage) -> None:
    for text in ("", " ", "\n"):
        with pytest.raises(DeliveryRefused, match="no words"):
            await outlet(stage).send(outgoing(stage, text), None)
    assert stage.fake.sent(POST["account"]) == []


async def test_an_empty_answer_of_the_model_becomes_a_notice(stage: DiscordStage) -> None:
    stage.engine.script.append("   ")
    stage.call("Rain?")
    await stage.says("Mara found no words; ask again.")


async def test_the_first_part_replies_to_the_message_where_the_account_sends(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    asked = stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")
    (message,) = (m for m in stage.quay.messages.values() if m.author is stage.fake.bot)
    assert (message.reply_to, message.pings) == (asked, frozenset())


async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    sent_id = await outlet(stage).send(outgoing(stage, reply_to="123456789012345678"), None)
    assert [str(m.id) for m in stage.quay.messages.values()] == [sent_id]


async def test_a_deleted_draft_is_not_sent_anew(stage: DiscordStage, sender: str) -> None:
    channel = channel_of_sender(stage, sender)
    stage.engine.script.append("one two three four five six seven")
    stage.engine.delay = 0.05
    send_question(stage, channel)
    await stage.fake.until(lambda: len(sent_texts(channel)) == 1)
    stage.fake.delete(list(channel.messages.values())[-1])
    await stage.idle()
    assert sent_texts(channel) == []


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


async def test_a_message_noted_as_sent_is_not_taken_for_another_part(stage: DiscordStage) -> None:
    stage.engine.script.append("words")
    stage.call("Rain?")
    await stage.says("words")
    again = outgoing(stage, state="sending", attempts=1)
    await outlet(stage).send(again, MARA)
    assert sent_texts(stage.quay) == ["words", "words"]


async def test_another_answer_takes_the_place_of_the_last(stage: DiscordStage, sender: str) -> None:
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel) == ["Answer 1."])
    await stage.idle()
    await regenerate(stage.chat, stage.memory, stage.place(channel), Author("1", "ana"))
    await stage.fake.until(lambda: sent_texts(channel) == ["Answer 2."])


async def test_tables_arrive_as_code_and_growing_text_has_no_open_mark(
    stage: DiscordStage, sender: str
) -> None:
    table = "**Here are the words:**\n| Name | Nr |\n|---|--:|\n| Bo | 20 |\n#### and the *end*"
    stage.engine.script.append(table)
    stage.engine.delay = 0.02
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    whole = "**Here are the words:**\n```\nName | Nr\n-----+---\nBo   | 20\n```\n**and the *end***"
    await stage.fake.until(lambda: sent_texts(channel) == [whole])
    await stage.idle()
    (message,) = (m for m in channel.messages.values() if m.author.bot)
    shown = [version.content.removeprefix("**Mara**\n") for version in message.versions]
    assert len(shown) > 2
    assert all(text.count("**") % 2 == 0 and text.count("```") % 2 == 0 for text in shown)
    assert await stage.memory.history(stage.place(channel))
    assert (await stage.memory.history(stage.place(channel)))[-1].text == table


@pytest.mark.parametrize("text", ["\u200b\u2060", "\u3164", "\u2800 \ufe0f"])
async def test_an_answer_of_characters_that_show_nothing_is_no_answer(
    stage: DiscordStage, sender: str, text: str
) -> None:
    stage.engine.script.append(text)
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel) == ["Mara found no words; ask again."])


async def test_a_masked_link_shows_its_address(stage: DiscordStage, sender: str) -> None:
    stage.engine.script.append("See [the port](https://evil.example) and [](<https://x.example>).")
    channel = channel_of_sender(stage, sender)
    send_question(stage, channel)
    await stage.fake.until(lambda: sent_texts(channel))
    await stage.idle()
    assert sent_texts(channel) == ["See [the port] (https://evil.example) and [] (<https://x.example>)."]
