"""Inbound messages on Discord: readable text, edits, deletions, other bots, unreadable events."""

import asyncio
from pathlib import Path

from bot.chat.intake import CUT, UNREAD
from bot.config import ChatSettings
from tests.fakes.discord_server import File
from tests.fixtures.discord_bot import DiscordStage, staged

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


async def test_an_attachment_becomes_its_name_and_is_not_fetched(stage: DiscordStage) -> None:
    files = [
        File("a.png", b"x", "image/png"),
        File("b.mp4", b"x", "video/mp4"),
        File("c.ogg", b"x", "audio/ogg"),
        File("d.bin", b"x", "application/octet-stream"),
    ]
    stage.fake.say(stage.quay, stage.ana, f"{stage.fake.bot.mention} look", files=files)
    await stage.says(UNREAD, "Answer 1.")
    named = "[picture: a.png]\n[video: b.mp4]\n[audio: c.ogg]\n[file: d.bin]"
    assert (await stage.history())[0] == f"ana: look\n{named}"
    assert stage.fake.platform.downloads == []


async def test_a_message_that_is_too_long_is_cut(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.settings = ChatSettings(debounce=0, message_characters=100)
        await stage.start()
        stage.call("x" * 500)
        await stage.says(CUT, "Answer 1.")
        assert (await stage.history())[0] == f"ana: {'x' * 44}… [456 more characters were left out]"
        stage.call("y" * 500)
        await stage.says("Answer 2.")
        assert stage.quay.texts.count(CUT) == 1


async def test_a_paste_that_is_too_long_tells_what_is_missing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.settings = ChatSettings(debounce=0, message_characters=1000)
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        stage.fake.say(chat, stage.ana, "", files=[File("message.txt", b"tide " * 400, "text/plain")])
        await stage.fake.until(lambda: chat.texts[-1].endswith("Answer 1."))
        assert (await stage.history(chat))[0].endswith("… [1,055 more characters were left out]")
        assert sum(CUT in text for text in chat.texts) == 1


async def test_joins_and_pins_are_not_messages(stage: DiscordStage) -> None:
    stage.fake.say(stage.quay, stage.ana, "hello")
    event = stage.fake.hub.told[-1].data
    for kind in (6, 7, 8, 18, 21):
        system = event | {"type": kind, "id": str(stage.fake.platform.next_id()), "content": "a name"}
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


async def test_an_edit_of_an_answer_changes_nothing_and_its_deletion_is_stored(
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


async def test_other_bots_messages_are_stored_and_not_answered(stage: DiscordStage) -> None:
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


async def test_servers_share_no_messages(stage: DiscordStage) -> None:
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


async def test_an_unreadable_event_is_a_dead_letter_and_the_next_one_is_handled(stage: DiscordStage) -> None:
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
