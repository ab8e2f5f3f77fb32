"""Addresses on Discord: mention, reply, direct chat, thread and persona name."""

import pytest

from bot.chat.triggers import NOT_ADDRESSED
from tests.fakes.discord_server import BOT
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.ignored import ignored_by


async def test_a_mention_is_answered_in_the_personas_own_name(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    answer = list(stage.quay.messages.values())[-1]
    assert (answer.author.name, answer.webhook is not None) == ("Mara", True)
    assert await stage.history() == ["ana: Rain?", "Mara: Answer 1."]


async def test_a_direct_message_is_answered_by_the_account_with_a_name_line(stage: DiscordStage) -> None:
    chat = stage.fake.dm(stage.ana)
    stage.fake.say(chat, stage.ana, "Rain?")
    await stage.says("Rain?", "**Mara**\nAnswer 1.", channel=chat)
    assert await stage.history(chat) == ["ana: Rain?", "Mara: Answer 1."]


async def test_a_message_without_an_address_is_stored_with_its_author(stage: DiscordStage) -> None:
    stage.guild.members[stage.bo.id].nick = "Bo of the quay"
    stage.fake.say(stage.quay, stage.ana, "We talk about boats.")
    stage.fake.say(stage.quay, stage.bo, "Nice ones.")
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert await stage.history() == [
        "ana: We talk about boats.",
        "Bo of the quay: Nice ones.",
        "ana: Rain?",
        "Mara: Answer 1.",
    ]
    (message, *_) = await stage.memory.history(stage.place())
    said = next(iter(stage.quay.messages.values()))
    assert (message.id, message.author.id, message.author.is_bot) == (str(said.id), str(stage.ana.id), False)
    assert abs(message.time - ((said.id >> 22) + 1_420_070_400_000) / 1000) < 0.001


async def test_a_persona_is_called_by_its_name(stage: DiscordStage) -> None:
    stage.fake.say(stage.quay, stage.ana, "Ozzo, my bags!")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_emoji_links_code_and_quotes_call_no_persona(stage: DiscordStage) -> None:
    for text in (
        "<:ozzo:123456789012345678> <a:mara:123456789012345678>",
        "see https://mara.example/ozzo",
        "`mara` and ```py\nozzo\n```",
        "> Ozzo said so",
        "ask @ozzo_fan or ozzo@mara.example",
    ):
        stage.fake.say(stage.quay, stage.ana, text)
    stage.fake.say(stage.quay, stage.ana, "<:mara:123456789012345678> Ozzo, my bags!")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"
    assert len(stage.engine.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "type `{me}` to call it",
        "``{me} ` ``",
        "```py\n{me}\n```",
        "a\n```{me}```\nb",
        "`a\n{me}`",
    ],
)
async def test_a_mention_within_code_calls_nobody(stage: DiscordStage, text: str) -> None:
    said = stage.fake.say(stage.quay, stage.ana, text.format(me=stage.fake.bot.mention))
    assert await ignored_by(stage.memory, stage.place(), said.id) == NOT_ADDRESSED


@pytest.mark.parametrize(
    "text", ["`x` {me} well?", "```\n{me} well?", "`{me} well?", "\\`{me}\\`", "> {me} `x`"]
)
async def test_a_mention_beside_code_calls(stage: DiscordStage, text: str) -> None:
    stage.fake.say(stage.quay, stage.ana, text.format(me=stage.fake.bot.mention), mentions=[stage.fake.bot])
    await stage.says("Answer 1.")


async def test_a_mention_of_a_person_with_a_personas_name_calls_no_persona(stage: DiscordStage) -> None:
    stage.guild.members[stage.bo.id].nick = "Ozzo"
    said = stage.fake.say(stage.quay, stage.ana, f"{stage.bo.mention} tea?", mentions=[stage.bo])
    assert await ignored_by(stage.memory, stage.place(), said.id) == NOT_ADDRESSED
    question = f"{stage.fake.bot.mention} where is {stage.bo.mention}?"
    stage.fake.say(stage.quay, stage.ana, question, mentions=[stage.bo, stage.fake.bot])
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Mara"
    assert len(stage.engine.requests) == 1


async def test_a_mention_that_names_another_persona_goes_to_that_one(stage: DiscordStage) -> None:
    stage.call("let Ozzo bring my bags")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_a_reply_to_a_webhook_message_goes_to_that_persona(stage: DiscordStage) -> None:
    stage.fake.say(stage.quay, stage.ana, "Ozzo, my bags!")
    await stage.says("Answer 1.")
    said = list(stage.quay.messages.values())[-1]
    stage.fake.say(stage.quay, stage.bo, "And mine?", reply_to=said, ping=False)
    await stage.says("And mine?", "Answer 2.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_a_reply_to_the_account_is_an_address_without_a_ping(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")
    said = list(stage.quay.messages.values())[-1]
    stage.fake.say(stage.quay, stage.bo, "Sure?", reply_to=said, ping=False)
    await stage.says("**Mara**\nAnswer 2.")
    message = (await stage.memory.history(stage.place()))[2]
    assert (message.text, message.address, message.reply_to) == ("Sure?", "reply", str(said.id))


async def test_a_reply_to_another_person_is_no_address(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "Rain?")
    stage.fake.say(stage.quay, stage.bo, "Yes.", reply_to=said)
    await stage.fake.until(lambda: len(stage.quay.messages) == 2)
    stage.call("Well?")
    await stage.says("Answer 1.")
    assert len(stage.engine.requests) == 1


async def test_threads_of_the_bot_need_no_mention_and_others_do(stage: DiscordStage) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    answer = list(stage.quay.messages.values())[-1]
    threads = [
        stage.fake.thread(stage.quay, "begun on an answer", of=answer, owner=stage.ana),
        stage.fake.thread(stage.quay, "its own", owner=stage.fake.bot),
        stage.fake.thread(stage.quay, "somebody's", owner=stage.ana),
    ]
    for thread in threads:
        stage.fake.say(thread, stage.ana, "And here?")
    await stage.says("Answer 2.", channel=threads[0])
    await stage.says("Answer 3.", channel=threads[1])
    await stage.idle()
    assert threads[2].texts == ["And here?"]
    assert list(threads[0].messages.values())[-1].author.name == "Mara"
    assert await stage.history(threads[2]) == ["ana: And here?"]
    assert await stage.history() == ["ana: Rain?", "Mara: Answer 1."]


async def test_a_role_that_only_the_bot_has_is_a_mention(stage: DiscordStage) -> None:
    role = next(iter(stage.guild.members[stage.fake.bot.id].roles))
    data = {"id": str(role.id), "name": role.name, "permissions": str(BOT), "position": 1, "color": 0}
    data |= {"colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}, "flags": 0}
    data |= {"hoist": False, "managed": True, "mentionable": True, "tags": {"bot_id": str(stage.fake.bot.id)}}
    stage.fake.emit("GUILD_ROLE_UPDATE", {"guild_id": str(stage.guild.id), "role": data}, stage.guild)
    stage.fake.say(stage.quay, stage.ana, f"{role.mention} Rain?")
    await stage.says("Answer 1.")
    assert await stage.history() == ["ana: Rain?", "Mara: Answer 1."]


async def test_mentions_of_everyone_are_no_address(stage: DiscordStage) -> None:
    stage.fake.say(stage.quay, stage.ana, "@everyone @here Rain?")
    stage.call("You!")
    await stage.says("Answer 1.")
    assert len(stage.engine.requests) == 1
