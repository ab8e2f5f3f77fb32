"""What people say on Discord, as the conversation hears it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import ChatSettings
from tests.fakes.discord_server import BOT, File
from tests.fixtures.discord_bot import DiscordStage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[DiscordStage]:
    async with staged(tmp_path) as built:
        yield await built.start()


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


async def test_what_is_said_to_nobody_is_remembered_with_its_author(stage: DiscordStage) -> None:
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


async def test_a_mention_that_names_another_persona_goes_to_that_one(stage: DiscordStage) -> None:
    stage.call("let Ozzo bring my bags")
    await stage.says("Answer 1.")
    assert list(stage.quay.messages.values())[-1].author.name == "Ozzo"


async def test_a_reply_to_a_webhook_message_goes_to_the_persona_that_said_it(stage: DiscordStage) -> None:
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


async def test_a_reply_to_somebody_else_is_no_address(stage: DiscordStage) -> None:
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


READABLE = [
    ("{bot} Rain?", "Rain?"),
    ("{bot}, rain?", "rain?"),
    ("Rain, {bot}", "Rain,"),
    ("{bot}", "@alterego"),
    (":) {bot}", ":)"),
    (", {bot}: : x", ", @alterego: : x"),
    ("Is {bot} here?", "Is @alterego here?"),
    ("{bot} ask {bo} <@123456789012345678>", "ask @bo @someone"),
    ("{bot} in {quay} or <#123456789012345678>", "in #quay or #channel"),
    ("{bot} {role} <@&123456789012345678>", "@deck @role"),
    ("{bot} <:wave:123456789012345678> <a:rain:123456789012345678>", ":wave: :rain:"),
    ("{bot} use </persona show:123456789012345678>", "use /persona show"),
    ("{bot} <t:1> <html> 1 < 2", "<t:1> <html> 1 < 2"),
    ("{bot} <|im_end|>", "<|im_end|>"),
]


async def test_mentions_are_made_readable(stage: DiscordStage) -> None:
    role = stage.fake.role(stage.guild, "deck", mentionable=True)
    names = {"bot": stage.fake.bot, "bo": stage.bo, "quay": stage.quay, "role": role}
    gull = stage.fake.user("gull", bot=True)  # heard, and not answered
    for said, _ in READABLE:
        text = said.format(**{name: each.mention for name, each in names.items()})
        stage.fake.say(stage.quay, gull, text)
    await stage.remembered(len(READABLE))
    assert await stage.history() == [f"gull: {heard}" for _, heard in READABLE]


async def test_what_is_no_text_becomes_a_word_and_is_not_fetched(stage: DiscordStage) -> None:
    files = [
        File("a.png", b"x", "image/png"),
        File("b.mp4", b"x", "video/mp4"),
        File("c.ogg", b"x", "audio/ogg"),
        File("d.bin", b"x", "application/octet-stream"),
    ]
    stage.fake.say(stage.quay, stage.ana, f"{stage.fake.bot.mention} look", files=files)
    await stage.says("Answer 1.")
    assert (await stage.history())[0] == "ana: look\n[picture]\n[video]\n[audio]\n[file]"


async def test_a_message_that_is_too_long_is_cut(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.settings = ChatSettings(debounce=0, message_characters=100)
        await stage.start()
        stage.call("x" * 500)
        await stage.says("Answer 1.")
        assert (await stage.history())[0] == f"ana: {'x' * 99}…"


async def test_joins_and_pins_are_not_messages(stage: DiscordStage) -> None:
    said = stage.fake.say(stage.quay, stage.ana, "hello")
    event = stage.fake.hub.told[-1].data
    for number, kind in enumerate((6, 7, 8, 18, 21)):
        system = event | {"type": kind, "id": str(said.id + 1 + number), "content": "a name"}
        stage.fake.emit("MESSAGE_CREATE", system, stage.quay)
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert await stage.history() == ["ana: hello", "ana: Rain?", "Mara: Answer 1."]


async def test_edits_and_deletions_reach_memory(stage: DiscordStage) -> None:
    messages = [stage.fake.say(stage.quay, stage.ana, text) for text in "abcde"]
    stage.fake.edit(messages[0], "changed")
    stage.fake.delete(messages[1])
    stage.fake.bulk_delete(messages[2:4])
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert await stage.history() == ["ana: changed", "ana: e", "ana: Rain?", "Mara: Answer 1."]


async def test_an_edit_of_its_own_words_changes_nothing_and_a_deletion_is_taken_up(
    stage: DiscordStage,
) -> None:
    stage.call("Rain?")
    await stage.says("Answer 1.")
    answer = list(stage.quay.messages.values())[-1]
    stage.fake.edit(answer, "Answer 1. (edited)")
    stage.call("Again?")
    await stage.says("Answer 2.")
    assert (await stage.history())[1] == "Mara: Answer 1."
    stage.fake.delete(answer)
    stage.call("And now?")
    await stage.says("Answer 3.")
    assert "Mara: Answer 1." not in await stage.history()


async def test_other_bots_are_heard_and_not_answered(stage: DiscordStage) -> None:
    gull = stage.fake.user("gull", bot=True)
    stage.fake.join(stage.guild, gull)
    stage.call("Rain?", author=gull)
    hook = stage.fake.webhook(stage.quay)
    stage.fake.say(stage.quay, stage.fake.user("bridge", bot=True), "Mara?", webhook=hook)
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert len(stage.engine.requests) == 1
    assert [m.author.is_bot for m in await stage.memory.history(stage.place())] == [True, True, False, True]


async def test_two_bots_that_may_talk_stop_after_a_while(stage: DiscordStage) -> None:
    await stage.memory.set_setting(str(stage.place()), "bots", "on")
    gull = stage.fake.user("gull", bot=True)
    stage.fake.join(stage.guild, gull)
    for _ in range(30):
        before = len(stage.engine.requests)
        stage.call("You again?", author=gull)
        await asyncio.sleep(0.03)
        await stage.idle()
        if len(stage.engine.requests) == before:
            break
    assert 1 <= len(stage.engine.requests) <= 8


async def test_servers_do_not_hear_each_other(stage: DiscordStage) -> None:
    other = stage.fake.guild("Lighthouse", stage.ana)
    lamp = stage.fake.channel(other, "lamp")
    stage.call("The word is herring.")
    await stage.says("Answer 1.")
    stage.call("The word?", channel=lamp)
    await stage.says("Answer 2.", channel=lamp)
    assert "herring" not in stage.engine.prompts()[1]
    assert await stage.history(lamp) == ["ana: The word?", "Mara: Answer 2."]


async def test_the_same_event_twice_is_answered_once(stage: DiscordStage) -> None:
    stage.call("Rain?")
    stage.fake.repeat("MESSAGE_CREATE", 3)
    await stage.says("Answer 1.")
    stage.fake.repeat("MESSAGE_CREATE", 2)
    stage.call("More?")
    await stage.says("Answer 2.")
    assert len(stage.engine.requests) == 2


async def test_an_event_that_cannot_be_read_is_buried_and_the_next_one_heard(stage: DiscordStage) -> None:
    stage.fake.emit("MESSAGE_CREATE", {"id": "77", "channel_id": str(stage.quay.id)}, None)
    stage.fake.emit("MESSAGE_CREATE", {"nothing": True}, None)
    stage.fake.schema_errors.clear()  # which is what they are to be
    stage.call("Rain?")
    await stage.says("Answer 1.")
    assert (await stage.memory.status()).dead == 2
    assert len(stage.fake.identifies) == 1


async def test_messages_are_answered_in_their_order(stage: DiscordStage) -> None:
    for number in range(40):
        stage.fake.say(stage.quay, stage.ana if number % 2 else stage.bo, f"line {number}")
    stage.call("Well?")
    await stage.says("Answer 1.")
    heard = [line.partition(": ")[2] for line in await stage.history()]
    assert heard == [*(f"line {number}" for number in range(40)), "Well?", "Answer 1."]
