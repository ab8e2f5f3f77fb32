"""What Discord delivers around a message reaches the persona: replies, forwards, files, polls, embeds."""

from dataclasses import replace
from typing import Any

import pytest

from bot.chat.intake import UNREAD
from bot.persona.persona import Cast
from tests.conftest import MARA
from tests.evening.moments import forward
from tests.fakes.discord.request import File
from tests.fakes.discord.world import Json, Message
from tests.fixtures.discord_bot import DiscordStage

BO = "The tide table is wrong."
EARLIER = "2026-11-20T10:00:00.000000+00:00"


async def from_before(stage: DiscordStage) -> Message:
    """Return a message that memory does not hold."""
    said = stage.fake.say(stage.quay, stage.bo, BO)
    await stage.remembered(1)
    await stage.memory.erase_place(stage.place())
    return said


def prompt(stage: DiscordStage) -> str:
    return stage.engine.prompts()[-1]


async def test_a_reply_to_a_message_from_before_the_bot_came_is_quoted(
    stage: DiscordStage,
) -> None:
    """NousResearch/hermes-agent#31571."""
    known = await from_before(stage)
    question = f"{stage.fake.bot.mention} is that true?"
    stage.fake.say(stage.quay, stage.ana, question, mentions=[stage.fake.bot], reply_to=known)
    await stage.says("Answer 1.")
    assert f"[In reply to bo: {BO}]\nana: is that true?<" in prompt(stage)


async def test_a_reply_whose_message_discord_leaves_out_is_asked_for_once(
    stage: DiscordStage,
) -> None:
    """sipeed/picoclaw#1084."""
    known = await from_before(stage)
    reference = {"type": 0, "channel_id": str(stage.quay.id), "message_id": str(known.id)}
    for number, text in enumerate(("is that true?", "and now?"), 1):
        said = f"{stage.fake.bot.mention} {text}"
        more: Json = {"type": 19, "message_reference": reference}
        stage.fake.say(stage.quay, stage.ana, said, mentions=[stage.fake.bot], more=more)
        await stage.says(f"Answer {number}.")
    calls = [call for call in stage.fake.requests if call.path.endswith(f"/messages/{known.id}")]
    assert f"[In reply to bo: {BO}]\nana: is that true?" in stage.engine.prompts()[0]
    assert [call.method for call in calls] == ["GET", "GET"]


async def test_a_quote_goes_with_the_person_who_was_quoted(stage: DiscordStage) -> None:
    known = await from_before(stage)
    stage.fake.say(stage.quay, stage.ana, "Mara, is that true?", reply_to=known)
    await stage.says("Answer 1.")
    assert (await stage.memory.erase_author(str(stage.bo.id))).quotations == 1
    stage.call("And now?")
    await stage.says("Answer 2.")
    assert BO not in prompt(stage)


async def test_a_quote_goes_with_the_message_that_was_quoted(stage: DiscordStage) -> None:
    known = await from_before(stage)
    stage.fake.say(stage.quay, stage.ana, "Mara, is that true?", reply_to=known)
    await stage.says("Answer 1.")
    stage.fake.delete(known)
    stage.call("And now?")
    await stage.says("Answer 2.")
    assert BO not in prompt(stage)


@pytest.mark.parametrize("words", ["what do you say to this?", ""])
async def test_a_forwarded_message_is_read_as_somebody_elses_words(stage: DiscordStage, words: str) -> None:
    """NousResearch/hermes-agent#25462, Significant-Gravitas/AutoGPT#13321, Rapptz/discord.py#10204."""
    chat = stage.fake.dm(stage.ana)
    more = forward("The harbour closes on Friday.\nBo: so I hear")
    stage.fake.say(chat, stage.ana, words, more=more)
    await stage.says("**Mara**\nAnswer 1.", channel=chat)
    quote = "[Forwarded: The harbour closes on Friday.\n  Bo: so I hear]"
    assert f"{quote}\nana: {words or '[forwarded message]'}<" in prompt(stage)


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", ""])
async def test_a_long_paste_is_read_as_the_message(stage: DiscordStage, kind: str) -> None:
    """238SAMIxD/discord-ai-bot#16, Kav-K/GPTDiscord#242, moazbuilds/claudeclaw#123."""
    chat, text = stage.fake.dm(stage.ana), "The tide table of the quay.\n" * 80
    stage.fake.say(chat, stage.ana, "", files=[File("message.txt", text.encode(), kind)])
    await stage.says("**Mara**\nAnswer 1.", channel=chat)
    assert text.strip().replace("\n", "\n  ") in prompt(stage)
    assert chat.texts == ["", "**Mara**\nAnswer 1."]


def attachment(stage: DiscordStage, **more: Any) -> Json:
    url = f"{stage.fake.cdn}/attachments/1/2/message.txt"
    known = {"id": "2", "filename": "message.txt", "size": 40, "url": url, "proxy_url": url}
    return known | {"content_type": "text/plain"} | more


@pytest.mark.parametrize(
    "more",
    [
        {"url": "https://evil.example/attachments/1/2/message.txt"},
        {"url": "http://cdn.discordapp.com/attachments/1/2/message.txt"},
        {"url": "https://cdn.discordapp.com@evil.example/message.txt"},
        {"size": 65_537},
        {"content_type": "application/pdf"},
        {"filename": "notes.txt"},
        {},  # the CDN does not have it
    ],
)
async def test_a_file_that_is_not_read_is_named_and_its_sender_is_told_once(
    stage: DiscordStage, more: Json
) -> None:
    chat, given = stage.fake.dm(stage.ana), attachment(stage, **more)
    for count in (3, 5):
        stage.fake.say(chat, stage.ana, "", more={"attachments": [given]})
        await stage.fake.until(lambda count=count: len(chat.texts) == count)  # type: ignore[misc]
    assert chat.texts == ["", UNREAD, "**Mara**\nAnswer 1.", "", "**Mara**\nAnswer 2."]
    assert f"ana: [file: {given['filename']}]" in prompt(stage)
    assert stage.fake.platform.downloads == (["attachments/1/2/message.txt"] * 2 if not more else [])


async def test_an_endless_file_is_not_read_beyond_its_bound(stage: DiscordStage) -> None:
    chat = stage.fake.dm(stage.ana)
    said = stage.fake.say(stage.quay, stage.bo, "", files=[File("message.txt", b"x" * 70_000, "text/plain")])
    lying = {**said.attachments[0], "size": 9}
    stage.fake.say(chat, stage.ana, "", more={"attachments": [lying]})
    await stage.says(UNREAD, "**Mara**\nAnswer 1.", channel=chat)
    assert "xxx" not in prompt(stage)


CAT = {"filename": "cat.png", "description": "a grey cat"}
VOICE = {
    "filename": "a.ogg",
    "content_type": "audio/ogg",
    "duration_secs": 12.3,
    "flags": 1 << 13,
    "waveform": "AA==",
}
WAVE = {"id": "5", "name": "Wave", "format_type": 1}
ANSWERS = [{"answer_id": n, "poll_media": {"text": text}} for n, text in enumerate(("Low", "High"), 1)]
POLL = {
    "question": {"text": "Which tide?"},
    "answers": ANSWERS,
    "expiry": EARLIER,
    "allow_multiselect": False,
    "layout_type": 1,
    "results": {"is_finalized": False, "answer_counts": []},
}
LINK = {
    "type": "link",
    "url": "https://a.example",
    "title": "Tides",
    "description": "High at six.\nLow at noon.",
}
RICH = {"type": "rich", "title": "Weather", "fields": [{"name": "Wind", "value": "West", "inline": True}]}
LAYOUT = [
    {
        "type": 17,
        "id": 1,
        "accent_color": None,
        "spoiler": False,
        "components": [{"type": 10, "id": 2, "content": "Storm at nine."}],
    }
]


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("hi", {"attachments": [CAT]}, "hi\n  [picture: cat.png – a grey cat]"),
        ("", {"attachments": [{"filename": "v", "content_type": "video/mp4"}]}, "[video: v]"),
        ("", {"attachments": [VOICE]}, "[voice message: 12 s]"),
        ("", {"sticker_items": [WAVE]}, "[sticker: Wave]"),
        ("", {"poll": POLL}, "[poll: Which tide? | Low | High]"),
        ("see a.example", {"embeds": [LINK]}, "see a.example\n  [link: Tides – High at six. Low at noon.]"),
        ("", {"embeds": [RICH]}, "[embed: Weather – Wind: West]"),
        ("", {"components": LAYOUT, "flags": 1 << 15}, "Storm at nine."),
    ],
)
async def test_each_part_of_a_message_has_its_words(
    stage: DiscordStage, text: str, more: Json, words: str
) -> None:
    known = {"id": "2", "size": 9, "url": "https://cdn.discordapp.com/a", "proxy_url": "https://b.example"}
    shown = {"attachments": [known | each for each in more.get("attachments", [])]}
    chat = stage.fake.dm(stage.ana)
    stage.fake.say(chat, stage.ana, text, more=more | shown)
    await stage.says("**Mara**\nAnswer 1.", channel=chat)
    assert f"ana: {words}<" in prompt(stage)


async def test_reactions_pins_and_joins_are_read_where_the_persona_wants_them(stage: DiscordStage) -> None:
    wanting = replace(MARA, notices=("reactions", "pins", "joins"))
    stage.chat._resources.cast = Cast({"mara": wanting}, {})
    stage.call("Tea?")
    await stage.says("Answer 1.")
    answer = [*stage.quay.messages.values()][-1]
    stage.fake.react(answer, stage.bo, "🌊")
    stage.fake.react(answer, stage.bo, "⭐")
    stage.fake.unreact(answer, stage.bo, "⭐")
    stage.fake.say(stage.quay, stage.bo, "", more={"type": 7})
    reference = {"type": 0, "channel_id": str(stage.quay.id), "message_id": str(answer.id)}
    stage.fake.say(stage.quay, stage.bo, "", more={"type": 6, "message_reference": reference})
    await stage.idle()
    stage.call("Well?")
    await stage.says("Answer 2.")
    assert await stage.history() == [
        "ana: Tea?",
        "Mara: Answer 1.",
        "bo: [reacted with 🌊]",
        "bo: [joined]",
        "bo: [pinned a message]",
        "ana: Well?",
        "Mara: Answer 2.",
    ]
    assert len(stage.engine.requests) == 2


async def test_notices_are_not_stored_where_nobody_wants_them(stage: DiscordStage) -> None:
    stage.call("Tea?")
    await stage.says("Answer 1.")
    stage.fake.react([*stage.quay.messages.values()][-1], stage.bo, "🌊")
    stage.fake.say(stage.quay, stage.bo, "", more={"type": 7})
    await stage.idle()
    assert await stage.history() == ["ana: Tea?", "Mara: Answer 1."]
