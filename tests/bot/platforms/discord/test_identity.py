"""A persona's own name and face on Discord: webhooks where there may be any, a name line where not."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.persona.persona import Cast, Persona
from bot.platforms.discord.webhook_name import webhook_name
from tests.conftest import MARA, OZZO
from tests.fakes.discord_server import Channel, Message, answer, limited
from tests.fixtures.discord_bot import DiscordStage, staged

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(32)


def last(channel: Channel) -> Message:
    return list(channel.messages.values())[-1]


async def ask(stage: DiscordStage, channel: Channel | None = None, text: str = "Rain?") -> Message:
    """Send a message to the bot and return the answer."""
    where, count = channel or stage.quay, len(stage.engine.requests)
    stage.call(text, channel=where)
    await stage.fake.until(lambda: len(stage.engine.requests) > count and last(where).author.bot)
    await stage.idle()
    return last(where)


async def test_each_persona_has_a_webhook_of_its_own_with_its_picture(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        (tmp_path / "face.png").write_bytes(PIXEL)
        mara = replace(MARA, avatar=tmp_path / "face.png")
        stage.cast = Cast({"mara": mara, "ozzo": OZZO}, {})
        await stage.start()
        for text in ("Mara?", "Ozzo?", "Mara?", "Ozzo?"):
            await ask(stage, text=text)
        webhooks = {w.name: w.avatar is not None for w in stage.fake.platform.webhooks.values()}
        assert webhooks == {"Mara": True, "Ozzo": False}
        names = [m.author.name for m in stage.quay.messages.values() if m.webhook]
        assert names == ["Mara", "Ozzo", "Mara", "Ozzo"]


async def test_a_picture_that_discord_refuses_costs_the_face_and_not_the_name(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        (tmp_path / "face.png").write_bytes(PIXEL)
        stage.cast = Cast({"mara": replace(MARA, avatar=tmp_path / "face.png")}, {})
        await stage.start()
        refused = {"message": "Invalid Form Body", "code": 50035}
        stage.fake.faults.script("POST /channels/*/webhooks", answer(400, refused))
        assert (await ask(stage)).author.name == "Mara"


async def test_webhooks_are_found_again_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.start()
        await ask(stage)
        await stage.stop()
        await stage.start()
        message = await ask(stage)
        assert (message.author.name, len(stage.fake.platform.webhooks)) == ("Mara", 1)


async def test_webhooks_of_others_are_not_used(stage: DiscordStage) -> None:
    stage.fake.webhook(stage.quay, "Mara")
    own = await ask(stage)
    assert len(stage.fake.platform.webhooks) == 2
    assert stage.fake.platform.webhooks[own.webhook or 0].creator is stage.fake.bot


async def test_a_thread_is_spoken_in_through_its_channels_webhook(stage: DiscordStage) -> None:
    thread = stage.fake.thread(stage.quay, owner=stage.fake.bot)
    message = await ask(stage, thread)
    assert (message.author.name, message.channel) == ("Mara", thread)
    assert stage.quay.texts == []
    stage.engine.delay = 0.05
    stage.engine.script.append("one two three four")
    await ask(stage, thread)
    await stage.fake.until(lambda: thread.texts[-1] == "one two three four")


async def test_where_others_took_all_webhooks_the_account_sends(stage: DiscordStage) -> None:
    for number in range(15):
        stage.fake.webhook(stage.quay, f"gull {number}")
    assert (await ask(stage)).content == "**Mara**\nAnswer 1."


async def test_where_no_more_are_wanted_there_is_one_try(stage: DiscordStage) -> None:
    full = {"message": "Maximum number of webhooks reached (15)", "code": 30007}
    stage.fake.faults.script("POST /channels/*/webhooks", answer(400, full), times=2)
    assert (await ask(stage)).content == "**Mara**\nAnswer 1."
    assert (await ask(stage)).content == "**Mara**\nAnswer 2."
    assert len(stage.fake.sent("POST /channels/*/webhooks")) == 1


async def test_a_limit_on_new_webhooks_is_not_waited_out(stage: DiscordStage) -> None:
    stage.fake.faults.script("POST /channels/*/webhooks", limited(500.0), limited(500.0))
    assert (await ask(stage)).content == "**Mara**\nAnswer 1."


async def test_without_the_permission_the_account_sends_and_asks_for_nothing(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    for number in (1, 2):
        assert (await ask(stage)).content == f"**Mara**\nAnswer {number}."
    assert stage.fake.sent("* /channels/*/webhooks") == []


async def test_a_permission_refused_is_not_asked_for_again_until_something_changes(
    stage: DiscordStage,
) -> None:
    refused = {"message": "Missing Permissions", "code": 50013}
    stage.fake.faults.script("GET /channels/*/webhooks", answer(403, refused))
    for _ in range(3):
        assert (await ask(stage)).author.name == "alterego"
    assert len(stage.fake.sent("GET /channels/*/webhooks")) == 1
    stage.fake.webhook(stage.quay)
    assert (await ask(stage)).author.name == "Mara"


async def test_an_account_of_the_personas_name_needs_no_name_line(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fake.bot.global_name = "Mara"
        await stage.start()
        chat = stage.fake.dm(stage.ana)
        assert (await ask(stage, chat)).content == "Answer 1."
        outlet, place = stage.chat._resources.outlets["discord"], stage.place(chat)

        def longest(persona: Persona) -> int:
            return len(outlet.split("x" * 3000, place, persona)[0].text)

        assert longest(MARA) == 2000
        assert longest(OZZO) == 2000 - len("**Ozzo**\n")


async def test_a_webhook_that_is_deleted_is_made_anew(stage: DiscordStage) -> None:
    await ask(stage)
    stage.fake.platform.webhooks.clear()  # and nobody is told
    assert (await ask(stage)).author.name == "Mara"
    assert len(stage.fake.platform.webhooks) == 1


async def test_a_webhook_deleted_during_an_answer_leaves_one_whole_answer(stage: DiscordStage) -> None:
    stage.engine.script.append("one two three four five six")
    stage.engine.delay = 0.05
    stage.call("Rain?")
    await stage.fake.until(lambda: last(stage.quay).webhook)
    stage.fake.drop(next(iter(stage.fake.platform.webhooks.values())))
    await stage.fake.until(lambda: "one two three four five six" in stage.quay.texts)
    await stage.idle()
    assert stage.quay.texts[1:] == ["one two three four five six"]


async def test_a_permission_revoked_during_an_answer_leaves_one_whole_answer(stage: DiscordStage) -> None:
    stage.engine.script.append("one two three four five six")
    stage.engine.delay = 0.05
    stage.call("Rain?")
    await stage.fake.until(lambda: last(stage.quay).webhook)
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])
    await stage.fake.until(lambda: stage.quay.texts[-1] == "one two three four five six")
    await stage.idle()
    assert len(stage.quay.texts) == 2


@pytest.mark.parametrize(
    ("name", "legally"),
    [
        ("Mara", "Mara"),
        ("小满", "小满"),
        ("Discord", "Dis·cord"),
        ("my dISCORd friend", "my dIS·CORd friend"),
        ("Clyde Barrow", "Cly·de Barrow"),
        ("ｄｉｓｃｏｒｄ", "dis·cord"),
        ("everyone", "everyone·"),
        ("HERE", "HERE·"),
        ("@everyone", "everyone·"),
        ("#general: `x`", "general x"),
        ("a\u202eb\u0000c\nd", "abc d"),
        ("  ", "Persona"),
        ("", "Persona"),
        ("@#:`", "Persona"),
        ("x" * 100, "x" * 80),
        ("x" * 79 + " y", "x" * 79),
    ],
)
def test_a_name_is_made_legal(name: str, legally: str) -> None:
    assert webhook_name(name) == legally


NAMES = st.text(max_size=120) | st.lists(
    st.sampled_from(
        ["dis", "cord", "cly", "de", "every", "one", "here", "@", "#", "`", " ", "ｄ", "\u200b", "x"]
    ),
    max_size=40,
).map("".join)


@given(NAMES)
def test_every_name_is_legal_and_stays_as_it_is(name: str) -> None:
    made = webhook_name(name)
    plain = unicodedata.normalize("NFKC", made).casefold()
    assert 1 <= len(made) <= 80
    assert made == made.strip()
    assert not re.search("discord|clyde", plain)
    assert not re.search("discord|clyde|[@#:`]", made.lower())
    assert plain not in ("everyone", "here")
    assert webhook_name(made) == made
